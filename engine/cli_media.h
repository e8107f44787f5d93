/* cli_media: the encoders that carat-engine's options name, opened for the text model.
 */
#ifndef CARAT_CLI_MEDIA_H
#define CARAT_CLI_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

struct cli_options;
struct engine_media;
struct engine_model_info;
struct engine_soft;
struct err;

/* Where they are: --mmproj, else the model itself when that is a folder of safetensors that has
 * some; NULL when neither can be. */
const char *cli_media_path(const struct cli_options *options);

/* Opens them with the model's kernels and number of threads. ERR_ARGUMENT without a path;
 * ERR_FORMAT for encoders of another hidden size. engine_media_close when done. */
struct engine_media *cli_media_open(const struct cli_options *options,
                                    const struct engine_model_info *model, struct err *err);

/* Encodes a picture of this budget (a number of soft tokens), or a WAV file, with a line on
 * standard error that tells how far it is; engine_free(soft->values). Errors name the file. */
bool cli_media_image(struct engine_media *media, const char *path, int budget,
                     struct engine_soft *soft, struct err *err);
bool cli_media_sound(struct engine_media *media, const char *path, struct engine_soft *soft,
                     struct err *err);

#endif
