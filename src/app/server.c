#include "app/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

static const char ollama_port[] = "11434", this_machine[] = "127.0.0.1";

/* --- the environment --- */

/* Without a scheme it is http and Ollama's port; with one, the scheme's own port. */
char *server_ollama_address(const char *host)
{
    struct str out;
    const char *given = host != NULL ? host : "", *scheme = strstr(given, "://");
    const char *rest = scheme != NULL ? scheme + 3 : given;
    size_t length = strcspn(rest, "/"), bracket = strcspn(rest, "]");
    size_t name = rest[0] == '[' && bracket < length ? bracket + 1 : strcspn(rest, ":/");
    str_init(&out);
    str_append_bytes(&out, given, scheme != NULL ? (size_t)(rest - given) : 0);
    str_append(&out, scheme == NULL ? "http://" : "");
    bool any = name == 0 || (name == 7 && memcmp(rest, "0.0.0.0", 7) == 0);
    if (any) {
        str_append(&out, this_machine);
    } else {
        str_append_bytes(&out, rest, name);
    }
    if (rest[name] == ':') {
        str_append_bytes(&out, rest + name, length - name);
    } else if (scheme == NULL) {
        str_append_format(&out, ":%s", ollama_port);
    }
    str_append(&out, "/v1");
    return str_take(&out);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* --- finding --- */

static void take_named(const struct servers_entry *entry, const char *what, struct server *out,
                       const char **url, const char **api)
{
    const char *model = entry->members[SERVERS_MODEL];
    size_t length = strlen(entry->name);
    *url = entry->members[SERVERS_URL];
    *api = entry->members[SERVERS_API];
    out->model = what[length] == '/' ? what + length + 1 : model != NULL ? model : entry->name;
    out->headers = (const char *const *)entry->headers;
    out->header_count = entry->header_count;
    out->key_env = entry->members[SERVERS_KEY_ENV];
    out->key_command = entry->members[SERVERS_KEY_COMMAND];
}

static void take_plain(const struct config *config, const char *what, struct server *out,
                       const char **url, const char **api)
{
    *url = config_string(config, OPTION_REMOTE_URL);
    *api = config_string(config, OPTION_REMOTE_API);
    out->model = what[0] != '\0' ? what : config_string(config, OPTION_REMOTE_MODEL);
    out->key_env = config_string(config, OPTION_REMOTE_KEY);
    out->key_command = config_string(config, OPTION_REMOTE_KEY_COMMAND);
}

/* "ollama/MODEL", or --endpoint ollama. */
static bool is_ollama(const char *what, const char *url, const char **model)
{
    static const char word[] = "ollama";
    size_t length = sizeof word - 1;
    bool named = url == NULL && strncmp(what, word, length) == 0 &&
                 (what[length] == '/' || what[length] == '\0');
    if (named) {
        *model = what[length] == '/' ? what + length + 1 : NULL;
    }
    return named || (url != NULL && strcmp(url, word) == 0);
}

static bool address(struct server *out, const char *what, const char *name, const char *url,
                    struct err *err)
{
    bool openai = url == NULL || strcmp(url, "openai") == 0;
    const char *base = environment("OPENAI_BASE_URL");
    if (!openai) {
        out->url = mem_strdup(url);
        return true;
    }
    if (base == NULL && url != NULL) {
        return err_set(err, ERR_ARGUMENT,
                       "-m remote:%s: the address is \"openai\", and "
                       "OPENAI_BASE_URL is not set",
                       what);
    }
    if (base == NULL) {
        return name != NULL ? err_set(err, ERR_ARGUMENT, "-m remote:%s: remote.%s.url is not set",
                                      what, name)
                            : err_set(err, ERR_ARGUMENT,
                                      "-m remote:%s: needs [remote.%s] with its url, or "
                                      "remote.url, in the configuration, or OPENAI_BASE_URL",
                                      what, what[0] != '\0' ? what : "NAME");
    }
    out->url = mem_strdup(base);
    if (out->key_env == NULL && out->key_command == NULL && environment("OPENAI_API_KEY") != NULL) {
        out->key_env = "OPENAI_API_KEY";
    }
    return true;
}

bool server_find(const struct config *config, const char *what, struct server *out, struct err *err)
{
    struct server found = {0};
    const char *url, *api;
    const struct servers_entry *entry = servers_find(&config->remotes, what, strcspn(what, "/"));
    if (entry != NULL) {
        take_named(entry, what, &found, &url, &api);
    } else {
        take_plain(config, what, &found, &url, &api);
    }
    found.responses = api != NULL && strcmp(api, "responses") == 0;
    if (entry == NULL && is_ollama(what, url, &found.model)) {
        found.url = server_ollama_address(environment("OLLAMA_HOST"));
        if (url == NULL) { /* what is configured for another server is not this one's */
            found.key_env = found.key_command = NULL;
            found.responses = false;
        }
    } else if (!address(&found, what, entry != NULL ? entry->name : NULL, url, err)) {
        return false;
    }
    if (found.model == NULL) {
        server_finish(&found);
        return err_set(err, ERR_ARGUMENT,
                       "-m remote:%s: needs the model's name: remote:%s%sMODEL, or remote.model in "
                       "the configuration",
                       what, what, what[0] != '\0' ? "/" : "");
    }
    *out = found;
    return true;
}

bool server_is_configured(const struct config *config, const char *what)
{
    const struct servers_entry *entry = servers_find(&config->remotes, what, strcspn(what, "/"));
    const char *url =
        entry != NULL ? entry->members[SERVERS_URL] : config_string(config, OPTION_REMOTE_URL);
    bool typed = entry == NULL && url != NULL && config->values[OPTION_REMOTE_URL].origin[0] == '-';
    return typed || (url != NULL && strcmp(url, "openai") != 0 && strcmp(url, "ollama") != 0);
}

void server_finish(struct server *server)
{
    mem_free(server->url);
    *server = (struct server){0};
}
