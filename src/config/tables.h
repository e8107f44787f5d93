/* tables: what the configuration holds as tables of their own beside the options.
 *
 * [mcp.NAME] is a foreign MCP server that carat starts for its tools; [[hooks]] a command of the
 * user's that is run before or after a tool. Only the user's own files may hold them: both start
 * programs. Plain values; a list owns its strings.
 */
#ifndef CARAT_CONFIG_TABLES_H
#define CARAT_CONFIG_TABLES_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;
struct toml_entry;

struct config_list {
    char **items;
    size_t count, capacity;
};

void config_list_add(struct config_list *list, const char *text);
void config_list_finish(struct config_list *list);

enum { CONFIG_SERVER_NAME_MAX = 24, CONFIG_SERVERS_MAX = 16, CONFIG_HOOKS_MAX = 32 };

struct config_server {
    char *name;
    char *command; /* NULL: says only what a project's server of this name may do */
    struct config_list arguments, environment /* NAME=VALUE */, tools /* none = all */, readable;
    bool writable, network;
    bool off;        /* enabled = false */
    int seconds;     /* most of one call */
    char *origin;    /* file and line of its first key */
    bool of_project; /* from .mcp.json */
};

struct config_servers {
    struct config_server *items;
    size_t count, capacity;
};

/* Small letters, digits, '-' and single '_': it becomes a part of each tool's name. */
bool config_server_name(const char *name);
/* The server of that name, made when there is none; NULL when there are too many. */
struct config_server *config_servers_get(struct config_servers *servers, const char *name,
                                         const char *origin);
void config_servers_finish(struct config_servers *servers);
/* `key` behind "mcp.": NAME.command, NAME.env.TOKEN, ... */
bool config_servers_entry(struct config_servers *servers, const char *key,
                          const struct toml_entry *entry, const char *origin, struct err *err);

struct config_hook {
    bool after;    /* the event: after_tool, else before_tool */
    char *tool;    /* name of the tool, "*" at its end = any that begins so; "*" = every */
    char *command; /* for /bin/sh -c */
    int seconds;
    char *origin;
};

struct config_hooks {
    struct config_hook *items;
    size_t count, capacity;
};

void config_hooks_finish(struct config_hooks *hooks);
/* Those of one more file: its numbers begin at 0 again. */
size_t config_hooks_base(const struct config_hooks *hooks);
/* `key` behind "hooks.": 0.command, ... `base`: how many there were before this file. */
bool config_hooks_entry(struct config_hooks *hooks, size_t base, const char *key,
                        const struct toml_entry *entry, const char *origin, struct err *err);
/* Each hook must have its event and its command. */
bool config_hooks_check(const struct config_hooks *hooks, struct err *err);

/* The tables as an example, commented out. */
void config_tables_append_example(struct str *out);

#endif
