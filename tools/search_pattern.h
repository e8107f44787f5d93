/* search_pattern: an extended regular expression of the model's, matched against lines of text.
 *
 * POSIX regcomp and regexec. The pattern cannot be trusted, so what makes glibc's compiler slow or
 * large is refused before it is compiled: back-references (they are not part of the standard
 * either), deep nesting, a repetition of a repetition, and repetitions that would be written out to
 * more than SEARCH_PATTERN_PARTS parts: glibc copies what is repeated.
 *
 * Bytes beyond ASCII: a line that holds some and is valid UTF-8 is matched by characters, under the
 * locale C.UTF-8, when the pattern can tell characters from bytes ('.', a set, \w, a character
 * beyond ASCII). Every other line is matched byte by byte, which finds the same and is up to fifty
 * times as fast. On a machine without that locale all lines are matched byte by byte.
 *
 * Measured with glibc 2.36 at the limit, over random patterns and long runs of nested options: what
 * is compiled takes up to 25 ms and 25 MB. Matching keeps what it learns in states, which can grow
 * with every line; beyond SEARCH_PATTERN_KEEPS bytes the pattern is compiled anew.
 */
#ifndef CARAT_TOOLS_SEARCH_PATTERN_H
#define CARAT_TOOLS_SEARCH_PATTERN_H

#include <locale.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

struct tool_result;

enum {
    SEARCH_PATTERN_LIMIT = 500,  /* bytes */
    SEARCH_PATTERN_NESTING = 20, /* parentheses */
    SEARCH_PATTERN_PARTS = 1000, /* characters, sets and groups with repetitions written out */
    SEARCH_PATTERN_KEEPS = 32 * 1024 * 1024,
};

struct search_pattern {
    const char *text; /* borrowed */
    locale_t utf8;    /* (locale_t)0 = all lines are matched byte by byte */
    regex_t bytes;
    regex_t characters; /* compiled where there is `utf8` */
    bool repeats;       /* can match much more than it has bytes */
    size_t fresh;       /* what the heap held when it was compiled */
    size_t matched;     /* bytes since the heap was looked at */
};

/* False, with the result failed, for a pattern that is refused; nothing is to be finished then. */
bool search_pattern_init(struct search_pattern *pattern, const char *text, size_t length,
                         struct tool_result *result);
void search_pattern_finish(struct search_pattern *pattern);
/* Whether a line is to be matched by characters: `by_characters` of search_pattern_match. */
bool search_pattern_needs_characters(const struct search_pattern *pattern, const char *line,
                                     size_t length);
/* regexec on a piece of a line, with REG_STARTEND: its code, and where the match is. */
int search_pattern_match(struct search_pattern *pattern, bool by_characters, const char *line,
                         regmatch_t *piece, int flags);

#endif
