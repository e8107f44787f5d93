/* tables: [mcp.NAME] and [[hooks]], each from a table of keys, so that the example and the error
 * messages cannot forget one. */
#include "config/tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/toml.h"

enum { SERVER_SECONDS = 60, HOOK_SECONDS = 10, SECONDS_MAX = 3600 };

/* --- lists --- */

void config_list_add(struct config_list *list, const char *text)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_strdup(text);
}

void config_list_finish(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct config_list){0};
}

/* --- values of a table's keys --- */

enum key_kind { KEY_TEXT, KEY_LIST, KEY_FLAG, KEY_SECONDS, KEY_EVENT };

struct key {
    const char *name;
    enum key_kind kind;
    size_t offset;
    const char *example, *help;
};

static const struct key server_keys[] = {
    {"command", KEY_TEXT, offsetof(struct config_server, command), "\"npx\"",
     "Program that speaks MCP on its standard input and output. It runs in carat's sandbox."},
    {"args", KEY_LIST, offsetof(struct config_server, arguments),
     "[\"-y\", \"@modelcontextprotocol/server-everything\"]", "Its arguments."},
    {"writable", KEY_FLAG, offsetof(struct config_server, writable), "false",
     "It may write in the workspace."},
    {"network", KEY_FLAG, offsetof(struct config_server, network), "false",
     "It may use the network: all of it, this machine's own services too."},
    {"tools", KEY_LIST, offsetof(struct config_server, tools), "[]",
     "Only these of its tools; none named = all."},
    {"readable", KEY_LIST, offsetof(struct config_server, readable), "[]",
     "Directories in your home that it may read (its program, say)."},
    {"timeout_s", KEY_SECONDS, offsetof(struct config_server, seconds), "60",
     "Most seconds of one call."},
    {"enabled", KEY_FLAG, offsetof(struct config_server, off), "true", "false: it is not started."},
};

static const struct key hook_keys[] = {
    {"event", KEY_EVENT, offsetof(struct config_hook, after), "\"before_tool\"",
     "before_tool or after_tool."},
    {"tool", KEY_TEXT, offsetof(struct config_hook, tool), "\"shell\"",
     "The tool's name; \"*\" every tool, \"mcp__x__*\" all that begin so."},
    {"command", KEY_TEXT, offsetof(struct config_hook, command), "\"~/bin/check-tool\"",
     "For /bin/sh -c, with your rights and outside the sandbox. JSON on standard input (event, "
     "tool, arguments, workspace, conversation; after a tool also result). Exit status 0 goes on, "
     "2 denies, with standard error as the reason; others are shown. Before a tool, a hook that "
     "cannot be run or is killed denies too. It starts in the workspace, whose files the model "
     "writes: name programs and modules that are not looked for there (python3 gets "
     "PYTHONSAFEPATH=1)."},
    {"timeout_s", KEY_SECONDS, offsetof(struct config_hook, seconds), "10",
     "Most seconds; a hook that takes longer is stopped, and before a tool denies it."},
};

enum {
    SERVER_KEYS = sizeof server_keys / sizeof server_keys[0],
    HOOK_KEYS = sizeof hook_keys / sizeof hook_keys[0]
};

static bool wrong(const struct toml_entry *entry, const char *origin, const char *wanted,
                  struct err *err)
{
    return err_set(err, ERR_ARGUMENT, "%s: %s must be %s", origin, entry->key, wanted);
}

static bool take_value(const struct key *key, char *object, const struct toml_entry *entry,
                       const char *origin, struct err *err)
{
    void *member = object + key->offset;
    switch (key->kind) {
    case KEY_TEXT:
        if (entry->type != TOML_STRING || entry->string[0] == '\0') {
            return wrong(entry, origin, "a string", err);
        }
        mem_free(*(char **)member);
        *(char **)member = mem_strdup(entry->string);
        return true;
    case KEY_LIST:
        if (entry->type != TOML_LIST) {
            return wrong(entry, origin, "a list of strings", err);
        }
        config_list_finish(member); /* of an earlier file: `args` are one command's */
        for (size_t i = 0; i < entry->list_count; i++) {
            config_list_add(member, entry->list[i]);
        }
        return true;
    case KEY_FLAG:
        if (entry->type != TOML_BOOL) {
            return wrong(entry, origin, "true or false", err);
        }
        *(bool *)member = entry->boolean != (strcmp(key->name, "enabled") == 0);
        return true;
    case KEY_SECONDS:
        if (entry->type != TOML_INTEGER || entry->integer < 1 || entry->integer > SECONDS_MAX) {
            return wrong(entry, origin, "a whole number from 1 to 3600", err);
        }
        *(int *)member = (int)entry->integer;
        return true;
    case KEY_EVENT:
        if (entry->type != TOML_STRING || (strcmp(entry->string, "before_tool") != 0 &&
                                           strcmp(entry->string, "after_tool") != 0)) {
            return wrong(entry, origin, "\"before_tool\" or \"after_tool\"", err);
        }
        *(bool *)member = strcmp(entry->string, "after_tool") == 0;
        return true;
    }
    return false;
}

static bool take_key(const struct key *keys, size_t count, const char *name, void *object,
                     const struct toml_entry *entry, const char *origin, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return take_value(&keys[i], object, entry, origin, err);
        }
    }
    return err_set(err, ERR_ARGUMENT, "%s: unknown key \"%s\"", origin, entry->key);
}

/* --- servers --- */

bool config_server_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return length > 0 && name[length] == '\0' && length <= CONFIG_SERVER_NAME_MAX &&
           name[0] != '_' && name[length - 1] != '_' && strstr(name, "__") == NULL;
}

