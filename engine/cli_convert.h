/* cli_convert: carat-engine convert: a model to a GGUF file of other types. */
#ifndef CARAT_CLI_CONVERT_H
#define CARAT_CLI_CONVERT_H

#include <stdbool.h>

struct cli_options;
struct err;

/* Converts options->model to options->output with options->type, which are all there; prints what
 * was made, as JSON with options->json. SIGINT, SIGTERM and SIGHUP stop it: ERR_CANCELLED, and
 * nothing is left behind. */
bool cli_convert(const struct cli_options *options, struct err *err);

#endif
