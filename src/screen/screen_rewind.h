/* screen_rewind: /rewind: back to before one of the user's messages, with files or without.
 *
 *     /rewind [N] [both|conversation|files]   N: from the last message; 1 when not said
 *     /rewind list                            the messages, with their numbers and what changed
 * since
 *
 * When files were changed since and none of the three was said, nothing is done but to offer them.
 * What `!` told the model is no message of the user's here.
 */
#ifndef CARAT_SCREEN_SCREEN_REWIND_H
#define CARAT_SCREEN_SCREEN_REWIND_H

struct screen;

void screen_rewind(struct screen *screen, const char *words);

#endif
