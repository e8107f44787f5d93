/* foreign_tools: a small translator of JSON Schema.
 *
 * Of a schema these words are understood: type (also a list with "null"), description, enum of
 * strings, properties, required, items, anyOf/oneOf of which the first usable one is taken, and a
 * $ref into $defs or definitions of the same schema. A tool that needs what is not among them is
 * refused with the reason; the server checks its arguments itself, so what is dropped (bounds,
 * patterns) costs at most an error that the model reads.
 *
 * A $ref is translated anew wherever it stands, so a few hundred bytes can name millions of
 * schemas: all that are looked at for one tool are counted, and of each list of a schema only a
 * beginning is read.
 */
#include "agent/foreign_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment/result_picture.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "chat/declaration.h"

/* So many schemas are looked at for one tool; what fits into its declaration is fewer. Of words for
 * types there are seven. */
enum { NODES_MAX = 256, TYPES_MAX = 8 };

/* So many blocks of a result that cannot be shown are told of one by one. */
enum { NOT_SHOWN_MAX = 16 };

struct translation {
    const json_t *root; /* what $ref counts from */
    size_t *nodes;      /* looked at so far, for the whole tool */
    struct err *err;
};

static json_t *translate(const struct translation *t, const json_t *schema, int depth);

/* --- texts --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One line, cut, nothing hidden, and nothing that reads like a mark of the prompt's format. */
static json_t *plain_text(const json_t *text, size_t limit)
{
    struct str line, safe;
    const char *bytes = json_string_value(text);
    size_t length = json_string_length(text);
    bool cut = length > limit;
    str_init(&line);
    str_init(&safe);
    length = cut ? utf8_complete_length(bytes, limit) : length;
    for (size_t i = 0; i < length; i++) {
        if (!is_blank(bytes[i])) {
            str_append_char(&line, bytes[i]);
        } else if (line.length > 0 && line.data[line.length - 1] != ' ') {
            str_append_char(&line, ' ');
        }
        bool mark = i + 1 < length && ((bytes[i] == '<' && bytes[i + 1] == '|') ||
                                       (bytes[i] == '|' && bytes[i + 1] == '>'));
        str_append(&line, mark ? " " : "");
    }
    str_append(&line, cut ? " ..." : "");
    visible_append(&safe, line.data, line.length, VISIBLE_APPROVAL);
    json_t *made = json_stringn(safe.data, safe.length);
    str_finish(&line);
    str_finish(&safe);
    return made;
}

static void describe(json_t *made, const json_t *schema)
{
    const json_t *text = json_object_get(schema, "description");
    if (json_is_string(text) && json_string_length(text) > 0) {
        json_object_set_new(made, "description", plain_text(text, FOREIGN_DESCRIPTION_MAX / 2));
    }
}

static bool is_name(const char *name, size_t limit)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789_-");
    return length > 0 && length <= limit && name[length] == '\0';
}

/* --- schemas --- */

/* "#/$defs/NAME" in the tool's own schema; NULL for every other reference. */
static const json_t *follow(const struct translation *t, const char *reference)
{
    static const char *const places[] = {"$defs", "definitions"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t length = strlen(places[i]);
        if (str_starts_with(reference, "#/") && strncmp(reference + 2, places[i], length) == 0 &&
            reference[2 + length] == '/') {
            return json_object_get(json_object_get(t->root, places[i]), reference + 3 + length);
        }
    }
    return NULL;
}

/* The type that a schema names, "null" left out; NULL when it names none that we know. */
static const char *type_of(const json_t *schema)
{
    static const char *const types[] = {"string",  "integer", "number",
                                        "boolean", "array",   "object"};
    const json_t *type = json_object_get(schema, "type");
    const char *found = json_string_value(type);
    size_t i;
    json_t *item;
    json_array_foreach(type, i, item)
    {
        const char *name = json_string_value(item);
        if (i == TYPES_MAX || found != NULL) {
            break;
        }
        found = name != NULL && strcmp(name, "null") != 0 ? name : NULL;
    }
    if (found == NULL && json_is_object(json_object_get(schema, "properties"))) {
        found = "object";
    }
    if (found == NULL && json_is_array(json_object_get(schema, "enum"))) {
        found = "string";
    }
    for (i = 0; found != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i], found) == 0) {
            return types[i];
        }
    }
    return NULL;
}

/* The first alternative that has a type of its own, if it is among the first of them. */
static const json_t *alternative(const struct translation *t, const json_t *schema)
{
    static const char *const words[] = {"anyOf", "oneOf", "allOf"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(schema, words[w]), i, item)
        {
            const char *reference = json_string_value(json_object_get(item, "$ref"));
            if (i == FOREIGN_MEMBERS_MAX) {
                break;
            }
            if (type_of(item) != NULL || (reference != NULL && follow(t, reference) != NULL)) {
                return item;
            }
        }
    }
    return NULL;
}

