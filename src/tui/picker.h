/* picker: a list to choose from, above the input: what was found, conversations, messages to go
 * back to.
 *
 * Each entry is a line of words and the command that choosing it stands for; the picker knows no
 * more of either. What is typed narrows the list to the lines that hold it; the input keeps its own
 * draft. A slash leaves: who types a command wants the input.
 */
#ifndef CARAT_TUI_PICKER_H
#define CARAT_TUI_PICKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "tui/action.h"
#include "tui/tui.h"

struct surface;
struct terminal_key;

enum picker_answer { PICKER_OPEN, PICKER_CHOSEN, PICKER_LEFT };

struct picker {
    bool active;
    char *title;
    struct tui_choice *choices; /* copies */
    size_t count;
    size_t *fitting; /* [fitting_count] choices that what was typed leaves */
    size_t fitting_count;
    size_t selected, first; /* of the fitting ones; first: in view */
    size_t rows;            /* of entries that fitted last time */
    struct str query;
    int row, column; /* of the cursor */
};

void picker_init(struct picker *picker);
void picker_finish(struct picker *picker);
/* Copies; count >= 1. Replaces a list that is open. */
void picker_open(struct picker *picker, const char *title, const struct tui_choice *choices,
                 size_t count);
void picker_close(struct picker *picker);

/* Takes a key, and what it means to the input. PICKER_LEFT: it is to be closed; a slash is the
 * input's then. */
enum picker_answer picker_key(struct picker *picker, enum action action,
                              const struct terminal_key *key);
/* Selects what is `rows` further down (up: negative). */
void picker_scroll(struct picker *picker, int rows);
/* Selects the entry that was drawn in that row of them; false: none was. */
bool picker_select(struct picker *picker, size_t row);
/* The command of what is selected; NULL: nothing fits. A view until the picker changes. */
const char *picker_command(const struct picker *picker);

/* Rows that it wants. */
int picker_height(const struct picker *picker);
/* Draws into rows [top, top + height). */
void picker_draw(struct picker *picker, struct surface *surface, int top, int height);
/* The cursor goes behind what was typed, as it was drawn. */
void picker_cursor(const struct picker *picker, struct surface *surface);

#endif
