/* Grammars on any schema and any bytes. The input is a JSON text, a NUL, and what is written: bytes
 * as they are, 0x01 for QUOTE, 0x02 for CALL_CLOSE or TURN_CLOSE. It must compile or refuse with a
 * message; what is accepted must never be a dead end: some byte or control token goes on, or the
 * sentence is done. A list of tokens holds just those whose bytes can be written next. What is
 * written, as a value, holds the schema's bounds or breaks one by name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "chat/grammar.h"
#include "chat/grammar_mask.h"
#include "chat/schema_bounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool feed(struct grammar_state *state, char byte, bool json)
{
    enum control end = json ? CONTROL_TURN_CLOSE : CONTROL_CALL_CLOSE;
    return byte == 1   ? grammar_feed_control(state, CONTROL_QUOTE)
           : byte == 2 ? grammar_feed_control(state, end)
                       : grammar_feed_bytes(state, &byte, 1);
}

static void check_goes_on(const struct grammar_state *state, bool json)
{
    struct grammar_state copy;
    bool good = grammar_done(state);
    for (int byte = 0; byte < 256 && !good; byte++) {
        grammar_copy(&copy, state);
        good = feed(&copy, (char)byte, json);
    }
    if (!good) {
        abort();
    }
}

/* A vocabulary of what differs in the grammar: quotes, escapes, marks, parts of characters. */
static const char *const tokens[] = {
    "a",     "ab",   "abc",      "\"",   "\\",       "\\u",      "\\n",   "u00",   "n",   "\"a",
    "a\"",   "a\\",  "{",        "}",    "[",        "]",        ",",     ":",     "{\"", "\":",
    "1",     "12",   "-",        ".",    "e",        "true",     "null",  "false", " ",   "\n",
    "\x01x", "\xC3", "\xC3\xA9", "\xA9", "\xE2\x82", "\xED\xA0", "call:", "f",     "f{",  "\x7F",
};

enum { TOKENS = sizeof tokens / sizeof tokens[0] };

static bool token_bytes(void *context, int32_t id, const char **bytes, size_t *length)
{
    (void)context;
    *bytes = tokens[id];
    *length = strlen(tokens[id]);
    return true;
}

static void check_mask(const struct grammar_state *state)
{
    static struct grammar_mask *mask;
    bool listed[TOKENS] = {false};
    size_t count;
    if (mask == NULL) {
        mask = grammar_mask_create(TOKENS, token_bytes, NULL);
    }
    const int32_t *list = grammar_mask_list(mask, state, &count);
    for (size_t i = 0; i < count; i++) {
        listed[list[i]] = true;
    }
    for (size_t i = 0; i < TOKENS; i++) {
        struct grammar_state copy;
        grammar_copy(&copy, state);
        if (listed[i] != grammar_feed_bytes(&copy, tokens[i], strlen(tokens[i]))) {
            abort();
        }
    }
}

static void write_sentence(struct grammar *grammar, const struct err *err, bool json,
                           const char *text, size_t length)
{
    struct grammar_state state;
    if (grammar == NULL) {
        if (err->text[0] == '\0') {
            abort();
        }
        return;
    }
    grammar_start(&state, grammar);
    for (size_t i = 0; i < length && feed(&state, text[i], json); i++) {
        check_goes_on(&state, json);
        check_mask(&state);
    }
    grammar_destroy(grammar);
}

static void check_bounds(const json_t *schema, const char *text, size_t length)
{
    struct err err = {0};
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!schema_bounds_supported(schema, &err)) {
        if (err.code == ERR_NONE || err.text[0] == '\0') {
            abort();
        }
    } else if (value != NULL && !schema_bounds_hold(schema, value, &err) &&
               (err.code == ERR_NONE || err.text[0] == '\0')) {
        abort();
    }
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t length = end == NULL ? size : (size_t)(end - data);
    size_t rest = end == NULL ? 0 : size - length - 1;
    const char *text = end == NULL ? "" : (const char *)end + 1;
    json_t *value = json_loadb((const char *)data, length, JSON_DECODE_ANY, NULL);
    if (value == NULL) {
        return 0;
    }
    check_bounds(value, text, rest);
    struct err err = {0};
    write_sentence(grammar_create_value(value, &err), &err, true, text, rest);
    json_t *tools = json_pack("[{s:{s:s,s:O}}]", "function", "name", "f", "parameters", value);
    err = (struct err){0};
    write_sentence(grammar_create_calls(tools, &err), &err, false, text, rest);
    json_decref(tools);
    json_decref(value);
    return 0;
}
