/* The grammars against a second opinion (grammar_oracle.c), over the whole vocabulary of the small
 * model and random schemas; what the renderer writes is accepted token by token; and the promises
 * one by one. Argument: the model file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/grammar.h"
#include "chat/grammar_mask.h"
#include "chat/prompt_writer.h"
#include "chat/value.h"
#include "engine/engine.h"
#include "grammar_oracle.h"

enum { PREFIX_MAX = 16384, SCHEMAS = 60, STEPS = 16 };

static const char *model_path;
static struct engine_model *model;
static struct control_ids control;
static struct grammar_mask *mask;
static int32_t vocabulary;

/* --- random --- */

static uint64_t seed;

static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

static const char *const keys[] = {
    "a",   "ab", "abc",       "path",    "path_b",           "command",
    "x_1", "3",  "two words", "q\"uote", "\xC3\xA9t\xC3\xA9"};
static const char *const choices[] = {"",     "a",         "abc",     "abd",  "fast",
                                      "slow", "two words", "q\"uote", "list", "line\nbreak"};

static json_t *random_schema(int depth);

static json_t *random_enum(void)
{
    json_t *values = json_array();
    uint32_t count = 1 + below(5);
    bool numbers = below(3) == 0;
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(values,
                              numbers ? json_integer(below(300)) : json_string(choices[below(10)]));
    }
    return json_pack("{s:s,s:o}", "type", numbers ? "integer" : "string", "enum", values);
}

static json_t *random_object(int depth)
{
    json_t *properties = json_object(), *required = json_array();
    uint32_t count = below(5);
    for (uint32_t i = 0; i < count; i++) {
        const char *key = keys[below(11)];
        if (json_object_get(properties, key) == NULL) {
            json_object_set_new(properties, key, random_schema(depth + 1));
            if (below(2) == 0) {
                json_array_append_new(required, json_string(key));
            }
        }
    }
    json_t *schema = json_pack("{s:s,s:o,s:o}", "type", "object", "properties", properties,
                               "required", required);
    json_object_set_new(schema, "additionalProperties", json_boolean(below(3) == 0));
    return schema;
}

static json_t *random_schema(int depth)
{
    static const char *const scalars[] = {"string", "integer", "number", "boolean", "null"};
    uint32_t kind = below(depth < 3 ? 10 : 7);
    if (kind < 5) {
        return json_pack("{s:s}", "type", scalars[kind]);
    }
    if (kind == 5) {
        return random_enum();
    }
    if (kind == 6) {
        return json_pack("{s:[s,s]}", "type", scalars[below(4)], "null");
    }
    if (kind == 7) {
        json_t *schema = json_pack("{s:s,s:o,s:i}", "type", "array", "items",
                                   random_schema(depth + 1), "minItems", (int)below(2));
        if (below(2) == 0) {
            json_object_set_new(schema, "maxItems", json_integer(1 + below(2)));
        }
        return schema;
    }
    return kind == 8 ? json_object() : random_object(depth);
}

static json_t *tool(const char *name, json_t *parameters)
{
    return json_pack("{s:s,s:{s:s,s:o}}", "type", "function", "function", "name", name,
                     "parameters", parameters);
}

/* --- a sentence that grows --- */

struct sentence {
    const json_t *schema; /* tools, or the schema of a value */
    bool json;
    struct grammar_state state;
    int16_t symbols[PREFIX_MAX];
    size_t count;
};

static bool viable(const struct sentence *s, size_t count)
{
    return s->json ? oracle_value_viable(s->schema, s->symbols, count)
                   : oracle_call_viable(s->schema, s->symbols, count);
}

/* What the second opinion says of a token; its symbols are left behind the sentence. */
static bool oracle_allows(struct sentence *s, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        s->symbols[s->count + i] = (unsigned char)bytes[i];
    }
    return viable(s, s->count + length);
}

static bool grammar_allows_control(const struct sentence *s, enum control which)
{
    struct grammar_state copy;
    grammar_copy(&copy, &s->state);
    return grammar_feed_control(&copy, which);
}

