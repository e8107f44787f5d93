/* What a whole answer is held to beyond its grammar: each bound at its end and one beyond, in each
 * place where a schema may stand, and what cannot be held is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "chat/schema_bounds.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (value == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return value;
}

/* said NULL: it holds. */
static void check(const char *schema_text, const char *value_text, const char *said)
{
    struct err err = {0};
    json_t *schema = parse(schema_text), *value = parse(value_text);
    if (schema_bounds_hold(schema, value, &err) != (said == NULL)) {
        fail_msg("%s with %s: %s", schema_text, value_text, err.text);
    }
    if (said != NULL && strstr(err.text, said) == NULL) {
        fail_msg("%s with %s: \"%s\" does not say %s", schema_text, value_text, err.text, said);
    }
    json_decref(schema);
    json_decref(value);
}

static void test_bounds(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"{\"minimum\":2}", "2", NULL},
        {"{\"minimum\":2}", "1.5", "minimum"},
        {"{\"maximum\":2}", "2", NULL},
        {"{\"maximum\":2}", "3", "maximum"},
        {"{\"exclusiveMinimum\":2}", "2", "exclusiveMinimum"},
        {"{\"exclusiveMinimum\":2}", "2.1", NULL},
        {"{\"exclusiveMaximum\":2}", "2", "exclusiveMaximum"},
        {"{\"exclusiveMaximum\":2}", "1", NULL},
        {"{\"multipleOf\":0.1}", "0.3", NULL},
        {"{\"multipleOf\":3}", "9", NULL},
        {"{\"multipleOf\":3}", "10", "multipleOf"},
        {"{\"multipleOf\":0}", "1", "multipleOf"},
        {"{\"multipleOf\":-3}", "9", "multipleOf"},
        {"{\"minimum\":\"2\"}", "1", NULL}, /* no number, no bound */
        {"{\"minLength\":2}", "\"\\u00e9\\u00e9\"", NULL},
        {"{\"minLength\":2}", "\"\\u00e9\"", "minLength"},
        {"{\"maxLength\":1}", "\"\\u00e9\"", NULL},
        {"{\"maxLength\":1}", "\"ab\"", "maxLength"},
        {"{\"minItems\":1,\"maxItems\":2}", "[1]", NULL},
        {"{\"minItems\":1,\"maxItems\":2}", "[]", "minItems"},
        {"{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", "maxItems"},
        {"{\"uniqueItems\":true}", "[1,\"1\",[1]]", NULL},
        {"{\"uniqueItems\":true}", "[{\"a\":1},2,{\"a\":1}]", "uniqueItems"},
        {"{\"uniqueItems\":false}", "[1,1]", NULL},
        {"{\"minProperties\":1,\"maxProperties\":1}", "{\"a\":1}", NULL},
        {"{\"minProperties\":1}", "{}", "minProperties"},
        {"{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", "maxProperties"},
        {"{\"minimum\":5,\"minLength\":9}", "true", NULL},
        {"{\"minimum\":5}", "null", NULL},
        {"true", "5", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(rows[i][0], rows[i][1], rows[i][2]);
    }
}

