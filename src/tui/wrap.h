/* wrap: where one logical line breaks into rows of the screen.
 *
 * Breaks at spaces and between wide characters, not before closing nor after opening punctuation
 * of East Asian text; a word longer than the row breaks anywhere. Pure.
 */
#ifndef CARAT_TUI_WRAP_H
#define CARAT_TUI_WRAP_H

#include <stddef.h>

struct wrap_row {
    size_t start, length; /* bytes of the line */
};

struct wrap_rows {
    struct wrap_row *items;
    size_t count, capacity;
};

enum wrap_mode {
    WRAP_WORDS, /* for reading: the spaces at a break belong to no row */
    WRAP_KEEP,  /* for editing: every byte belongs to one row; one space may hang over the end */
    WRAP_CELLS, /* for code: breaks only where the row is full */
};

void wrap_rows_finish(struct wrap_rows *rows);

/* Appends the rows of a line without newlines: at least one. The first row is `first` cells wide,
 * later ones `rest`; less than 1 counts as 1. Stops after `most` rows (0 = all); returns how many
 * bytes the rows cover. */
size_t wrap_line(struct wrap_rows *rows, const char *text, size_t length, int first, int rest,
                 enum wrap_mode mode, size_t most);

#endif
