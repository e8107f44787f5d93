/* dialog: the question whether a call may run.
 *
 * Shows the whole description, spelled so that nothing in it can hide (base/visible's approval
 * form); a row that goes on after a wrap starts with a mark, so that a line break in the text can
 * be told from one of ours. A long one scrolls, and a yes counts only once its end was on the
 * screen. "No" may give a reason.
 */
#ifndef CARAT_TUI_DIALOG_H
#define CARAT_TUI_DIALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "tui/action.h"
#include "tui/layout.h"

struct editor;
struct surface;
struct terminal_key;

enum dialog_answer {
    DIALOG_OPEN,
    DIALOG_YES,
    DIALOG_YES_SESSION,
    DIALOG_YES_ALWAYS,
    DIALOG_YES_NETWORK,
    DIALOG_YES_NETWORK_SESSION,
    DIALOG_NO
};

struct dialog {
    bool active;
    bool asking_reason;
    bool confirming; /* p was pressed: y writes `rule`, which is shown, anything else goes back */
    bool seen_end;   /* the last row of what is shown was drawn */
    bool once;       /* a yes is for this once: nothing else is offered */
    bool refused;    /* a yes came before the end was seen: say why it does not count */
    char *title, *description;
    char *network;        /* hosts that w opens; NULL = none */
    char *rule;           /* that p offers; NULL = none */
    struct layout layout; /* of what is shown, for `width` */
    int width;
    size_t first; /* row in view */
    size_t rows;  /* rows of the description that fitted last time */
    struct editor *reason;
};

void dialog_init(struct dialog *dialog);
void dialog_finish(struct dialog *dialog);
/* Copies. Replaces a question that is open. */
void dialog_open(struct dialog *dialog, const char *title, const char *description);
/* For the open question: only y and n. */
void dialog_only_once(struct dialog *dialog);
/* For the open question: what p would allow for good. Copies. */
void dialog_offer_always(struct dialog *dialog, const char *rule);
/* For the open question: the hosts that w would open to the command; they are shown with it. */
void dialog_offer_network(struct dialog *dialog, const char *hosts);
void dialog_close(struct dialog *dialog);

/* Takes a key, and what it means to the input. Anything but DIALOG_OPEN is the answer; the reason
 * of a no is in `reason`. */
enum dialog_answer dialog_key(struct dialog *dialog, enum action action,
                              const struct terminal_key *key);

/* Rows down (up: negative) in a long description. */
void dialog_scroll(struct dialog *dialog, long rows);

/* Rows that it wants on a screen of that width; >= 3. */
int dialog_height(struct dialog *dialog, int width);
/* Draws into rows [top, top + height). While a reason is asked for, it has the cursor. */
void dialog_draw(struct dialog *dialog, struct surface *surface, int top, int height);

#endif
