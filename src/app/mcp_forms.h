/* mcp_forms: lists of MCP servers as other programs write them, for --mcp-config.
 *
 * Codex has them in its config.toml ([mcp_servers.NAME] with command, args, env), opencode in JSON
 * ("mcp": {NAME: {"type": "local", "command": [...], "environment"}}). Both become the form of
 * .mcp.json. What has no place in it is named.
 */
#ifndef CARAT_APP_MCP_FORMS_H
#define CARAT_APP_MCP_FORMS_H

#include <stdbool.h>

#include "base/str.h"
#include "config/tables.h"

struct err;

/* Replaces `text`, the content of the file `path`, when it has one of those forms; else leaves it.
 * TOML is known by the end of the file's name. `notices` gets a sentence for each key that is not
 * used. */
bool mcp_forms_convert(const char *path, struct str *text, struct config_list *notices,
                       struct err *err);

#endif
