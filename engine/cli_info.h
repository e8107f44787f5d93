/* cli_info: what carat-engine says of a model. */
#ifndef CARAT_CLI_INFO_H
#define CARAT_CLI_INFO_H

#include <stdbool.h>

struct engine_model_info;

/* On standard output: a line for each fact, or all as one JSON object. */
void cli_info_print(const struct engine_model_info *info, bool json);

#endif
