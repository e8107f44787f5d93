/* vocabulary: an engine model's tokens as the conversation format sees them: control ids by name,
 * text to ids.
 *
 * Read-only: any thread.
 */
#ifndef CARAT_INFER_VOCABULARY_H
#define CARAT_INFER_VOCABULARY_H

#include <stdbool.h>

#include "chat/control.h"
#include "chat/parse.h"
#include "chat/render.h"

struct engine_error;
struct engine_model;
struct err;
struct grammar_mask;

/* Looks the control tokens up; fails as control_ids_resolve does. */
bool infer_vocabulary_resolve(const struct engine_model *model, struct control_ids *ids,
                              struct err *err);

/* An encoder over both, which it borrows. Text is read without control recognition. */
struct chat_encoder infer_vocabulary_encoder(const struct engine_model *model,
                                             const struct control_ids *ids);

/* Appends a token's bytes; for chat_prompt_spell. `model` is a const struct engine_model. */
void infer_vocabulary_spell(void *model, int32_t id, struct str *out);

/* The vocabulary as grammars walk it; grammar_mask_destroy. */
struct grammar_mask *infer_vocabulary_grammar(struct engine_model *model);

/* What it means that the model ended with this token. */
enum chat_stop infer_vocabulary_stop(enum control control);

/* Passes an engine's error on as one of ours. Returns false. */
bool infer_vocabulary_failed(struct err *err, const struct engine_error *error);

#endif
