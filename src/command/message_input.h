/* message_input: the user's messages as JSON lines, one turn each, for `--input-format
 * stream-json`.
 *
 * A line is {"type": "user", "message": {"role": "user", "content": TEXT or an array of
 * {"type": "text", "text": TEXT}}}, after the program whose form this is; empty lines are passed
 * over. The next line is read when it is asked for, so that a writer that is faster than the model
 * waits in its pipe. Lines are limited. Loop thread; nothing blocks.
 */
#ifndef CARAT_COMMAND_MESSAGE_INPUT_H
#define CARAT_COMMAND_MESSAGE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct message_input;
struct str;
struct uv_loop_s;

struct message_input_callbacks {
    void (*message)(void *context, const char *text, size_t length);
    /* Nothing follows; err says why when it is a mistake, and is NULL at the input's end. */
    void (*ended)(void *context, const struct err *err);
    void *context;
};

/* Borrows the descriptor. NULL when it cannot be watched. */
struct message_input *message_input_create(struct uv_loop_s *loop, int descriptor,
                                           const struct message_input_callbacks *callbacks,
                                           struct err *err);
/* Asks for one message: exactly one callback follows, from the loop, never from inside. */
void message_input_next(struct message_input *input);
/* No callback after it; the loop must run once more. The descriptor is as it was. NULL is fine. */
void message_input_destroy(struct message_input *input);

/* The text of one line's message. */
bool message_input_parse(const char *line, size_t length, struct str *text, struct err *err);

#endif
