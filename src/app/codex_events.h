/* codex_events: what happens in a turn as JSON lines, in the event shapes of `codex exec --json`.
 *
 * thread.started, turn.started, item.started / item.completed (agent_message, reasoning,
 * command_execution, file_change, mcp_tool_call), turn.completed with usage, turn.failed, error.
 * Pure: agent events in, lines out through `write`.
 */
#ifndef CARAT_APP_CODEX_EVENTS_H
#define CARAT_APP_CODEX_EVENTS_H

#include "agent/agent.h"

struct codex_events;

/* `write` gets one line without its newline. */
struct codex_events *
codex_events_create(void (*write)(void *context, const char *line, size_t length), void *context);
void codex_events_destroy(struct codex_events *events);
/* `thread_id`: the conversation's id; needed from AGENT_USER on. */
void codex_events_feed(struct codex_events *events, const struct agent_event *event,
                       const char *thread_id);
/* A failure outside any turn: {"type":"error"}. */
void codex_events_error(struct codex_events *events, const char *message);

#endif
