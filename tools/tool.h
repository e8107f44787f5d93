/* tool: one thing that the model can ask for, as the host sees it.
 *
 * A tool is a row in its family's table: a name and a function. It runs inside the sandbox, after
 * the policy was read and every layer entered. A tool that fails gives a result that says what was
 * received, what is expected and a valid example; that is not an error of ours.
 */
#ifndef CARAT_TOOLS_TOOL_H
#define CARAT_TOOLS_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct policy;
struct str;
struct workspace;

/* What a tool may use while it runs. */
struct tool_context {
    const struct policy *policy;
    struct workspace *workspace; /* file tools; NULL for the others */
    /* Live output for the user's eyes; a no-op when the client did not ask for progress. */
    void (*progress)(void *host, const char *bytes, size_t length);
    /* True once the client sent notifications/cancelled for this call, or says that it is to end.
     */
    bool (*cancelled)(void *host);
    int grace_ms; /* then: that what runs has between TERM and KILL; 0 = as the tool has it */
    /* True once the client said that it waits no longer for this call, which goes on. As of
     * cancelled(), which is to be asked first. */
    bool (*background)(void *host);
    /* A descriptor that becomes readable when cancelled() may have changed (the client's pipe); -1
     * = none. */
    int cancel_fd;
    void *host;
    /* How many processes were killed until now because there was no memory left for them; NULL =
     * nobody counts. */
    unsigned long (*memory_kills)(void);
};

struct tool_result {
    json_t *response; /* object: what the model gets; owned by the caller afterwards */
    bool failed;
    /* A picture that goes with it, or NULL; the bytes of its file, the caller's (mem_free). */
    char *picture;
    size_t picture_size;
    const char *picture_kind; /* "image/png" or "image/jpeg" */
};

struct tool {
    const char *name;
    /* `arguments` is an object whose required keys and types were checked against
     * prompts/tools.json. */
    void (*call)(struct tool_context *context, const json_t *arguments, struct tool_result *result);
};

/* Families, ended by a row with name == NULL. */
extern const struct tool shell_tools[];
extern const struct tool file_tools[];
extern const struct tool http_tools[];

/* Loads the libraries of http_fetch, which the sandbox may not let it open later. */
struct err;
bool http_fetch_prepare(struct err *err);

/* Appends foreign text to `out`: invalid UTF-8 is repaired, each NUL becomes U+FFFD. */
void tool_append_repaired(struct str *out, const char *text, size_t length);

/* {"output": "error: ..."} and failed. */
void tool_fail(struct tool_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* {"output": text}; invalid UTF-8 is repaired, NULs become U+FFFD. */
void tool_succeed(struct tool_result *result, const char *text, size_t length);

#endif
