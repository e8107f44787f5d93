/* A recursive reader over the body of a call, with what it tolerates as a set of bits. Strict mode
 * tolerates nothing; the lenient levels add one kind of mistake after the other. Every function
 * either consumes input or ends, and none looks further ahead than the white space and the one name
 * after where it stands.
 *
 * A closing QUOTE counts as one only where something structural follows, once inner quotes are
 * tolerated; before that the next QUOTE ends a string, whatever comes.
 */
#include "chat/call_args.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"
#include "chat/call_schema.h"
#include "chat/value.h"

enum tolerance {
    SPACES = 1,        /* white space, trailing commas, missing closers at the end */
    LITERALS = 2,      /* True, None, nil, +1, 1., .5 */
    OTHER_STRINGS = 4, /* "json", 'single', `back` quotes; a QUOTE left over behind them */
    OTHER_KEYS = 8,    /* "key", 'key', key=value */
    BARE_WORDS = 16,   /* unquoted text where the schema wants a string */
    INNER_QUOTES = 32, /* QUOTE for a quotation mark inside a string */
    NESTED_BODY = 64,  /* the arguments once more in braces: call:f{{...}}, call:f({...}) */
};

/* In this order; the first level whose arguments fit the schema wins. */
static const unsigned levels[] = {
    SPACES,
    SPACES | LITERALS,
    SPACES | LITERALS | OTHER_STRINGS,
    SPACES | LITERALS | OTHER_STRINGS | OTHER_KEYS,
    SPACES | LITERALS | OTHER_STRINGS | OTHER_KEYS | BARE_WORDS,
    SPACES | LITERALS | OTHER_STRINGS | OTHER_KEYS | BARE_WORDS | INNER_QUOTES,
    SPACES | LITERALS | OTHER_STRINGS | OTHER_KEYS | BARE_WORDS | INNER_QUOTES | NESTED_BODY,
};

enum { LITERAL_MAX = 400, MESSAGE_BYTES = 24 };

struct reader {
    const char *start, *at, *end;
    unsigned allow; /* tolerances */
    bool cut;
    int depth;
    unsigned notes;
    struct err *err; /* never NULL */
};

static json_t *read_value(struct reader *r, const json_t *schema, const json_t *siblings);

/* --- failing --- */

static json_t *fail(struct reader *r, const char *expected)
{
    if (r->at == r->end) {
        err_set(r->err, ERR_FORMAT, "%s: the arguments end where %s is expected",
                r->cut ? "truncated_args" : "early_close", expected);
    } else {
        char found[MESSAGE_BYTES + 1];
        size_t length = (size_t)(r->end - r->at);
        length = length < MESSAGE_BYTES ? length : MESSAGE_BYTES;
        for (size_t i = 0; i < length; i++) {
            found[i] = r->at[i] == CALL_ARGS_QUOTE ? '"' : r->at[i];
        }
        found[utf8_complete_length(found, length)] = '\0';
        err_set(r->err, ERR_FORMAT, "bad_args: expected %s at byte %zu, found '%s'", expected,
                (size_t)(r->at - r->start), found);
    }
    return NULL;
}

static json_t *fail_open_string(struct reader *r)
{
    err_set(r->err, ERR_FORMAT, "truncated_args: the last string is not closed");
    return NULL;
}

/* --- looking --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *after_spaces(const char *at, const char *end)
{
    while (at < end && is_space(*at)) {
        at++;
    }
    return at;
}

static void skip_spaces(struct reader *r)
{
    if (r->allow & SPACES) {
        r->at = after_spaces(r->at, r->end);
    }
}

static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool next_is(const struct reader *r, char c)
{
    return r->at < r->end && *r->at == c;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

/* Does a declared key and its colon stand here? */
static bool known_key_at(const struct reader *r, const char *at, const json_t *siblings)
{
    char name[CALL_ARGS_KEY_MAX + 1];
    size_t length = 0;
    while (at + length < r->end && length < CALL_ARGS_KEY_MAX && is_name_byte(at[length])) {
        name[length] = at[length];
        length++;
    }
    name[length] = '\0';
    at += length;
    return length > 0 && at < r->end && (*at == ':' || *at == '=') &&
           call_schema_member(siblings, name) != NULL;
}

