/* codex_events: what happens in a turn as JSON lines, in the event shapes of `codex exec --json`.
 *
 * thread.started, turn.started, item.started / item.completed (agent_message, reasoning,
 * command_execution, file_change, mcp_tool_call), turn.completed with usage, turn.failed, error.
 * Ids of items count from item_0. Nothing is told of an answer before it is complete.
 */
#ifndef CARAT_EVENTS_CODEX_EVENTS_H
#define CARAT_EVENTS_CODEX_EVENTS_H

#include "events/event_lines.h"

/* Destroy with event_lines_destroy. */
struct event_lines *codex_events_create(const struct event_lines_options *options);

#endif
