/* screen_model: /model, Alt+P and /load: another model while carat runs, and what is shown of it.
 *
 * The change itself is app/model_change.h's. Loop thread.
 */
#ifndef CARAT_SCREEN_SCREEN_MODEL_H
#define CARAT_SCREEN_SCREEN_MODEL_H

#include <stdbool.h>

struct screen;

/* Takes the model that the argument means; "": lists them to choose from. */
void screen_model_run(struct screen *screen, const char *argument);
/* A conversation, else a model, that the argument means; "": conversations to choose from. */
void screen_model_load(struct screen *screen, const char *argument);
/* Gives up a model that is being loaded. False when none is, or when a turn runs before. */
bool screen_model_interrupt(struct screen *screen);
/* The model is there: its name for the status line, with the host behind it when it is elsewhere.
 */
void screen_model_ready(struct screen *screen, const char *name);
/* What is being loaded, for the status line; NULL: nothing. A view. */
const char *screen_model_coming(const struct screen *screen);

#endif
