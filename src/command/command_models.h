/* command_models: `carat models`: what is here, and getting, checking, removing and choosing it. */
#ifndef CARAT_COMMAND_COMMAND_MODELS_H
#define CARAT_COMMAND_COMMAND_MODELS_H

#include "app/exit_code.h"
#include "config/config.h"

/* carat models [list] | pull WHAT [SHA256] | verify [FILE] | rm FILE | default [FILE|none]. */
enum exit_code command_models(struct config *config);

#endif
