/* command_store: looking the store through, and copying what can be read of a damaged one. */
#ifndef CARAT_COMMAND_COMMAND_STORE_H
#define CARAT_COMMAND_COMMAND_STORE_H

#include "app/exit_code.h"
#include "config/config.h"

enum exit_code command_store(struct config *config);

#endif
