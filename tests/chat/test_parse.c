/* The stream parser against its vectors (data/parse.jsonl), each in strict and lenient mode, at
 * several chunk sizes: where the stream is cut must not show. Then what the vectors cannot say:
 * what an error tells the model, limits, linear time, that mutated output always comes to an end,
 * and that what the renderer prints of any arguments is read back as the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "cases.h"
#include "chat/call_args.h"
#include "chat/turn_json.h"
#include "stream.h"

static json_t *cases; /* [0] holds the tools */

static int load(void **state)
{
    (void)state;
    cases = cases_load("parse.jsonl");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(cases);
    return 0;
}

static const json_t *tools(void)
{
    return json_object_get(json_array_get(cases, 0), "tools");
}

static void join(struct str *out, const json_t *lines)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        str_append(out, i > 0 ? "\x1e" : "");
        str_append(out, json_string_value(json_array_get(lines, i)));
    }
}

static void check_mode(const json_t *value, const char *mode, const char *label)
{
    static const size_t chunks[] = {0, 1, 2, 3, 7};
    const json_t *expected_lines = json_object_get(value, mode);
    struct chat_parser_options options = {
        .lenient = strcmp(mode, "lenient") == 0,
        .starts_in_thought = json_is_true(json_object_get(value, "starts_in_thought")),
        .tools = json_is_true(json_object_get(value, "tools")) ? tools() : NULL,
    };
    struct str expected, preview;
    str_init(&expected);
    str_init(&preview);
    if (!json_is_array(expected_lines)) {
        fail_msg("%s: nothing is expected in mode %s", label, mode);
    }
    join(&expected, expected_lines);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct stream_result result;
        stream_result_init(&result);
        stream_run(&result, json_object_get(value, "input"), &options, chunks[i]);
        if (strcmp(result.events.data, expected.data) != 0) {
            fail_msg("%s, %s, chunks of %zu:\n got      %s\n expected %s\n %s", label, mode,
                     chunks[i], result.events.data, expected.data, result.last_error.data);
        }
        assert_int_equal(result.stops, 1);
        if (i == 0) {
            str_append(&preview, result.preview.data);
        }
        assert_string_equal(result.preview.data, preview.data);
        stream_result_finish(&result);
    }
    str_finish(&preview);
    str_finish(&expected);
}

static void test_vectors(void **state)
{
    (void)state;
    assert_true(json_array_size(cases) > 100);
    for (size_t i = 1; i < json_array_size(cases); i++) {
        const json_t *value = json_array_get(cases, i);
        check_mode(value, "strict", cases_label(value, i));
        check_mode(value, "lenient", cases_label(value, i));
    }
}

/* --- what an error says --- */

static void check_error(const char *input, const char *const *parts)
{
    struct chat_parser_options options = {.lenient = true, .tools = tools()};
    struct stream_result result;
    json_t *value = json_string(input);
    stream_result_init(&result);
    stream_run(&result, value, &options, 0);
    for (; *parts != NULL; parts++) {
        if (strstr(result.last_error.data, *parts) == NULL) {
            fail_msg("no \"%s\" in: %s", *parts, result.last_error.data);
        }
    }
    stream_result_finish(&result);
    json_decref(value);
}

static void test_errors_tell(void **state)
{
    (void)state;
    check_error("<|tool_call>call:bash{timeout_s:5}<tool_call|><|tool_response>",
                (const char *const[]){"missing required argument \"command\"",
                                      "Received: call:bash{timeout_s:5}.",
                                      "Expected: bash{command:string (required),timeout_s:integer}",
                                      "Example: call:bash{command:\"text\"}", NULL});
    check_error("<|tool_call>call:edit{path:<|\"|>a<|\"|>,edits:[{old:1}]}<tool_call|>",
                (const char *const[]){"missing required argument \"edits[0].new\"",
                                      "Example: call:edit{path:\"text\",edits:[{old:\"text\"",
                                      NULL});
    check_error("<|tool_call>call:rm{}<tool_call|>",
                (const char *const[]){"no tool of that name", "bash, f, edit, now",
                                      "Example: call:bash", NULL});
    check_error("<|tool_call>call:f{mode:<|\"|>octal<|\"|>}<tool_call|>",
                (const char *const[]){"\"mode\" must be one of [\"text\",\"hex\"]", NULL});
}

