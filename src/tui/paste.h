/* paste: long pastes that stand in the input as one word.
 *
 * "[pasted 812 lines]" is ordinary text of the editor, so that undo, wrapping and drawing know
 * nothing of it; this list knows what each of these words stands for. What is sent, stored or
 * edited outside is always the whole text. The path of a picture or a sound, which is what a
 * terminal pastes for a file that is dragged onto it, becomes "[pasted NAME]". A word that was
 * broken up is text like any other.
 */
#ifndef CARAT_TUI_PASTE_H
#define CARAT_TUI_PASTE_H

#include <stdbool.h>
#include <stddef.h>

struct str;

/* A paste of that many lines or bytes is folded; PASTE_MOST of them are kept until the input is
 * sent, and further ones stand there whole. */
enum { PASTE_LINES = 10, PASTE_BYTES = 2000, PASTE_MOST = 64, PASTE_WORD = 48 };

struct paste {
    char word[PASTE_WORD];
    char *text;
    size_t length;
};

struct pastes {
    struct paste items[PASTE_MOST];
    size_t count;
};

void paste_finish(struct pastes *pastes);
/* Forgets all of them. */
void paste_clear(struct pastes *pastes);
/* The word to insert instead of the text; NULL when it is to be inserted itself. Copies. A view
 * until the next clear. */
const char *paste_fold(struct pastes *pastes, const char *text, size_t length);
/* Appends the text with every word replaced by what it stands for. */
void paste_unfold(const struct pastes *pastes, const char *text, struct str *out);
/* The word that byte `at` of the text is strictly inside of. */
bool paste_around(const struct pastes *pastes, const char *text, size_t at, size_t *start,
                  size_t *end);

#endif
