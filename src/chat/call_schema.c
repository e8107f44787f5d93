/* Fitting and checking of arguments. Both walk value and schema together; the value comes from
 * call_args.c, which limits its depth, and a schema is only followed as far as the value goes.
 */
#include "chat/call_schema.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"

enum { PATH_SIZE = 160, EXAMPLE_DEPTH = 4 };

/* --- looking things up --- */

const json_t *call_schema_find(const json_t *tools, const char *name)
{
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *function = json_object_get(json_array_get(tools, i), "function");
        const char *declared = json_string_value(json_object_get(function, "name"));
        if (declared != NULL && strcmp(declared, name) == 0) {
            return function;
        }
    }
    return NULL;
}

const json_t *call_schema_member(const json_t *schema, const char *key)
{
    return json_object_get(json_object_get(schema, "properties"), key);
}

const json_t *call_schema_items(const json_t *schema)
{
    return json_object_get(schema, "items");
}

/* Declared types are names in either case: other declarations write STRING. */
static bool is_type(const json_t *type, const char *name)
{
    return json_is_string(type) && strcasecmp(json_string_value(type), name) == 0;
}

bool call_schema_names_type(const json_t *schema, const char *name)
{
    const json_t *type = json_object_get(schema, "type");
    for (size_t i = 0; i < json_array_size(type); i++) {
        if (is_type(json_array_get(type, i), name)) {
            return true;
        }
    }
    return is_type(type, name);
}

static bool allows_other_members(const json_t *schema)
{
    const json_t *additional = json_object_get(schema, "additionalProperties");
    return !json_is_object(json_object_get(schema, "properties")) || json_is_object(additional) ||
           json_is_true(additional);
}

static bool is_required(const json_t *schema, const char *key)
{
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (name != NULL && strcmp(name, key) == 0) {
            return true;
        }
    }
    return false;
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "integer", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
        [JSON_FALSE] = "boolean",   [JSON_NULL] = "null",
    };
    return names[json_typeof(value)];
}

static bool type_allows(const json_t *schema, const json_t *value)
{
    static const char *const known[] = {"object", "array",   "string", "integer",
                                        "number", "boolean", "null"};
    if (json_is_null(value) && json_is_true(json_object_get(schema, "nullable"))) {
        return true;
    }
    if (call_schema_names_type(schema, type_name(value)) ||
        (json_is_integer(value) && call_schema_names_type(schema, "number"))) {
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (call_schema_names_type(schema, known[i])) {
            return false;
        }
    }
    return true; /* no type, or none that we know */
}

/* --- fitting --- */

static json_t *replace(json_t *value, json_t *by)
{
    if (by == NULL) {
        return value;
    }
    json_decref(value);
    return by;
}

/* A number or boolean spelled in a string, or NULL. jansson reads numbers under any locale. */
static json_t *read_scalar(const json_t *schema, const json_t *string)
{
    json_t *value =
        json_loadb(json_string_value(string), json_string_length(string), JSON_DECODE_ANY, NULL);
    if (value != NULL && (json_is_number(value) || json_is_boolean(value)) &&
        type_allows(schema, value)) {
        return value;
    }
    bool whole = json_is_real(value) && call_schema_names_type(schema, "integer");
    if (!whole) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

static json_t *fit_integer(const json_t *schema, json_t *value)
{
    double number = json_real_value(value);
    bool whole = json_is_real(value) && number == floor(number) && fabs(number) < 9007199254740992;
    if (whole && call_schema_names_type(schema, "integer") &&
        !call_schema_names_type(schema, "number")) {
        return replace(value, json_integer((json_int_t)number));
    }
    return value;
}

static json_t *fit_scalar(const json_t *schema, json_t *value)
{
    if (type_allows(schema, value)) {
        return value;
    }
    if (json_is_array(value) && json_array_size(value) == 1 &&
        !call_schema_names_type(schema, "object")) {
        return replace(value, json_incref(json_array_get(value, 0)));
    }
    if (call_schema_names_type(schema, "array") && !json_is_null(value)) {
        json_t *array = json_array();
        json_array_append(array, value);
        return replace(value, array);
    }
    if (json_is_string(value)) {
        return replace(value, read_scalar(schema, value));
    }
    return value;
}

static json_t *fit_members(const json_t *schema, json_t *object, bool lenient, bool *dropped)
{
    json_t *fitted = json_object();
    bool keep_all = !lenient || allows_other_members(schema);
    const char *key;
    json_t *member;
    json_object_foreach(object, key, member)
    {
        const json_t *declared = call_schema_member(schema, key);
        bool unknown = declared == NULL && !keep_all;
        bool absent = lenient && declared != NULL && json_is_null(member) &&
                      !type_allows(declared, member) && !is_required(schema, key);
        if (unknown || absent) {
            *dropped = true;
        } else {
            json_object_set_new(fitted, key,
                                call_schema_fit(declared, json_incref(member), lenient, dropped));
        }
    }
    return replace(object, fitted);
}

json_t *call_schema_fit(const json_t *schema, json_t *value, bool lenient, bool *dropped)
{
    if (schema == NULL) {
        return value;
    }
    if (lenient) {
        value = fit_scalar(schema, value);
    }
    value = fit_integer(schema, value);
    if (json_is_object(value)) {
        return fit_members(schema, value, lenient, dropped);
    }
    if (json_is_array(value) && call_schema_items(schema) != NULL) {
        json_t *fitted = json_array();
        for (size_t i = 0; i < json_array_size(value); i++) {
            json_t *item = json_incref(json_array_get(value, i));
            json_array_append_new(
                fitted, call_schema_fit(call_schema_items(schema), item, lenient, dropped));
        }
        return replace(value, fitted);
    }
    return value;
}

/* --- checking --- */

static bool check_value(const json_t *schema, const json_t *value, const char *path,
                        struct err *err);

static void list_types(struct str *out, const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    if (json_is_string(type)) {
        str_append(out, json_string_value(type));
    }
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *name = json_string_value(json_array_get(type, i));
        str_append(out, i > 0 ? " or " : "");
        str_append(out, name == NULL ? "" : name);
    }
}

