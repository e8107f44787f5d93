/* more_output: reads on in a result that was cut. The one tool that carat runs itself, because what
 * was kept lies in its store, which no tool's process can see.
 *
 * A result that a tool had to cut comes with the whole of what it kept in a member "whole";
 * more_output_keep puts that into the store and leaves in its place a call that reads on.
 */
#ifndef CARAT_AGENT_MORE_OUTPUT_H
#define CARAT_AGENT_MORE_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "chat/conversation.h"

struct err;
struct journal;

/* Moves "whole" of the response, when it has one, into the store; *kept tells whether it is there
 * now. The reference is the caller's. When it cannot be kept the response says so. */
json_t *more_output_keep(struct journal *journal, json_t *response, bool *kept, struct err *err);

/* The result of a call: at most `tokens` (at 4 bytes each, but a line in any case) of the lines
 * from start_line on, or of those in which `pattern` begins; a note says what is left and how to
 * get it. Long lines are broken (base/rows.h). */
json_t *more_output_answer(struct journal *journal, const json_t *arguments, int tokens,
                           bool *failed);

/* The same of bytes that the caller has. */
json_t *more_output_page(const char *bytes, size_t length, const json_t *arguments, int tokens,
                         bool *failed);

/* Some result of the conversation names a handle. */
bool more_output_offered(const struct chat_conversation *conversation);

#endif
