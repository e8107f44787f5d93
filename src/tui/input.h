/* input: editing keys applied to an editor: the input line and the reason of a no share them. */
#ifndef CARAT_TUI_INPUT_H
#define CARAT_TUI_INPUT_H

#include <stdbool.h>

struct editor;
struct terminal_key;

/* False when the key does not edit: it is the caller's. */
bool input_edit(struct editor *editor, const struct terminal_key *key);

#endif
