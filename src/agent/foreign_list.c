/* foreign_list: see foreign_list.h. */
#include "agent/foreign_list.h"

#include <string.h>

#include "agent/foreign_tools.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"

void foreign_list_init(struct foreign_list *list, const char *server,
                       const struct config_list *allowed)
{
    *list = (struct foreign_list){.server = server,
                                  .allowed = allowed,
                                  .listed = mem_zero(allowed->count + 1, sizeof *list->listed),
                                  .found = json_array()};
}

void foreign_list_finish(struct foreign_list *list)
{
    mem_free(list->listed);
    json_decref(list->found);
    config_list_finish(&list->notices);
    *list = (struct foreign_list){0};
}

/* --- sentences --- */

static void say_of_tool(struct foreign_list *list, const json_t *tool, const char *what,
                        const char *why)
{
    struct str text;
    const json_t *name = json_object_get(tool, "name");
    if (list->notices.count == FOREIGN_SENTENCES_MAX) {
        list->unsaid++;
        return;
    }
    str_init(&text);
    str_append_format(&text, "MCP server %s: the tool \"", list->server);
    if (json_is_string(name)) {
        size_t length = json_string_length(name);
        visible_append(&text, json_string_value(name), length < 64 ? length : 64, VISIBLE_APPROVAL);
    }
    str_append_format(&text, "\" %s%s", what, why);
    config_list_add(&list->notices, text.data);
    str_finish(&text);
}

/* Nothing when there are none. */
static void say_number(struct foreign_list *list, size_t number, const char *what)
{
    struct str text;
    str_init(&text);
    if (number > 0) {
        str_append_format(&text, "MCP server %s: %zu %s", list->server, number, what);
        config_list_add(&list->notices, text.data);
    }
    str_finish(&text);
}

/* A name that was mistyped would else be a tool that is simply not there. */
static void say_not_listed(struct foreign_list *list)
{
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < list->allowed->count; i++) {
        const char *name = list->allowed->items[i];
        if (!list->listed[i] && text.length == 0) {
            str_append_format(&text, "MCP server %s: mcp.%s.tools names what it does not list: ",
                              list->server, list->server);
            visible_append(&text, name, strlen(name), VISIBLE_APPROVAL);
        } else if (!list->listed[i]) {
            str_append(&text, ", ");
            visible_append(&text, name, strlen(name), VISIBLE_APPROVAL);
        }
    }
    if (text.length > 0) {
        config_list_add(&list->notices, text.data);
    }
    str_finish(&text);
}

/* --- tools --- */

static bool is_allowed(struct foreign_list *list, const char *tool)
{
    bool allowed = list->allowed->count == 0;
    for (size_t i = 0; tool != NULL && i < list->allowed->count; i++) {
        if (strcmp(list->allowed->items[i], tool) == 0) {
            allowed = list->listed[i] = true;
        }
    }
    return allowed;
}

static void add(struct foreign_list *list, const json_t *tool)
{
    struct err err = {0};
    const char *name = json_string_value(json_object_get(tool, "name"));
    json_t *declaration = foreign_tools_declare(list->server, tool, &err);
    bool twice = declaration != NULL &&
                 foreign_tools_find(list->found, foreign_tools_name(declaration)) != NULL;
    if (declaration == NULL || twice) {
        say_of_tool(list, tool, "is left out: ",
                    !twice                      ? err.text
                    : strchr(name, '.') != NULL ? "without its dots another has its name"
                                                : "the server names it twice");
        json_decref(declaration);
        return;
    }
    json_array_append_new(list->found, declaration);
    if (err.code != ERR_NONE) {
        say_of_tool(list, tool, "", err.text);
    }
}

void foreign_list_add(struct foreign_list *list, const json_t *tools)
{
    size_t i;
    json_t *tool;
    json_array_foreach((json_t *)tools, i, tool)
    {
        if (!is_allowed(list, json_string_value(json_object_get(tool, "name")))) {
            continue;
        }
        if (json_array_size(list->found) < FOREIGN_TOOLS_MAX && list->looked < FOREIGN_LOOKED_MAX) {
            list->looked++;
            add(list, tool);
        } else {
            list->too_many++;
        }
    }
}

json_t *foreign_list_end(struct foreign_list *list)
{
    struct str many;
    str_init(&many);
    str_append_format(&many,
                      "of its tools are left out: it has too many (choose with mcp.%s.tools)",
                      list->server);
    say_number(list, list->unsaid,
               "more of its tools are left out, or declared without some of their arguments");
    say_number(list, list->too_many, many.data);
    say_not_listed(list);
    str_finish(&many);
    return foreign_tools_sorted(list->found);
}