/* What a broken call was is shown up to its 160th byte, and whether there was more. */
static void test_excerpt_ends(void **state)
{
    (void)state;
    for (size_t length = 159; length <= 161; length++) {
        struct str input, shown;
        str_init(&input);
        str_init(&shown);
        str_append(&input, "<|tool_call>");
        for (size_t i = 0; i < length; i++) {
            str_append_char(&input, 'x');
            str_append(&shown, i < 160 ? "x" : "");
        }
        str_append(&input, "<|\"|><tool_call|>");
        str_append(&shown, length == 159 ? "\"." : "....");
        check_error(input.data, (const char *const[]){shown.data, NULL});
        str_finish(&input);
        str_finish(&shown);
    }
}

/* A number that ends before its exponent is a word where one is wanted. */
static void test_words_that_begin_as_numbers(void **state)
{
    (void)state;
    static const char *const words[] = {"1e", "1e+", "1E-", "1.e5x", "+", "-", ".", "1.2.3", "0x1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct str input, expected;
        struct stream_result result;
        struct chat_parser_options options = {.lenient = true, .tools = tools()};
        str_init(&input);
        str_init(&expected);
        str_append_format(&input, "<|tool_call>call:bash{command:%s}<tool_call|>", words[i]);
        str_append_format(&expected, "call:bash {\"command\":\"%s\"}", words[i]);
        json_t *value = json_string(input.data);
        stream_result_init(&result);
        stream_run(&result, value, &options, 0);
        if (strstr(result.events.data, expected.data) == NULL) {
            fail_msg("%s: %s %s", input.data, result.events.data, result.last_error.data);
        }
        stream_result_finish(&result);
        json_decref(value);
        str_finish(&input);
        str_finish(&expected);
    }
}

/* Two halves of a character are one, from the first of each half to the last; others are none. */
static void test_halves_of_a_character(void **state)
{
    (void)state;
    static const char *const halves[][2] = {
        {"\\uD800\\uDC00", "\xF0\x90\x80\x80"},
        {"\\uDBFF\\uDFFF", "\xF4\x8F\xBF\xBF"},
        {"\\uD800\\uDBFF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\\uDBFF\\uE000", "\xEF\xBF\xBD\xEE\x80\x80"},
    };
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        char body[64];
        snprintf(body, sizeof body, "command:\"%s\"}", halves[i][0]);
        struct call_args_options options = {.lenient = true};
        json_t *arguments;
        unsigned notes;
        struct err err;
        assert_true(call_args_parse(body, strlen(body), &options, &arguments, &notes, &err));
        assert_string_equal(json_string_value(json_object_get(arguments, "command")), halves[i][1]);
        json_decref(arguments);
    }
}

/* Where no word is wanted, what is said of it is that it is no value, and not that it is too large.
 */
static void test_numbers_that_end_at_their_e(void **state)
{
    (void)state;
    static const char *const words[] = {"1e", "1e+", "1E-", "-2.5e"};
    for (size_t i = 0; i < 2 * sizeof words / sizeof *words; i++) {
        struct chat_parser_options options = {.lenient = i % 2 == 1};
        struct stream_result result;
        struct str input;
        str_init(&input);
        str_append_format(&input, "<|tool_call>call:g{a:%s}<tool_call|>", words[i / 2]);
        json_t *value = json_string(input.data);
        stream_result_init(&result);
        stream_run(&result, value, &options, 0);
        if (strstr(result.last_error.data, "expected a value at byte 2, found") == NULL) {
            fail_msg("%s: %s %s", input.data, result.events.data, result.last_error.data);
        }
        stream_result_finish(&result);
        json_decref(value);
        str_finish(&input);
    }
}

