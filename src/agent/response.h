/* response: what a call gives back to the model when its tool did not say it, or said too much.
 *
 * Results are objects; a text is {"output": text}. Words that come from the user are quoted as
 * they are: they are data in a result like any other.
 */
#ifndef CARAT_AGENT_RESPONSE_H
#define CARAT_AGENT_RESPONSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/turn.h"

struct str;

enum { RESPONSE_LIMIT = 64 * 1024 };

/* The result of a call that was not run. `detail` (may be NULL): the user's reason, or what could
 * not be read. The reference is the caller's. */
json_t *response_refusal(enum turn_reason reason, const char *detail);

/* The response that a picture goes with, for a model without eyes: as it came, and that said. */
json_t *response_unseen(const json_t *response);

/* Of a call that a crash left open. */
json_t *response_interrupted(bool started);

/* True when the output of `response` is larger than RESPONSE_LIMIT (or the rest of it far larger);
 * then `whole` gets the full text. */
bool response_too_large(const json_t *response, struct str *whole);

/* The beginning of `whole` and a line that says what is missing and with which call it is read
 * (handle "" = it could not be kept). */
json_t *response_cut(const json_t *response, const struct str *whole, const char *handle);

#endif
