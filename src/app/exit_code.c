#include "app/exit_code.h"

enum exit_code exit_code_of_outcome(enum turn_outcome outcome)
{
    static const enum exit_code codes[] = {
        [TURN_OK] = EXIT_CODE_OK,
        [TURN_CANCELLED] = EXIT_CODE_SIGINT,
        [TURN_STEP_LIMIT] = EXIT_CODE_STEP_LIMIT,
        [TURN_TOKEN_LIMIT] = EXIT_CODE_TOKEN_LIMIT,
        [TURN_DENIED] = EXIT_CODE_DENIED,
        [TURN_REPEATED] = EXIT_CODE_STEP_LIMIT,
        [TURN_NO_SANDBOX] = EXIT_CODE_NO_SANDBOX,
        [TURN_FAILED] = EXIT_CODE_FAILURE,
    };
    return codes[outcome];
}
