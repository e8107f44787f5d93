/* visible: the one gate between foreign bytes and a terminal.
 *
 * No byte from a model, a tool, a file or a page reaches a terminal as a control sequence: C0 and
 * C1 controls, DEL and invalid UTF-8 leave here as visible marks. Everything that prints such text
 * passes it through here first; the screen additionally never sends bytes that ncurses did not
 * make.
 */
#ifndef CARAT_BASE_VISIBLE_H
#define CARAT_BASE_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

enum visible_mode {
    VISIBLE_TEXT,     /* newline and tab stay; a CR before a newline is dropped */
    VISIBLE_LINE,     /* one line: newline and tab become visible marks too */
    VISIBLE_APPROVAL, /* as LINE, and every character that can hide or reorder others, every space
                         but U+0020, full-width and mathematical ASCII, twins of the marks that
                         divide words, and in a word with Latin letters those of alphabets that look
                         alike, is spelled as \u{XXXX}: what is shown is what runs */
    VISIBLE_COMMAND, /* as APPROVAL, and every twin of an ASCII mark: dashes, quotes, strokes, dots,
                        which are usual in texts but not in commands and paths */
};

/* Appends the safe form of text[0..length). A sequence that is cut at the end counts as invalid:
 * feed whole characters (utf8_complete_length). */
void visible_append(struct str *out, const char *text, size_t length, enum visible_mode mode);

/* True for characters with no width of their own that can hide or reorder text: bidi controls,
 * joiners, variation selectors, tags, fillers, and the other default-ignorable ones. */
bool visible_deceptive(uint32_t code_point);

#endif
