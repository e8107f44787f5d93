/* cli_image: what carat-engine does with a picture: a PNG or JPEG file to patches or soft tokens,
 * written as a NumPy file.
 */
#ifndef CARAT_CLI_IMAGE_H
#define CARAT_CLI_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_options;
struct engine_model_info;
struct err;

/* Writes [tokens][hidden size] float32, or with options->patches [patches][768], to
 * options->output. `model` is the text model: encoders for another hidden size are ERR_FORMAT, and
 * its kernels and number of threads are used. */
bool cli_image_embed(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err);

/* The pixels of a file (media/picture_file); errors name it. */
bool cli_image_read(const char *path, uint8_t **rgb, size_t *width, size_t *height,
                    struct err *err);

#endif
