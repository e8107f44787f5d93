/* read_ahead: the model reads while the user types.
 *
 * When no key has come for a moment, what stands in the input is given to the model to read
 * (agent_read_ahead); the next key takes that back. A /command and a !command are no messages.
 * Loop thread; sleeps while the draft stays as it is.
 */
#ifndef CARAT_SCREEN_READ_AHEAD_H
#define CARAT_SCREEN_READ_AHEAD_H

struct screen;

void read_ahead_open(struct screen *screen);
void read_ahead_close(struct screen *screen);
/* The draft may have changed: once an iteration of the loop. */
void read_ahead_note(struct screen *screen);
/* The model has become free, or is there: reads what was typed meanwhile. */
void read_ahead_again(struct screen *screen);

#endif
