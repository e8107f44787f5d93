/* completion: the list of /commands that fit what is being typed.
 *
 * Open while the text is one word that starts with a slash and some command fits. The commands are
 * the caller's.
 */
#ifndef CARAT_TUI_COMPLETION_H
#define CARAT_TUI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

struct surface;
struct tui_command;

enum { COMPLETION_ROWS = 8, COMPLETION_COMMANDS = 128 };

struct completion {
    const struct tui_command *commands; /* borrowed */
    size_t command_count;
    size_t matches[COMPLETION_COMMANDS];
    size_t count;
    size_t selected; /* of the matches */
    bool chosen;     /* the user moved the selection */
    bool dismissed;  /* until the text changes */
};

/* Looks what fits the text; keeps the selection while the matches stay the same. */
void completion_update(struct completion *completion, const char *text);
bool completion_open(const struct completion *completion);
void completion_move(struct completion *completion, int step);
void completion_dismiss(struct completion *completion);
/* The name that is selected, without the slash; NULL when the list is not open. */
const char *completion_selected(const struct completion *completion);
/* Draws the list so that its last row is `bottom`, not above row 0. */
void completion_draw(const struct completion *completion, struct surface *surface, int bottom);

#endif