static void check_controls(struct sentence *s)
{
    for (int i = 0; i < CONTROL_COUNT && !s->json; i++) {
        bool known = i == CONTROL_QUOTE || i == CONTROL_CALL_CLOSE;
        s->symbols[s->count] = i == CONTROL_QUOTE ? ORACLE_QUOTE : ORACLE_CLOSE;
        bool expected = known && viable(s, s->count + 1);
        assert_int_equal(grammar_allows_control(s, (enum control)i), expected);
    }
}

static void show(const struct sentence *s, int32_t id, bool expected)
{
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < s->count; i++) {
        if (s->symbols[i] > 255) {
            str_append(&text, s->symbols[i] == ORACLE_QUOTE ? "<Q>" : "<END>");
        } else {
            str_append_char(&text, (char)s->symbols[i]);
        }
    }
    const char *bytes;
    size_t length;
    engine_token_bytes(model, id, &bytes, &length);
    char *schema = json_dumps(s->schema, 0);
    fail_msg("schema %s\nbehind %s\ntoken '%.*s' should be %s", schema, text.data, (int)length,
             bytes, expected ? "allowed" : "refused");
}

/* The mask against the second opinion, for every token of the vocabulary. */
static const int32_t *check_mask(struct sentence *s, size_t *count)
{
    static bool listed[1 << 16];
    memset(listed, 0, sizeof listed);
    const int32_t *list = grammar_mask_list(mask, &s->state, count);
    for (size_t i = 0; i < *count; i++) {
        assert_false(listed[list[i]]);
        listed[list[i]] = true;
    }
    for (int32_t id = 0; id < vocabulary; id++) {
        const char *bytes;
        size_t length;
        bool text = engine_token_kind(model, id) != ENGINE_TOKEN_CONTROL &&
                    engine_token_bytes(model, id, &bytes, &length) && length > 0;
        bool expected = text && oracle_allows(s, bytes, length);
        if (expected != listed[id]) {
            show(s, id, expected);
        }
    }
    check_controls(s);
    return list;
}

static bool step_control(struct sentence *s)
{
    static const enum control tried[] = {CONTROL_CALL_CLOSE, CONTROL_QUOTE};
    for (size_t i = 0; i < 2 && !s->json; i++) {
        if (grammar_allows_control(s, tried[i])) {
            assert_true(grammar_feed_control(&s->state, tried[i]));
            s->symbols[s->count++] = tried[i] == CONTROL_QUOTE ? ORACLE_QUOTE : ORACLE_CLOSE;
            return true;
        }
    }
    return false;
}

/* Goes on with something that is allowed; false at the end. */
static bool step(struct sentence *s, const int32_t *list, size_t count)
{
    if ((count == 0 || below(2) == 0) && step_control(s)) {
        return true;
    }
    if (count == 0) {
        return false;
    }
    const char *bytes;
    size_t length;
    int32_t id = list[below((uint32_t)count)];
    if (s->json && below(2) == 0) { /* the short ones are what moves a string to its end */
        for (size_t i = 0; i < count; i++) {
            engine_token_bytes(model, list[i], &bytes, &length);
            id = length == 1 && bytes[0] == '"' ? list[i] : id;
        }
    }
    engine_token_bytes(model, id, &bytes, &length);
    oracle_allows(s, bytes, length);
    assert_true(grammar_feed_bytes(&s->state, bytes, length));
    s->count += length;
    return true;
}

static size_t follow(const struct grammar *grammar, const json_t *schema, bool json)
{
    static struct sentence s;
    size_t states = 0;
    s.schema = schema;
    s.json = json;
    s.count = 0;
    grammar_start(&s.state, grammar);
    for (int i = 0; i < STEPS; i++) {
        size_t count;
        const int32_t *list = check_mask(&s, &count);
        states++;
        /* Nothing that was accepted is a dead end. */
        assert_true(count > 0 || grammar_done(&s.state) || grammar_in_string(&s.state) ||
                    grammar_allows_control(&s, CONTROL_QUOTE) ||
                    grammar_allows_control(&s, CONTROL_CALL_CLOSE));
        if (!step(&s, list, count)) {
            break;
        }
    }
    return states;
}

