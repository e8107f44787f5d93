/* slots: the pictures and sounds of a prompt, as the engine wants them.
 *
 * The conversation format writes one slot token for each of them. Here they are encoded, and a slot
 * becomes
 *
 *     <|image> <|image|> * n <image|>          <|audio> <|audio|> * n <audio|>
 *
 * where n is the number of soft tokens that the encoder made. A frame of a clip is a picture of a
 * smaller budget, between the same tokens.
 */
#ifndef CARAT_INFER_SLOTS_H
#define CARAT_INFER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

struct chat_ids;
struct chat_prompt;
struct control_ids;
struct engine_media;
struct engine_model;
struct engine_soft;
struct err;

enum { SLOTS_FRAME_BUDGET = 70 /* soft tokens of a frame of a clip, at most */ };

struct slots {
    struct engine_soft *items; /* ascending, one for each medium that gave tokens */
    size_t count;
};

struct slots_options {
    const struct control_ids *control;
    struct engine_media *media; /* NULL: the model has no encoders */
    const char *why;            /* then: what is missing */
    int image_budget;
};

/* Opens the encoders that go with a model, *media; `path` is the model's, for words; `exact` as the
 * model computes. ERR_FORMAT when they belong to another one. */
bool slots_open_media(const char *mmproj, const struct engine_model *model, const char *path,
                      bool exact, struct engine_media **media, struct err *err);

/* Widens the slots among `ids` (of the prompt, chat_prompt_encode), in order. ERR_UNSUPPORTED when
 * the model cannot see or hear; ERR_CANCELLED by engine_media_cancel. slots_finish also after a
 * failure. */
bool slots_fill(struct slots *slots, const struct chat_prompt *prompt, struct chat_ids *ids,
                const struct slots_options *options, struct err *err);
void slots_finish(struct slots *slots);

/* A prompt that is read in pieces: `count` tokens, or more so that no run is cut; and how many runs
 * lie within them. */
size_t slots_whole(const struct slots *slots, size_t count);
size_t slots_within(const struct slots *slots, size_t count);

#endif
