/* tool_process: what every carat-tool is given, whoever starts it, an environment and a policy; and
 * how the end of one is told. */
#ifndef CARAT_AGENT_TOOL_PROCESS_H
#define CARAT_AGENT_TOOL_PROCESS_H

#include <jansson.h>
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

enum {
    TOOL_CALL_SECONDS = 60, /* of a command that asks for none */
    TOOL_JOB_SECONDS = 86400,
};

/* The policy's text (NULL = the defaults) for a call that is waited for, as long as it is; for a
 * command that has as long as it takes; and such a text with more hosts for the command:
 * "host:port" with a blank between them. The caller's. */
char *tool_process_call_policy(const json_t *policy);
char *tool_process_job_policy(const json_t *policy);
char *tool_process_open_policy(const char *policy, const char *hosts);
/* That a command may ask for. */
int tool_process_most_seconds(const json_t *policy);

/* Why a process gave no result: the error, how it ended, its last words. */
void tool_process_append_death(struct str *out, const struct mcp_client_result *result);
/* The last line that says something, without its newline and with nothing hidden: foreign text. */
void tool_process_append_last_line(struct str *out, const char *text);

#endif