/* --- what the renderer writes --- */

static bool chance(void)
{
    return below(2) == 0;
}

static json_t *random_value(const json_t *schema, int depth)
{
    const json_t *values = json_object_get(schema, "enum"), *type = json_object_get(schema, "type");
    const char *name = json_is_array(type) ? json_string_value(json_array_get(type, below(2)))
                                           : json_string_value(type);
    if (values != NULL) {
        return json_incref(json_array_get(values, below((uint32_t)json_array_size(values))));
    }
    if (name == NULL || strcmp(name, "null") == 0) {
        return json_null();
    }
    if (strcmp(name, "string") == 0) {
        return json_string(choices[below(10)]);
    }
    if (strcmp(name, "integer") == 0) {
        return json_integer((json_int_t)below(100000) - 50000);
    }
    if (strcmp(name, "number") == 0) {
        return json_real((double)below(1000) / 8);
    }
    if (strcmp(name, "boolean") == 0) {
        return json_boolean(chance());
    }
    if (strcmp(name, "array") == 0) {
        json_t *array = json_array();
        json_int_t least = json_integer_value(json_object_get(schema, "minItems"));
        for (json_int_t i = 0; i < least + (chance() ? 1 - least : 0); i++) {
            json_array_append_new(array, random_value(json_object_get(schema, "items"), depth + 1));
        }
        return array;
    }
    json_t *object = json_object(), *member;
    const char *key;
    json_object_foreach(json_object_get(schema, "properties"), key, member)
    {
        json_object_set_new(object, key, random_value(member, depth + 1));
    }
    return object;
}

static bool encode(void *context, const char *text, size_t length, struct chat_ids *out,
                   struct err *err)
{
    int32_t *ids;
    size_t count;
    if (!engine_tokenize(context, text, length, false, &ids, &count, NULL)) {
        return err_set(err, ERR_FORMAT, "the tokenizer refused");
    }
    vec_room(&out->items, &out->capacity, out->count + count, sizeof *out->items);
    memcpy(out->items + out->count, ids, count * sizeof *ids);
    out->count += count;
    engine_free(ids);
    return true;
}

static bool feed(struct grammar_state *state, int32_t id)
{
    enum control named = control_of_id(&control, id);
    const char *bytes;
    size_t length;
    engine_token_bytes(model, id, &bytes, &length);
    return named != CONTROL_NONE ? grammar_feed_control(state, named)
                                 : grammar_feed_bytes(state, bytes, length);
}

/* The ids of a call as the renderer spells it. */
static void render_call(struct chat_ids *ids, const json_t *arguments)
{
    const struct chat_encoder encoder = {.context = model, .encode = encode, .control = &control};
    struct chat_prompt prompt;
    struct prompt_writer writer;
    struct err err;
    chat_prompt_init(&prompt);
    prompt_writer_init(&writer, &prompt);
    prompt_writer_text(&writer, "call:run{");
    chat_value_print_members(&writer, arguments);
    prompt_writer_text(&writer, "}");
    prompt_writer_control(&writer, CONTROL_CALL_CLOSE);
    prompt_writer_finish(&writer);
    assert_true(chat_prompt_encode(&prompt, &encoder, ids, &err));
    chat_prompt_finish(&prompt);
}

