/* keymap: which key does what, and the words for keys.
 *
 * Begins as action.h's table says; the configuration may give an action other keys. A key is one
 * press or two in a row ("Ctrl+X Ctrl+E"). Names are written Ctrl+R, and C-r and M-f are read too.
 * What cannot work is refused with a sentence: an unknown name, a key that two actions want, a key
 * that a terminal cannot tell from another (Ctrl+M is Enter), a letter that could no longer be
 * typed.
 */
#ifndef CARAT_TUI_KEYMAP_H
#define CARAT_TUI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/action.h"

struct err;
struct keymap;
struct layout_writer;
struct str;

struct keymap *keymap_create(void);
void keymap_destroy(struct keymap *keymap);

/* Gives the action these keys in place of its own: "Ctrl+R, Alt+r"; "" takes all away. Unchanged on
 * failure. What two actions now share is found by keymap_check, when all is bound. */
bool keymap_bind(struct keymap *keymap, const char *action, const char *keys, struct err *err);
bool keymap_check(const struct keymap *keymap, struct err *err);

/* What a press means when `first` (0: nothing) was pressed before it. */
enum action keymap_action(const struct keymap *keymap, uint32_t first, uint32_t key);
/* True when the key is the first of two. */
bool keymap_begins(const struct keymap *keymap, uint32_t key);

/* The keys of an action as words: "Ctrl+G, Ctrl+X Ctrl+E". */
void keymap_append_keys(const struct keymap *keymap, enum action action, struct str *out);
/* All of it as rows, for the help screen. */
void keymap_write_help(const struct keymap *keymap, struct layout_writer *writer);
/* The [keys] table of config.example.toml. */
void keymap_append_example(struct str *out);

#endif
