/* step: one answer of the model while it arrives, from tokens to a message.
 *
 * Feeds the parser, keeps the tokens exactly as sampled, and collects text, thought and calls. A
 * call that cannot be run (unreadable, or of a tool that does not exist) keeps its place among the
 * calls with the words of what is wrong, so that every call of the message gets a result. Owns
 * what it holds; loop thread.
 */
#ifndef CARAT_AGENT_STEP_H
#define CARAT_AGENT_STEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/repeat.h"
#include "agent/turn.h"
#include "base/str.h"
#include "chat/control.h"
#include "chat/conversation.h"
#include "chat/parse.h"

struct step_options {
    bool starts_in_thought; /* the prompt ended inside an open thought */
    const json_t *tools;    /* borrowed */
    unsigned next_call;     /* number for the first call's id */
    bool structured;        /* the answer is data, where equal values in a row are ordinary */
    void (*text)(void *context, const char *text, size_t length);
    void (*thought)(void *context, const char *text, size_t length);
    void *context;
};

struct step {
    struct step_options options;
    struct chat_parser *parser;
    struct chat_message message; /* its text and thought are those below: step_message */
    struct str text, thought;
    size_t newlines; /* at the end of the thought, not in it yet */
    size_t token_capacity;
    char *problems[TURN_CALLS_MAX]; /* of each call: NULL = it can be run */
    struct repeat repeat;
    bool in_call, ending;
    size_t bytes;        /* of text, thought and arguments so far */
    enum chat_stop stop; /* why the step ends; NONE while it goes on */
};

void step_begin(struct step *step, const struct step_options *options);
void step_finish(struct step *step);

/* One sampled token; an id below 0 is not known, and none is kept then. False when the step must
 * end here (step->stop says why: it loops, or it has all the calls that one step may have); later
 * tokens are not taken. */
bool step_token(struct step *step, int32_t id, enum control control, const char *bytes,
                size_t length);

/* The stream has ended with `stop`, unless the step had ended by itself before. */
void step_end(struct step *step, enum chat_stop stop);

/* The message as it stands; a view until the next token. */
const struct chat_message *step_message(struct step *step);

#endif