/* May a string end before `at`? Yes where the end, a separator or a closer follows, or the next
 * declared key without its comma. */
static bool ends_before(const struct reader *r, const char *at, const json_t *siblings)
{
    at = after_spaces(at, r->end);
    return at == r->end || is_one_of(",}])", *at) || known_key_at(r, at, siblings);
}

/* Does text end in ",key:" with a declared key? Then what follows is that argument. */
static bool ends_in_known_key(const struct reader *r, const struct str *text,
                              const json_t *siblings)
{
    size_t start = text->length;
    if (start == 0 || text->data[start - 1] != ':') {
        return false;
    }
    start--;
    while (start > 0 && text->length - start <= CALL_ARGS_KEY_MAX &&
           is_name_byte(text->data[start - 1])) {
        start--;
    }
    struct reader tail = *r;
    tail.end = text->data + text->length;
    return start > 0 && text->data[start - 1] == ',' &&
           known_key_at(&tail, text->data + start, siblings);
}

/* --- strings --- */

static json_t *make_string(struct reader *r, const char *bytes, size_t length)
{
    json_t *string = json_stringn(bytes, length);
    if (string == NULL) {
        err_set(r->err, ERR_FORMAT, "bad_args: a string is not UTF-8");
    }
    return string;
}

/* At the byte after an opening QUOTE. */
static json_t *read_quoted(struct reader *r, const json_t *siblings)
{
    struct str text;
    json_t *string = NULL;
    bool open = true;
    str_init(&text);
    while (open) {
        const char *quote = memchr(r->at, (unsigned char)CALL_ARGS_QUOTE, (size_t)(r->end - r->at));
        if (quote == NULL) {
            fail_open_string(r);
            break;
        }
        str_append_bytes(&text, r->at, (size_t)(quote - r->at));
        r->at = quote + 1;
        open = (r->allow & INNER_QUOTES) && !ends_before(r, r->at, siblings);
        if (open && ends_in_known_key(r, &text, siblings)) {
            /* It opens the next argument: this string was never closed. */
            fail_open_string(r);
            break;
        }
        if (open) {
            str_append_char(&text, '"');
        }
    }
    if (!open) {
        string = make_string(r, text.data, text.length);
    }
    str_finish(&text);
    return string;
}

static uint32_t read_hex(const char *at, const char *end)
{
    uint32_t value = 0;
    if (end - at < 4) {
        return UTF8_INVALID;
    }
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = at[i] == '\0' ? NULL : strchr(digits, at[i]);
        if (digit == NULL) {
            return UTF8_INVALID;
        }
        value = value << 4 | (uint32_t)((digit - digits) % 16);
    }
    return value;
}

/* \uXXXX, also as a surrogate pair, at the 'u'. Appends the character; returns what it consumed, 0
 * when it is none. */
static size_t read_unicode_escape(struct str *out, const char *at, const char *end)
{
    char bytes[4];
    size_t used = 5;
    uint32_t c = read_hex(at + 1, end);
    if (c == UTF8_INVALID) {
        return 0;
    }
    if (c >= 0xD800 && c < 0xDC00 && end - at >= 11 && at[5] == '\\' && at[6] == 'u') {
        uint32_t low = read_hex(at + 7, end);
        if (low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            used = 11;
        }
    }
    /* A NUL would end the string for whoever reads it as one of C. */
    str_append_bytes(out, bytes, utf8_encode(c == 0 ? 0xFFFD : c, bytes));
    return used;
}

/* A JSON escape at the byte after the backslash; unknown ones stay as they are. */
static void read_escape(struct reader *r, struct str *out)
{
    static const char from[] = "\"\\/'`nrtbf", to[] = "\"\\/'`\n\r\t\b\f";
    const char *known = r->at < r->end && *r->at != '\0' ? strchr(from, *r->at) : NULL;
    size_t used = next_is(r, 'u') ? read_unicode_escape(out, r->at, r->end) : 0;
    if (known != NULL) {
        str_append_char(out, to[known - from]);
        used = 1;
    } else if (used == 0) {
        str_append_char(out, '\\');
    }
    r->at += used;
}

