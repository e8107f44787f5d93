/* claude_events: what happens in a turn as JSON lines, in the event shapes of
 * `claude -p --output-format stream-json`.
 *
 * system/init, assistant (thinking, text, tool_use), user (tool_result), and at the end one result
 * with its subtype. With partial_messages also stream_event lines while an answer arrives:
 * message_start, content_block_start / _delta / _stop, message_delta, message_stop, before the
 * assistant line that has it all. With result_only just the result, as `--output-format json`.
 *
 * input_tokens are the new ones; those that were cached are counted apart. No money is spent here:
 * total_cost_usd is 0.
 */
#ifndef CARAT_EVENTS_CLAUDE_EVENTS_H
#define CARAT_EVENTS_CLAUDE_EVENTS_H

#include "events/event_lines.h"

/* Destroy with event_lines_destroy. */
struct event_lines *claude_events_create(const struct event_lines_options *options);

#endif
