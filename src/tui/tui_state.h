/* tui_state: what `tui` and `dispatch` share: the whole state of the screen. Not for other files.
 */
#ifndef CARAT_TUI_TUI_STATE_H
#define CARAT_TUI_TUI_STATE_H

#include <limits.h>

#include "base/str.h"
#include "tui/completion.h"
#include "tui/dialog.h"
#include "tui/hold.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/paste.h"
#include "tui/picker.h"
#include "tui/plain.h"
#include "tui/statusline.h"
#include "tui/tui.h"
#include "tui/vi.h"

/* A time long past, for keys that were not pressed yet. */
#define TUI_NEVER (LLONG_MIN / 2)

struct tui {
    struct plain *plain;       /* NULL: a screen */
    struct terminal *terminal; /* NULL: plain */
    tui_callback *callback;
    void *context;

    struct surface *surface;
    struct transcript *transcript;
    struct editor *editor;
    struct history *history;
    struct keymap *keymap;
    uint32_t first_key; /* of two that make one; 0 = none waits */
    struct pastes pastes;
    struct vi vi;
    struct str draft;   /* what tui_draft gave out */
    struct str stash;   /* an input that was put aside */
    struct str waiting; /* a line for each text that waits */
    int waiting_rows;
    struct completion completion;
    struct dialog dialog;
    struct picker picker;
    struct statusline status;
    enum tui_pictures pictures;
    unsigned picture_number; /* of the next one */

    bool dirty;
    bool suspended;
    bool mouse;          /* it was asked for */
    bool is_inline;      /* what is final goes over into the terminal's scrollback */
    int rows;            /* of the terminal */
    int below;           /* inline: rows of the last frame that stood below the transcript */
    int transcript_rows; /* height of the transcript in the last frame */

    struct {
        int dialog, input, input_rows; /* first rows, of the terminal */
    } drawn;                           /* in the last frame, for the mouse */

    bool help; /* the key map is shown in place of the transcript */
    struct layout help_layout;
    int help_width;
    size_t help_first, help_rows;

    bool searching; /* Ctrl+R */
    struct str query;
    size_t found; /* entry of the history; SIZE_MAX: none */

    const char *hint; /* a word about the last key, in place of the activity */
    long long hint_us;
    long long interrupt_us, escape_us, end_us; /* when Ctrl+C, Esc, Ctrl+D came last */
    int interrupts;                            /* Ctrl+C in a row */
    struct hold hold;                          /* of the space bar */
    bool hold_talks;                           /* it was asked for */
    long long talk_us;                         /* when the talk key opened the microphone */
    long long key_us;                          /* when the last key came */
    bool typing_ahead; /* a question came up while somebody may have been typing */

    unsigned ticks; /* turn the spinner */
    long long tick_us;
};

#endif
