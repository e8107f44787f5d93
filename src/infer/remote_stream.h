/* remote_stream: a server's event stream as the tokens of a model turn.
 *
 * Reads the lines of a streamed chat/completions answer and spells what they say as Gemma would
 * have: the thought in its channel (also one that a server leaves in the
 * text between <think> and </think>), the text, then the calls in the format's own notation, then
 * the stop token. So one parser, one turn machine and one approval serve every back end. What the
 * server sends is data: it becomes bytes, and control tokens are made here alone.
 *
 * Text is passed on as it comes; calls arrive in pieces and are spelled at the end, when they are
 * whole. Lines, calls and arguments are limited. Pure; not thread-safe.
 */
#ifndef CARAT_INFER_REMOTE_STREAM_H
#define CARAT_INFER_REMOTE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "chat/control.h"
#include "chat/parse.h"

enum {
    REMOTE_STREAM_LINE = 1024 * 1024, /* most bytes of a line */
    REMOTE_STREAM_TOTAL = 64 * 1024 * 1024,
    REMOTE_STREAM_CALLS = 64,
    REMOTE_STREAM_ARGUMENTS = 256 * 1024, /* most bytes of one call's */
};

struct remote_stream;

struct remote_stream_options {
    /* One token: a control token, or (CONTROL_NONE) at least one byte. */
    void (*token)(void *context, enum control control, const char *bytes, size_t length);
    void *context;
    bool responses; /* events of OpenAI's responses instead of chat/completions */
};

struct remote_stream_usage {
    size_t prompt, cached, sampled; /* sampled: pieces seen, where the server does not say */
};

struct remote_stream *remote_stream_create(const struct remote_stream_options *options);
void remote_stream_destroy(struct remote_stream *stream);

/* Fails on what is no answer (the server's own error, bad JSON, limits); nothing may be fed after
 * that. */
bool remote_stream_feed(struct remote_stream *stream, const char *bytes, size_t length,
                        struct err *err);

/* The server has said that nothing follows: its "[DONE]". */
bool remote_stream_done(const struct remote_stream *stream);

/* The bytes have ended: spells the calls and the stop token. Fails when the answer was cut off. */
bool remote_stream_end(struct remote_stream *stream, enum chat_stop *stop, struct err *err);

/* Events so far that said something: never more than the tokens of the answer. */
size_t remote_stream_pieces(const struct remote_stream *stream);

struct remote_stream_usage remote_stream_usage(const struct remote_stream *stream);

#endif
