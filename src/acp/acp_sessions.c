#include "acp/acp_sessions.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/config.h"

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void free_session(struct acp_session *session)
{
    mem_free(session->workspace);
    json_decref(session->servers);
    mem_free(session);
}

static void free_turn(struct acp_turn *turn)
{
    json_decref(turn->request);
    json_decref(turn->prompt);
}

void acp_sessions_finish(struct acp_sessions *sessions)
{
    for (size_t i = 0; i < sessions->count; i++) {
        free_session(sessions->items[i]);
    }
    for (size_t i = 0; i < sessions->turn_count; i++) {
        free_turn(&sessions->turns[i]);
    }
    mem_free(sessions->items);
    mem_free(sessions->turns);
    *sessions = (struct acp_sessions){0};
}

/* --- sessions --- */

struct acp_session *acp_sessions_add(struct acp_sessions *sessions, const char *id,
                                     const json_t *params, struct err *err)
{
    const char *cwd = member(params, "cwd");
    const json_t *servers = json_object_get(params, "mcpServers");
    struct stat status;
    if (cwd == NULL || cwd[0] != '/') {
        err_set(err, ERR_ARGUMENT, "cwd must be an absolute path");
        return NULL;
    }
    if (stat(cwd, &status) != 0 || !S_ISDIR(status.st_mode)) {
        err_set(err, ERR_ARGUMENT, "cwd %.200s is no directory", cwd);
        return NULL;
    }
    if (servers != NULL && !json_is_array(servers)) {
        err_set(err, ERR_ARGUMENT, "mcpServers must be an array");
        return NULL;
    }
    acp_sessions_remove(sessions, id);
    struct acp_session *session = mem_zero(1, sizeof *session);
    snprintf(session->id, sizeof session->id, "%s", id);
    session->workspace = mem_strdup(cwd);
    session->servers = servers != NULL ? json_deep_copy(servers) : json_array();
    vec_room(&sessions->items, &sessions->capacity, sessions->count + 1, sizeof *sessions->items);
    sessions->items[sessions->count++] = session;
    return session;
}

static size_t place_of(const struct acp_sessions *sessions, const char *id)
{
    size_t i = 0;
    while (i < sessions->count && (id == NULL || strcmp(sessions->items[i]->id, id) != 0)) {
        i++;
    }
    return i;
}

struct acp_session *acp_sessions_find(const struct acp_sessions *sessions, const char *id)
{
    size_t place = place_of(sessions, id);
    return place < sessions->count ? sessions->items[place] : NULL;
}

void acp_sessions_remove(struct acp_sessions *sessions, const char *id)
{
    size_t place = place_of(sessions, id);
    if (place < sessions->count) {
        free_session(sessions->items[place]);
        sessions->count--;
        memmove(sessions->items + place, sessions->items + place + 1,
                (sessions->count - place) * sizeof *sessions->items);
    }
}

bool acp_sessions_alike(const struct acp_session *a, const struct acp_session *b)
{
    return strcmp(a->workspace, b->workspace) == 0 && json_equal(a->servers, b->servers);
}

/* --- the editor's servers --- */

/* A name that a server of ours may have: small letters, digits and single dashes. */
static void fold_name(const char *name, char out[CONFIG_SERVER_NAME_MAX + 1])
{
    size_t length = 0;
    for (; *name != '\0' && length < CONFIG_SERVER_NAME_MAX; name++) {
        bool capital = *name >= 'A' && *name <= 'Z';
        bool small = (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9');
        if (capital || small) {
            out[length++] = capital ? (char)(*name - 'A' + 'a') : *name;
        } else if (length > 0 && out[length - 1] != '-') {
            out[length++] = '-';
        }
    }
    out[length] = '\0';
}

static bool add_server(struct config *config, const json_t *entry, struct err *err)
{
    const char *given = member(entry, "name"), *command = member(entry, "command");
    const char *type = member(entry, "type");
    char name[CONFIG_SERVER_NAME_MAX + 1];
    json_t *item;
    size_t i;
    fold_name(given != NULL ? given : "", name);
    if (type != NULL && strcmp(type, "stdio") != 0) {
        return err_set(err, ERR_UNSUPPORTED, "MCP server %s: carat starts programs; it is %.20s",
                       name, type);
    }
    if (!config_server_name(name) || command == NULL) {
        return err_set(err, ERR_ARGUMENT, "MCP server \"%s\": needs a name and a command", name);
    }
    struct config_server *server = config_servers_get(&config->servers, name, "the editor");
    if (server == NULL) {
        return err_set(err, ERR_LIMIT, "there are more than %d MCP servers", CONFIG_SERVERS_MAX);
    }
    if (server->command != NULL) {
        config_notice(config, "the editor's MCP server %s is left out: the user has one", name);
        return true;
    }
    server->command = mem_strdup(command);
    json_array_foreach(json_object_get(entry, "args"), i, item)
    {
        if (json_is_string(item)) {
            config_list_add(&server->arguments, json_string_value(item));
        }
    }
    json_array_foreach(json_object_get(entry, "env"), i, item)
    {
        struct str variable;
        const char *key = member(item, "name"), *value = member(item, "value");
        str_init(&variable);
        if (key != NULL && value != NULL) {
            str_append_format(&variable, "%s=%s", key, value);
            config_list_add(&server->environment, variable.data);
        }
        str_finish(&variable);
    }
    return true;
}

bool acp_sessions_add_servers(const struct acp_session *session, struct config *config,
                              struct err *err)
{
    json_t *entry;
    size_t i;
    json_array_foreach(session->servers, i, entry)
    {
        if (!add_server(config, entry, err)) {
            return false;
        }
    }
    return true;
}

/* --- prompts --- */

void acp_sessions_queue(struct acp_sessions *sessions, const json_t *request, const char *session,
                        const json_t *prompt)
{
    vec_room(&sessions->turns, &sessions->turn_capacity, sessions->turn_count + 1,
             sizeof *sessions->turns);
    struct acp_turn *turn = &sessions->turns[sessions->turn_count++];
    *turn = (struct acp_turn){.request = json_deep_copy(request), .prompt = json_deep_copy(prompt)};
    snprintf(turn->session, sizeof turn->session, "%s", session);
}

json_t *acp_sessions_withdraw(struct acp_sessions *sessions, const char *session, size_t from)
{
    for (size_t i = from; i < sessions->turn_count; i++) {
        struct acp_turn *turn = &sessions->turns[i];
        if (strcmp(turn->session, session) == 0) {
            json_t *request = json_incref(turn->request);
            free_turn(turn);
            sessions->turn_count--;
            memmove(turn, turn + 1, (sessions->turn_count - i) * sizeof *turn);
            return request;
        }
    }
    return NULL;
}
