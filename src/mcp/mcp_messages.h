/* mcp_messages: how a client introduces itself, in both manners of the protocol, and what it says
 * of a call. Pure; the values are new references. */
#ifndef CARAT_MCP_MCP_MESSAGES_H
#define CARAT_MCP_MCP_MESSAGES_H

#include <jansson.h>
#include <stdbool.h>

/* The handshake of 2025-11-25. */
json_t *mcp_messages_initialize(json_int_t id);
/* The manner of 2026-07-28: there is no handshake, but one may look who is there. */
json_t *mcp_messages_discover(json_int_t id);
/* What each request says there of its client. */
json_t *mcp_messages_meta(void);

/* Notices about an open call. The last two are our own tools' alone. */
json_t *mcp_messages_cancelled(json_int_t call);
json_t *mcp_messages_background(json_int_t call);
json_t *mcp_messages_stop(json_int_t call, int grace_ms);

/* Whether tools/list and tools/call of that version are those that we speak. NULL: false. */
bool mcp_messages_known_version(const char *version);

#endif
