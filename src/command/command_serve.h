/* command_serve: `carat serve`: the engine for other programs, over HTTP. */
#ifndef CARAT_COMMAND_COMMAND_SERVE_H
#define CARAT_COMMAND_COMMAND_SERVE_H

#include "app/exit_code.h"
#include "config/config.h"

/* Runs until SIGINT or SIGTERM. */
enum exit_code command_serve(struct config *config);

#endif
