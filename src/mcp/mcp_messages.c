#include "mcp/mcp_messages.h"

#include <string.h>

json_t *mcp_messages_initialize(json_int_t id)
{
    return json_pack("{s:s, s:I, s:s, s:{s:s, s:{}, s:{s:s, s:s}}}", "jsonrpc", "2.0", "id", id,
                     "method", "initialize", "params", "protocolVersion", "2025-11-25",
                     "capabilities", "clientInfo", "name", "carat", "version", "0.1");
}

json_t *mcp_messages_meta(void)
{
    return json_pack("{s:s, s:{}, s:{s:s, s:s}}", "io.modelcontextprotocol/protocolVersion",
                     "2026-07-28", "io.modelcontextprotocol/clientCapabilities",
                     "io.modelcontextprotocol/clientInfo", "name", "carat", "version", "0.1");
}

json_t *mcp_messages_discover(json_int_t id)
{
    return json_pack("{s:s, s:I, s:s, s:{s:o}}", "jsonrpc", "2.0", "id", id, "method",
                     "server/discover", "params", "_meta", mcp_messages_meta());
}

json_t *mcp_messages_cancelled(json_int_t call)
{
    return json_pack("{s:s, s:s, s:{s:I, s:s}}", "jsonrpc", "2.0", "method",
                     "notifications/cancelled", "params", "requestId", call, "reason",
                     "stopped by the user");
}

json_t *mcp_messages_background(json_int_t call)
{
    return json_pack("{s:s, s:s, s:{s:I}}", "jsonrpc", "2.0", "method",
                     "notifications/carat/background", "params", "requestId", call);
}

json_t *mcp_messages_stop(json_int_t call, int grace_ms)
{
    return json_pack("{s:s, s:s, s:{s:I, s:i}}", "jsonrpc", "2.0", "method",
                     "notifications/carat/stop", "params", "requestId", call, "graceMs", grace_ms);
}

bool mcp_messages_known_version(const char *version)
{
    static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
    for (size_t i = 0; version != NULL && i < sizeof versions / sizeof versions[0]; i++) {
        if (strcmp(versions[i], version) == 0) {
            return true;
        }
    }
    return false;
}