static bool check_type(const json_t *schema, const json_t *value, const char *path, struct err *err)
{
    if (type_allows(schema, value)) {
        return true;
    }
    struct str types;
    str_init(&types);
    list_types(&types, schema);
    err_set(err, ERR_ARGUMENT, "argument \"%s\" must be of type %.60s, got type %s", path,
            types.data, type_name(value));
    str_finish(&types);
    return false;
}

static bool check_enum(const json_t *schema, const json_t *value, const char *path, struct err *err)
{
    const json_t *values = json_object_get(schema, "enum");
    if (!json_is_array(values) || json_is_null(value)) {
        return true;
    }
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (json_equal(json_array_get(values, i), value)) {
            return true;
        }
    }
    char *allowed = json_dumps(values, JSON_COMPACT);
    err_set(err, ERR_ARGUMENT, "argument \"%s\" must be one of %.200s", path,
            allowed == NULL ? "the declared values" : allowed);
    free(allowed);
    return false;
}

static bool check_members(const json_t *schema, const json_t *object, const char *path,
                          struct err *err)
{
    const json_t *required = json_object_get(schema, "required");
    char inner[PATH_SIZE];
    const char *key, *dot = path[0] == '\0' ? "" : ".";
    json_t *member;
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (name != NULL && json_object_get(object, name) == NULL) {
            return err_set(err, ERR_ARGUMENT, "missing required argument \"%s%s%.80s\"", path, dot,
                           name);
        }
    }
    json_object_foreach((json_t *)object, key, member)
    {
        const json_t *declared = call_schema_member(schema, key);
        snprintf(inner, sizeof inner, "%.60s%s%.80s", path, dot, key);
        if (declared == NULL && !allows_other_members(schema)) {
            return err_set(err, ERR_ARGUMENT, "there is no argument \"%s\"", inner);
        }
        if (!check_value(declared, member, inner, err)) {
            return false;
        }
    }
    return true;
}

static bool check_value(const json_t *schema, const json_t *value, const char *path,
                        struct err *err)
{
    if (schema == NULL) {
        return true;
    }
    if (!check_type(schema, value, path, err) || !check_enum(schema, value, path, err)) {
        return false;
    }
    if (json_is_object(value)) {
        return check_members(schema, value, path, err);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        char inner[PATH_SIZE];
        snprintf(inner, sizeof inner, "%.120s[%zu]", path, i);
        if (!check_value(call_schema_items(schema), json_array_get(value, i), inner, err)) {
            return false;
        }
    }
    return true;
}

bool call_schema_check(const json_t *schema, const json_t *value, struct err *err)
{
    return check_value(schema, value, "", err);
}

/* --- telling --- */

static const char *function_name(const json_t *function)
{
    const char *name = json_string_value(json_object_get(function, "name"));
    return name == NULL ? "" : name;
}

void call_schema_describe(struct str *out, const json_t *function)
{
    const json_t *schema = json_object_get(function, "parameters");
    const char *key;
    json_t *member;
    bool first = true;
    str_append_format(out, "%s{", function_name(function));
    json_object_foreach(json_object_get(schema, "properties"), key, member)
    {
        str_append_format(out, "%s%s:", first ? "" : ",", key);
        list_types(out, member);
        str_append(out, is_required(schema, key) ? " (required)" : "");
        first = false;
    }
    str_append(out, "}");
}

static void append_sample(struct str *out, const json_t *schema, int depth);

/* The required members, or the first one when none is. */
static void append_sample_members(struct str *out, const json_t *schema, int depth)
{
    const json_t *properties = json_object_get(schema, "properties");
    bool all = json_array_size(json_object_get(schema, "required")) == 0, first = true;
    const char *key;
    json_t *member;
    str_append(out, "{");
    json_object_foreach((json_t *)properties, key, member)
    {
        if (is_required(schema, key) || (all && first)) {
            str_append_format(out, "%s%s:", first ? "" : ",", key);
            append_sample(out, member, depth + 1);
            first = false;
        }
    }
    str_append(out, "}");
}

static void append_sample(struct str *out, const json_t *schema, int depth)
{
    const json_t *choice = json_array_get(json_object_get(schema, "enum"), 0);
    if (json_is_string(choice)) {
        str_append_format(out, "\"%s\"", json_string_value(choice));
    } else if (json_is_integer(choice)) {
        str_append_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(choice));
    } else if (call_schema_names_type(schema, "string")) {
        str_append(out, "\"text\"");
    } else if (call_schema_names_type(schema, "integer") ||
               call_schema_names_type(schema, "number")) {
        str_append(out, "1");
    } else if (call_schema_names_type(schema, "boolean")) {
        str_append(out, "true");
    } else if (call_schema_names_type(schema, "array") && depth < EXAMPLE_DEPTH) {
        str_append(out, "[");
        append_sample(out, call_schema_items(schema), depth + 1);
        str_append(out, "]");
    } else if (call_schema_names_type(schema, "object") && depth < EXAMPLE_DEPTH) {
        append_sample_members(out, schema, depth);
    } else {
        str_append(out, "\"text\"");
    }
}

void call_schema_example(struct str *out, const json_t *function)
{
    str_append_format(out, "call:%s", function_name(function));
    append_sample_members(out, json_object_get(function, "parameters"), 0);
}
