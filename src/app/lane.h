/* lane: one of several agents that work side by side on one loop.
 *
 * A lane keeps its model (for a server: its own request) and its own foreign servers as long as it
 * lives; an agent and its tools are made anew for each piece of work, so that nothing one prompt
 * read is known to the next. (What a foreign server remembers between calls is its own affair.)
 * Hooks apply. What the model has read is not kept on disk: a lane's conversations rarely go on.
 * Loop thread.
 */
#ifndef CARAT_APP_LANE_H
#define CARAT_APP_LANE_H

#include <jansson.h>
#include <stdbool.h>

#include "app/app.h"

struct lane;

/* Borrows the app until lane_close. NULL and *err when there is no such model. */
struct lane *lane_open(struct app *app, struct app_face face, struct err *err);
/* Ends what is there; the loop must run once more before app_close. NULL is fine. */
void lane_close(struct lane *lane);

/* What the next agent is for; all borrowed while it lives. */
struct lane_work {
    const json_t *schema;     /* NULL = free text */
    const char *system;       /* NULL = what the configuration says */
    const char *conversation; /* id; NULL = a new one */
    bool attended;            /* the face answers AGENT_APPROVAL */
};

/* A fresh agent in the place of the one before; not from inside its callback. */
bool lane_begin(struct lane *lane, const struct lane_work *work, struct err *err);
struct agent *lane_agent(const struct lane *lane); /* NULL before lane_begin */

/* The model could not be loaded, so no work will ever end well. */
bool lane_model_lost(const struct lane *lane);

#endif
