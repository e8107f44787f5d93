/* editor: the text that is being written, with the keys of readline.
 *
 * Holds any text, newlines included, as valid UTF-8 without NUL. The cursor is a byte offset that
 * always lies between characters as people see them. Rows are how the text wraps at the width it
 * was last given; every byte belongs to one row. Undo keeps whole texts, bounded in number and
 * bytes.
 */
#ifndef CARAT_TUI_EDITOR_H
#define CARAT_TUI_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct editor;
struct str;
struct surface;

/* The text as an editor keeps it: CR LF and CR become newlines, NULs go, UTF-8 is repaired. */
void editor_append_clean(struct str *out, const char *text, size_t length);

struct editor *editor_create(void);
void editor_destroy(struct editor *editor);

const char *editor_text(const struct editor *editor); /* a view */
size_t editor_length(const struct editor *editor);
size_t editor_cursor(const struct editor *editor);
/* Replaces all, cursor at the end. Can be undone. */
void editor_set(struct editor *editor, const char *text, size_t length);
/* The same without a way back: the text was sent. */
void editor_reset(struct editor *editor);

/* Inserts at the cursor, cleaned. */
void editor_insert(struct editor *editor, const char *text, size_t length);

void editor_newline(struct editor *editor);
void editor_move_to(struct editor *editor, size_t at); /* between characters */
void editor_left(struct editor *editor);
void editor_right(struct editor *editor);
void editor_word_left(struct editor *editor);
void editor_word_right(struct editor *editor);
void editor_line_start(struct editor *editor);
void editor_line_end(struct editor *editor);
void editor_remove(struct editor *editor, size_t from, size_t to); /* between characters */
void editor_backspace(struct editor *editor);
void editor_delete(struct editor *editor);
/* Killed text can be yanked; kills in a row add up. */
void editor_kill_to_end(struct editor *editor);
void editor_kill_to_start(struct editor *editor);
void editor_kill_space_word_left(struct editor *editor); /* Ctrl+W: up to a space */
void editor_kill_word_left(struct editor *editor);
void editor_kill_word_right(struct editor *editor);
void editor_cut(struct editor *editor, size_t from, size_t to);  /* between characters */
void editor_copy(struct editor *editor, size_t from, size_t to); /* as a kill would keep it */
void editor_yank(struct editor *editor);
/* Right after a yank: puts what was killed before that in its place. */
void editor_yank_older(struct editor *editor);
/* Swaps the characters around the cursor, and moves on. */
void editor_transpose(struct editor *editor);
void editor_undo(struct editor *editor);

/* Up or down one row; false on the first or last one. */
bool editor_up(struct editor *editor);
bool editor_down(struct editor *editor);

/* The cursor goes to a cell of what was drawn last, or to the end of the row there. */
void editor_click(struct editor *editor, int row, int column);

/* Grows with every change of the text. */
size_t editor_revision(const struct editor *editor);

/* Width of the screen; the prompt and a cell for the cursor are taken off. */
void editor_set_width(struct editor *editor, int columns);
size_t editor_rows(struct editor *editor);
/* Draws the rows around the cursor into `height` rows from `top` on, each behind a prefix of two
 * cells, and puts the cursor. */
void editor_draw(struct editor *editor, struct surface *surface, int top, int height,
                 const char *prompt);

#endif
