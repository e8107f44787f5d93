/* mcp_hooks: the user's commands before and after a tool that another program calls directly. */
#ifndef CARAT_COMMAND_MCP_HOOKS_H
#define CARAT_COMMAND_MCP_HOOKS_H

#include <jansson.h>
#include <stdbool.h>

struct hooks;
struct toolproc_result;

/* Before the tool (`result` NULL) or after it. False when no hook is there for it; else hooks' own
 * callback says under `key` what became of it. */
bool mcp_hooks_start(struct hooks *hooks, const char *workspace, const char *key, const char *tool,
                     const json_t *arguments, const struct toolproc_result *result);

/* What a hook behind the tool said, beside the tool's result. */
void mcp_hooks_add_denial(json_t *result, const char *denial);

/* A sentence of hooks for the user: on standard error, where clients keep a server's words. */
void mcp_hooks_notice(void *context, const char *sentence);

#endif
