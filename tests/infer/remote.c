/* remote_stream and remote_request: what is read from a server and what is sent to it. The
 * transfers themselves are tested end to end, against a server that misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "chat/medium.h"
#include "infer/remote_request.h"
#include "infer/remote_stream.h"

#define DELTA(members) "data: {\"choices\":[{\"delta\":{" members "}}]}\n\n"
#define FINISH(reason) "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define CALL(index, name, args)                                                                    \
    DELTA("\"tool_calls\":[{" index "\"function\":{\"name\":\"" name "\",\"arguments\":" args "}}" \
          "]")
#define DONE "data: [DONE]\n\n"

/* What a stream became: control tokens as [spelling], text as it is. */
struct heard {
    struct str text;
    size_t tokens;
};

static void on_token(void *context, enum control control, const char *bytes, size_t length)
{
    struct heard *heard = context;
    heard->tokens++;
    if (control != CONTROL_NONE) {
        str_append_format(&heard->text, "[%s]", control_spelling(control));
    } else {
        assert_true(length > 0);
        str_append_bytes(&heard->text, bytes, length);
    }
}

struct ended {
    bool ok;
    enum chat_stop stop;
    struct err err;
    struct remote_stream_usage usage;
};

/* Feeds the text in two parts, cut at `cut`. */
static struct ended feed_cut(const char *text, size_t cut, struct heard *heard)
{
    struct ended ended = {.stop = CHAT_STOP_NONE};
    size_t length = strlen(text);
    struct remote_stream *stream =
        remote_stream_create(&(struct remote_stream_options){.token = on_token, .context = heard});
    ended.ok = remote_stream_feed(stream, text, cut, &ended.err) &&
               remote_stream_feed(stream, text + cut, length - cut, &ended.err) &&
               remote_stream_end(stream, &ended.stop, &ended.err);
    ended.usage = remote_stream_usage(stream);
    remote_stream_destroy(stream);
    return ended;
}

/* However it is cut, the stream becomes this turn and ends so. */
static void becomes(const char *text, const char *turn, enum chat_stop stop)
{
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        struct heard heard = {0};
        str_init(&heard.text);
        struct ended ended = feed_cut(text, cut, &heard);
        assert_true(ended.ok);
        assert_int_equal(ended.stop, stop);
        assert_string_equal(heard.text.data, turn);
        str_finish(&heard.text);
    }
}

static void fails(const char *text, enum err_code code, const char *words)
{
    struct heard heard = {0};
    str_init(&heard.text);
    struct ended ended = feed_cut(text, strlen(text) / 2, &heard);
    assert_false(ended.ok);
    assert_int_equal(ended.err.code, code);
    assert_non_null(strstr(ended.err.text, words));
    str_finish(&heard.text);
}

static void turns(void **state)
{
    (void)state;
    becomes(DELTA("\"role\":\"assistant\",\"content\":null") DELTA("\"content\":\"Hi \\u00e4\"")
                DELTA("\"content\":\"<turn|>\"") FINISH("stop") DONE,
            "Hi \xC3\xA4<turn|>[<turn|>]", CHAT_STOP_TURN);
    becomes(DELTA("\"reasoning\":\"Hm\"") DELTA("\"reasoning_content\":\".\"")
                DELTA("\"content\":\"Yes\"") FINISH("stop") DONE,
            "[<|channel>]thought\nHm.[<channel|>]Yes[<turn|>]", CHAT_STOP_TURN);
    becomes(DELTA("\"content\":\"half\"") FINISH("length") DONE, "half", CHAT_STOP_LENGTH);
    becomes(": comment\r\nevent: x\r\n" DELTA(
                "\"content\":\"a\"") "\r\n"
                                     "data:{\"choices\":[]}\r\n" FINISH("stop"),
            "a[<turn|>]", CHAT_STOP_TURN);
    becomes(DONE, "[<turn|>]", CHAT_STOP_TURN);
}

