/* mask: which control tokens the model may write next.
 *
 * Follows the sampled tokens through the places of a model turn and bans, at each, the control
 * tokens that make no sense there: no forged turns, no tool results of the model's own, no text
 * between calls and their results, no end without an answer. Ordinary tokens are not judged (what
 * stands inside a call is the parser's business), but for one place: after a call only another
 * call or the wait for results may follow. A plain value; any thread.
 */
#ifndef CARAT_INFER_MASK_H
#define CARAT_INFER_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/control.h"
#include "chat/render.h"

enum mask_place {
    MASK_START,   /* of the turn, or behind a thought: nothing was answered yet */
    MASK_ANSWER,  /* some text was written */
    MASK_THOUGHT, /* in a thought */
    MASK_CALL,    /* in a call, outside its strings */
    MASK_STRING,  /* in a string of a call */
    MASK_CALLED,  /* behind a call */
    MASK_PLACES,
};

struct mask {
    enum mask_place place;
    bool may_think, may_call;
};

/* For a request: the prompt tells whether thinking is on and whether there are tools. A large
 * model may open a thought in any case. */
void mask_init(struct mask *mask, const struct chat_prompt *prompt, bool large);

bool mask_allows(const struct mask *mask, enum control control);

/* True where control tokens alone may follow: every ordinary token is banned too. */
bool mask_bans_text(const struct mask *mask);

/* The token that was sampled (CONTROL_NONE = an ordinary one). */
void mask_step(struct mask *mask, enum control control);

#endif
