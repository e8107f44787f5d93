/* manual: the manual page and the shells' completions, written from the tables of commands and
 * options, so that they cannot tell another story than the program. Appends to `out`; pure. */
#ifndef CARAT_MANUAL_H
#define CARAT_MANUAL_H

#include <stdbool.h>

struct str;

/* carat(1), as roff with the man macros. */
void manual_append_page(struct str *out);

/* A completion script for "bash", "zsh" or "fish"; false when the shell is another one. */
bool manual_append_completion(struct str *out, const char *shell);

#endif
