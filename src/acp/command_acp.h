/* carat acp: carat in an editor, by the Agent Client Protocol on standard input and output. */
#ifndef CARAT_ACP_COMMAND_ACP_H
#define CARAT_ACP_COMMAND_ACP_H

#include "app/exit_code.h"
#include "config/config.h"

enum exit_code command_acp(struct config *config);

#endif
