/* context: what of a conversation the model is given, and what happens when it does not fit.
 *
 * Everything is given, always: nothing is dropped or shortened behind the user's back. A
 * conversation that has outgrown the model's context fails its next step in words.
 */
#ifndef CARAT_AGENT_CONTEXT_H
#define CARAT_AGENT_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "chat/conversation.h"
#include "chat/render.h"

struct err;

struct context_options {
    const char *system; /* the preamble */
    const json_t *tools;
    bool thinking;
    bool large_model;
    bool blind; /* what was shown or heard before the last message of the user's is told in words */
    const struct control_ids *ids;
};

/* Renders system text, tools and the whole conversation, ready for the model to go on, into an
 * initialised, empty prompt. On failure the prompt holds what was rendered so far: finish it. */
bool context_render(struct chat_prompt *prompt, const struct chat_conversation *conversation,
                    const struct context_options *options, struct err *err);

/* The words for a prompt of `used` tokens (0 = not known) in a model that reads `size`. Returns
 * false (ERR_FULL). */
bool context_full(size_t used, size_t size, struct err *err);

#endif
