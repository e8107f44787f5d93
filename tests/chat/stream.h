/* stream: what a model writes, as items, and what the parser makes of it, as text to compare.
 *
 * An input is a string (control tokens spelled out) or an array of such strings, {"text": literal
 * text} and {"bytes": [...]}.
 */
#ifndef CARAT_TESTS_CHAT_STREAM_H
#define CARAT_TESTS_CHAT_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "chat/parse.h"

struct stream_result {
    struct str events;      /* one a line: "text:...", "call:name {...}", "error:name kind", ... */
    struct str preview;     /* the begun calls and their raw bytes */
    size_t stops, outcomes; /* STOP events; text, thought, call and error events */
    struct str last_error;
    size_t pending; /* where the last line of `events` begins when it may still grow */
    bool growing;
};

void stream_result_init(struct stream_result *result);
void stream_result_finish(struct stream_result *result);

/* Runs the parser over the input, bytes in pieces of `chunk` (0 = all at once), and ends the stream
 * with CHAT_STOP_LENGTH. */
void stream_run(struct stream_result *result, const json_t *input,
                const struct chat_parser_options *options, size_t chunk);

#endif