static bool is_choice(const json_t *item)
{
    const char *text = json_string_value(item);
    if (text == NULL || json_string_length(item) > 64 || text[0] == '\0' ||
        strlen(text) != json_string_length(item) || strpbrk(text, "<>|\"\\") != NULL) {
        return false;
    }
    struct str safe;
    str_init(&safe);
    visible_append(&safe, text, strlen(text), VISIBLE_APPROVAL);
    bool same = strcmp(safe.data, text) == 0;
    str_finish(&safe);
    return same;
}

/* A list of choices only when all of it can be told; else the type alone. */
static void add_choices(json_t *made, const json_t *schema)
{
    json_t *choices = json_object_get(schema, "enum");
    bool all = json_array_size(choices) > 0 && json_array_size(choices) <= 64;
    size_t i;
    for (i = 0; all && i < json_array_size(choices); i++) {
        all = is_choice(json_array_get(choices, i));
    }
    if (all) {
        json_object_set(made, "enum", choices);
    }
}

static void add_required(json_t *made, const json_t *schema, const json_t *members)
{
    json_t *required = json_array(), *value;
    size_t i;
    json_array_foreach(json_object_get(schema, "required"), i, value)
    {
        if (json_is_string(value) && json_object_get(members, json_string_value(value)) != NULL) {
            json_array_append(required, value);
        }
    }
    if (json_array_size(required) > 0) {
        json_object_set(made, "required", required);
    }
    json_decref(required);
}

static bool is_required(const json_t *schema, const char *name)
{
    json_t *value;
    size_t i;
    json_array_foreach(json_object_get(schema, "required"), i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), name) == 0) {
            return true;
        }
    }
    return false;
}

/* The tool is declared without the argument, and says so: in `err` the names stand one behind the
 * other. */
static void leave_out(struct err *err, const char *name)
{
    size_t length = strlen(err->text);
    if (err->code == ERR_NONE) {
        err_set(err, ERR_FORMAT, "is declared without arguments whose type is not told: %s", name);
    } else {
        snprintf(err->text + length, sizeof err->text - length, ", %s", name);
    }
}

/* What was left out further within. */
static void pass_on(struct err *err, const struct err *within)
{
    if (within->code != ERR_NONE && err->code == ERR_NONE) {
        *err = *within;
    } else if (within->code != ERR_NONE) {
        leave_out(err, "...");
    }
}

static bool add_members(const struct translation *t, json_t *made, const json_t *schema, int depth)
{
    json_t *properties = json_object_get(schema, "properties"), *members = json_object(), *value;
    json_object_set_new(made, "properties", members);
    if (json_object_size(properties) > FOREIGN_MEMBERS_MAX ||
        json_array_size(json_object_get(schema, "required")) > FOREIGN_MEMBERS_MAX) {
        return err_set(t->err, ERR_LIMIT, "it has more than %d arguments", FOREIGN_MEMBERS_MAX);
    }
    const char *name;
    json_object_foreach(properties, name, value)
    {
        if (!is_name(name, FOREIGN_NAME_MAX)) {
            return err_set(t->err, ERR_FORMAT,
                           "the name of an argument is not of letters, digits, _ and -");
        }
        struct err unfit = {0};
        struct translation tried = {t->root, t->nodes, &unfit};
        json_t *member = translate(&tried, value, depth + 1);
        if (member != NULL) {
            json_object_set_new(members, name, member);
            pass_on(t->err, &unfit);
        } else if (unfit.code == ERR_FORMAT && !is_required(schema, name)) {
            leave_out(t->err, name);
        } else {
            *t->err = unfit;
            return false;
        }
    }
    add_required(made, schema, members);
    return true;
}

static bool fill(const struct translation *t, json_t *made, const json_t *schema, const char *type,
                 int depth)
{
    json_object_set_new(made, "type", json_string(type));
    if (strcmp(type, "object") == 0) {
        return add_members(t, made, schema, depth);
    }
    if (strcmp(type, "string") == 0) {
        add_choices(made, schema);
    }
    const json_t *items = json_object_get(schema, "items");
    if (strcmp(type, "array") == 0 && json_is_object(items) && json_object_size(items) > 0) {
        json_t *item = translate(t, items, depth + 1);
        if (item == NULL) {
            return false;
        }
        json_object_set_new(made, "items", item);
    }
    return true;
}

