#include "chat/schema_bounds.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* A reference may lead to itself; deeper than any answer that the grammar allows. */
enum { DEPTH = 64 };

static const char *const refused[] = {
    "pattern",
    "not",
    "if",
    "contains",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
};

static const char *const types[] = {"object",  "array",   "string", "number",
                                    "integer", "boolean", "null"};

/* Keywords whose value is a schema, an array of them, or an object of them. */
static const char *const inner[] = {
    "items", "prefixItems", "additionalProperties", "properties", "anyOf", "oneOf",
    "allOf", "$defs",       "definitions",
};

enum { INNER_COUNT = sizeof inner / sizeof inner[0] };

/* --- is all of it understood --- */

static bool is_type(const json_t *type)
{
    for (size_t i = 0; json_is_string(type) && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(json_string_value(type), types[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_type(const json_t *type, struct err *err)
{
    size_t i;
    const json_t *one;
    bool known = type == NULL || is_type(type);
    if (json_is_array(type)) {
        known = true;
        json_array_foreach(type, i, one)
        {
            known = known && is_type(one);
        }
    }
    if (known) {
        return true;
    }
    const char *name = json_is_string(type) ? json_string_value(type) : "what is there";
    return err_set(err, ERR_UNSUPPORTED, "type: JSON has no %.40s", name);
}

static bool supported(const json_t *schema, int depth, struct err *err)
{
    if (depth == DEPTH) {
        return err_set(err, ERR_LIMIT, "schemas are inside each other more than %d deep", DEPTH);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (json_object_get(schema, refused[i]) != NULL) {
            return err_set(err, ERR_UNSUPPORTED, "%s: an answer cannot be held to that",
                           refused[i]);
        }
    }
    bool ok = check_type(json_object_get(schema, "type"), err);
    for (size_t i = 0; i < INNER_COUNT && ok; i++) {
        json_t *part = json_object_get(schema, inner[i]), *one;
        bool of_names = i >= INNER_COUNT - 2 || strcmp(inner[i], "properties") == 0;
        const char *name;
        size_t at;
        if (json_is_array(part)) {
            json_array_foreach(part, at, one)
            {
                ok = ok && supported(one, depth + 1, err);
            }
        } else if (of_names) {
            json_object_foreach(part, name, one)
            {
                ok = ok && supported(one, depth + 1, err);
            }
        } else if (json_is_object(part)) {
            ok = supported(part, depth + 1, err);
        }
    }
    return ok;
}

bool schema_bounds_supported(const json_t *schema, struct err *err)
{
    return supported(schema, 0, err);
}

/* --- does a value keep to it --- */

struct bound {
    const char *name;
    bool (*keeps)(double measured, double bound);
};

static bool at_least(double measured, double bound)
{
    return measured >= bound;
}

static bool at_most(double measured, double bound)
{
    return measured <= bound;
}

static bool above(double measured, double bound)
{
    return measured > bound;
}

static bool below(double measured, double bound)
{
    return measured < bound;
}

static bool is_multiple(double measured, double bound)
{
    double quotient = measured / bound;
    return bound > 0 && fabs(quotient - nearbyint(quotient)) < 1e-9 * fmax(1, fabs(quotient));
}

static const struct bound of_numbers[] = {
    {"minimum", at_least},       {"maximum", at_most},        {"exclusiveMinimum", above},
    {"exclusiveMaximum", below}, {"multipleOf", is_multiple}, {NULL, NULL},
};
static const struct bound of_strings[] = {
    {"minLength", at_least}, {"maxLength", at_most}, {NULL, NULL}};
static const struct bound of_arrays[] = {
    {"minItems", at_least}, {"maxItems", at_most}, {NULL, NULL}};
static const struct bound of_objects[] = {
    {"minProperties", at_least}, {"maxProperties", at_most}, {NULL, NULL}};

static bool keeps(const json_t *schema, const struct bound *bounds, double measured,
                  struct err *err)
{
    for (; bounds->name != NULL; bounds++) {
        const json_t *bound = json_object_get(schema, bounds->name);
        if (json_is_number(bound) && !bounds->keeps(measured, json_number_value(bound))) {
            return err_set(err, ERR_FORMAT, "%.10g breaks %s %.10g", measured, bounds->name,
                           json_number_value(bound));
        }
    }
    return true;
}

/* Characters, as JSON Schema counts them. */
static size_t character_count(const json_t *string)
{
    const char *text = json_string_value(string);
    size_t count = 0;
    for (size_t i = 0; i < json_string_length(string); i++) {
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return count;
}

static bool is_unique(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        for (size_t j = 0; j < i; j++) {
            if (json_equal(json_array_get(array, i), json_array_get(array, j))) {
                return false;
            }
        }
    }
    return true;
}

static bool hold(const json_t *root, const json_t *schema, const json_t *value, int depth,
                 struct err *err);

static bool hold_parts(const json_t *root, const json_t *schema, const json_t *value, int depth,
                       struct err *err)
{
    const json_t *rest =
        json_object_get(schema, json_is_array(value) ? "items" : "additionalProperties");
    const json_t *first = json_object_get(schema, "prefixItems"), *one;
    size_t i;
    const char *name;
    bool ok = true;
    if (json_is_array(value)) {
        json_array_foreach(value, i, one)
        {
            const json_t *own = json_array_get(first, i);
            ok = ok && hold(root, own != NULL ? own : rest, one, depth, err);
        }
        return ok;
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, one)
    {
        const json_t *own = json_object_get(json_object_get(schema, "properties"), name);
        if (ok && !hold(root, own != NULL ? own : rest, one, depth, err)) {
            ok = err_prefix(err, "%.60s", name);
        }
    }
    return ok;
}

/* "#/$defs/name", the only form of reference that the grammar takes. */
static const json_t *follow(const json_t *root, const char *reference)
{
    const char *slash = strrchr(reference, '/');
    const json_t *found = NULL;
    if (slash != NULL) {
        found = json_object_get(json_object_get(root, "$defs"), slash + 1);
        found = found != NULL ? found
                              : json_object_get(json_object_get(root, "definitions"), slash + 1);
    }
    return found;
}

static bool hold_any(const json_t *root, const json_t *choices, const json_t *value, int depth,
                     struct err *err)
{
    size_t i;
    const json_t *choice;
    bool ok = json_array_size(choices) == 0;
    json_array_foreach(choices, i, choice)
    {
        ok = ok || hold(root, choice, value, depth, err);
    }
    return ok;
}

static bool hold(const json_t *root, const json_t *schema, const json_t *value, int depth,
                 struct err *err)
{
    if (!json_is_object(schema)) {
        return true;
    }
    if (depth == DEPTH) {
        return err_set(err, ERR_LIMIT, "the answer is more than %d deep", DEPTH);
    }
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    if (reference != NULL && !hold(root, follow(root, reference), value, depth + 1, err)) {
        return false;
    }
    const json_t *all = json_object_get(schema, "allOf"), *one;
    size_t i;
    json_array_foreach(all, i, one)
    {
        if (!hold(root, one, value, depth + 1, err)) {
            return false;
        }
    }
    if (!hold_any(root, json_object_get(schema, "anyOf"), value, depth + 1, err) ||
        !hold_any(root, json_object_get(schema, "oneOf"), value, depth + 1, err)) {
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        return keeps(schema, of_numbers, json_number_value(value), err);
    case JSON_STRING:
        return keeps(schema, of_strings, (double)character_count(value), err);
    case JSON_ARRAY:
        if (json_is_true(json_object_get(schema, "uniqueItems")) && !is_unique(value)) {
            return err_set(err, ERR_FORMAT, "uniqueItems: an item is there twice");
        }
        return keeps(schema, of_arrays, (double)json_array_size(value), err) &&
               hold_parts(root, schema, value, depth + 1, err);
    case JSON_OBJECT:
        return keeps(schema, of_objects, (double)json_object_size(value), err) &&
               hold_parts(root, schema, value, depth + 1, err);
    default:
        return true;
    }
}

bool schema_bounds_hold(const json_t *schema, const json_t *value, struct err *err)
{
    return hold(schema, schema, value, 0, err);
}
