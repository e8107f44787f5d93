/* model_change: another model goes on with the conversation while carat runs.
 *
 *      asked --> turn ends --> looked at --> loaded --> goes on     the old one is given back
 *                                  |            ^
 *                                  +--> freed --+                   both do not fit in memory
 *
 * From the asking to the end the agent is held: what is said meanwhile waits. What takes time (a
 * file's head, a password manager, the end of an engine's thread) is done beside the loop, so keys
 * are answered all the time. Whatever fails leaves the model that was there, or loads it once more
 * when it had to be given back first. Nothing is written to disk: the conversation's row names its
 * model with the next message. One change at a time; loop thread.
 */
#ifndef CARAT_APP_MODEL_CHANGE_H
#define CARAT_APP_MODEL_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

struct app;
struct err;
struct infer;
struct infer_local_plan;

/* --- the decision (pure) --- */

enum model_order {
    MODEL_ORDER_LOAD_FIRST, /* both fit, and the old one answers if the new one cannot be had */
    MODEL_ORDER_FREE_FIRST, /* it fits when the old one's own memory is free */
    MODEL_ORDER_REFUSED,
};

/* `own` bytes are the present model's, besides its weights: those are mapped, and count as
 * available already. */
enum model_order model_change_order(const struct infer_local_plan *wanted, uint64_t own);

/* --- the change --- */

enum model_outcome {
    MODEL_TAKEN,
    MODEL_KEPT, /* the old one goes on */
    MODEL_LOST, /* nor can it be loaded again: there is none */
};

/* Once for each change that began, before what waits begins; `words` say why it was not taken, or
 * are "" when the user stopped it. */
typedef void model_change_callback(void *context, enum model_outcome outcome, const char *words);

/* Begins to take the model `path` (app_model.h) in the place of the present one. False when it
 * cannot begin: it runs already, or another change is on its way. */
bool model_change_start(struct app *app, const char *path, model_change_callback *callback,
                        void *context, struct err *err);
/* The user wants the old one back. False when nothing is on its way. */
bool model_change_stop(struct app *app);
/* The name of the model that is being loaded; NULL: none is. A view. */
const char *model_change_coming(const struct app *app);

/* --- for app.c --- */

void model_change_open(struct app *app); /* with the loop */
void model_change_poll(struct app *app); /* a model has said something */
/* Before the loop's handles go: gives up what is on its way, and waits for what is beside it. */
void model_change_close(struct app *app);

#endif
