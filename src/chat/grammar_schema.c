/* grammar_schema: JSON Schemas become nodes.
 *
 * A node is made before what its schema contains is read, and schemas are recognised by their
 * address, so a $ref that leads back to an open schema finds its node: recursion ends there. What
 * is not understood allows any value: a grammar may be too wide (the tool checks again), never too
 * narrow.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/call_schema.h"
#include "chat/grammar.h"
#include "chat/grammar_graph.h"
#include "chat/grammar_json.h"
#include "chat/value.h"

enum { SCHEMA_DEPTH_MAX = 256 };

struct builder {
    struct grammar *grammar;
    const json_t *root; /* what $ref counts from */
    size_t first_node;  /* of this root */
    int depth;
    struct err *err;
};

static bool fill(struct builder *b, uint32_t node, const json_t *schema);

static struct grammar_node *node_of(struct builder *b, uint32_t node)
{
    return &b->grammar->nodes[node];
}

/* The node of a schema, made now or before; false and *err when a limit is reached. */
static bool compile(struct builder *b, const json_t *schema, uint32_t *node)
{
    for (size_t i = b->first_node; i < b->grammar->count; i++) {
        if (b->grammar->nodes[i].source == schema) {
            *node = (uint32_t)i;
            return true;
        }
    }
    if (b->depth == SCHEMA_DEPTH_MAX) {
        return err_set(b->err, ERR_LIMIT, "a schema nested deeper than %d", SCHEMA_DEPTH_MAX);
    }
    uint32_t made = grammar_graph_add(b->grammar, schema, b->err);
    if (made == GRAMMAR_NO_NODE) {
        return false;
    }
    b->depth++;
    bool good = fill(b, made, schema);
    b->depth--;
    *node = made;
    return good;
}

static bool compile_alternative(struct builder *b, uint32_t node, const json_t *schema)
{
    uint32_t alternative;
    if (!compile(b, schema, &alternative)) {
        return false;
    }
    grammar_graph_add_alternative(node_of(b, node), alternative);
    return true;
}

/* --- literals --- */

static bool add_bare(struct builder *b, uint32_t node, const char *text)
{
    return grammar_graph_literal(&node_of(b, node)->bare, text, strlen(text), b->err);
}

static bool add_string(struct builder *b, uint32_t node, const json_t *value)
{
    struct str spelled;
    str_init(&spelled);
    if (b->grammar->json) {
        grammar_json_escape(&spelled, json_string_value(value), json_string_length(value));
    } else {
        str_append_bytes(&spelled, json_string_value(value), json_string_length(value));
    }
    bool good =
        grammar_graph_literal(&node_of(b, node)->strings, spelled.data, spelled.length, b->err);
    str_finish(&spelled);
    return good;
}

static bool names_a_type(const json_t *schema)
{
    return json_object_get(schema, "type") != NULL;
}

/* One value of an enumeration; those that the type rules out are left out. */
static bool add_value(struct builder *b, uint32_t node, const json_t *schema, const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "integer", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
        [JSON_FALSE] = "boolean",   [JSON_NULL] = "null",
    };
    char text[CHAT_REAL_SIZE];
    bool whole = json_is_integer(value) && call_schema_names_type(schema, "number");
    if (names_a_type(schema) && !whole &&
        !call_schema_names_type(schema, names[json_typeof(value)])) {
        return true;
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        return add_string(b, node, value);
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return add_bare(b, node, text);
    case JSON_REAL:
        chat_value_format_real(json_real_value(value), text);
        return add_bare(b, node, text);
    case JSON_TRUE:
        return add_bare(b, node, "true");
    case JSON_FALSE:
        return add_bare(b, node, "false");
    case JSON_NULL:
        return add_bare(b, node, "null");
    default: /* an object or array: any, and its place is checked afterwards */
        grammar_graph_add_alternative(node_of(b, node), GRAMMAR_ANY);
        return true;
    }
}

static bool add_enumeration(struct builder *b, uint32_t node, const json_t *schema)
{
    const json_t *constant = json_object_get(schema, "const");
    if (constant != NULL) {
        return add_value(b, node, schema, constant);
    }
    const json_t *values = json_object_get(schema, "enum");
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (!add_value(b, node, schema, json_array_get(values, i))) {
            return false;
        }
    }
    return true;
}

/* --- objects and arrays --- */

static bool add_object(struct builder *b, uint32_t node, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    const json_t *additional = json_object_get(schema, "additionalProperties");
    const char *key;
    json_t *member;
    uint32_t value;
    node_of(b, node)->kinds |= GRAMMAR_KIND_OBJECT;
    json_object_foreach((json_t *)properties, key, member)
    {
        if (!compile(b, member, &value)) {
            return false;
        }
        struct grammar_node *object = node_of(b, node);
        grammar_graph_member(object, key, strlen(key))->node = value;
    }
    for (size_t i = 0; i < json_array_size(required); i++) {
        const json_t *name = json_array_get(required, i);
        if (json_is_string(name)) {
            struct grammar_node *object = node_of(b, node);
            struct grammar_member *declared =
                grammar_graph_member(object, json_string_value(name), json_string_length(name));
            declared->required = true;
            declared->node = declared->node == GRAMMAR_NO_NODE ? GRAMMAR_ANY : declared->node;
        }
    }
    bool open = json_is_true(additional) || (additional == NULL && !json_is_object(properties));
    value = open ? GRAMMAR_ANY : GRAMMAR_NO_NODE;
    if (json_is_object(additional) && !compile(b, additional, &value)) {
        return false;
    }
    node_of(b, node)->additional = value;
    return true;
}

