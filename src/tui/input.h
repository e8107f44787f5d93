/* input: editing keys applied to an editor: the input line and the reason of a no share them. */
#ifndef CARAT_TUI_INPUT_H
#define CARAT_TUI_INPUT_H

#include <stdbool.h>

#include "tui/action.h"

struct editor;
struct terminal_key;

/* `action`: what the key means. False when it does not edit: it is the caller's. */
bool input_edit(struct editor *editor, enum action action, const struct terminal_key *key);

#endif
