/* A request in each protocol, and an answer to it: whatever JSON a client sends, a task that can be
 * rendered or a fault with a status and words; whatever the model then says, only whole JSON of
 * that protocol is sent, and it is sent whole.
 *
 * The first byte: bits 0 and 1 the protocol, bit 2 the answer is cut off, bit 3 its client goes in
 * the middle of it, from bit 4 on the bytes of a token less one. Behind it the request, a NUL, and
 * what the model says: bytes from 0x01 to 0x08 are control tokens (newline and tab stay text). The
 * model and the socket are this file's: the pool and the server are not linked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"
#include "chat/render.h"
#include "serve/answer.h"
#include "serve/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUT_OFF = 4, CLIENT_GOES = 8 };

static const enum control controls[] = {
    CONTROL_EOS,   CONTROL_CALL_OPEN,    CONTROL_CALL_CLOSE,    CONTROL_RESPONSE_OPEN,
    CONTROL_QUOTE, CONTROL_CHANNEL_OPEN, CONTROL_CHANNEL_CLOSE, CONTROL_TURN_OPEN,
};

/* What the client got. */
static struct {
    struct str body;
    bool begun, ended, events;
} sent;

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* --- the socket --- */

static void take(const char *bytes, size_t length)
{
    require(!sent.ended && utf8_valid(bytes, length));
    str_append_bytes(&sent.body, bytes, length);
}

void http_respond(struct http_exchange *exchange, int status, const char *type, const char *body,
                  size_t length)
{
    (void)exchange;
    require(status >= 200 && strcmp(type, "application/json") == 0 && !sent.begun);
    take(body, length);
    sent.ended = true;
}

void http_stream_begin(struct http_exchange *exchange, int status, const char *type)
{
    (void)exchange;
    (void)type;
    require(status == 200 && !sent.begun && !sent.ended);
    sent.begun = true;
}

void http_stream_write(struct http_exchange *exchange, const char *bytes, size_t length)
{
    (void)exchange;
    require(sent.begun);
    take(bytes, length);
}

void http_stream_end(struct http_exchange *exchange)
{
    (void)exchange;
    require(sent.begun && !sent.ended);
    sent.ended = true;
}

/* --- the model --- */

bool infer_pool_submit(struct infer_pool *pool, struct infer_pool_request *request, struct err *err)
{
    (void)pool;
    (void)err;
    chat_prompt_finish(&request->request.prompt);
    return true;
}

void infer_pool_cancel(struct infer_pool *pool, uint64_t number)
{
    (void)pool;
    require(number == 1);
}

/* Parts of characters, too. */
const char *infer_pool_token(const struct infer_pool *pool, int32_t id, size_t *length)
{
    static char byte;
    (void)pool;
    byte = (char)id;
    *length = 1;
    return &byte;
}

static bool is_control(uint8_t byte)
{
    return byte >= 1 && byte <= sizeof controls / sizeof *controls;
}

static void say(struct answer *answer, uint8_t choice, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        struct infer_pool_event event = {
            .infer = {.kind = INFER_TOKEN, .token = data[at], .control = CONTROL_NONE},
            .best = {{data[at], -1}, {data[size - 1], -99999}},
            .best_count = 2};
        size_t length = 1;
        if (is_control(data[at])) {
            event.infer.control = controls[data[at] - 1];
        } else {
            while (at + length < size && length <= choice >> 4 && !is_control(data[at + length])) {
                length++;
            }
            event.infer.bytes = (const char *)data + at;
            event.infer.length = length;
        }
        at += length;
        if ((choice & CLIENT_GOES) != 0 && at > size / 2) {
            answer->options.exchange = NULL;
        }
        require(!answer_feed(answer, &event));
    }
    struct infer_pool_event last = {
        .infer = {.kind = INFER_DONE,
                  .stop = choice & CUT_OFF ? CHAT_STOP_LENGTH : CHAT_STOP_TURN}};
    if (size % 16 == 15) {
        last.infer.kind = INFER_FAILED;
        err_set(&last.infer.error, ERR_FULL, "full");
    }
    require(answer_feed(answer, &last));
}

/* One object, or a line of a stream: with "data: " and empty lines between, or bare. A token of one
 * NUL byte is in every vocabulary, and its log-probability names it. */
static void check_sent(bool events)
{
    char *rest = sent.body.data;
    for (char *line; (line = strsep(&rest, sent.begun ? "\n" : "")) != NULL;) {
        if (sent.begun && events && strncmp(line, "data: ", 6) == 0) {
            line += 6;
        } else if (line[0] == '\0' || (events && strncmp(line, "event: ", 7) == 0)) {
            continue;
        }
        json_t *value = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        require(json_object_size(value) > 0 || strcmp(line, "[DONE]") == 0);
        json_decref(value);
    }
}

static void answer_it(struct task *task, const struct dialect *dialect, uint8_t choice,
                      const uint8_t *words, size_t length)
{
    struct chat_prompt prompt;
    struct chat_render_options options = {.add_generation_prompt = true};
    struct err err;
    chat_prompt_init(&prompt);
    chat_render(&prompt, task->conversation.messages, task->conversation.count, task->tools,
                &options, NULL, NULL);
    struct answer_options answered = {.dialect = dialect,
                                      .exchange = (struct http_exchange *)&sent,
                                      .model = "model",
                                      .number = 1};
    struct answer *answer = answer_create(&answered, task);
    require(answer_submit(answer, &prompt, &err));
    say(answer, choice, words, length);
    if (answer->options.exchange != NULL) {
        require(sent.ended);
        check_sent(dialect->events);
    }
    answer_destroy(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dialect *const dialects[] = {
        &openai_chat_dialect, &openai_responses_dialect, &ollama_chat_dialect,
        &ollama_generate_dialect};
    static const struct infer_model model = {.context = 4096, .sampling = {.top_p = 1}};
    const uint8_t *end = size > 0 ? memchr(data + 1, '\0', size - 1) : NULL;
    size_t length = size == 0 ? 0 : end != NULL ? (size_t)(end - data) - 1 : size - 1;
    json_t *body =
        size == 0 ? NULL : json_loadb((const char *)data + 1, length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body)) {
        const struct dialect *dialect = dialects[data[0] % 4];
        struct task task;
        struct fault fault = {.status = 0};
        memset(&sent, 0, sizeof sent);
        str_init(&sent.body);
        task_init(&task, &model);
        if (dialect->read(&task, body, &fault)) {
            const uint8_t *words = end != NULL ? end + 1 : data + size;
            answer_it(&task, dialect, data[0], words, (size_t)(data + size - words));
        } else {
            require(fault.status >= 400 && fault.text[0] != '\0');
            json_decref(dialect->fault(&fault));
            task_finish(&task);
        }
        str_finish(&sent.body);
    }
    json_decref(body);
    return 0;
}
