/* screen_search: /search and /open: what was said, found, and shown at its place.
 *
 * The hits of the last search stay numbered until the next one. Opening one takes up its
 * conversation, if it is another one, and shows it from the message that was found on, under a line
 * that says so. On a screen that cannot scroll (inline, plain) that line is what shows the place.
 */
#ifndef CARAT_SCREEN_SCREEN_SEARCH_H
#define CARAT_SCREEN_SCREEN_SEARCH_H

struct screen;

void screen_search(struct screen *screen, const char *words);
/* `number` as it was listed; "" = the first. */
void screen_search_open(struct screen *screen, const char *number);
void screen_search_finish(struct screen *screen);

#endif
