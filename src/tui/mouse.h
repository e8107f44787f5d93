/* mouse: what the wheel and a click mean on a full screen, where the terminal reports them.
 *
 * The wheel scrolls what is under it; a click puts the cursor into the input, opens or folds what
 * is folded, or chooses from a list. A question is answered by keys alone: a click is made too
 * easily.
 */
#ifndef CARAT_TUI_MOUSE_H
#define CARAT_TUI_MOUSE_H

#include <stdint.h>

struct tui;

/* `code` has TERMINAL_MOUSE. */
void mouse_act(struct tui *tui, uint32_t code);
/* What a click chose from a list: its command, the caller's (mem_free); NULL: nothing. */
char *mouse_chosen(struct tui *tui, uint32_t code);

#endif