static uint32_t read_count(const json_t *value, uint32_t otherwise)
{
    json_int_t count = json_integer_value(value);
    return !json_is_integer(value) || count < 0 || count >= UINT32_MAX ? otherwise
                                                                       : (uint32_t)count;
}

static bool add_array(struct builder *b, uint32_t node, const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items");
    uint32_t item = GRAMMAR_ANY;
    if ((json_is_object(items) || json_is_boolean(items)) && !compile(b, items, &item)) {
        return false;
    }
    struct grammar_node *array = node_of(b, node);
    array->kinds |= GRAMMAR_KIND_ARRAY;
    array->item = item;
    array->min_items = read_count(json_object_get(schema, "minItems"), 0);
    array->max_items = read_count(json_object_get(schema, "maxItems"), GRAMMAR_NO_LIMIT);
    return true;
}

/* --- types --- */

static bool add_type(struct builder *b, uint32_t node, const json_t *schema, const char *type)
{
    static const struct {
        const char *name;
        unsigned kind;
    } scalars[] = {{"string", GRAMMAR_KIND_STRING},
                   {"integer", GRAMMAR_KIND_INTEGER},
                   {"number", GRAMMAR_KIND_NUMBER}};
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        if (strcasecmp(type, scalars[i].name) == 0) {
            node_of(b, node)->kinds |= scalars[i].kind;
            return true;
        }
    }
    if (strcasecmp(type, "boolean") == 0) {
        return add_bare(b, node, "true") && add_bare(b, node, "false");
    }
    if (strcasecmp(type, "null") == 0) {
        return add_bare(b, node, "null");
    }
    if (strcasecmp(type, "object") == 0) {
        return add_object(b, node, schema);
    }
    if (strcasecmp(type, "array") == 0) {
        return add_array(b, node, schema);
    }
    grammar_graph_add_alternative(node_of(b, node), GRAMMAR_ANY);
    return true;
}

static bool add_types(struct builder *b, uint32_t node, const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    if (json_is_string(type)) {
        return add_type(b, node, schema, json_string_value(type));
    }
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *name = json_string_value(json_array_get(type, i));
        if (name != NULL && !add_type(b, node, schema, name)) {
            return false;
        }
    }
    return true;
}

/* anyOf, oneOf, or an allOf of one: the array, or NULL. */
static const json_t *alternatives_of(const json_t *schema)
{
    static const char *const keys[] = {"anyOf", "oneOf", "allOf"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *list = json_object_get(schema, keys[i]);
        if (json_array_size(list) == 1 || (json_array_size(list) > 1 && i < 2)) {
            return list;
        }
    }
    return NULL;
}

/* JSON Pointer (RFC 6901) inside the root; NULL when it leads nowhere. */
static const json_t *follow(const json_t *root, const char *reference)
{
    if (reference[0] != '#' || (reference[1] != '\0' && reference[1] != '/')) {
        return NULL;
    }
    const json_t *at = root;
    const char *rest = reference + 1;
    struct str name;
    str_init(&name);
    while (*rest == '/' && at != NULL) {
        str_clear(&name);
        for (rest++; *rest != '\0' && *rest != '/'; rest++) {
            bool escaped = rest[0] == '~' && (rest[1] == '0' || rest[1] == '1');
            str_append_char(&name, !escaped ? *rest : rest[1] == '0' ? '~' : '/');
            rest += escaped;
        }
        size_t index = 0;
        for (const char *digit = name.data; *digit >= '0' && *digit <= '9'; digit++) {
            index = index * 10 + (size_t)(*digit - '0');
        }
        at = json_is_array(at) ? json_array_get(at, index) : json_object_get(at, name.data);
    }
    str_finish(&name);
    return at;
}

/* What the schema says when it names no type and no values. */
static bool fill_untyped(struct builder *b, uint32_t node, const json_t *schema)
{
    bool object = json_object_get(schema, "properties") != NULL ||
                  json_object_get(schema, "required") != NULL ||
                  json_object_get(schema, "additionalProperties") != NULL;
    bool array = json_object_get(schema, "items") != NULL;
    if (!object && !array) {
        grammar_graph_add_alternative(node_of(b, node), GRAMMAR_ANY);
    }
    return (!object || add_object(b, node, schema)) && (!array || add_array(b, node, schema));
}

