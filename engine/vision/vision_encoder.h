/* vision_encoder: from the patches of a picture to soft tokens.
 *
 * Gemma 4's picture encoder, all sizes: linear patch embedding plus a learned vector for the column
 * and one for the row; layers of attention from every patch to every patch (heads normed and
 * rotated in two halves, by column and by row, scale 1) and a gated feed-forward part; the mean of
 * 3 x 3 patches; a projection to the text model's width. Activations are float32. The formulas
 * stand at the functions.
 *
 * One picture at a time; memory is held only while it is computed.
 */
#ifndef CARAT_VISION_VISION_ENCODER_H
#define CARAT_VISION_VISION_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct tensor_machine;
struct vision_weights;

/* The widest matrix row: what the tensor machine needs to know. */
size_t vision_encoder_widest(const struct vision_weights *weights);

/* Bytes that vision_encoder_run takes for a picture of so many patches on this machine. */
uint64_t vision_encoder_plan(const struct vision_weights *weights, struct tensor_machine *machine,
                             size_t columns, size_t rows);

/* What tests look at while the encoder runs; `name` is "patch_embed", "layer" or "pooled". */
typedef void vision_encoder_watch(void *context, const char *name, int layer, const float *values,
                                  size_t count);

/* patches[columns * rows][768], values 0..1; columns and rows are multiples of 3 and at most the
 * position table's length (ERR_ARGUMENT) -> soft[columns / 3 * (rows / 3)][text hidden size], row
 * by row. ERR_MEMORY; ERR_CANCELLED when the machine's cancel became true. `watch` may be NULL. */
bool vision_encoder_run(const struct vision_weights *weights, struct tensor_machine *machine,
                        const float *patches, size_t columns, size_t rows, float *soft,
                        vision_encoder_watch *watch, void *context, struct err *err);

#endif
