/* tool_process: what every carat-tool is given, whoever starts it: an environment and a policy. */
#ifndef CARAT_AGENT_TOOL_PROCESS_H
#define CARAT_AGENT_TOOL_PROCESS_H

#include <stddef.h>

struct err;

enum { TOOL_PROCESS_VARIABLES = 8 };

struct tool_process_environment {
    char *items[TOOL_PROCESS_VARIABLES + 1]; /* ends with NULL */
    size_t count;
};

void tool_process_environment_init(struct tool_process_environment *environment);
void tool_process_environment_finish(struct tool_process_environment *environment);

/* A memory file that holds the policy's text, at its beginning; the caller closes it. -1 on
 * failure. */
int tool_process_policy(const char *policy, struct err *err);

#endif