/* The states along a whole sentence, which wandering at random seldom gets to. */
static size_t follow_rendering(const struct grammar *grammar, const json_t *schema, bool json,
                               const json_t *value)
{
    static struct sentence s;
    struct chat_ids ids = {0};
    char *text = json ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    size_t states = 0, length = json ? strlen(text) : 0;
    s.schema = schema;
    s.json = json;
    s.count = 0;
    grammar_start(&s.state, grammar);
    if (!json) {
        render_call(&ids, value);
        length = ids.count;
    }
    for (size_t i = 0; i < length && i < PREFIX_MAX / 32; i++) {
        const char *bytes = json ? text + i : NULL;
        size_t size = 1;
        enum control named = json ? CONTROL_NONE : control_of_id(&control, ids.items[i]);
        if (below(6) == 0) {
            check_mask(&s, &size);
            states++;
            size = 1;
        }
        if (named != CONTROL_NONE) {
            assert_true(grammar_feed_control(&s.state, named));
            s.symbols[s.count++] = named == CONTROL_QUOTE ? ORACLE_QUOTE : ORACLE_CLOSE;
            continue;
        }
        if (!json) {
            engine_token_bytes(model, ids.items[i], &bytes, &size);
        }
        assert_true(oracle_allows(&s, bytes, size));
        assert_true(grammar_feed_bytes(&s.state, bytes, size));
        s.count += size;
    }
    mem_free(ids.items);
    free(text);
    return states;
}

static void test_calls_against_oracle(void **state)
{
    (void)state;
    size_t states = 0;
    seed = 11;
    for (int i = 0; i < SCHEMAS; i++) {
        json_t *tools = json_array();
        json_array_append_new(tools, tool("run", random_object(0)));
        json_array_append_new(tools, tool("run_all", random_object(0)));
        struct err err = {0};
        struct grammar *grammar = grammar_create_calls(tools, &err);
        assert_string_equal(err.text, "");
        states += follow(grammar, tools, false);
        const json_t *run = json_object_get(json_array_get(tools, 0), "function");
        json_t *value = random_value(json_object_get(run, "parameters"), 0);
        states += follow_rendering(grammar, tools, false, value);
        json_decref(value);
        grammar_destroy(grammar);
        json_decref(tools);
    }
    print_message("%zu states, %d tokens each\n", states, vocabulary);
}

static void test_values_against_oracle(void **state)
{
    (void)state;
    size_t states = 0;
    seed = 12;
    for (int i = 0; i < SCHEMAS; i++) {
        json_t *schema = below(3) == 0 ? random_schema(0) : random_object(0);
        struct err err = {0};
        struct grammar *grammar = grammar_create_value(schema, &err);
        assert_string_equal(err.text, "");
        states += follow(grammar, schema, true);
        json_t *value = random_value(schema, 0);
        states += follow_rendering(grammar, schema, true, value);
        json_decref(value);
        grammar_destroy(grammar);
        json_decref(schema);
    }
    print_message("%zu states, %d tokens each\n", states, vocabulary);
}

static void test_rendered_calls_are_accepted(void **state)
{
    (void)state;
    seed = 13;
    for (int i = 0; i < 400; i++) {
        json_t *parameters = random_object(0);
        json_t *arguments = random_value(parameters, 0);
        json_t *tools = json_pack("[o]", tool("run", parameters));
        struct grammar *grammar = grammar_create_calls(tools, NULL);
        struct grammar_state at;
        struct chat_ids ids = {0};
        render_call(&ids, arguments);
        grammar_start(&at, grammar);
        for (size_t n = 0; n < ids.count; n++) {
            assert_false(grammar_done(&at));
            if (!feed(&at, ids.items[n])) {
                fail_msg("case %d: token %zu is refused; %s with %s", i, n, json_dumps(tools, 0),
                         json_dumps(arguments, 0));
            }
        }
        assert_true(grammar_done(&at));
        mem_free(ids.items);
        grammar_destroy(grammar);
        json_decref(tools);
        json_decref(arguments);
    }
}

/* --- promises --- */

/* ' stands for QUOTE, $ for CALL_CLOSE (a JSON value: for TURN_CLOSE). */
static bool accepts(const struct grammar *grammar, bool json, const char *text)
{
    struct grammar_state at;
    bool good = true;
    grammar_start(&at, grammar);
    for (const char *c = text; *c != '\0' && good; c++) {
        good = *c == '\'' && !json ? grammar_feed_control(&at, CONTROL_QUOTE)
               : *c == '$'
                   ? grammar_feed_control(&at, json ? CONTROL_TURN_CLOSE : CONTROL_CALL_CLOSE)
                   : grammar_feed_bytes(&at, c, 1);
    }
    return good;
}

