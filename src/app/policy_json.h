/* policy_json: the user's settings as the policy that carat-tool reads (tools/policy.h). */
#ifndef CARAT_APP_POLICY_JSON_H
#define CARAT_APP_POLICY_JSON_H

#include <jansson.h>

#include "config/config.h"

struct paths;

/* A new reference. `workspace` is absolute. */
json_t *policy_json(const struct config *config, const struct paths *paths, const char *workspace);

#endif
