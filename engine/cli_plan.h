/* cli_plan: `carat-engine plan`: what a model and a context need, and whether they fit. */
#ifndef CARAT_CLI_PLAN_H
#define CARAT_CLI_PLAN_H

struct cli_options;
struct engine_error;
struct engine_model_options;
struct engine_session_options;

#include <stdbool.h>

/* Prints the plan, as a table or as JSON. */
bool cli_plan_print(const struct engine_model_options *model,
                    const struct engine_session_options *session, const struct cli_options *options,
                    struct engine_error *error);

#endif
