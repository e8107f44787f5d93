/* intake: a request's pictures and sounds, decoded while the loop goes on.
 *
 * Foreign files are opened nowhere here: `decode` hands one to a process behind the sandbox and
 * waits for it, on one of libuv's threads. Started on the loop, and `done` comes there, once.
 */
#ifndef CARAT_SERVE_INTAKE_H
#define CARAT_SERVE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

struct chat_conversation;
struct chat_medium;
struct err;

/* Any thread, several at a time: one reference, or NULL and *err. */
typedef struct chat_medium *intake_decode(void *context, const char *bytes, size_t size,
                                          bool picture, struct err *err);

struct intake_options {
    uv_loop_t *loop;
    intake_decode *decode;
    void *decode_context;
    /* `err` is NULL when every medium of the conversation is decoded now. */
    void (*done)(void *context, const struct err *err);
    void *context;
};

/* The conversation is borrowed until `done`. */
void intake_start(const struct intake_options *options, struct chat_conversation *conversation);

#endif
