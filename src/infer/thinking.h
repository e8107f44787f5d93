/* thinking: how long a thought may get, and how it is ended when it gets longer.
 *
 * Gemma 4 has no budget of its own, so tokens are counted while it thinks, and at the limit the
 * thought is closed for it: a newline, then the token that closes the channel. What counts and when
 * matters:
 *
 *   the header   ("thought" and a newline) is not counted and never cut: its word would otherwise
 *                stand in the answer
 *   characters   of several tokens are finished first
 *   the prompt   may end inside an open thought; then counting begins at once
 *   a second     thought gets an eighth of the budget
 *   afterwards   no other thought is opened until the answer ends
 *
 * A plain value; any thread.
 */
#ifndef CARAT_INFER_THINKING_H
#define CARAT_INFER_THINKING_H

#include <stdbool.h>
#include <stddef.h>

#include "chat/control.h"

enum {
    THINKING_SMALL_MODEL = 512, /* tokens of a small model's thought, where nobody says */
    THINKING_HEADER_MOST = 32,  /* bytes after which a header without a newline counts as over */
    THINKING_WAIT = 3,          /* tokens that a character may take to be finished */
    THINKING_WINDOW = 4,        /* bytes of the longest character */
};

enum thinking_place {
    THINKING_OUTSIDE,
    THINKING_HEADER,
    THINKING_COUNTING,
    THINKING_NEWLINE, /* the newline must come now */
    THINKING_CLOSE,   /* the closing token must come now */
    THINKING_CLOSED,  /* was closed for it */
};

struct thinking {
    size_t budget; /* 0 = no limit */
    enum thinking_place place;
    size_t thoughts;              /* opened so far */
    size_t header;                /* bytes of it */
    size_t counted, waited;       /* tokens of this thought; tokens beyond its limit */
    char window[THINKING_WINDOW]; /* the last bytes */
    size_t window_length;
};

void thinking_init(struct thinking *thinking, size_t budget, bool starts_in_thought);

/* The token that was written: a control token's name, or CONTROL_NONE and its bytes. */
void thinking_step(struct thinking *thinking, enum control control, const char *bytes,
                   size_t length);

/* The budget that was asked for: tokens, 0 = no limit, -1 = as the model's size asks. */
size_t thinking_budget(int asked, bool large);

/* The budget in a later step of the same turn, behind a tool's result: there is less to think
 * about. */
size_t thinking_later_budget(size_t budget);

#endif
