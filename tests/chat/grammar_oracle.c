/* Every reader returns where it stopped, or FAIL, or MORE: what is there is good and the input
 * ended. */
#include "grammar_oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { FAIL = -1, MORE = -2, NAME_MAX_BYTES = 64 };

struct input {
    const int16_t *symbols;
    int count;
    bool json;
};

static int read_value(const struct input *in, const json_t *schema, int at);

static bool is_type(const json_t *schema, const char *name)
{
    const json_t *type = json_object_get(schema, "type");
    if (type == NULL) {
        return json_object_size(schema) == 0; /* {}: anything */
    }
    for (size_t i = 0; i < json_array_size(type); i++) {
        if (strcmp(json_string_value(json_array_get(type, i)), name) == 0) {
            return true;
        }
    }
    return json_is_string(type) && strcmp(json_string_value(type), name) == 0;
}

/* A text that is given, then whatever comes. */
static int read_text(const struct input *in, const char *text, size_t length, int at)
{
    for (size_t i = 0; i < length; i++, at++) {
        if (at == in->count) {
            return MORE;
        }
        if (in->symbols[at] != (unsigned char)text[i]) {
            return FAIL;
        }
    }
    return at;
}

/* The spelling between quotes; jansson knows JSON's. */
static char *spell(const struct input *in, const char *text, size_t *length)
{
    if (!in->json) {
        *length = strlen(text);
        return mem_strdup(text);
    }
    json_t *string = json_string(text);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    *length = strlen(quoted) - 2;
    char *inner = mem_strndup(quoted + 1, *length);
    free(quoted);
    return inner;
}

static int quote_of(const struct input *in)
{
    return in->json ? '"' : ORACLE_QUOTE;
}

static int read_symbol(const struct input *in, int symbol, int at)
{
    return at == in->count ? MORE : in->symbols[at] == symbol ? at + 1 : FAIL;
}

/* --- strings --- */

static bool is_character(const unsigned char *b, int length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = b[0] & (0xFFu >> (length + 1));
    for (int i = 1; i < length; i++) {
        code = code << 6 | (b[i] & 0x3F);
    }
    return code >= least[length] && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

/* A character of two bytes or more, or the beginning of one that can be finished. */
static int read_sequence(const struct input *in, int at)
{
    unsigned char b[4] = {(unsigned char)in->symbols[at], 0x80, 0x80, 0x80};
    int length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2, there = 1;
    if (b[0] < 0xC0 || b[0] >= 0xF8) {
        return FAIL;
    }
    for (; there < length && at + there < in->count; there++) {
        int symbol = in->symbols[at + there];
        if (symbol < 0x80 || symbol > 0xBF) {
            return FAIL;
        }
        b[there] = (unsigned char)symbol;
    }
    bool good = is_character(b, length);
    for (int second = 0x80; there == 1 && second <= 0xBF && !good; second++) {
        b[1] = (unsigned char)second;
        good = is_character(b, length);
    }
    return !good ? FAIL : there < length ? MORE : at + length;
}

static int read_unicode(const struct input *in, int at)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++, at++) {
        if (at == in->count) {
            return MORE;
        }
        int c = in->symbols[at];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        code = code * 16 + (unsigned)digit;
        bool surrogate = (i == 1 && code >= 0xD8 && code <= 0xDF);
        if (digit < 0 || surrogate) {
            return FAIL;
        }
    }
    return code == 0 ? FAIL : at;
}

static int read_free_string(const struct input *in, int at)
{
    while (at >= 0 && at < in->count) {
        int c = in->symbols[at];
        if (c == quote_of(in)) {
            return at + 1;
        }
        if (!in->json) {
            at = c > 255 ? FAIL : at + 1;
        } else if (c == '\\') {
            if (at + 1 == in->count) {
                return MORE;
            }
            int escape = in->symbols[at + 1];
            at = escape == 'u' ? read_unicode(in, at + 2)
                 : escape > 0 && escape < 128 && strchr("\"\\/bfnrt", escape) ? at + 2
                                                                              : FAIL;
        } else {
            at = c < 0x20 || c > 255 ? FAIL : c < 0x80 ? at + 1 : read_sequence(in, at);
        }
    }
    return at < 0 ? at : MORE;
}

