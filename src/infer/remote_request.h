/* remote_request: a conversation as the body of a request to an OpenAI-compatible server.
 *
 * POST /chat/completions with stream and usage: system text, messages, tools, sampling. Thoughts
 * and sampled tokens stay here: other servers do not know them. Pictures and sounds go along as the
 * files that the user gave. Pure.
 */
#ifndef CARAT_INFER_REMOTE_REQUEST_H
#define CARAT_INFER_REMOTE_REQUEST_H

#include <stdbool.h>

#include "base/str.h"
#include "infer/infer.h"

enum { REMOTE_REQUEST_LIMIT = 32 * 1024 * 1024 };

/* Appends the body. The request's conversation, system text, tools and schema are read, its prompt
 * is not; a temperature below 0 leaves sampling to the server. ERR_LIMIT: it would be too large. */
/* The same as a body of OpenAI's responses. */
bool remote_request_append_responses(struct str *out, const struct infer_request *request,
                                     const char *model, struct err *err);
bool remote_request_append(struct str *out, const struct infer_request *request, const char *model,
                           struct err *err);

#endif