struct promise {
    const char *text;
    bool accepted;
};

static void check_promises(struct grammar *grammar, bool json, const struct promise *promises,
                           size_t count)
{
    assert_non_null(grammar);
    for (size_t i = 0; i < count; i++) {
        if (accepts(grammar, json, promises[i].text) != promises[i].accepted) {
            fail_msg("%s should be %s", promises[i].text,
                     promises[i].accepted ? "accepted" : "refused");
        }
    }
    grammar_destroy(grammar);
}

static struct grammar *calls_of(const char *tools)
{
    json_error_t error;
    json_t *value = json_loads(tools, 0, &error);
    assert_non_null(value);
    struct err err = {0};
    struct grammar *grammar = grammar_create_calls(value, &err);
    json_decref(value);
    return grammar;
}

static struct grammar *value_of(const char *schema)
{
    json_t *value = json_loads(schema, 0, NULL);
    assert_non_null(value);
    struct grammar *grammar = grammar_create_value(value, NULL);
    json_decref(value);
    return grammar;
}

static void test_calls(void **state)
{
    (void)state;
    static const char tools[] =
        "[{\"function\":{\"name\":\"edit\",\"parameters\":{\"type\":\"object\",\"properties\":{"
        "\"path\":{\"type\":\"string\"},\"line\":{\"type\":\"integer\"},"
        "\"how\":{\"type\":\"string\",\"enum\":[\"add\",\"addend\"]},\"x\":{\"type\":\"number\"}},"
        "\"required\":[\"path\"]}}},{\"function\":{\"name\":\"edit.all\"}}]";
    static const struct promise promises[] = {
        {"call:edit{path:'a b}'}$", true},
        {"call:edit{line:-3,how:'add',path:''}$", true},
        {"call:edit{}", false}, /* a required key is missing */
        {"call:edit{line:1}", false},
        {"call:edit{path:'',path", false}, /* twice */
        {"call:edit{path:'',line:01", false},
        {"call:edit{path:'',line:1.", false},
        {"call:edit{x:1.5,path:''}$", true},
        {"call:edit{x:1e", false},
        {"call:edit{path:'',}", false},
        {"call:edit{path:1", false},
        {"call:edit{how:'a'", false},
        {"call:edit{how:'addend',path:'<div>\n'}$", true},
        {"call:edit{other", false},
        {"call:edit {", false},
        {"call: edit", false},
        {"call:edit{ ", false},
        {"call:edit{path: ", false},
        {"call:remove", false},
        {"call:edit.all{}$", true},
        {"call:edit.all{a", false},
        {"call:edit.all{}$x", false},
        {"call:edit.all{}x", false},
        {"edit", false},
        {"call:edit{path:'x',line:123456789012345678}$", true},
        {"call:edit{path:'x',line:1234567890123456789", false},
    };
    check_promises(calls_of(tools), false, promises, sizeof promises / sizeof *promises);
}