/* --- limits --- */

/* One call whose string argument has `size` bytes; what the parser says first of it. */
static void run_long(struct stream_result *result, size_t size, size_t chunk)
{
    struct str text;
    str_init(&text);
    str_append(&text, "<|tool_call>call:g{a:<|\"|>");
    for (size_t i = 0; i < size; i++) {
        str_append_char(&text, 'x');
    }
    str_append(&text, "<|\"|>}<tool_call|><|tool_response>");
    json_t *value = json_stringn(text.data, text.length);
    struct chat_parser_options options = {.lenient = true};
    stream_run(result, value, &options, chunk);
    json_decref(value);
    str_finish(&text);
}

static void test_argument_limit(void **state)
{
    (void)state;
    const size_t limit = 256 * 1024, frame = 5; /* a: QUOTE QUOTE } */
    for (size_t chunk = 0; chunk <= 4096; chunk += 4096) {
        struct stream_result fits, over;
        stream_result_init(&fits);
        stream_result_init(&over);
        run_long(&fits, limit - frame, chunk);
        assert_true(str_starts_with(fits.events.data, "call:g {"));
        run_long(&over, limit - frame + 1, chunk);
        assert_string_equal(over.events.data, "error:g bad_args\x1estop:response");
        stream_result_finish(&fits);
        stream_result_finish(&over);
    }
}

/* Inputs made to be read again and again by a careless reader. 200 KB each; a quadratic reader
 * would need minutes. */
static void test_linear_time(void **state)
{
    static const char *const patterns[] = {"[",      "{a:", "a:1,",   "\"",       "\" ",
                                           "'     ", "`,",  "\\u00",  "`\n`,a:",  ",text:,x",
                                           "text",   " ",   "<|\"|>", "<|\"|> a", "<|\"|>,a:"};
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct str text;
        str_init(&text);
        str_append(&text, "<|tool_call>call:f{text:");
        while (text.length < 200 * 1000) {
            str_append(&text, patterns[i]);
        }
        str_append(&text, "}<tool_call|>");
        struct chat_parser_options options = {.lenient = true, .tools = tools()};
        struct stream_result result;
        json_t *value = json_string(text.data);
        stream_result_init(&result);
        clock_t start = clock();
        stream_run(&result, value, &options, 0);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (seconds > 5) {
            fail_msg("pattern %zu (%s) took %.1f s", i, patterns[i], seconds);
        }
        assert_int_equal(result.stops, 1);
        stream_result_finish(&result);
        json_decref(value);
        str_finish(&text);
    }
}

/* --- mutations --- */

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

/* Deletes, doubles or replaces a piece, or inserts a control token's spelling. */
static void mutate(struct str *text)
{
    static const char bytes[] = "{}[]():,=\"'`\\ \n\xFF\xE6"
                                "a0-.";
    size_t at = random_below((uint32_t)text->length + 1);
    size_t rest = text->length - at;
    size_t size = rest == 0 ? 0 : 1 + random_below((uint32_t)(rest < 12 ? rest : 12));
    switch (random_below(4)) {
    case 0:
        str_remove(text, at, size);
        break;
    case 1: {
        struct str piece;
        str_init(&piece);
        str_append_bytes(&piece, text->data + at, size);
        str_insert(text, at, piece.data, piece.length);
        str_finish(&piece);
        break;
    }
    case 2:
        str_insert(text, at, &bytes[random_below(sizeof bytes - 1)], 1);
        break;
    default: {
        const char *spelling = control_spelling((enum control)random_below(CONTROL_COUNT));
        str_insert(text, at, spelling, strlen(spelling));
        break;
    }
    }
}

/* A spelled string of a case, with its "text" and "bytes" items left out. */
static void seed_text(struct str *out, const json_t *input)
{
    str_append(out, json_is_string(input) ? json_string_value(input) : "");
    for (size_t i = 0; i < json_array_size(input); i++) {
        const char *piece = json_string_value(json_array_get(input, i));
        str_append(out, piece == NULL ? "" : piece);
    }
}

