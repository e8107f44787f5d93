/* screen_point: /point, a click on what the last answer found in a picture of the screen.
 *
 * The user's own command, and no tool: a model can say where something is and nothing more. Each
 * click is shown (what, where, how old the picture is, by which program) and asked about; there is
 * no yes for a session and no rule, and in the mode read-only there is no click. Only a picture of
 * the screen that was taken in this run counts, and only if it is known where on the screen it
 * lies.
 */
#ifndef CARAT_SCREEN_SCREEN_POINT_H
#define CARAT_SCREEN_SCREEN_POINT_H

#include <stdbool.h>

struct screen;

void screen_point_run(struct screen *screen, const char *argument);
/* The user's word. False: the question that was open is not ours. */
bool screen_point_decide(struct screen *screen, bool yes);
/* Another question comes: ours counts as no. */
void screen_point_withdraw(struct screen *screen);
/* Before the screen ends; a click that is on its way is not waited for. */
void screen_point_close(struct screen *screen);

#endif
