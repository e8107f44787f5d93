/* syntax: the words, strings, numbers and comments of code, for colours.
 *
 * One small lexer for all languages, told by a table what they look like; it knows no grammar. A
 * line at a time: what is still open at its end (a comment, a long string) is carried to the next.
 * Pure. A language that is not in the table has no spans, and neither have heredocs, nested
 * comments and the like: colours are a help, not a statement.
 */
#ifndef CARAT_TUI_SYNTAX_H
#define CARAT_TUI_SYNTAX_H

#include <stddef.h>

#include "tui/theme.h"

struct syntax_language;

/* By the name that stands behind a fence ("c", "python", "js"); NULL: not known. */
const struct syntax_language *syntax_find(const char *name, size_t length);

/* Where a line begins: zeroed for the first. */
struct syntax_state {
    const char *until; /* what ends the comment or string that is open; NULL = none is */
    enum theme_role role;
};

typedef void syntax_span(void *context, const char *text, size_t length, enum theme_role role);

/* Hands out the whole line (no newline in it), piece by piece. */
void syntax_line(const struct syntax_language *language, struct syntax_state *state,
                 const char *text, size_t length, syntax_span *span, void *context);

#endif