static void test_places(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"{\"items\":{\"maximum\":1}}", "[1,0]", NULL},
        {"{\"items\":{\"maximum\":1}}", "[1,2]", "maximum"},
        {"{\"items\":{\"maximum\":1}}", "[2,1]", "maximum"},
        {"{\"prefixItems\":[{\"maximum\":9}],\"items\":{\"maximum\":1}}", "[9,1]", NULL},
        {"{\"prefixItems\":[{\"maximum\":9}],\"items\":{\"maximum\":1}}", "[9,9]", "maximum"},
        {"{\"properties\":{\"a\":{\"maximum\":1}}}", "{\"a\":1,\"b\":9}", NULL},
        {"{\"properties\":{\"a\":{\"maximum\":1}}}", "{\"a\":2,\"b\":9}", "a: "},
        {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"maximum\":1}}}}}", "{\"a\":{\"b\":2}}",
         "a: b: "},
        {"{\"additionalProperties\":{\"maximum\":1}}", "{\"x\":2,\"y\":1}", "x: "},
        {"{\"additionalProperties\":{\"maximum\":1}}", "{\"x\":1}", NULL},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", NULL},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "0", "minimum"},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", "maximum"},
        {"{\"anyOf\":[{\"maximum\":1},{\"minimum\":5}]}", "7", NULL},
        {"{\"anyOf\":[{\"maximum\":1},{\"minimum\":5}]}", "0", NULL},
        {"{\"anyOf\":[{\"maximum\":1},{\"minimum\":5}]}", "3", "minimum"},
        {"{\"oneOf\":[{\"maximum\":1},{\"minimum\":5}]}", "3", "minimum"},
        {"{\"oneOf\":[{\"maximum\":1}],\"maximum\":0}", "1", "maximum 0"},
        {"{\"anyOf\":[]}", "3", NULL},
        {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"maximum\":1}}}", "2", "maximum"},
        {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"maximum\":1}}}", "1", NULL},
        {"{\"$ref\":\"#/definitions/n\",\"definitions\":{\"n\":{\"maximum\":1}}}", "2", "maximum"},
        {"{\"$ref\":\"#/$defs/none\"}", "2", NULL},
        {"{\"$ref\":\"none\"}", "2", NULL},
        {"{\"$defs\":{\"n\":{\"items\":{\"$ref\":\"#/$defs/n\"},\"maxItems\":1}},"
         "\"$ref\":\"#/$defs/n\"}",
         "[[[]]]", NULL},
        {"{\"$defs\":{\"n\":{\"items\":{\"$ref\":\"#/$defs/n\"},\"maxItems\":1}},"
         "\"$ref\":\"#/$defs/n\"}",
         "[[[],[]]]", "maxItems"},
        {"{\"$defs\":{\"n\":{\"$ref\":\"#/$defs/n\"}},\"$ref\":\"#/$defs/n\"}", "1", "64 deep"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(rows[i][0], rows[i][1], rows[i][2]);
    }
}

static void expect_supported(const char *text, const char *said)
{
    struct err err = {0};
    json_t *schema = parse(text);
    if (schema_bounds_supported(schema, &err) != (said == NULL)) {
        fail_msg("%s: %s", text, err.text);
    }
    if (said != NULL && strstr(err.text, said) == NULL) {
        fail_msg("%s: \"%s\" does not say %s", text, err.text, said);
    }
    json_decref(schema);
}

static void test_what_cannot_be_held_is_named(void **state)
{
    (void)state;
    static const char *const places[] = {
        "%s",
        "{\"items\":%s}",
        "{\"prefixItems\":[{},%s]}",
        "{\"additionalProperties\":%s}",
        "{\"properties\":{\"a\":{},\"b\":%s}}",
        "{\"anyOf\":[%s]}",
        "{\"oneOf\":[{},%s]}",
        "{\"allOf\":[%s]}",
        "{\"$defs\":{\"a\":%s}}",
        "{\"definitions\":{\"a\":%s}}",
        "{\"items\":{\"properties\":{\"a\":%s}}}",
    };
    static const char *const parts[][2] = {
        {"{\"pattern\":\"x\"}", "pattern"},
        {"{\"not\":{}}", "not"},
        {"{\"if\":{}}", "if"},
        {"{\"contains\":{}}", "contains"},
        {"{\"unevaluatedItems\":false}", "unevaluatedItems"},
        {"{\"type\":\"float\"}", "no float"},
        {"{\"type\":[\"string\",\"any\"]}", "JSON has no"},
        {"{\"type\":7}", "JSON has no"},
        {"{\"type\":[7]}", "JSON has no"},
        {"{\"type\":[\"string\",\"null\"]}", NULL},
        {"{\"type\":\"integer\",\"minimum\":1}", NULL},
        {"{}", NULL},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
            const char *hole = strstr(places[i], "%s");
            struct str text;
            str_init(&text);
            str_append_bytes(&text, places[i], (size_t)(hole - places[i]));
            str_append(&text, parts[k][0]);
            str_append(&text, hole + 2);
            expect_supported(text.data, parts[k][1]);
            str_finish(&text);
        }
    }
    /* A property that is called like a keyword is none. */
    expect_supported("{\"properties\":{\"pattern\":{},\"not\":{\"type\":\"string\"}}}", NULL);
}

static void test_depth(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        struct str text;
        str_init(&text);
        for (int i = 0; i < 63 + more; i++) {
            str_append(&text, "{\"items\":");
        }
        str_append(&text, "{}");
        for (int i = 0; i < 63 + more; i++) {
            str_append(&text, "}");
        }
        expect_supported(text.data, more ? "64 deep" : NULL);
        str_finish(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_what_cannot_be_held_is_named),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
