/* What a foreign server says, when it is made to cost: few bytes that name many schemas, lists
 * without end, blocks that are longer in words than they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/foreign_tools.h"
#include "attachment/result_picture.h"
#include "base/err.h"
#include "base/str.h"

/* --- results --- */

static int searches;

const json_t *__real_result_picture_find(const json_t *result);
const json_t *__wrap_result_picture_find(const json_t *result);

const json_t *__wrap_result_picture_find(const json_t *result)
{
    searches++;
    return __real_result_picture_find(result);
}

static json_t *answer_of(json_t *content, size_t limit)
{
    bool failed;
    json_t *result = json_pack("{s:o}", "content", content);
    json_t *response = foreign_tools_result(result, limit, &failed);
    assert_false(failed);
    json_decref(result);
    return response;
}

static json_t *times(size_t count, json_t *block)
{
    json_t *blocks = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append(blocks, block);
    }
    json_decref(block);
    return blocks;
}

static const char *output_of(const json_t *response)
{
    return json_string_value(json_object_get(response, "output"));
}

static void test_many_blocks(void **state)
{
    (void)state;
    json_t *blocks = times(1000, json_pack("{s:s, s:s}", "type", "text", "text", "a"));
    json_array_append_new(blocks, json_pack("{s:s, s:s}", "type", "image", "data", "AA=="));
    searches = 0;
    json_t *response = answer_of(blocks, 64 * 1024);
    assert_int_equal(searches, 1);
    assert_int_equal(strlen(output_of(response)), 2000 + strlen("(a picture)"));
    json_decref(response);
}

static void test_blocks_that_cannot_be_shown(void **state)
{
    (void)state;
    json_t *blocks = times(16, json_object());
    json_t *response = answer_of(blocks, 64 * 1024);
    assert_int_equal(strlen(output_of(response)), 16 * 21 - 1);
    json_decref(response);
    blocks = times(100000, json_object());
    json_array_append_new(blocks, json_pack("{s:s, s:s}", "type", "text", "text", "the end"));
    response = answer_of(blocks, 64 * 1024);
    const char *output = output_of(response);
    assert_null(json_object_get(response, "whole"));
    assert_int_equal(strncmp(output, "[a block: not shown]\n", 21), 0);
    assert_string_equal(output + 16 * 21, "the end\n[99984 more blocks: not shown]");
    json_decref(response);
}

/* --- declarations --- */

/* True when it is declared; else why not. */
static bool declares(json_t *schema, char why[512])
{
    struct err err = {0};
    json_t *tool = json_pack("{s:s, s:o}", "name", "t", "inputSchema", schema);
    json_t *declaration = foreign_tools_declare("x", tool, &err);
    snprintf(why, 512, "%s", err.text);
    json_decref(tool);
    json_decref(declaration);
    return declaration != NULL;
}

/* An object of so many members, each of them this. */
static json_t *object_of(int members, const json_t *member)
{
    json_t *properties = json_object();
    for (int i = 0; i < members; i++) {
        char name[8];
        snprintf(name, sizeof name, "m%d", i);
        json_object_set(properties, name, (json_t *)member);
    }
    return json_pack("{s:s, s:o}", "type", "object", "properties", properties);
}

static void test_references_that_multiply(void **state)
{
    (void)state;
    char why[512];
    json_t *leaf = json_pack("{s:s}", "type", "string");
    json_t *reference = json_pack("{s:s}", "$ref", "#/$defs/d");
    json_t *inner = object_of(24, leaf), *definition = object_of(24, inner);
    json_t *outer = object_of(24, reference), *schema = object_of(24, outer);
    json_object_set_new(schema, "$defs", json_pack("{s:O}", "d", definition));
    assert_false(declares(json_incref(schema), why));
    assert_string_equal(why, "its arguments and what they refer to are more than 256");
    /* As an argument that is not required, too. */
    json_t *wrapped = object_of(1, outer);
    json_object_set(wrapped, "$defs", json_object_get(schema, "$defs"));
    assert_false(declares(wrapped, why));
    assert_non_null(strstr(why, "more than 256"));
    /* One use of it is fine. */
    json_t *once = object_of(1, reference);
    json_object_set_new(once, "$defs", json_pack("{s:O}", "d", inner));
    assert_true(declares(once, why));
    json_decref(schema);
    json_decref(outer);
    json_decref(definition);
    json_decref(inner);
    json_decref(reference);
    json_decref(leaf);
}

static void test_long_lists(void **state)
{
    (void)state;
    char why[512];
    json_t *leaf = json_pack("{s:s}", "type", "string");
    json_t *schema = object_of(1, leaf);
    json_object_set_new(schema, "required", times(25, json_string("m0")));
    assert_false(declares(schema, why));
    assert_string_equal(why, "it has more than 24 arguments");

    /* A type that stands behind so many others is not looked for. */
    json_t *alternatives = times(24, json_object());
    json_array_append(alternatives, leaf);
    json_t *member = json_pack("{s:o}", "anyOf", alternatives);
    schema = object_of(1, member);
    assert_true(declares(schema, why));
    assert_non_null(strstr(why, "without arguments whose type is not told: m0"));
    json_array_remove(alternatives, 0);
    assert_true(declares(object_of(1, member), why));
    assert_string_equal(why, "");
    json_decref(member);

    json_t *types = times(8, json_string("null"));
    json_array_append_new(types, json_string("string"));
    member = json_pack("{s:o}", "type", types);
    assert_true(declares(object_of(1, member), why));
    assert_non_null(strstr(why, "without arguments whose type is not told: m0"));
    json_array_remove(types, 0);
    assert_true(declares(object_of(1, member), why));
    assert_string_equal(why, "");
    json_decref(member);
    json_decref(leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_blocks_that_cannot_be_shown),
        cmocka_unit_test(test_references_that_multiply),
        cmocka_unit_test(test_long_lists),
    };
    return cmocka_run_group_tests_name("agent_foreign_tools", tests, NULL, NULL);
}
