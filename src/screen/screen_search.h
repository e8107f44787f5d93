/* screen_search: /search and /open: what was said, found, and shown at its place.
 *
 * The hits of the last search are a list to choose from, and stay numbered until the next one.
 * Opening one takes up its
 * conversation, if it is another one, and shows it from the message that was found on, under a line
 * that says so. On a screen that cannot scroll (inline, plain) that line is what shows the place.
 */
#ifndef CARAT_SCREEN_SCREEN_SEARCH_H
#define CARAT_SCREEN_SCREEN_SEARCH_H

#include <stdint.h>

struct screen;

void screen_search(struct screen *screen, const char *words);
/* `number` as it was listed; "" = the first. */
void screen_search_open(struct screen *screen, const char *number);
/* Shows the present conversation from message `ordinal` on; -1: from its end. `words`: what was
 * found, safe for a terminal. */
void screen_search_show(struct screen *screen, int64_t ordinal, const char *words);
void screen_search_finish(struct screen *screen);

#endif
