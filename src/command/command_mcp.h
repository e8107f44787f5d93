/* carat mcp: carat's tools, and carat itself, for other programs: an MCP server on standard input
 * and output. */
#ifndef CARAT_COMMAND_COMMAND_MCP_H
#define CARAT_COMMAND_COMMAND_MCP_H

#include "app/exit_code.h"
#include "config/config.h"

enum exit_code command_mcp(struct config *config);

#endif
