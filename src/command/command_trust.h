/* command_trust: `carat trust`: may the MCP servers of this project's .mcp.json be started? */
#ifndef CARAT_COMMAND_COMMAND_TRUST_H
#define CARAT_COMMAND_COMMAND_TRUST_H

#include "app/exit_code.h"
#include "config/config.h"

/* carat trust: shows the file and asks, on a terminal. carat trust no: takes the yes back. */
enum exit_code command_trust(struct config *config);
/* Before the screen: asks when the file is there and nobody has said anything of it yet. */
void command_trust_ask_once(const struct config *config);

#endif