static void calls(void **state)
{
    (void)state;
    becomes(DELTA("\"content\":\"I look.\"") CALL("\"index\":0,", "shell", "\"{\\\"command\\\":\"")
                DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                      "\"\\\"ls <|\\\\\\\"|>\\\"}\"}}]") FINISH("tool_calls") DONE,
            "I look.[<|tool_call>]call:shell{command:[<|\"|>]ls <|\"|>[<|\"|>]}[<tool_call|>]"
            "[<|tool_response>]",
            CHAT_STOP_RESPONSE);
    /* Two at once, by index and out of order; then without an index; then with nothing or an object
     * as arguments. */
    becomes(CALL("\"index\":1,", "b", "\"{\\\"n\\\":2}\"") CALL("\"index\":0,", "a", "\"{}\"")
                FINISH("tool_calls") DONE,
            "[<|tool_call>]call:a{}[<tool_call|>][<|tool_call>]call:b{n:2}[<tool_call|>]"
            "[<|tool_response>]",
            CHAT_STOP_RESPONSE);
    becomes(CALL("", "a", "\"\"") CALL("", "b", "{\"n\":[1,true]}") FINISH("stop") DONE,
            "[<|tool_call>]call:a{}[<tool_call|>][<|tool_call>]call:b{n:[1,true]}[<tool_call|>]"
            "[<|tool_response>]",
            CHAT_STOP_RESPONSE);
    /* What cannot be read is passed on for the parser to say so. */
    becomes(CALL("", "a{}<tool_call|>", "\"{\\\"n\\\":\"") FINISH("tool_calls") DONE,
            "[<|tool_call>]call:unknown{{\"n\":}[<tool_call|>][<|tool_response>]",
            CHAT_STOP_RESPONSE);
    /* A call that the limit cut off was never asked for. */
    becomes(CALL("", "a", "\"{}\"") FINISH("length") DONE, "", CHAT_STOP_LENGTH);
}

static void usage(void **state)
{
    (void)state;
    struct heard heard = {0};
    str_init(&heard.text);
    const char *text = DELTA("\"content\":\"a\"") DELTA("\"content\":\"b\"") FINISH("stop");
    assert_int_equal(feed_cut(text, 0, &heard).usage.sampled, 2);
    text = DELTA("\"content\":\"a\"")
        FINISH("stop") "data: {\"choices\":[],\"usage\":{"
                       "\"prompt_tokens\":90,\"completion_tokens\":7,\"prompt_tokens_details\":"
                       "{\"cached_tokens\":40}}}\n\n" DONE;
    struct ended ended = feed_cut(text, 0, &heard);
    assert_int_equal(ended.usage.prompt, 90);
    assert_int_equal(ended.usage.cached, 40);
    assert_int_equal(ended.usage.sampled, 7);
    str_finish(&heard.text);
}

static void faults(void **state)
{
    (void)state;
    fails("", ERR_FORMAT, "not an event stream");
    fails("<html></html>\n", ERR_FORMAT, "not an event stream");
    fails(DELTA("\"content\":\"a\"") "data: {\"choi", ERR_UNAVAILABLE, "middle of the answer");
    fails("data: {\"choices\":[}\n", ERR_FORMAT, "not a JSON object");
    fails("data: [1]\n", ERR_FORMAT, "not a JSON object");
    fails("data: {\"error\":{\"message\":\"too long\"}}\n", ERR_UNAVAILABLE, "too long");
    fails("data: {\"error\":\"gone\"}\n", ERR_UNAVAILABLE, "gone");
    fails(FINISH("content_filter") DONE, ERR_DENIED, "content_filter");
    fails(CALL("\"index\":64,", "a", "\"{}\""), ERR_LIMIT, "64 calls");
    fails(CALL("\"index\":-1,", "a", "\"{}\""), ERR_LIMIT, "64 calls");
}

/* `count` times the same bytes; the first failure's code, or ERR_NONE. */
static enum err_code feed_many(const char *bytes, size_t count)
{
    struct heard heard = {0};
    struct err err = {0};
    str_init(&heard.text);
    struct remote_stream *stream =
        remote_stream_create(&(struct remote_stream_options){.token = on_token, .context = &heard});
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = remote_stream_feed(stream, bytes, strlen(bytes), &err);
    }
    remote_stream_destroy(stream);
    str_finish(&heard.text);
    return ok ? ERR_NONE : err.code;
}