/* A string in quotation marks of another kind, at the byte after the opening one. Back quotes hold
 * raw text, the others escapes. A mark that nothing structural follows is part of the text. */
static json_t *read_other_string(struct reader *r, char mark, const json_t *siblings)
{
    struct str text;
    json_t *string = NULL;
    bool closed = false;
    str_init(&text);
    while (r->at < r->end && !closed) {
        char c = *r->at++;
        const char *next = next_is(r, CALL_ARGS_QUOTE) ? r->at + 1 : r->at;
        if (c == mark && (ends_before(r, r->at, siblings) || ends_before(r, next, siblings))) {
            r->at = ends_before(r, r->at, siblings) ? r->at : next;
            closed = true;
        } else if (c == '\\' && mark != '`') {
            read_escape(r, &text);
        } else {
            str_append_char(&text, c == CALL_ARGS_QUOTE ? '"' : c);
        }
    }
    if (closed) {
        string = make_string(r, text.data, text.length);
    } else {
        fail_open_string(r);
    }
    str_finish(&text);
    return string;
}

/* Unquoted text, up to a comma that a declared key follows (in an array: any comma), or to the
 * closer that balances. */
static json_t *read_bare_text(struct reader *r, const json_t *siblings)
{
    const char *start = r->at;
    int open = 0;
    for (; r->at < r->end; r->at++) {
        char c = *r->at;
        if (c == CALL_ARGS_QUOTE) {
            return fail(r, "no quote inside unquoted text");
        }
        if (c == ',' && open == 0 &&
            (siblings == NULL || known_key_at(r, after_spaces(r->at + 1, r->end), siblings))) {
            break;
        }
        bool closer = is_one_of("}])", c);
        if (closer && open == 0) {
            break;
        }
        open += is_one_of("{[(", c) - closer;
    }
    if (r->at == r->end && r->cut) {
        return fail_open_string(r);
    }
    const char *end = r->at;
    while (end > start && is_space(end[-1])) {
        end--;
    }
    if (end == start) {
        return fail(r, "a value");
    }
    return make_string(r, start, (size_t)(end - start));
}

/* --- literals --- */

/* A number in JSON's grammar, which forbids leading zeros; they are skipped here. Integers beyond
 * 64 bits are refused: no tool could take them exactly. */
static json_t *make_number(struct reader *r, const char *literal)
{
    struct str text;
    const char *digits = literal + (*literal == '-');
    str_init(&text);
    str_append(&text, *literal == '-' ? "-" : "");
    while (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') {
        digits++;
    }
    str_append(&text, digits);
    json_t *number = json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
    str_finish(&text);
    if (number == NULL) {
        err_set(r->err, ERR_LIMIT, "bad_args: the number %.40s is out of range", literal);
    }
    return number;
}

/* -?digits(.digits)?([eE][+-]?digits)?, in lenient mode also a leading '+', and no digits on one
 * side of the point. Writes it in the strict form. */
