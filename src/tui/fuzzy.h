/* fuzzy: how well a few typed letters fit a path. Pure.
 *
 * The letters must come in the path in their order. Better is: together, in the file's own name, at
 * its start, a short path. Capitals count when there is one among the letters.
 */
#ifndef CARAT_TUI_FUZZY_H
#define CARAT_TUI_FUZZY_H

/* The larger the better; below zero: does not fit. No letters fit everything. */
int fuzzy_score(const char *letters, const char *path);

#endif
