/* What is taken of a server's list of tools, and what the user is told of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/foreign_list.h"
#include "agent/foreign_tools.h"
#include "base/str.h"

struct scene {
    struct config_list allowed;
    struct foreign_list list;
    json_t *page;
};

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){.page = json_array()};
}

static void put(struct scene *scene, const char *name, bool typed)
{
    json_t *argument = typed ? json_pack("{s:s}", "type", "string") : json_object();
    json_array_append_new(scene->page, json_pack("{s:s, s:{s:s, s:{s:o}, s:[s]}}", "name", name,
                                                 "inputSchema", "type", "object", "properties", "a",
                                                 argument, "required", "a"));
}

static void put_numbered(struct scene *scene, const char *begin, int from, int to, bool typed)
{
    for (int i = from; i < to; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%03d", begin, i);
        put(scene, name, typed);
    }
}

static void next_page(struct scene *scene)
{
    if (scene->list.found == NULL) {
        foreign_list_init(&scene->list, "x", &scene->allowed);
    }
    foreign_list_add(&scene->list, scene->page);
    json_array_clear(scene->page);
}

static bool said(const struct scene *scene, const char *words)
{
    for (size_t i = 0; i < scene->list.notices.count; i++) {
        if (strstr(scene->list.notices.items[i], words) != NULL) {
            return true;
        }
    }
    return false;
}

/* So many tools are declared. */
static json_t *end(struct scene *scene, size_t count)
{
    next_page(scene);
    json_t *declarations = foreign_list_end(&scene->list);
    assert_int_equal(json_array_size(declarations), count);
    return declarations;
}

static void close_scene(struct scene *scene, json_t *declarations)
{
    json_decref(declarations);
    json_decref(scene->page);
    foreign_list_finish(&scene->list);
    config_list_finish(&scene->allowed);
}

static void test_allowed_behind_many(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    config_list_add(&scene.allowed, "last");
    config_list_add(&scene.allowed, "none\x1b");
    config_list_add(&scene.allowed, "bad name");
    put_numbered(&scene, "t", 0, 300, true);
    put(&scene, "last", true);
    put(&scene, "bad name", true);
    json_t *declarations = end(&scene, 1);
    assert_non_null(foreign_tools_find(declarations, "mcp__x__last"));
    assert_int_equal(scene.list.notices.count, 2);
    assert_true(said(&scene, "the tool \"bad name\" is left out: its name"));
    assert_true(said(&scene, "mcp.x.tools names what it does not list: none"));
    assert_false(said(&scene, "\x1b"));
    close_scene(&scene, declarations);
}

static void test_refused_ones_take_no_place(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    put(&scene, "refused", false);
    put_numbered(&scene, "a", 0, 60, true);
    next_page(&scene);
    put_numbered(&scene, "b", 0, 60, true);
    json_t *declarations = end(&scene, FOREIGN_TOOLS_MAX);
    assert_non_null(foreign_tools_find(declarations, "mcp__x__b003"));
    assert_int_equal(scene.list.notices.count, 2);
    assert_string_equal(scene.list.notices.items[1],
                        "MCP server x: 56 of its tools are left out: it has too many (choose with "
                        "mcp.x.tools)");
    close_scene(&scene, declarations);
}

/* Neither what it costs nor what is said of it grows with the list. */
static void test_many_refused(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    for (int page = 0; page < 8; page++) {
        put_numbered(&scene, "t", page * 100, page * 100 + 100, false);
        next_page(&scene);
    }
    put(&scene, "good", true);
    json_t *declarations = end(&scene, 0);
    assert_int_equal(scene.list.looked, FOREIGN_LOOKED_MAX);
    assert_int_equal(scene.list.notices.count, FOREIGN_SENTENCES_MAX + 2);
    assert_true(said(&scene, "MCP server x: 112 more of its tools are left out, or declared"));
    assert_true(said(&scene, "MCP server x: 673 of its tools are left out: it has too many"));
    close_scene(&scene, declarations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed_behind_many),
        cmocka_unit_test(test_refused_ones_take_no_place),
        cmocka_unit_test(test_many_refused),
    };
    return cmocka_run_group_tests_name("agent_foreign_list", tests, NULL, NULL);
}
