/* rows: how the lines of a kept result are counted.
 *
 * A line is a row; one of more than ROWS_BYTES is several, broken at the borders of characters, so
 * that a text without newlines can be read on in as well. Whoever cuts a text and whoever shows the
 * rest of it count in this way.
 */
#ifndef CARAT_BASE_ROWS_H
#define CARAT_BASE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

enum { ROWS_BYTES = 1000 };

struct rows {
    size_t count;
    size_t bytes; /* that they take, newlines among them */
    bool broken;  /* one of them goes on in the next */
};

/* Bytes of the first row of text[0..length), length >= 1, without its newline; *step is where the
 * next one begins. A row with no newline is followed at once. */
size_t rows_first(const char *text, size_t length, size_t *step);

/* The rows that lie within the first `most` bytes, each with its newline if it has one. */
struct rows rows_within(const char *text, size_t length, size_t most);

/* What to call them: "lines", and that they were broken. */
const char *rows_name(bool broken);

#endif