static json_t *translate(const struct translation *t, const json_t *schema, int depth)
{
    if (depth > FOREIGN_DEPTH_MAX) {
        err_set(t->err, ERR_LIMIT, "its arguments are nested more than %d deep", FOREIGN_DEPTH_MAX);
        return NULL;
    }
    if (++*t->nodes > NODES_MAX) {
        err_set(t->err, ERR_LIMIT, "its arguments and what they refer to are more than %d",
                NODES_MAX);
        return NULL;
    }
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    const json_t *other = reference != NULL ? follow(t, reference) : NULL;
    const char *type = type_of(schema);
    if (type == NULL && other == NULL) {
        other = alternative(t, schema);
    }
    if (type == NULL && other == NULL) {
        err_set(t->err, ERR_FORMAT, "the type of an argument is not told");
        return NULL;
    }
    json_t *made = type == NULL ? translate(t, other, depth + 1) : json_object();
    if (made == NULL || (type != NULL && !fill(t, made, schema, type, depth))) {
        json_decref(made);
        return NULL;
    }
    describe(made, schema);
    return made;
}

/* --- tools --- */

/* Beside what the prompt has, so that it is compared with the rest after a restart. */
static const char original_key[] = "server's name";

static bool make_name(const char *server, const json_t *tool, char name[FOREIGN_NAME_MAX + 1],
                      struct err *err)
{
    const char *given = json_string_value(tool);
    struct str made;
    if (given == NULL || strlen(given) != json_string_length(tool) ||
        strlen(given) > FOREIGN_NAME_MAX) {
        return err_set(err, ERR_FORMAT, "its name is not of letters, digits, _, - and .");
    }
    str_init(&made);
    str_append_format(&made, "mcp__%s__", server);
    for (const char *at = given; *at != '\0'; at++) {
        str_append_char(&made, *at == '.' ? '_' : *at);
    }
    if (!is_name(made.data + strlen("mcp__") + strlen(server) + strlen("__"), FOREIGN_NAME_MAX)) {
        str_finish(&made);
        return err_set(err, ERR_FORMAT, "its name is not of letters, digits, _, - and .");
    }
    bool fits = made.length <= FOREIGN_NAME_MAX;
    if (fits) {
        memcpy(name, made.data, made.length + 1);
    }
    str_finish(&made);
    return fits || err_set(err, ERR_LIMIT, "its name with the server's is longer than %d",
                           FOREIGN_NAME_MAX);
}

json_t *foreign_tools_declare(const char *server, const json_t *tool, struct err *err)
{
    char name[FOREIGN_NAME_MAX + 1];
    const json_t *description = json_object_get(tool, "description");
    size_t nodes = 0;
    struct translation t = {json_object_get(tool, "inputSchema"), &nodes, err};
    if (!make_name(server, json_object_get(tool, "name"), name, err)) {
        return NULL;
    }
    json_t *parameters = json_pack("{s:s}", "type", "object");
    json_t *function = json_pack("{s:s}", "name", name);
    json_object_set_new(function, "description",
                        json_is_string(description)
                            ? plain_text(description, FOREIGN_DESCRIPTION_MAX)
                            : json_string("(its server does not say what it does)"));
    json_object_set(function, "parameters", parameters);
    json_t *declaration = json_pack("{s:s, s:o}", "type", "function", "function", function);
    bool ok = add_members(&t, parameters, t.root, 0) && chat_declaration_check(declaration, err);
    json_decref(parameters);
    if (ok && json_dumpb(declaration, NULL, 0, JSON_COMPACT) > FOREIGN_DECLARATION_MAX) {
        ok = err_set(err, ERR_LIMIT, "what it says of itself is longer than %d bytes",
                     FOREIGN_DECLARATION_MAX);
    }
    if (!ok) {
        json_decref(declaration);
        return NULL;
    }
    const char *given = json_string_value(json_object_get(tool, "name"));
    if (strchr(given, '.') != NULL) {
        json_object_set_new(declaration, original_key, json_string(given));
    }
    return declaration;
}

const char *foreign_tools_original(const json_t *declaration)
{
    const char *original = json_string_value(json_object_get(declaration, original_key));
    const char *name = foreign_tools_name(declaration) + strlen("mcp__");
    return original != NULL ? original : strstr(name, "__") + strlen("__");
}

json_t *foreign_tools_for_prompt(const json_t *declaration)
{
    json_t *plain = json_copy((json_t *)declaration);
    json_object_del(plain, original_key);
    return plain;
}

const char *foreign_tools_name(const json_t *declaration)
{
    return json_string_value(json_object_get(json_object_get(declaration, "function"), "name"));
}

