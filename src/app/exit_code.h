/* exit_code: what the process says to the shell when it ends. */
#ifndef CARAT_APP_EXIT_CODE_H
#define CARAT_APP_EXIT_CODE_H

#include "agent/turn.h"
#include "base/err.h"

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILURE = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_BAD_INPUT = 42,
    EXIT_CODE_STEP_LIMIT = 53,
    EXIT_CODE_TOKEN_LIMIT = 54, /* tokens or time */
    EXIT_CODE_DENIED = 55,
    EXIT_CODE_NO_SANDBOX = 56,
    EXIT_CODE_NO_MODEL = 57,
    EXIT_CODE_SCHEMA = 65, /* an answer that is not of the schema */
    EXIT_CODE_SIGINT = 130,
    EXIT_CODE_SIGTERM = 143,
};

enum exit_code exit_code_of_outcome(enum turn_outcome outcome);

#endif
