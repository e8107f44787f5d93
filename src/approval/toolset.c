/* toolset: the embedded table of tools, read once.
 *
 * prompts/tools.json holds, for each tool, the declaration that the model sees and a member "carat"
 * with what only the agent needs. The two are separated here: the declarations lose that member, so
 * that not a byte of ours is added to the prompt. The table is part of the program: what is wrong
 * in it is a mistake of ours, found by the first test that runs, and asserted. Loop thread.
 */
#include "approval/toolset.h"

#include <assert.h>
#include <string.h>

#include "prompts.h"

enum { TOOLSET_MAX = 32 };

static struct {
    json_t *declarations, *all; /* without and with those that are declared when they can work */
    struct toolset_tool tools[TOOLSET_MAX];
    size_t count;
} toolset;

/* Families whose process remembers something between calls; all others get one process a call. */
static const char *const lasting_families[] = {"files"};

static bool family_lasts(const char *family)
{
    for (size_t i = 0; i < sizeof lasting_families / sizeof lasting_families[0]; i++) {
        if (strcmp(family, lasting_families[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Strings are views into `declaration` and `ours`, which are never released. */
static void add_tool(json_t *declaration)
{
    const json_t *function = json_object_get(declaration, "function");
    json_t *ours = json_incref(json_object_get(declaration, "carat"));
    json_object_del(declaration, "carat");
    assert(toolset.count < TOOLSET_MAX && json_is_object(function) && json_is_object(ours));
    struct toolset_tool *tool = &toolset.tools[toolset.count++];
    tool->name = json_string_value(json_object_get(function, "name"));
    tool->family = json_string_value(json_object_get(ours, "family"));
    tool->read_only = json_is_true(json_object_get(ours, "read_only"));
    tool->destructive = json_is_true(json_object_get(ours, "destructive"));
    tool->outside = json_is_true(json_object_get(ours, "outside"));
    tool->subject = json_string_value(json_object_get(ours, "subject"));
    assert(tool->name != NULL && tool->family != NULL);
    tool->one_process_a_call = !family_lasts(tool->family);
    /* `ours` keeps the reference that `family` and `subject` point into. */
    static json_t *kept;
    if (kept == NULL) {
        kept = json_array();
    }
    json_array_append_new(kept, ours);
}

static void load(void)
{
    if (toolset.declarations != NULL) {
        return;
    }
    json_error_t error;
    toolset.all = json_loadb(prompts_tools, prompts_tools_length, 0, &error);
    assert(json_is_array(toolset.all));
    toolset.declarations = json_array();
    size_t i;
    json_t *declaration;
    json_array_foreach(toolset.all, i, declaration)
    {
        /* The optional ones stand behind all others: toolset_with relies on it. */
        if (!json_is_true(json_object_get(json_object_get(declaration, "carat"), "optional"))) {
            json_array_append(toolset.declarations, declaration);
        }
        add_tool(declaration);
    }
}

const json_t *toolset_declarations(void)
{
    load();
    return toolset.declarations;
}

const json_t *toolset_all(void)
{
    load();
    return toolset.all;
}

static bool is_among(const json_t *declaration, const char *const *names)
{
    const json_t *function = json_object_get(declaration, "function");
    const char *name = json_string_value(json_object_get(function, "name"));
    for (; *names != NULL; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

json_t *toolset_with(const json_t *foreign, const char *const *others)
{
    load();
    json_t *tools = json_copy(toolset.declarations);
    json_array_extend(tools, (json_t *)foreign);
    size_t i;
    json_t *declaration;
    json_array_foreach(toolset.all, i, declaration)
    {
        /* Those that are always there stand first in the table. */
        if (i >= json_array_size(toolset.declarations) && is_among(declaration, others)) {
            json_array_append(tools, declaration);
        }
    }
    return tools;
}

const struct toolset_tool *toolset_find(const char *name)
{
    load();
    for (size_t i = 0; i < toolset.count; i++) {
        if (strcmp(toolset.tools[i].name, name) == 0) {
            return &toolset.tools[i];
        }
    }
    return NULL;
}