static void test_values(void **state)
{
    (void)state;
    static const char tree[] =
        "{\"$ref\":\"#/$defs/tree\",\"$defs\":{\"tree\":{\"type\":\"object\","
        "\"properties\":{\"left\":{\"$ref\":\"#/$defs/tree\"},"
        "\"right\":{\"$ref\":\"#\"},\"v\":{\"type\":\"integer\"}},"
        "\"required\":[\"v\"]}}}";
    static const struct promise trees[] = {
        {"{\"left\":{\"right\":{\"v\":1},\"v\":0},\"v\":12}$", true},
        {"{\"left\":{}", false},
        {"{\"v\":1} ", false},
        {"{\"v\":1}", true},
        {"{\"v\":1$", false},
    };
    static const char any_of[] =
        "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"a\"},"
        "\"n\":{\"type\":\"integer\"}},\"required\":[\"kind\",\"n\"]},"
        "{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"b\"}},\"required\":[\"kind\"]},"
        "{\"type\":\"integer\"},{\"enum\":[1,2.5,null,\"z\"]}]}";
    static const struct promise unions[] = {
        {"{\"kind\":\"b\"}$", true},
        {"{\"n\":1}", false},
        {"{\"kind\":\"c", false},
        {"2.5$", true},
        {"null$", true},
        {"\"z\"$", true},
        {"true", false},
    };
    static const struct promise texts[] = {
        {"\"a\\n\\u00e9\\\"\"$", true},
        {"\"\\u0000", false},
        {"\"\\ud83", false},
        {"\"\xF0\x9F\x98\x80\"$", true},
        {"\"\xC0\xAF", false},
        {"\"\xED\xA0", false},
        {"\"\n", false},
        {"\"\xC3\"", false},
        {"\"\\x", false},
        {"a", false},
        {"\"\"\"", false},
    };
    check_promises(value_of(tree), true, trees, sizeof trees / sizeof *trees);
    check_promises(value_of(any_of), true, unions, sizeof unions / sizeof *unions);
    check_promises(value_of("{\"type\":\"string\"}"), true, texts, sizeof texts / sizeof *texts);
}

static void test_what_cannot_be_compiled(void **state)
{
    (void)state;
    assert_null(value_of("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},"
                         "\"required\":[\"a\"]}")); /* only an infinite value */
    assert_null(value_of("{\"$ref\":\"#\"}"));
    assert_null(value_of("{\"$ref\":\"#/nowhere\"}"));
    assert_null(value_of("{\"enum\":[]}"));
    assert_null(value_of("{\"type\":\"array\",\"items\":false,\"minItems\":1}"));
    assert_null(calls_of("[{\"function\":{\"name\":\"two words\"}}]"));
    assert_null(calls_of("[{\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
                         "\"properties\":{\"a\":{\"enum\":[]}},\"required\":[\"a\"]}}}]"));
    struct err err = {0};
    json_t *schema = json_pack("{s:s}", "$ref", "http://example.org/x");
    assert_null(grammar_create_value(schema, &err));
    assert_non_null(strstr(err.text, "leads nowhere"));
    json_decref(schema);
}

static void test_depth(void **state)
{
    (void)state;
    struct grammar *grammar = value_of("{}");
    struct grammar_state at;
    int depth = 0;
    grammar_start(&at, grammar);
    while (grammar_feed_bytes(&at, "[", 1)) {
        depth++;
        assert_true(depth <= GRAMMAR_DEPTH);
    }
    assert_int_equal(depth, GRAMMAR_DEPTH);
    grammar_destroy(grammar);
}

/* --- the model's vocabulary --- */

static int32_t find(void *context, const char *spelling)
{
    return engine_token_find(context, spelling);
}

static bool bytes_of(void *context, int32_t id, const char **bytes, size_t *length)
{
    return engine_token_kind(context, id) != ENGINE_TOKEN_CONTROL &&
           engine_token_bytes(context, id, bytes, length);
}

static int open_model(void **state)
{
    (void)state;
    struct engine_error error = {.text = ""};
    struct err err = {0};
    model =
        engine_model_open(&(struct engine_model_options){.path = model_path, .threads = 1}, &error);
    if (model == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    vocabulary = engine_model_info(model)->vocabulary_size;
    mask = grammar_mask_create(vocabulary, bytes_of, model);
    return vocabulary > 1 << 16 || !control_ids_resolve(&control, vocabulary, find, model, &err);
}

static int close_model(void **state)
{
    (void)state;
    grammar_mask_destroy(mask);
    engine_model_close(model);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_cannot_be_compiled),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_rendered_calls_are_accepted),
        cmocka_unit_test(test_calls_against_oracle),
        cmocka_unit_test(test_values_against_oracle),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]);
        return 1;
    }
    model_path = argv[1];
    return cmocka_run_group_tests_name("chat_grammar", tests, open_model, close_model);
}