static void feed_mutant(const struct str *text, size_t chunk, struct stream_result *result)
{
    /* As an array of strings and bytes, because mutants need not be UTF-8. */
    json_t *items = json_array();
    size_t start = 0;
    for (size_t i = 0; i <= text->length; i++) {
        bool high = i < text->length && (text->data[i] & 0x80);
        if (i == text->length || high) {
            json_array_append_new(items, json_stringn(text->data + start, i - start));
            start = i + 1;
        }
        if (high) {
            json_array_append_new(items,
                                  json_pack("{s:[i]}", "bytes", (unsigned char)text->data[i]));
        }
    }
    struct chat_parser_options options = {.lenient = chunk != 0,
                                          .tools = chunk == 3 ? tools() : NULL};
    stream_run(result, items, &options, chunk);
    json_decref(items);
}

static void test_mutations(void **state)
{
    static const size_t chunks[] = {0, 1, 3};
    (void)state;
    size_t outcomes = 0;
    for (int i = 0; i < 10000; i++) {
        size_t pick = 1 + random_below((uint32_t)json_array_size(cases) - 1);
        struct str text;
        str_init(&text);
        seed_text(&text, json_object_get(json_array_get(cases, pick), "input"));
        for (uint32_t count = 1 + random_below(4); count > 0; count--) {
            mutate(&text);
        }
        struct stream_result result;
        stream_result_init(&result);
        feed_mutant(&text, chunks[i % 3], &result);
        if (result.stops != 1) {
            fail_msg("mutant %d ended %zu times: %s", i, result.stops, text.data);
        }
        /* A call that was begun came to something. */
        if (result.preview.length > 0 && result.outcomes == 0) {
            fail_msg("mutant %d lost a call: %s", i, text.data);
        }
        outcomes += result.outcomes;
        stream_result_finish(&result);
        str_finish(&text);
    }
    assert_true(outcomes > 5000);
}

/* --- what is printed is read back --- */

static json_t *random_string(void)
{
    static const char *const pieces[] = {"a",  "{",    "}",  ",b:",     "\"", "\n", "\\", "<|\"|>",
                                         "日", "true", "\t", "<turn|>", "1",  " ",  "]",  "`"};
    struct str text;
    str_init(&text);
    for (uint32_t count = random_below(6); count > 0; count--) {
        str_append(&text, pieces[random_below(sizeof pieces / sizeof *pieces)]);
    }
    json_t *string = json_string(text.data);
    str_finish(&text);
    return string;
}

static json_t *random_value(int depth)
{
    json_t *value;
    switch (random_below(depth > 0 ? 7 : 5)) {
    case 0:
        return random_string();
    case 1:
        return json_integer((json_int_t)random_below(2000) - 1000);
    case 2:
        return json_real(((double)random_below(100000) - 50000) / (1 + random_below(900)));
    case 3:
        return json_real(random_below(1000) * 1e19);
    case 4:
        return random_below(3) == 0 ? json_null() : json_boolean(random_below(2));
    case 5:
        value = json_array();
        for (uint32_t count = random_below(4); count > 0; count--) {
            json_array_append_new(value, random_value(depth - 1));
        }
        return value;
    default:
        value = json_object();
        for (uint32_t count = random_below(4); count > 0; count--) {
            json_t *key = random_string(); /* mostly no names: printed as quoted keys */
            json_object_set_new(value, random_below(2) ? "k" : json_string_value(key),
                                random_value(depth - 1));
            json_decref(key);
        }
        return value;
    }
}

static void keep_call(void *context, const struct chat_parse_event *event)
{
    json_t **arguments = context;
    if (event->kind == CHAT_PARSE_CALL) {
        json_decref(*arguments);
        *arguments = json_incref(event->arguments);
    }
}

