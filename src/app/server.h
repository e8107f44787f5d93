/* server: which server "remote:WHAT" means, and how it is asked.
 *
 * WHAT is a [remote.NAME] of the configuration, NAME/MODEL, or a model of the server at remote.url;
 * "ollama/MODEL" without such a table is the server of OLLAMA_HOST. A url that is unset, or
 * "openai", is OPENAI_BASE_URL; only then, and when no key is configured, is OPENAI_API_KEY the
 * key: it goes to the host that its owner's environment names beside it, and to no other. The
 * environment alone never chooses a server: somebody has said "remote:" or --endpoint, or
 * CARAT_MODEL means a server whose address the configuration has. Any thread.
 */
#ifndef CARAT_APP_SERVER_H
#define CARAT_APP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct err;

struct server {
    char *url;
    const char *model; /* views of the configuration, the word or the environment from here on */
    const char *key_env, *key_command; /* NULL = unset */
    const char *const *headers;
    size_t header_count;
    bool responses; /* speaks OpenAI's responses */
};

/* ERR_ARGUMENT says what is missing. On success server_finish. */
bool server_find(const struct config *config, const char *what, struct server *out,
                 struct err *err);
void server_finish(struct server *server);
/* Whether the configuration itself, or --endpoint, says where WHAT is asked, and no variable. */
bool server_is_configured(const struct config *config, const char *what);

/* The address that OLLAMA_HOST means, "0.0.0.0:11434", "host", ":8080", "https://host": with a
 * scheme, a port and /v1; NULL is this machine's. mem_free. Pure. */
char *server_ollama_address(const char *host);

#endif