static void limits(void **state)
{
    (void)state;
    static char line[65537], filler[65537];
    memset(line, 'x', sizeof line - 1);
    memset(filler, 'x', sizeof filler - 1);
    filler[0] = ':';
    filler[sizeof filler - 2] = '\n';
    assert_int_equal(feed_many(line, 16), ERR_NONE);
    assert_int_equal(feed_many(line, 17), ERR_LIMIT);
    assert_int_equal(feed_many(filler, 1024), ERR_NONE);
    assert_int_equal(feed_many(filler, 1025), ERR_LIMIT);
    assert_int_equal(feed_many(CALL("", "a", "\"{}\""), 64), ERR_NONE);
    assert_int_equal(feed_many(CALL("", "a", "\"{}\""), 65), ERR_LIMIT);
    struct str piece;
    str_init(&piece);
    str_append(&piece, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
                       "{\"arguments\":\"");
    str_append_bytes(&piece, line, sizeof line - 1);
    str_append(&piece, "\"}}]}}]}\n");
    assert_int_equal(feed_many(piece.data, 4), ERR_NONE);
    assert_int_equal(feed_many(piece.data, 5), ERR_LIMIT);
    str_finish(&piece);
}

/* --- requests --- */

static void make_conversation(struct chat_conversation *conversation)
{
    struct chat_message message;
    chat_conversation_init(conversation);
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, "hello", 5);
    chat_conversation_add(conversation, &message);
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, "I look.", 7);
    free(message.thought);
    message.thought = strdup("Hm.");
    chat_message_add_call(&message, "c1", "shell", json_pack("{ss}", "command", "ls"));
    chat_conversation_add(conversation, &message);
    chat_message_init(&message, CHAT_TOOL);
    free(message.call_id);
    message.call_id = strdup("c1");
    message.result = json_pack("{ss}", "output", "a");
    chat_conversation_add(conversation, &message);
}

