/* gemini_events: what happens in a turn as JSON lines, in the event shapes of
 * `gemini -p --output-format stream-json`.
 *
 * init, message (the user's; the answer in pieces as it arrives, "delta": true), tool_use,
 * tool_result, error (severity "warning" for what the user should know, "error" for a failure),
 * and at the end result with its stats. Every event has a timestamp. Thoughts have no event.
 */
#ifndef CARAT_EVENTS_GEMINI_EVENTS_H
#define CARAT_EVENTS_GEMINI_EVENTS_H

#include "events/event_lines.h"

/* Destroy with event_lines_destroy. */
struct event_lines *gemini_events_create(const struct event_lines_options *options);

#endif
