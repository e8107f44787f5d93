/* mcp_calls: the calls of a client that have no result yet, in the order in which they were sent.
 * Plain values; no effects. */
#ifndef CARAT_MCP_MCP_CALLS_H
#define CARAT_MCP_MCP_CALLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcp_call {
    uint64_t number;
    bool cancelled;
};

struct mcp_calls {
    struct mcp_call *items;
    size_t count, capacity;
};

void mcp_calls_finish(struct mcp_calls *calls);
void mcp_calls_add(struct mcp_calls *calls, uint64_t number);
/* Where the call of this number is, or of this id of a message; false: it is not open. */
bool mcp_calls_find(const struct mcp_calls *calls, uint64_t number, size_t *place);
bool mcp_calls_find_id(const struct mcp_calls *calls, const json_t *id, size_t *place);
/* The first that was cancelled, or the first that was not; false: there is none. */
bool mcp_calls_first(const struct mcp_calls *calls, bool cancelled, size_t *place);
/* Takes one off the list. */
struct mcp_call mcp_calls_take(struct mcp_calls *calls, size_t place);

#endif
