#include "app/mcp_forms.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/visible.h"
#include "config/toml.h"

struct converting {
    const char *path;
    json_t *servers; /* of .mcp.json */
    struct config_list *notices;
};

static void say_unused(const struct converting *converting, const char *name, const char *key)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "--mcp-config %s: of the server \"", converting->path);
    visible_append(&text, name, strnlen(name, 64), VISIBLE_APPROVAL);
    str_append(&text, "\" this is not used: ");
    visible_append(&text, key, strnlen(key, 64), VISIBLE_APPROVAL);
    config_list_add(converting->notices, text.data);
    str_finish(&text);
}

/* The object of that name in another, made when there is none. */
static json_t *object_of(json_t *parent, const char *name)
{
    json_t *object = json_object_get(parent, name);
    if (!json_is_object(object)) {
        object = json_object();
        json_object_set_new(parent, name, object);
    }
    return object;
}

static void write_back(json_t *servers, struct str *text)
{
    json_t *root = json_pack("{so}", "mcpServers", servers);
    char *dump = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    str_clear(text);
    str_append(text, dump != NULL ? dump : "{}");
    free(dump);
}

/* --- codex --- */

static bool take_toml(void *context, const struct toml_entry *entry, struct err *err)
{
    static const char PREFIX[] = "mcp_servers.";
    struct converting *converting = context;
    const char *name_at = entry->key + sizeof PREFIX - 1;
    const char *dot = str_starts_with(entry->key, PREFIX) ? strchr(name_at, '.') : NULL;
    (void)err;
    if (dot == NULL) {
        return true; /* the rest of that program's configuration */
    }
    char *name = mem_strndup(name_at, (size_t)(dot - name_at));
    json_t *server = object_of(converting->servers, name);
    const char *key = dot + 1;
    bool text = entry->type == TOML_STRING;
    if (text && (strcmp(key, "command") == 0 || strcmp(key, "url") == 0)) {
        json_object_set_new(server, key, json_string(entry->string));
    } else if (text && str_starts_with(key, "env.")) {
        json_object_set_new(object_of(server, "env"), key + 4, json_string(entry->string));
    } else if (entry->type == TOML_LIST && strcmp(key, "args") == 0) {
        json_t *list = json_array();
        for (size_t i = 0; i < entry->list_count; i++) {
            json_array_append_new(list, json_string(entry->list[i]));
        }
        json_object_set_new(server, "args", list);
    } else if (entry->type == TOML_BOOL && strcmp(key, "enabled") == 0) {
        json_object_set_new(server, "off", json_boolean(!entry->boolean));
    } else {
        say_unused(converting, name, key);
    }
    mem_free(name);
    return true;
}

/* --- opencode --- */

static void take_json(struct converting *converting, const char *name, const json_t *entry)
{
    json_t *server = object_of(converting->servers, name), *value;
    const char *key;
    json_object_foreach((json_t *)entry, key, value)
    {
        if (strcmp(key, "command") == 0 && json_is_array(value)) {
            json_t *arguments = json_array();
            for (size_t i = 1; i < json_array_size(value); i++) {
                json_array_append(arguments, json_array_get(value, i));
            }
            json_object_set(server, "command", json_array_get(value, 0));
            json_object_set_new(server, "args", arguments);
        } else if (strcmp(key, "environment") == 0) {
            json_object_set(server, "env", value);
        } else if (strcmp(key, "enabled") == 0) {
            json_object_set_new(server, "off", json_boolean(json_is_false(value)));
        } else if (strcmp(key, "url") == 0) {
            json_object_set(server, key, value);
        } else if (strcmp(key, "type") != 0) {
            say_unused(converting, name, key);
        }
    }
}

/* Those that their file switches off are not there. */
static void drop_off(json_t *servers)
{
    const char *name;
    json_t *server;
    void *next;
    json_object_foreach_safe(servers, next, name, server)
    {
        if (json_is_true(json_object_get(server, "off"))) {
            json_object_del(servers, name);
        }
    }
}

bool mcp_forms_convert(const char *path, struct str *text, struct config_list *notices,
                       struct err *err)
{
    struct converting converting = {path, json_object(), notices};
    bool ok = true, other = str_ends_with(path, ".toml");
    if (other) {
        ok = toml_read(path, text->data, text->length, take_toml, &converting, err);
    } else {
        json_t *root = json_loadb(text->data, text->length, JSON_REJECT_DUPLICATES, NULL), *entry;
        json_t *theirs = json_object_get(root, "mcp");
        const char *name;
        other = json_is_object(theirs) && json_object_get(root, "mcpServers") == NULL;
        json_object_foreach(other ? theirs : NULL, name, entry)
        {
            take_json(&converting, name, entry);
        }
        json_decref(root);
    }
    drop_off(converting.servers);
    if (ok && other) {
        write_back(converting.servers, text);
    } else {
        json_decref(converting.servers);
    }
    return ok;
}
