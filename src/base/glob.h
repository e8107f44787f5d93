/* glob: matches a path against a pattern in the manner of git.
 *
 *   *      any run of characters but '/'
 *   ?      one character but '/'
 *   [a-z]  one of a set, [!a-z] one outside it; never '/'; a '[' without its ']' stands for itself
 *          [[:digit:]], [_[:alnum:]] the classes of POSIX, of ASCII alone
 *   **     as a whole name, any number of directories: "**" + "/x", "a/" + "**" + "/b", "a/" + "**"
 *   \c     the character c itself
 *
 * A plain function of its two texts; no memory, no recursion; the time is bounded by the square of
 * the text's length times that of the pattern, whatever the pattern holds. Letters' case matters.
 */
#ifndef CARAT_BASE_GLOB_H
#define CARAT_BASE_GLOB_H

#include <stdbool.h>

bool glob_match(const char *pattern, const char *path);

#endif
