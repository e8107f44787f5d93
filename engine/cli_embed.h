/* cli_embed: the soft tokens of one picture or sound, or what its encoder reads, as a NumPy file.
 */
#ifndef CARAT_CLI_EMBED_H
#define CARAT_CLI_EMBED_H

#include <stdbool.h>

struct cli_options;
struct engine_model_info;
struct err;

/* What is wrong with the options together; NULL: nothing. */
const char *cli_embed_refusal(const struct cli_options *options);

/* Writes it and, with options->json, says what was written. `model` is the text model: its kernels
 * and number of threads are used. */
bool cli_embed(const struct cli_options *options, const struct engine_model_info *model,
               struct err *err);

#endif
