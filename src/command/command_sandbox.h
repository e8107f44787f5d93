/* command_sandbox: what the sandbox and the rules would do: `carat sandbox`, `carat policy`. */
#ifndef CARAT_COMMAND_COMMAND_SANDBOX_H
#define CARAT_COMMAND_COMMAND_SANDBOX_H

#include "app/exit_code.h"
#include "config/config.h"

/* carat sandbox status: which layers hold here. carat sandbox -- CMD ...: runs a command of the
 * user's exactly as a tool's would run, with our own input and output. */
enum exit_code command_sandbox(struct config *config);
/* carat policy why "TOOL(ARGUMENT)": would this call run, ask, or be refused, and by which rule; in
 * which sandbox, with what network, and which hooks see it. What is no call is an error. */
enum exit_code command_policy(struct config *config);

#endif
