/* decoding: a picture that a tool gave back, decoded while the loop goes on.
 *
 * The waiting for its decoder (attachment.h) is done on one of libuv's threads; `done` is called on
 * the loop, once, unless the decoding is forgotten before.
 */
#ifndef CARAT_AGENT_DECODING_H
#define CARAT_AGENT_DECODING_H

#include <stddef.h>

struct attachment_tool;
struct chat_medium;
struct decoding;
struct err;
struct uv_loop_s;

/* The medium is a view; NULL when it could not be decoded, and then *err says why. */
typedef void decoding_done(void *context, struct decoding *decoding, struct chat_medium *medium,
                           const struct err *err);

/* The bytes are copied, the strings of the tool too. The loop must run until it is done. */
struct decoding *decoding_start(struct uv_loop_s *loop, const struct attachment_tool *tool,
                                const char *bytes, size_t size, decoding_done *done, void *context);
/* Nobody wants to know any more. */
void decoding_forget(struct decoding *decoding);

#endif
