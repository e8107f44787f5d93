/* code: a block of code as styled rows: coloured by its language (syntax.h), or as a difference.
 *
 * In a difference lines that go and lines that come have their colours, and where a line stands in
 * for another what differs is marked in both. Signs stay in front: no meaning hangs on colour
 * alone.
 */
#ifndef CARAT_TUI_CODE_H
#define CARAT_TUI_CODE_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/syntax.h"

struct layout_writer;

/* Called behind each line, to end it with the caller's prefixes. */
typedef void code_end_line(struct layout_writer *writer);

/* `language` as it stands behind the fence, may be empty. `state` is what the text begins in; what
 * stands behind it begins in what it is afterwards. */
void code_layout(struct layout_writer *writer, const char *language, size_t language_length,
                 struct syntax_state *state, const char *text, size_t length, code_end_line *end);
/* The same for the state alone. */
void code_pass(const char *language, size_t language_length, struct syntax_state *state,
               const char *text, size_t length);
/* Whether lines of that language are looked at together: those of a difference. */
bool code_pairs_lines(const char *language, size_t language_length);
/* The same for a difference: lines that begin with - and +. */
void code_layout_difference(struct layout_writer *writer, const char *text, size_t length,
                            code_end_line *end);
/* Whether a text looks like one: a line of @@ and lines with signs. */
bool code_is_difference(const char *text, size_t length);

#endif