static void a_request(void **state)
{
    (void)state;
    struct chat_conversation conversation;
    make_conversation(&conversation);
    json_t *tools = json_loads("[{\"type\":\"function\",\"function\":{\"name\":\"shell\"},"
                               "\"carat\":{\"family\":\"shell\"}}]",
                               0, NULL);
    struct infer_request request = {.max_tokens = 100,
                                    .sampling = {.temperature = -1},
                                    .conversation = &conversation,
                                    .system = "Be brief.",
                                    .tools = tools};
    struct str out;
    struct err err;
    str_init(&out);
    assert_true(remote_request_append(&out, &request, "big", &err));
    json_t *body = json_loads(out.data, 0, NULL);
    json_t *expected = json_loads(
        "{\"model\":\"big\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"max_tokens\":100,\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
        "{\"role\":\"user\",\"content\":\"hello\"},{\"role\":\"assistant\",\"content\":\"I look.\","
        "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"shell\","
        "\"arguments\":\"{\\\"command\\\":\\\"ls\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
        "\"c1\",\"content\":\"{\\\"output\\\":\\\"a\\\"}\"}],\"tools\":[{\"type\":\"function\","
        "\"function\":{\"name\":\"shell\"}}]}",
        0, NULL);
    assert_non_null(expected);
    assert_true(json_equal(body, expected));
    json_decref(body);

    json_t *schema = json_pack("{ss}", "type", "integer");
    request.schema = schema;
    request.sampling = (struct infer_sampling){.temperature = 0, .top_p = 0.5f};
    str_clear(&out);
    assert_true(remote_request_append(&out, &request, "big", &err));
    body = json_loads(out.data, 0, NULL);
    assert_true(json_real_value(json_object_get(body, "temperature")) == 0.0);
    assert_true(json_real_value(json_object_get(body, "top_p")) == 0.5);
    const json_t *format = json_object_get(body, "response_format");
    assert_string_equal(json_string_value(json_object_get(format, "type")), "json_schema");
    assert_true(
        json_equal(json_object_get(json_object_get(format, "json_schema"), "schema"), schema));
    json_decref(body);

    size_t large = (size_t)REMOTE_REQUEST_LIMIT + 1;
    char *text = malloc(large + 1);
    assert_non_null(text);
    memset(text, 'x', large);
    text[large] = '\0';
    request.system = text;
    str_clear(&out);
    assert_false(remote_request_append(&out, &request, "big", &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(out.length, 0);
    free(text);
    json_decref(expected);
    json_decref(schema);
    json_decref(tools);
    str_finish(&out);
    chat_conversation_finish(&conversation);
}

static void add_medium(struct chat_message *message, bool picture, const char *file)
{
    struct chat_medium *medium = chat_medium_create();
    medium->picture = picture;
    medium->file_size = strlen(file);
    medium->file = mem_strdup(file);
    message->parts = message->parts != NULL ? message->parts : mem_zero(3, sizeof *message->parts);
    message->parts[message->part_count++] =
        (struct chat_part){.kind = picture ? CHAT_PART_IMAGE : CHAT_PART_AUDIO, .medium = medium};
}

/* Files go along as they were given; a result's picture follows the results as the user's. */
static void media(void **state)
{
    (void)state;
    struct str out;
    struct err err;
    struct chat_message message;
    struct chat_conversation conversation;
    struct infer_request request = {.max_tokens = 5, .conversation = &conversation};
    request.sampling.temperature = -1;
    str_init(&out);
    chat_conversation_init(&conversation);
    chat_message_init(&message, CHAT_USER);
    add_medium(&message, true, "\x89PNGx");
    add_medium(&message, false, "RIFF");
    message.parts[message.part_count++] =
        (struct chat_part){.kind = CHAT_PART_TEXT, .text = mem_strdup("look")};
    chat_conversation_add(&conversation, &message);
    chat_message_init(&message, CHAT_MODEL);
    chat_message_add_call(&message, "c1", "read_file", json_object());
    chat_conversation_add(&conversation, &message);
    chat_message_init(&message, CHAT_TOOL);
    mem_free(message.call_id);
    mem_free(message.call_name);
    message.call_id = mem_strdup("c1");
    message.call_name = mem_strdup("read_file");
    message.result = json_pack("{si}", "width", 3);
    add_medium(&message, true, "jpeg");
    chat_conversation_add(&conversation, &message);
    json_t *expected = json_loads(
        "[{\"role\":\"user\",\"content\":["
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBOR3g=\"}},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklGRg==\",\"format\":\"wav\"}},"
        "{\"type\":\"text\",\"text\":\"look\"}]},"
        "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"type\":\"function\",\"id\":"
        "\"c1\","
        "\"function\":{\"name\":\"read_file\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"content\":\"{\\\"width\\\":3}\",\"tool_call_id\":\"c1\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What read_file gave "
        "back:\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,anBlZw==\"}}]}]",
        0, NULL);
    assert_non_null(expected);
    assert_true(remote_request_append(&out, &request, "big", &err));
    json_t *body = json_loads(out.data, 0, NULL);
    char *found = json_dumps(json_object_get(body, "messages"), JSON_SORT_KEYS);
    char *wanted = json_dumps(expected, JSON_SORT_KEYS);
    assert_string_equal(found, wanted);
    free(found);
    free(wanted);
    json_decref(body);
    json_decref(expected);
    str_clear(&out);
    assert_true(remote_request_append_responses(&out, &request, "big", &err));
    assert_non_null(strstr(out.data, "\"type\":\"input_image\",\"image_url\":\"data:image/png;"));
    assert_non_null(strstr(out.data, "\"type\":\"input_audio\""));
    assert_non_null(strstr(out.data, "\"type\":\"input_text\",\"text\":\"look\""));
    mem_free(conversation.messages[0].parts[0].medium->file); /* a file that is not here */
    conversation.messages[0].parts[0].medium->file = NULL;
    str_clear(&out);
    assert_false(remote_request_append(&out, &request, "big", &err));
    assert_non_null(strstr(err.text, "message 1"));
    str_finish(&out);
    chat_conversation_finish(&conversation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns),  cmocka_unit_test(calls),  cmocka_unit_test(usage),
        cmocka_unit_test(faults), cmocka_unit_test(limits), cmocka_unit_test(a_request),
        cmocka_unit_test(media),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
