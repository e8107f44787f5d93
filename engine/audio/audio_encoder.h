/* audio_encoder: log-mel frames to soft tokens, the vectors that stand in a prompt for sound.
 *
 *   subsampling (4 frames to 1) -> conformer blocks -> linear with bias -> norm without weight ->
 *   projection to the text model's hidden size
 *
 * One token stands for 40 ms; N frames give N / 4 tokens, rounded up, at most 750. The norm comes
 * before the projection, and soft tokens are not multiplied by the root of the hidden size as text
 * embeddings are. Owned by the model; run by one thread at a time, which shares the work.
 */
#ifndef CARAT_AUDIO_AUDIO_ENCODER_H
#define CARAT_AUDIO_AUDIO_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audio_encoder;
struct conformer_watch;
struct err;
struct gguf;
struct tensor_machine;

/* The widest matrix of the file's audio encoder: what tensor_machine_init must be told. */
bool audio_encoder_columns(const struct gguf *gguf, size_t *columns, struct err *err);

/* Binds and checks the file's tensors. `gguf` and `machine` are borrowed and must outlive the
 * encoder; no cancel may be set in the machine. NULL with ERR_UNSUPPORTED (also: no audio
 * encoder in this file), ERR_FORMAT, ERR_LIMIT or ERR_MEMORY. */
struct audio_encoder *audio_encoder_create(const struct gguf *gguf, struct tensor_machine *machine,
                                           struct err *err);
void audio_encoder_destroy(struct audio_encoder *encoder);

/* The hidden size of the text model that these soft tokens are for. */
int32_t audio_encoder_width(const struct audio_encoder *encoder);

/* How many soft tokens `frames` frames give. */
size_t audio_encoder_tokens(size_t frames);

/* Bytes that the encoder takes together with a run over so many frames. */
uint64_t audio_encoder_plan(const struct audio_encoder *encoder, size_t frames);

/* mel [frames][128] (log_mel_compute) -> soft [audio_encoder_tokens(frames)][width]. ERR_ARGUMENT
 * when there is no frame or more than 30 s of them, ERR_MEMORY; ERR_CANCELLED, and then `soft` is
 * worth nothing. */
bool audio_encoder_run(struct audio_encoder *encoder, const float *mel, size_t frames, float *soft,
                       struct err *err);

/* For tests: shows what each step makes; NULL ends it. */
void audio_encoder_set_watch(struct audio_encoder *encoder, const struct conformer_watch *watch);

#endif