struct config_server *config_servers_get(struct config_servers *servers, const char *name,
                                         const char *origin)
{
    for (size_t i = 0; i < servers->count; i++) {
        if (strcmp(servers->items[i].name, name) == 0) {
            return &servers->items[i];
        }
    }
    if (servers->count == CONFIG_SERVERS_MAX) {
        return NULL;
    }
    vec_room(&servers->items, &servers->capacity, servers->count + 1, sizeof *servers->items);
    servers->items[servers->count] = (struct config_server){
        .name = mem_strdup(name), .seconds = SERVER_SECONDS, .origin = mem_strdup(origin)};
    return &servers->items[servers->count++];
}

static bool plain_variable(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && name[length] == '\0' && (name[0] < '0' || name[0] > '9');
}

/* Takes out what an earlier file gave the variable; `text` is NAME=VALUE. */
static void drop_variable(struct config_list *list, const char *text, size_t name_length)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->items[i], text, name_length + 1) == 0) {
            mem_free(list->items[i]);
            list->count--;
            memmove(list->items + i, list->items + i + 1,
                    (list->count - i) * sizeof list->items[0]);
            return;
        }
    }
}

static bool take_variable(struct config_server *server, const char *name,
                          const struct toml_entry *entry, const char *origin, struct err *err)
{
    if (!plain_variable(name) || entry->type != TOML_STRING) {
        return wrong(entry, origin, "a variable's name with a string", err);
    }
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s=%s", name, entry->string);
    drop_variable(&server->environment, text.data, strlen(name));
    config_list_add(&server->environment, text.data);
    str_finish(&text);
    return true;
}

bool config_servers_entry(struct config_servers *servers, const char *key,
                          const struct toml_entry *entry, const char *origin, struct err *err)
{
    const char *dot = strchr(key, '.');
    char *name = mem_strndup(key, dot != NULL ? (size_t)(dot - key) : strlen(key));
    bool ok = true;
    struct config_server *server = NULL;
    if (dot == NULL || !config_server_name(name)) {
        ok = err_set(err, ERR_ARGUMENT,
                     "%s: [mcp.%s]: a server's name is at most %d of a-z, 0-9, - and single _",
                     origin, name, CONFIG_SERVER_NAME_MAX);
    } else {
        server = config_servers_get(servers, name, origin);
        ok = server != NULL ||
             err_set(err, ERR_LIMIT, "%s: more than %d MCP servers", origin, CONFIG_SERVERS_MAX);
    }
    mem_free(name);
    if (!ok) {
        return false;
    }
    return str_starts_with(dot + 1, "env.")
               ? take_variable(server, dot + 5, entry, origin, err)
               : take_key(server_keys, SERVER_KEYS, dot + 1, server, entry, origin, err);
}

void config_servers_finish(struct config_servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        struct config_server *server = &servers->items[i];
        mem_free(server->name);
        mem_free(server->command);
        mem_free(server->origin);
        config_list_finish(&server->arguments);
        config_list_finish(&server->environment);
        config_list_finish(&server->tools);
        config_list_finish(&server->readable);
    }
    mem_free(servers->items);
    *servers = (struct config_servers){0};
}

/* --- hooks --- */

size_t config_hooks_base(const struct config_hooks *hooks)
{
    return hooks->count;
}

bool config_hooks_entry(struct config_hooks *hooks, size_t base, const char *key,
                        const struct toml_entry *entry, const char *origin, struct err *err)
{
    char *end;
    unsigned long number = strtoul(key, &end, 10);
    if (end == key || *end != '.') {
        return err_set(err, ERR_ARGUMENT, "%s: hooks are a list of tables: write [[hooks]]",
                       origin);
    }
    if (base + number >= CONFIG_HOOKS_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than %d hooks", origin, CONFIG_HOOKS_MAX);
    }
    while (hooks->count <= base + number) {
        vec_room(&hooks->items, &hooks->capacity, hooks->count + 1, sizeof *hooks->items);
        hooks->items[hooks->count++] = (struct config_hook){
            .tool = mem_strdup("*"), .seconds = HOOK_SECONDS, .origin = mem_strdup(origin)};
    }
    return take_key(hook_keys, HOOK_KEYS, end + 1, &hooks->items[base + number], entry, origin,
                    err);
}

bool config_hooks_check(const struct config_hooks *hooks, struct err *err)
{
    for (size_t i = 0; i < hooks->count; i++) {
        if (hooks->items[i].command == NULL) {
            return err_set(err, ERR_ARGUMENT, "%s: the hook has no command",
                           hooks->items[i].origin);
        }
    }
    return true;
}

void config_hooks_finish(struct config_hooks *hooks)
{
    for (size_t i = 0; i < hooks->count; i++) {
        mem_free(hooks->items[i].tool);
        mem_free(hooks->items[i].command);
        mem_free(hooks->items[i].origin);
    }
    mem_free(hooks->items);
    *hooks = (struct config_hooks){0};
}

/* --- the example --- */

static void append_keys(struct str *out, const struct key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        str_append_format(out, "# # %s\n# %s = %s\n", keys[i].help, keys[i].name, keys[i].example);
    }
}

void config_tables_append_example(struct str *out)
{
    str_append(out, "\n# A foreign MCP server; its tools are called mcp__NAME__TOOL and ask.\n"
                    "# [mcp.everything]\n");
    append_keys(out, server_keys, SERVER_KEYS);
    str_append(out, "# env.TOKEN = \"...\"\n\n# A command of yours before or after a tool.\n"
                    "# [[hooks]]\n");
    append_keys(out, hook_keys, HOOK_KEYS);
}
