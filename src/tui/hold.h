/* hold: whether the space bar is held, as far as a terminal lets one know.
 *
 * Most terminals tell no release: a held key is one blank, a pause of a quarter to a whole second,
 * and then blanks at the keyboard's own pace. That is what is looked for, and only in an input that
 * is empty but for them: a pause no finger leaves out, then blanks closer than a finger types them
 * and farther apart than a text that is pasted. Those few blanks stand in the input for a moment
 * and are taken back. Where a release is told it ends the hold at once; elsewhere silence does.
 *
 * A pure recogniser: no clock of its own, no effect. Times are monotonic, in microseconds.
 */
#ifndef CARAT_TUI_HOLD_H
#define CARAT_TUI_HOLD_H

#include <stdbool.h>

struct hold {
    bool waiting; /* the input holds nothing but blanks that may be the beginning of one */
    bool paused;  /* the pause behind the first of them was seen */
    int close;    /* blanks in a row that came at a keyboard's pace */
    bool held;
    long long last_us; /* when the last blank came */
};

enum hold_blank {
    HOLD_TYPED,   /* is text */
    HOLD_BEGINS,  /* the bar is held: this blank and those before it are none */
    HOLD_GOES_ON, /* is none */
};

/* A blank came; `empty`: the input was empty before it. */
enum hold_blank hold_blank(struct hold *hold, bool empty, long long now_us);
/* Another key came, or the bar was let go. True when that ends a hold. */
bool hold_end(struct hold *hold);
/* The same when no blank came for so long that the bar must have been let go. */
bool hold_tick(struct hold *hold, long long now_us);

#endif
