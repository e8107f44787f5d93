/* dispatch: what a key means at this moment: for the question, the search, the help, the input. */
#ifndef CARAT_TUI_DISPATCH_H
#define CARAT_TUI_DISPATCH_H

#include "tui/tui.h"

struct terminal_key;

/* By enum dialog_answer. */
extern const enum tui_decision dispatch_decisions[];

void dispatch_key(struct tui *tui, const struct terminal_key *key, long long now_us);

/* The space bar, by which one talked, is not held any more. */
void dispatch_let_go(struct tui *tui);

/* Acts on the lines that wait (plain); in dispatch_lines.c. */
void dispatch_lines(struct tui *tui);

#endif
