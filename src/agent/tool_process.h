/* tool_process: what every carat-tool is given, whoever starts it, an environment and a policy; and
 * how the end of one is told. */
#ifndef CARAT_AGENT_TOOL_PROCESS_H
#define CARAT_AGENT_TOOL_PROCESS_H

#include <stddef.h>

struct err;
struct mcp_client_result;
struct str;

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

/* Why a process gave no result: the error, how it ended, its last words. */
void tool_process_append_death(struct str *out, const struct mcp_client_result *result);
/* The last line that says something, without its newline and with nothing hidden: foreign text. */
void tool_process_append_last_line(struct str *out, const char *text);

#endif