static bool fill(struct builder *b, uint32_t node, const json_t *schema)
{
    if (json_is_false(schema)) {
        return true;
    }
    const json_t *reference = json_object_get(schema, "$ref");
    if (json_is_string(reference)) {
        const json_t *target = follow(b->root, json_string_value(reference));
        if (target == NULL) {
            return err_set(b->err, ERR_UNSUPPORTED, "the schema's $ref \"%.100s\" leads nowhere",
                           json_string_value(reference));
        }
        return compile_alternative(b, node, target);
    }
    if (json_is_true(json_object_get(schema, "nullable")) && !add_bare(b, node, "null")) {
        return false;
    }
    if (json_object_get(schema, "const") != NULL ||
        json_is_array(json_object_get(schema, "enum"))) {
        return add_enumeration(b, node, schema);
    }
    const json_t *list = alternatives_of(schema);
    bool own = names_a_type(schema) && !(call_schema_names_type(schema, "object") &&
                                         json_object_get(schema, "properties") == NULL);
    if (list != NULL && !own && json_object_get(schema, "properties") == NULL) {
        for (size_t i = 0; i < json_array_size(list); i++) {
            if (!compile_alternative(b, node, json_array_get(list, i))) {
                return false;
            }
        }
        return true;
    }
    return names_a_type(schema) ? add_types(b, node, schema) : fill_untyped(b, node, schema);
}

/* --- the two grammars --- */

/* A tool's arguments are an object in any case; one that declares no keys takes none. */
static bool compile_arguments(struct builder *b, const json_t *parameters, uint32_t *node)
{
    bool silent = json_object_get(parameters, "additionalProperties") == NULL &&
                  json_object_size(json_object_get(parameters, "properties")) == 0 &&
                  json_array_size(json_object_get(parameters, "required")) == 0 &&
                  json_object_get(parameters, "$ref") == NULL &&
                  alternatives_of(parameters) == NULL;
    b->root = parameters;
    b->first_node = b->grammar->count;
    if (!silent) {
        return compile(b, parameters, node);
    }
    *node = grammar_graph_add(b->grammar, parameters, b->err);
    if (*node == GRAMMAR_NO_NODE) {
        return false;
    }
    node_of(b, *node)->kinds = GRAMMAR_KIND_OBJECT;
    return true;
}

static bool add_tool(struct builder *b, const json_t *tool)
{
    const json_t *function = json_object_get(tool, "function");
    const json_t *name = json_object_get(function, "name");
    struct grammar_set *heads = &b->grammar->heads;
    uint32_t node;
    if (!json_is_string(name) ||
        !chat_value_is_name(json_string_value(name), json_string_length(name))) {
        return err_set(b->err, ERR_ARGUMENT, "a tool's name cannot stand in a call");
    }
    if (!compile_arguments(b, json_object_get(function, "parameters"), &node)) {
        return err_prefix(b->err, "tool \"%s\"", json_string_value(name));
    }
    struct str head;
    str_init(&head);
    str_append_format(&head, "call:%s", json_string_value(name));
    size_t before = heads->count;
    bool good = grammar_graph_literal(heads, head.data, head.length, b->err);
    if (heads->count > before) { /* of two tools of one name the first counts */
        heads->items[before].node = node;
    }
    str_finish(&head);
    return good;
}

static bool check_heads(const struct grammar *grammar, struct err *err)
{
    for (size_t i = 0; i < grammar->heads.count; i++) {
        const struct grammar_literal *head = &grammar->heads.items[i];
        if (grammar->nodes[head->node].object_height > GRAMMAR_DEPTH) {
            return err_set(err, ERR_UNSUPPORTED, "tool \"%s\": no arguments satisfy its schema",
                           strchr(head->bytes, ':') + 1);
        }
    }
    return true;
}

static struct grammar *keep_if(struct grammar *grammar, bool good)
{
    if (!good) {
        grammar_destroy(grammar);
        return NULL;
    }
    return grammar;
}

struct grammar *grammar_create_calls(const json_t *tools, struct err *err)
{
    struct err own = {0};
    struct builder b = {.grammar = grammar_graph_create(false), .err = err != NULL ? err : &own};
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(tools); i++) {
        good = add_tool(&b, json_array_get(tools, i));
    }
    return keep_if(b.grammar,
                   good && grammar_graph_finish(b.grammar, b.err) && check_heads(b.grammar, b.err));
}

struct grammar *grammar_create_value(const json_t *schema, struct err *err)
{
    struct err own = {0};
    struct builder b = {.grammar = grammar_graph_create(true),
                        .root = schema,
                        .first_node = 1,
                        .err = err != NULL ? err : &own};
    bool good = compile(&b, schema, &b.grammar->root) && grammar_graph_finish(b.grammar, b.err);
    if (good && b.grammar->nodes[b.grammar->root].height > GRAMMAR_DEPTH) {
        good = err_set(b.err, ERR_UNSUPPORTED, "no value satisfies the schema");
    }
    return keep_if(b.grammar, good);
}
