/* screen: `carat` on a terminal: joins the agent and the tui on the loop.
 *
 * Agent events become calls of tui_*, the tui's intents become calls of agent_*; slash commands are
 * the table in slash.c. Draws at most once an iteration of the loop, and only what is dirty. An
 * idle screen wakes for nothing.
 */
#ifndef CARAT_SCREEN_SCREEN_H
#define CARAT_SCREEN_SCREEN_H

#include <stddef.h>

#include "app/exit_code.h"
#include "config/config.h"

/* The words[first..], if any, are the first message. */
enum exit_code screen_run(const struct config *config, size_t first);

#endif
