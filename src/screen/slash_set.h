/* slash_set: /set, /system and /show: what can be changed while carat runs, and what it is.
 *
 * A value that is set holds until carat ends or a conversation is begun (/new, /clear); it is never
 * written to a file. What it may be says the table of options, as on the command line, and a
 * project's limit holds here too. What is fixed at the start says so and names its flag. Loop
 * thread.
 */
#ifndef CARAT_SCREEN_SLASH_SET_H
#define CARAT_SCREEN_SLASH_SET_H

#include <stdbool.h>

#include "config/config.h"

struct screen;

/* What a value was before /set. */
enum { SLASH_SET_MOST = 12 };
struct slash_set_kept {
    bool kept;
    struct config_value value;
};

void slash_set_run(struct screen *screen, const char *argument);
void slash_set_system(struct screen *screen, const char *argument);
void slash_set_show(struct screen *screen, const char *argument);
/* Takes all that /set has changed back, and says so when there was something. */
void slash_set_take_back(struct screen *screen);

#endif