json_t *foreign_tools_find(const json_t *declarations, const char *name)
{
    size_t i;
    json_t *declaration;
    json_array_foreach(declarations, i, declaration)
    {
        if (strcmp(foreign_tools_name(declaration), name) == 0) {
            return declaration;
        }
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(foreign_tools_name(*(json_t *const *)a), foreign_tools_name(*(json_t *const *)b));
}

json_t *foreign_tools_sorted(const json_t *declarations)
{
    size_t count = json_array_size(declarations), i;
    json_t **items = mem_zero(count + 1, sizeof *items);
    json_t *result = json_array(), *declaration;
    json_array_foreach(declarations, i, declaration)
    {
        items[i] = declaration;
    }
    qsort(items, count, sizeof *items, by_name);
    for (i = 0; i < count; i++) {
        json_array_append(result, items[i]);
    }
    mem_free(items);
    return result;
}

/* --- results --- */

static void begin_line(struct str *text)
{
    str_append(text, text->length > 0 && text->data[text->length - 1] != '\n' ? "\n" : "");
}

/* `picture`: the block that goes with the result as a picture. False: it cannot be shown, and
 * stands for nothing. */
static bool append_block(struct str *text, const json_t *block, const json_t *picture)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    const json_t *piece = json_object_get(block, "text");
    if (!json_is_string(piece)) {
        piece = json_object_get(json_object_get(block, "resource"), "text");
    }
    const char *uri = json_string_value(json_object_get(block, "uri"));
    begin_line(text);
    if (json_is_string(piece)) {
        str_append_bytes(text, json_string_value(piece), json_string_length(piece));
    } else if (block == picture) {
        str_append(text, "(a picture)");
    } else if (type != NULL && strcmp(type, "resource_link") == 0 && uri != NULL) {
        const char *name = json_string_value(json_object_get(block, "name"));
        str_append_format(text, "%s (%s)", name != NULL ? name : "a resource", uri);
    } else {
        return false;
    }
    return true;
}

/* A block that is two bytes long in the line is twenty in words: after some they are counted. */
static void append_content(struct str *text, const json_t *content, const json_t *picture)
{
    size_t i, not_shown = 0;
    json_t *block;
    json_array_foreach(content, i, block)
    {
        const char *type = json_string_value(json_object_get(block, "type"));
        if (!append_block(text, block, picture) && ++not_shown <= NOT_SHOWN_MAX) {
            str_append_format(text, "[%.32s: not shown]", type != NULL ? type : "a block");
        }
    }
    if (not_shown > NOT_SHOWN_MAX) {
        begin_line(text);
        str_append_format(text, "[%zu more blocks: not shown]", not_shown - NOT_SHOWN_MAX);
    }
}

/* A NUL would end the text in some places and not in others. */
static void append_repaired(struct str *out, const struct str *text)
{
    size_t start = 0;
    for (size_t i = 0; i < text->length; i++) {
        if (text->data[i] == '\0') {
            utf8_append_repaired(out, text->data + start, i - start);
            str_append(out, "\xEF\xBF\xBD");
            start = i + 1;
        }
    }
    utf8_append_repaired(out, text->data + start, text->length - start);
}

json_t *foreign_tools_result(const json_t *result, size_t limit, bool *failed)
{
    struct str text, repaired;
    const char *kind = json_string_value(json_object_get(result, "resultType"));
    json_t *structured = json_object_get(result, "structuredContent");
    str_init(&text);
    str_init(&repaired);
    *failed = json_is_true(json_object_get(result, "isError"));
    append_content(&text, json_object_get(result, "content"),
                   *failed ? NULL : result_picture_find(result));
    if (text.length == 0 && structured != NULL) {
        char *dump = json_dumps(structured, JSON_COMPACT | JSON_ENCODE_ANY);
        str_append(&text, dump != NULL ? dump : "");
        free(dump);
    }
    if (kind != NULL && strcmp(kind, "complete") != 0) {
        str_clear(&text);
        str_append(&text, "error: the server asks for more before it answers; carat gives nothing "
                          "but the arguments");
        *failed = true;
    } else if (structured == NULL && !json_is_array(json_object_get(result, "content"))) {
        str_append(&text, "error: the server sent a result without content");
        *failed = true;
    }
    append_repaired(&repaired, &text);
    bool cut = repaired.length > limit;
    size_t shown = cut ? utf8_complete_length(repaired.data, limit) : repaired.length;
    json_t *response = json_pack("{s:s%}", "output", repaired.data, shown);
    if (cut) {
        json_object_set_new(response, "whole", json_stringn(repaired.data, repaired.length));
    }
    str_finish(&text);
    str_finish(&repaired);
    return response;
}
