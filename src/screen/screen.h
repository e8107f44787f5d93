/* screen: `carat` on a terminal: joins the agent and the tui on the loop.
 *
 * Agent events become calls of tui_*, the tui's intents become calls of agent_*; slash commands are
 * the table in slash.c. Draws at most once an iteration of the loop, and only what is dirty. An
 * idle screen wakes for nothing.
 */
#ifndef CARAT_SCREEN_SCREEN_H
#define CARAT_SCREEN_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "app/exit_code.h"
#include "config/config.h"

/* A message of the conversation that is taken up, to be shown first: its number, -1 = none, and
 * words about it. */
struct screen_place {
    int64_t ordinal;
    const char *words;
};

/* The words[first..], if any, are the first message. `place` may be NULL. */
enum exit_code screen_run(struct config *config, size_t first, const struct screen_place *place);

#endif
