/* screen_skills: skills on the screen: offered after a slash, listed, called.
 *
 * A command of carat's own, or another name of one, is what its name means; a skill of that name
 * is called as /skill:NAME.
 */
#ifndef CARAT_SCREEN_SCREEN_SKILLS_H
#define CARAT_SCREEN_SCREEN_SKILLS_H

#include <stdbool.h>

struct screen;

/* The commands and the skills, for the screen's completion: once the tui is there. */
void screen_skills_offer(struct screen *screen);
/* After the tui. */
void screen_skills_finish(struct screen *screen);
void screen_skills_list(struct screen *screen, const char *argument);
/* False: the text calls no skill. */
bool screen_skills_run(struct screen *screen, const char *text);

#endif
