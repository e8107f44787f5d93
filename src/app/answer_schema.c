#include "app/answer_schema.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/grammar.h"
#include "chat/schema_bounds.h"

enum { LIMIT = 1024 * 1024 };

bool answer_schema_check(const json_t *schema, const char *name, struct err *err)
{
    struct grammar *grammar =
        schema_bounds_supported(schema, err) ? grammar_create_value(schema, err) : NULL;
    bool understood = grammar != NULL || err_prefix(err, "%s", name);
    grammar_destroy(grammar);
    return understood;
}

json_t *answer_schema_read(const char *given, struct err *err)
{
    struct str text;
    json_error_t where;
    json_t *schema = NULL;
    bool is_text = given[0] == '{';
    const char *name = is_text ? "--schema" : given;
    str_init(&text);
    if (is_text) {
        str_append(&text, given);
    }
    if (is_text || file_read(given, LIMIT, &text, err)) {
        schema =
            json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
        if (schema == NULL) {
            err_set(err, ERR_FORMAT, "%s: line %d: %s", name, where.line, where.text);
        }
    }
    str_finish(&text);
    if (schema != NULL && !answer_schema_check(schema, name, err)) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

/* The grammar's sentences have no white space, so the answer is written anew without it. */
static bool accepts(const struct grammar *grammar, const json_t *value)
{
    struct grammar_state state;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    grammar_start(&state, grammar);
    bool fits =
        text != NULL && grammar_feed_bytes(&state, text, strlen(text)) && grammar_done(&state);
    mem_free(text);
    return fits;
}

json_t *answer_schema_value(const json_t *schema, const char *answer, struct err *err)
{
    json_error_t where;
    json_t *value = json_loads(answer, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where);
    if (value == NULL) {
        err_set(err, ERR_FORMAT, "the answer: not JSON: %s", where.text);
        return NULL;
    }
    struct grammar *grammar = grammar_create_value(schema, err);
    bool fits = grammar != NULL;
    if (fits && !accepts(grammar, value)) {
        fits = err_set(err, ERR_FORMAT, "it is JSON, but not of the schema");
    }
    fits = fits && schema_bounds_hold(schema, value, err);
    grammar_destroy(grammar);
    if (!fits) {
        err_prefix(err, "the answer");
        json_decref(value);
        value = NULL;
    }
    return value;
}
