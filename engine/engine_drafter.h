/* engine_drafter.h: guesses of what comes next, evaluated ahead.
 *
 * A guess comes from the session's own tokens or from a drafter: a small model
 * ("gemma4-assistant") that was made to foresee what a large one says. Guesses live inside the
 * session: its caller samples and appends as ever. Errors as in engine.h.
 */
#ifndef CARAT_ENGINE_DRAFTER_H
#define CARAT_ENGINE_DRAFTER_H

#include "engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct engine_drafter;

/* A file or folder, as of engine_model_options; ENGINE_UNSUPPORTED when it was made for another
 * model. Used by sessions of that model, closed behind them. NULL is fine. */
struct engine_drafter *engine_drafter_open(struct engine_model *model, const char *path,
                                           struct engine_error *error);
void engine_drafter_close(struct engine_drafter *drafter);

/* From now on append evaluates at most 0..15 guesses of what follows in the same pass: the
 * drafter's (or NULL), or with `lookup` what followed such tokens before. Appending what was
 * guessed then costs nothing; in exact arithmetic all results are the same to the bit. */
bool engine_session_look_ahead(struct engine_session *session, struct engine_drafter *drafter,
                               bool lookup, int32_t most, struct engine_error *error);
/* Guesses so far, and how many of them came true. */
void engine_session_guesses(const struct engine_session *session, uint64_t *made, uint64_t *right);

#ifdef __cplusplus
}
#endif

#endif
