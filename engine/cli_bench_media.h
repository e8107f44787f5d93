/* cli_bench_media: how long one picture or sound takes to become soft tokens.
 *
 * It is encoded twice, the second time with one pixel or sample changed so that nothing is
 * remembered of it, and the second time counts: weights are mapped then. Scaling a picture and
 * taking the spectrum of a sound are part of it; reading and decoding the file are not.
 */
#ifndef CARAT_CLI_BENCH_MEDIA_H
#define CARAT_CLI_BENCH_MEDIA_H

#include <stdbool.h>

struct cli_options;
struct engine_model_info;
struct err;

/* Measures the one --image or --audio that the options name and prints it on standard output: a
 * line of words; with options->number milliseconds alone; or, with options->json, an object.
 * `model` is the text model. */
bool cli_bench_media(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err);

#endif