/* One of several strings, closing quote included: where the best one leads. */
static int read_choice(const struct input *in, const json_t *values, int at)
{
    int best = FAIL;
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (!json_is_string(json_array_get(values, i))) {
            continue;
        }
        size_t length;
        char *text = spell(in, json_string_value(json_array_get(values, i)), &length);
        int end = read_text(in, text, length, at);
        end = end >= 0 ? read_symbol(in, quote_of(in), end) : end;
        best = end != FAIL ? end : best;
        mem_free(text);
    }
    return best;
}

/* --- scalars --- */

static int read_digits(const struct input *in, int at, int most)
{
    int start = at;
    while (at < in->count && in->symbols[at] >= '0' && in->symbols[at] <= '9') {
        at++;
    }
    return at - start > most ? FAIL : at == in->count ? MORE : at == start ? FAIL : at;
}

static int read_number(const struct input *in, bool fraction, int at)
{
    if (in->symbols[at] == '-' && ++at == in->count) {
        return MORE;
    }
    bool zero = in->symbols[at] == '0';
    at = zero ? at + 1 : read_digits(in, at, 18);
    if (at < 0 || at == in->count) {
        return at < 0 ? at : MORE;
    }
    return in->symbols[at] == '.' && fraction ? read_digits(in, at + 1, 17) : at;
}

/* true, null, 12: the longest that is there. */
static int read_bare(const struct input *in, const json_t *schema, int at)
{
    static const char *const words[][2] = {
        {"true", "boolean"}, {"false", "boolean"}, {"null", "null"}};
    const json_t *values = json_object_get(schema, "enum");
    int best = FAIL;
    for (size_t i = 0; values == NULL && i < 3; i++) {
        if (is_type(schema, words[i][1])) {
            int end = read_text(in, words[i][0], strlen(words[i][0]), at);
            best = end != FAIL ? end : best;
        }
    }
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        if (json_is_string(value)) {
            continue;
        }
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        int end = read_text(in, text, strlen(text), at);
        best = end == MORE || (end > best && best != MORE) ? end : best;
        free(text);
    }
    return best;
}

/* --- containers --- */

static bool is_name(const char *key)
{
    return strspn(key, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(key) &&
           !(key[0] >= '0' && key[0] <= '9');
}

static int read_generic_name(const struct input *in, int at)
{
    int start = at;
    for (; at < in->count; at++) {
        int c = in->symbols[at];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(c >= '0' && c <= '9' && at > start)) {
            break;
        }
    }
    return at - start > NAME_MAX_BYTES ? FAIL : at == in->count ? MORE : at == start ? FAIL : at;
}

/* A key with its colon. *name is the declared one, or NULL. */
static int read_key(const struct input *in, const json_t *schema, const bool *used, int at,
                    size_t *index, const json_t **value)
{
    const json_t *properties = json_object_get(schema, "properties");
    bool open =
        is_type(schema, "array") || json_is_true(json_object_get(schema, "additionalProperties"));
    static const char colon[] = ":";
    int best = FAIL;
    const char *key;
    json_t *member;
    size_t i = 0;
    bool forbidden = false;
    json_object_foreach((json_t *)properties, key, member)
    {
        size_t length;
        char *text = spell(in, key, &length);
        bool quoted = in->json || !is_name(key);
        int end = quoted ? read_symbol(in, quote_of(in), at) : at;
        end = end >= 0 ? read_text(in, text, length, end) : end;
        end = end >= 0 && quoted ? read_symbol(in, quote_of(in), end) : end;
        int whole = end;
        end = end >= 0 ? read_text(in, colon, 1, end) : end;
        forbidden |= used[i] && (end >= 0 || (quoted && whole >= 0));
        if (!used[i] && end != FAIL) {
            best = end;
            *index = i;
            *value = member;
        }
        i++;
        mem_free(text);
        if (best >= 0) {
            return best;
        }
    }
    if (open && !forbidden && best == FAIL) {
        static json_t *any;
        any = any == NULL ? json_object() : any;
        int end = in->json ? read_symbol(in, '"', at) : at;
        end = end >= 0 ? read_generic_name(in, end) : end;
        end = end >= 0 && in->json ? read_symbol(in, '"', end) : end;
        best = end >= 0 ? read_text(in, colon, 1, end) : end;
        *index = SIZE_MAX;
        *value = any;
    }
    return best;
}

