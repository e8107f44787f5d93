/* screen_conversation: the screen goes on with another conversation. */
#ifndef CARAT_SCREEN_SCREEN_CONVERSATION_H
#define CARAT_SCREEN_SCREEN_CONVERSATION_H

#include <stdbool.h>

struct screen;

/* Id of the conversation that is shown; NULL and a notice when it has not begun. */
const char *screen_conversation_id(struct screen *screen);
/* Leaves the present one, shows that one whole, and says `words` below it. A notice when it could
 * not be taken up: false, the present one goes on. */
bool screen_conversation_switch(struct screen *screen, const char *id, const char *words);
/* /earlier: what a long conversation's screen does not show by itself. */
void screen_conversation_earlier(struct screen *screen, const char *argument);

#endif