static bool normalize_number(const char *literal, bool lenient, struct str *out)
{
    const char *c = literal;
    if (*c == '-' || (*c == '+' && lenient)) {
        str_append(out, *c++ == '-' ? "-" : "");
    }
    size_t whole = strspn(c, "0123456789");
    str_append_bytes(out, whole > 0 ? c : "0", whole > 0 ? whole : 1);
    c += whole;
    size_t fraction = *c == '.' ? strspn(c + 1, "0123456789") : 0;
    if ((whole == 0 || (*c == '.' && fraction == 0)) && (!lenient || whole + fraction == 0)) {
        return false;
    }
    if (*c == '.') {
        str_append_char(out, '.');
        str_append_bytes(out, fraction > 0 ? c + 1 : "0", fraction > 0 ? fraction : 1);
        c += 1 + fraction;
    }
    if (*c == 'e' || *c == 'E') {
        size_t sign = c[1] == '+' || c[1] == '-';
        size_t exponent = strspn(c + 1 + sign, "0123456789");
        str_append_bytes(out, c, 1 + sign + exponent);
        c += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return *c == '\0';
}

static bool find_word(const char *literal, bool lenient, json_t **value)
{
    static const struct {
        const char *word;
        json_type type;
        bool lenient_only;
    } words[] = {
        {"true", JSON_TRUE, false}, {"false", JSON_FALSE, false}, {"null", JSON_NULL, false},
        {"none", JSON_NULL, true},  {"nil", JSON_NULL, true},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bool exact = strcmp(literal, words[i].word) == 0 && !words[i].lenient_only;
        if (exact || (lenient && strcasecmp(literal, words[i].word) == 0)) {
            bool is_null = words[i].type == JSON_NULL;
            *value = is_null ? json_null() : json_boolean(words[i].type == JSON_TRUE);
            return true;
        }
    }
    return false;
}

/* A number or word; *is_literal tells whether it was one, right or out of range. */
static json_t *read_literal(struct reader *r, bool *is_literal)
{
    char literal[LITERAL_MAX + 1];
    size_t length = 0;
    const char *at = r->at;
    while (at < r->end && *at != '\0' && *at != CALL_ARGS_QUOTE && !is_space(*at) &&
           !is_one_of(",:{}[]()", *at) && length < LITERAL_MAX) {
        literal[length++] = *at++;
    }
    literal[length] = '\0';
    bool lenient = (r->allow & LITERALS) != 0;
    json_t *value = NULL;
    struct str number;
    str_init(&number);
    *is_literal = find_word(literal, lenient, &value);
    if (!*is_literal && normalize_number(literal, lenient, &number)) {
        *is_literal = true;
        value = make_number(r, number.data);
    }
    str_finish(&number);
    r->at = value != NULL ? at : r->at;
    return value;
}

/* --- keys, members, items --- */

static bool key_fits(struct reader *r, size_t length)
{
    return length <= CALL_ARGS_KEY_MAX ||
           err_set(r->err, ERR_LIMIT, "bad_args: a key of %zu bytes, at most %d are allowed",
                   length, CALL_ARGS_KEY_MAX);
}

/* The key as a JSON string, or NULL. */
static json_t *read_key(struct reader *r)
{
    const char *start = r->at;
    char mark = start < r->end ? *start : '\0';
    bool other = (r->allow & OTHER_KEYS) && (mark == '"' || mark == '\'');
    if (mark == CALL_ARGS_QUOTE || other) {
        const char *end = memchr(start + 1, (unsigned char)mark, (size_t)(r->end - start - 1));
        if (end == NULL) {
            return fail_open_string(r);
        }
        size_t length = (size_t)(end - start - 1);
        r->at = end + 1;
        bool clean = memchr(start + 1, (unsigned char)CALL_ARGS_QUOTE, length) == NULL &&
                     memchr(start + 1, '\0', length) == NULL;
        if (!clean) {
            return fail(r, "a key without quotes in it");
        }
        return key_fits(r, length) ? make_string(r, start + 1, length) : NULL;
    }
    while (r->at < r->end && is_name_byte(*r->at)) {
        r->at++;
    }
    size_t length = (size_t)(r->at - start);
    if (!key_fits(r, length)) {
        return NULL;
    }
    if (!chat_value_is_name(start, length)) {
        r->at = length > 0 ? start : r->at;
        return fail(r, "a key");
    }
    return make_string(r, start, length);
}

static bool read_member(struct reader *r, json_t *object, const json_t *schema)
{
    json_t *key = read_key(r);
    if (key == NULL) {
        return false;
    }
    const char *name = json_string_value(key);
    skip_spaces(r);
    if (!next_is(r, ':') && !(next_is(r, '=') && (r->allow & OTHER_KEYS))) {
        fail(r, "':' after a key");
        json_decref(key);
        return false;
    }
    r->at++;
    skip_spaces(r);
    json_t *value = read_value(r, call_schema_member(schema, name), schema);
    if (value == NULL) {
        json_decref(key);
        return false;
    }
    if (json_object_get(object, name) != NULL) {
        r->notes |= CALL_ARGS_DUPLICATE_KEY;
        json_decref(value);
    } else {
        json_object_set_new(object, name, value);
    }
    json_decref(key);
    return true;
}

/* Between two members or items: 1 = go on, 0 = the container is closed, -1 = an error. `first`: no
 * member was read yet. A trailing comma and a missing closer at the end are tolerable. */
static int read_separator(struct reader *r, const json_t *schema, char closer, bool first)
{
    skip_spaces(r);
    bool comma = !first && next_is(r, ',');
    if (comma) {
        r->at++;
        skip_spaces(r);
    }
    if (next_is(r, closer) && (!comma || (r->allow & SPACES))) {
        r->at++;
        return 0;
    }
    if (r->at == r->end && (r->allow & SPACES) && !(first && r->cut)) {
        return 0;
    }
    if (first || comma) {
        return 1;
    }
    /* The comma between two members may be missing where inner quotes are looked for, because there
     * a string was ended by the key that follows. */
    if ((r->allow & INNER_QUOTES) && closer != ']' && known_key_at(r, r->at, schema)) {
        return 1;
    }
    fail(r, closer == ']' ? "',' or ']'" : "',' or '}'");
    return -1;
}

static json_t *read_members(struct reader *r, const json_t *schema, char closer)
{
    json_t *object = json_object();
    for (bool first = true;; first = false) {
        int more = read_separator(r, schema, closer, first);
        if (more == 0) {
            return object;
        }
        if (more < 0 || !read_member(r, object, schema)) {
            json_decref(object);
            return NULL;
        }
    }
}

static json_t *read_items(struct reader *r, const json_t *schema)
{
    json_t *array = json_array();
    for (bool first = true;; first = false) {
        int more = read_separator(r, schema, ']', first);
        if (more == 0) {
            return array;
        }
        json_t *item = more < 0 ? NULL : read_value(r, call_schema_items(schema), NULL);
        if (item == NULL) {
            json_decref(array);
            return NULL;
        }
        json_array_append_new(array, item);
    }
}

static json_t *read_container(struct reader *r, const json_t *schema)
{
    if (r->depth == CALL_ARGS_DEPTH) {
        err_set(r->err, ERR_LIMIT, "bad_args: nested deeper than %d", CALL_ARGS_DEPTH);
        return NULL;
    }
    bool is_object = *r->at++ == '{';
    r->depth++;
    json_t *value = is_object ? read_members(r, schema, '}') : read_items(r, schema);
    r->depth--;
    return value;
}

/* `siblings` is the schema of the object that the value is a member of; NULL in an array. */
static json_t *read_value(struct reader *r, const json_t *schema, const json_t *siblings)
{
    char c = r->at < r->end ? *r->at : '\0';
    bool wants_string = call_schema_names_type(schema, "string");
    if (c == CALL_ARGS_QUOTE) {
        r->at++;
        return read_quoted(r, siblings);
    }
    if ((r->allow & OTHER_STRINGS) && (c == '"' || c == '\'' || c == '`')) {
        r->at++;
        return read_other_string(r, c, siblings);
    }
    if ((c == '{' || c == '[') && !(wants_string && (r->allow & BARE_WORDS))) {
        return read_container(r, schema);
    }
    if (wants_string && (r->allow & BARE_WORDS)) {
        return read_bare_text(r, siblings);
    }
    bool is_literal;
    json_t *value = read_literal(r, &is_literal);
    return is_literal ? value : fail(r, "a value");
}

/* --- the whole --- */

/* After the closing brace: white space and more closers do no harm, anything else does. */
static bool read_tail(struct reader *r)
{
    for (; r->at < r->end; r->at++) {
        bool quote = *r->at == CALL_ARGS_QUOTE && (r->allow & OTHER_STRINGS);
        if (*r->at == '}' || *r->at == ')' || quote) {
            r->notes |= CALL_ARGS_EXTRA_CLOSE;
        } else if (!is_space(*r->at)) {
            fail(r, "nothing after the arguments");
            return err_prefix(r->err, "junk_after_args");
        }
    }
    return true;
}

static json_t *read_body(struct reader *r, const struct call_args_options *options)
{
    char closer = options->paren ? ')' : '}';
    json_t *arguments = NULL;
    const char *inner = after_spaces(r->at, r->end);
    if ((r->allow & NESTED_BODY) && inner < r->end && *inner == '{') {
        r->at = inner;
        arguments = read_container(r, options->schema);
    } else {
        arguments = read_members(r, options->schema, closer);
    }
    if (arguments != NULL && !read_tail(r)) {
        json_decref(arguments);
        return NULL;
    }
    return arguments;
}

/* How much of a string is left when its end spells ",key:" or "`,key:" and key is an argument that
 * is not in `seen`, so comes later: the string ran on into the next argument. */
static size_t length_without_tail(const char *text, size_t length, const json_t *arguments,
                                  const json_t *seen)
{
    char name[CALL_ARGS_KEY_MAX + 1];
    if (length == 0 || text[length - 1] != ':') {
        return length;
    }
    size_t start = length - 1;
    while (start > 0 && is_name_byte(text[start - 1])) {
        start--;
    }
    size_t size = length - 1 - start;
    if (size == 0 || size > CALL_ARGS_KEY_MAX || start == 0 || text[start - 1] != ',') {
        return length;
    }
    memcpy(name, text + start, size);
    name[size] = '\0';
    if (json_object_get(arguments, name) == NULL || json_object_get(seen, name) != NULL) {
        return length;
    }
    size_t kept = start - 1;
    return kept > 0 && text[kept - 1] == '`' ? kept - 1 : kept;
}

static bool cut_tails(json_t *arguments)
{
    json_t *seen = json_object(), *cut = json_object();
    const char *key;
    json_t *value;
    json_object_foreach(arguments, key, value)
    {
        const char *text = json_string_value(value);
        size_t length = json_string_length(value);
        json_object_set(seen, key, value);
        size_t kept = text == NULL ? 0 : length_without_tail(text, length, arguments, seen);
        if (text != NULL && kept < length) {
            json_object_set_new(cut, key, json_stringn(text, kept));
        }
    }
    json_object_update(arguments, cut);
    bool any = json_object_size(cut) > 0;
    json_decref(seen);
    json_decref(cut);
    return any;
}

/* One try. `judged`: the grammar took it and `err` is the schema's word on it. */
static bool try_level(const char *body, size_t length, const struct call_args_options *options,
                      unsigned allow, json_t **arguments, unsigned *notes, bool *judged,
                      struct err *err)
{
    struct reader reader = {.start = body,
                            .at = body,
                            .end = body + length,
                            .allow = allow,
                            .cut = options->cut,
                            .err = err};
    json_t *read = read_body(&reader, options);
    *judged = read != NULL;
    if (read == NULL) {
        return false;
    }
    bool dropped = false, repaired = allow != 0;
    if (options->lenient) {
        repaired |= cut_tails(read);
    }
    read = call_schema_fit(options->schema, read, options->lenient, &dropped);
    if (!call_schema_check(options->schema, read, err)) {
        json_decref(read);
        return err_prefix(err, "bad_arguments");
    }
    *arguments = read;
    *notes = reader.notes | (dropped ? CALL_ARGS_DROPPED : 0) | (repaired ? CALL_ARGS_REPAIRED : 0);
    return true;
}

bool call_args_parse(const char *body, size_t length, const struct call_args_options *options,
                     json_t **arguments, unsigned *notes, struct err *err)
{
    struct err first, later;
    bool judged;
    if (length > CALL_ARGS_MAX) {
        return err_set(err, ERR_LIMIT, "bad_args: arguments of %zu bytes, at most %d are allowed",
                       length, CALL_ARGS_MAX);
    }
    if (try_level(body, length, options, 0, arguments, notes, &judged, &first)) {
        return true;
    }
    for (size_t i = 0; options->lenient && i < sizeof levels / sizeof *levels; i++) {
        bool was_judged = judged;
        if (try_level(body, length, options, levels[i], arguments, notes, &judged, &later)) {
            return true;
        }
        /* What the schema says of arguments that could be read tells more than the grammar does. */
        if (judged && !was_judged) {
            first = later;
        }
        judged = judged || was_judged;
    }
    if (err != NULL) {
        *err = first;
    }
    return false;
}
