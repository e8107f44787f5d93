/* policy_json: the user's settings as the policy that carat-tool reads (tools/policy.h). */
#ifndef CARAT_APP_POLICY_JSON_H
#define CARAT_APP_POLICY_JSON_H

#include <jansson.h>

#include "config/config.h"

struct err;
struct paths;

/* A new reference. `workspace` is absolute. NULL with ERR_UNSUPPORTED for a path that JSON cannot
 * hold. */
json_t *policy_json(const struct config *config, const struct paths *paths, const char *workspace,
                    struct err *err);

/* The same for a foreign server: no network and nothing writable unless the user gave it, no more
 * than tools of ours have. With such a path in it carat-tool refuses it. */
json_t *policy_json_server(const struct config *config, const struct paths *paths,
                           const char *workspace, const struct config_server *server);

#endif