static bool has_all_required(const json_t *schema, const bool *used)
{
    const json_t *required = json_object_get(schema, "required");
    const char *key;
    json_t *member;
    size_t i = 0;
    json_object_foreach(json_object_get(schema, "properties"), key, member)
    {
        for (size_t r = 0; r < json_array_size(required); r++) {
            if (strcmp(json_string_value(json_array_get(required, r)), key) == 0 && !used[i]) {
                return false;
            }
        }
        i++;
    }
    return true;
}

static int read_object(const struct input *in, const json_t *schema, int at)
{
    bool used[64] = {false};
    for (bool first = true;; first = false) {
        if (at == in->count && first) {
            return MORE;
        }
        if (first && in->symbols[at] == '}') {
            return has_all_required(schema, used) ? at + 1 : FAIL;
        }
        size_t index = 0;
        const json_t *value = NULL;
        at = read_key(in, schema, used, at, &index, &value);
        at = at >= 0 ? read_value(in, value, at) : at;
        if (at < 0) {
            return at;
        }
        if (index != SIZE_MAX) {
            used[index] = true;
        }
        if (at == in->count) {
            return MORE;
        }
        if (in->symbols[at] == '}') {
            return has_all_required(schema, used) ? at + 1 : FAIL;
        }
        if (in->symbols[at++] != ',') {
            return FAIL;
        }
    }
}

static int read_array(const struct input *in, const json_t *schema, int at)
{
    static json_t *any;
    any = any == NULL ? json_object() : any;
    const json_t *items = json_object_get(schema, "items");
    const json_t *most = json_object_get(schema, "maxItems");
    json_int_t least = json_integer_value(json_object_get(schema, "minItems"));
    for (json_int_t count = 0;; count++) {
        if (at == in->count) {
            return MORE;
        }
        if (in->symbols[at] == ']' && (count >= least)) {
            return at + 1;
        }
        if (count > 0 && in->symbols[at++] != ',') {
            return FAIL;
        }
        if (most != NULL && count >= json_integer_value(most)) {
            return FAIL;
        }
        at = read_value(in, items == NULL ? any : items, at);
        if (at < 0) {
            return at;
        }
    }
}

static json_t *open_object(void)
{
    static json_t *object;
    object = object == NULL ? json_pack("{s:s,s:b}", "type", "object", "additionalProperties", 1)
                            : object;
    return object;
}

static int read_value(const struct input *in, const json_t *schema, int at)
{
    const json_t *values = json_object_get(schema, "enum");
    if (at == in->count) {
        return MORE;
    }
    int c = in->symbols[at];
    if (c == quote_of(in)) {
        return values != NULL              ? read_choice(in, values, at + 1)
               : is_type(schema, "string") ? read_free_string(in, at + 1)
                                           : FAIL;
    }
    bool number = is_type(schema, "number"), whole = is_type(schema, "integer");
    if ((c == '-' || (c >= '0' && c <= '9')) && values == NULL) {
        return number || whole ? read_number(in, number, at) : FAIL;
    }
    if (c == '{') {
        bool any = json_object_size(schema) == 0;
        return is_type(schema, "object") ? read_object(in, any ? open_object() : schema, at + 1)
                                         : FAIL;
    }
    if (c == '[') {
        return is_type(schema, "array") ? read_array(in, schema, at + 1) : FAIL;
    }
    return read_bare(in, schema, at);
}

/* --- sentences --- */

bool oracle_call_viable(const json_t *tools, const int16_t *symbols, size_t count)
{
    struct input in = {symbols, (int)count, false};
    bool viable = false;
    for (size_t i = 0; i < json_array_size(tools) && !viable; i++) {
        const json_t *function = json_object_get(json_array_get(tools, i), "function");
        struct str head;
        str_init(&head);
        str_append_format(&head, "call:%s{", json_string_value(json_object_get(function, "name")));
        int at = read_text(&in, head.data, head.length, 0);
        at = at >= 0 ? read_object(&in, json_object_get(function, "parameters"), at) : at;
        at = at >= 0 && at < in.count ? read_symbol(&in, ORACLE_CLOSE, at) : at;
        viable = at == MORE || at == in.count;
        str_finish(&head);
    }
    return viable;
}

bool oracle_value_viable(const json_t *schema, const int16_t *symbols, size_t count)
{
    struct input in = {symbols, (int)count, true};
    int at = read_value(&in, schema, 0);
    return at == MORE || at == in.count;
}
