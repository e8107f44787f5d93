/* glyph: what one place of the screen shows, and how many cells wide it is.
 *
 * A glyph is a base character with its marks. The width rule is the one that terminals without
 * grapheme clustering follow (a sum over code points); sequences on which terminals disagree are
 * drawn in a form on which all agree: joiners, variation selectors and skin tones are left out, so
 * that a family emoji is shown as its members. Bidirectional overrides are shown as U+FFFD: they
 * could reorder what is around them.
 *
 * Text here may hold anything. Controls and invalid bytes count as one cell, which is what
 * visible_append makes of them later; they are never passed on as they are by `surface`.
 */
#ifndef CARAT_TUI_GLYPH_H
#define CARAT_TUI_GLYPH_H

#include <stdbool.h>
#include <stddef.h>

enum { GLYPH_BYTES = 20 }; /* a base and four marks, four bytes each */

struct glyph {
    const char *text; /* into the source, or a constant that stands for it; <= GLYPH_BYTES */
    size_t length;    /* 0: nothing is drawn (width 0) */
    int width;        /* 0, 1, 2 */
    size_t used;      /* bytes of the source that it stands for, >= 1 */
};

/* The glyph at text[0..length), length >= 1. */
void glyph_next(const char *text, size_t length, struct glyph *glyph);

/* Cells that the text takes on one line. */
int glyph_columns(const char *text, size_t length);

/* Bytes of the longest beginning that fits into `columns` cells. */
size_t glyph_fit(const char *text, size_t length, int columns);

/* Where the character that people see (an extended grapheme cluster) at `at` ends, and where the
 * one before `at` begins. `at` must lie on a boundary. */
size_t glyph_cluster_next(const char *text, size_t length, size_t at);
size_t glyph_cluster_previous(const char *text, size_t at);

#endif
