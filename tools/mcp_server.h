/* mcp_server: the server half of the Model Context Protocol over stdio, for our own tools.
 *
 * One JSON object a line. Speaks both the 2025-11-25 handshake (initialize,
 * notifications/initialized) and 2026-07-28's stateless mode (no handshake: protocol version and
 * client capabilities in each request's _meta; server/discover). Methods: initialize, ping,
 * server/discover, tools/list, tools/call; notifications/cancelled stops a running call;
 * notifications/progress carries live output when the call has a progress token. A frame over 4
 * MiB, a line that is not JSON, an unknown method: a JSON-RPC error, and on it goes.
 */
#ifndef CARAT_TOOLS_MCP_SERVER_H
#define CARAT_TOOLS_MCP_SERVER_H

#include <stdbool.h>

struct tool;
struct tool_context;

/* Serves `tools` (of which `only`, when not NULL, is the one that is shown) on these descriptors
 * until the input ends. `context` is handed to each call, with its progress and cancelled members
 * filled in. */
void mcp_server_run(int in, int out, const struct tool *tools, const char *only,
                    struct tool_context *context);

#endif
