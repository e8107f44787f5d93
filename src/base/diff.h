/* diff: what to take away from and to add to one text to get another, line by line.
 *
 * The unified form that diff -u and git print: hunks with their line numbers, lines marked with
 * ' ', '-' and '+', and a remark where the last line has no newline. The texts are bytes; nothing
 * is made visible here. A correct difference always; the shortest one as long as the texts differ
 * in at most DIFF_EDITS_LIMIT lines, else their differing middle is one block.
 */
#ifndef CARAT_BASE_DIFF_H
#define CARAT_BASE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

struct str;

enum { DIFF_EDITS_LIMIT = 1000, DIFF_CONTEXT = 3 };

struct diff_text {
    const char *bytes;
    size_t length;
};

struct diff_counts {
    size_t removed, added; /* lines */
};

/* Appends the hunks; nothing when the texts are equal. Of more than `line_limit` lines (0 = any
 * number) the first are given, and a line in brackets says how many are missing. */
struct diff_counts diff_append(struct str *out, struct diff_text before, struct diff_text after,
                               size_t line_limit);

#endif