/* The call in the prompt, through the strict parser, as the engine's tokens would come. */
static json_t *read_back(const struct chat_prompt *prompt)
{
    json_t *arguments = NULL;
    struct chat_parser_options options = {.event = keep_call, .context = &arguments};
    struct chat_parser *parser = chat_parser_create(&options);
    for (size_t i = 0; i < prompt->count; i++) {
        const struct chat_segment *segment = &prompt->segments[i];
        if (segment->kind == CHAT_SEGMENT_TEXT) {
            chat_parser_bytes(parser, segment->text, segment->length);
        } else {
            chat_parser_control(parser, segment->control);
        }
    }
    chat_parser_end(parser, CHAT_STOP_LENGTH);
    chat_parser_destroy(parser);
    return arguments;
}

static void test_arguments_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct chat_message message;
        struct chat_prompt prompt;
        struct chat_render_options options = {0};
        struct err err;
        json_t *arguments = json_object();
        for (uint32_t count = random_below(5); count > 0; count--) {
            char key[2] = {(char)('a' + random_below(26)), '\0'};
            json_object_set_new(arguments, key, random_value(3));
        }
        chat_message_init(&message, CHAT_MODEL);
        chat_message_add_call(&message, "", "f", arguments);
        chat_prompt_init(&prompt);
        assert_true(chat_render(&prompt, &message, 1, NULL, &options, NULL, &err));
        json_t *read = read_back(&prompt);
        if (read == NULL || !json_equal(read, arguments)) {
            char *printed = json_dumps(arguments, JSON_COMPACT);
            fail_msg("not read back: %s", printed);
        }
        json_decref(read);
        chat_prompt_finish(&prompt);
        chat_message_finish(&message);
    }
}

/* --- carat parse --- */

static void test_turn_json(void **state)
{
    static const struct {
        const char *text, *expected;
        bool lenient;
    } rows[] = {
        {"<|channel>thought\nhm\n<channel|>Hi <b>.<turn|>ignored",
         "{\"thought\":\"hm\",\"text\":\"Hi <b>.\",\"calls\":[],\"stop\":\"turn\",\"errors\":[]}",
         false},
        {"a<|tool_call>call:f{x:[1,<|\"|>y<|\"|>]}<tool_call|><|tool_response>",
         "{\"thought\":\"\",\"text\":\"a\",\"calls\":[{\"name\":\"f\",\"arguments\":{\"x\":[1,"
         "\"y\"]"
         "}}],\"stop\":\"response\",\"errors\":[]}",
         false},
        {"x<eos>", "{\"thought\":\"\",\"text\":\"x\",\"calls\":[],\"stop\":\"eos\",\"errors\":[]}",
         false},
        {"x<", "{\"thought\":\"\",\"text\":\"x<\",\"calls\":[],\"stop\":\"none\",\"errors\":[]}",
         false},
        {"<|tool_call>call:f{x:1,}<tool_call|>",
         "{\"thought\":\"\",\"text\":\"\",\"calls\":[{\"name\":\"f\",\"arguments\":{\"x\":1}}],"
         "\"stop\":\"none\",\"errors\":[]}",
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *turn = chat_turn_to_json(rows[i].text, strlen(rows[i].text), rows[i].lenient);
        char *text = json_dumps(turn, JSON_COMPACT);
        assert_string_equal(text, rows[i].expected);
        free(text);
        json_decref(turn);
    }
    json_t *turn = chat_turn_to_json("<|tool_call>call:f{x:1,}<tool_call|>", 36, false);
    assert_int_equal(json_array_size(json_object_get(turn, "calls")), 0);
    const char *error = json_string_value(json_array_get(json_object_get(turn, "errors"), 0));
    assert_non_null(strstr(error, "Received: call:f{x:1,}"));
    json_decref(turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_errors_tell),
        cmocka_unit_test(test_excerpt_ends),
        cmocka_unit_test(test_words_that_begin_as_numbers),
        cmocka_unit_test(test_halves_of_a_character),
        cmocka_unit_test(test_numbers_that_end_at_their_e),
        cmocka_unit_test(test_argument_limit),
        cmocka_unit_test(test_linear_time),
        cmocka_unit_test(test_arguments_round_trip),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_turn_json),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
