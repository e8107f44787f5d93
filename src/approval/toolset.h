/* toolset: the tools that the model is told of, from one table (prompts/tools.json, embedded).
 *
 * OpenAI form, in declared order, plus what the agent needs to know of each: its family (which
 * carat-tool serves it) and MCP's hints. The same bytes every run, so that the prompt's prefix is
 * the same.
 */
#ifndef CARAT_APPROVAL_TOOLSET_H
#define CARAT_APPROVAL_TOOLSET_H

#include <jansson.h>
#include <stdbool.h>

struct toolset_tool {
    const char *name;
    const char *family; /* "shell", "files", "http"; "agent": carat runs it itself */
    bool read_only;     /* MCP readOnlyHint */
    bool destructive;   /* MCP destructiveHint */
    bool outside;       /* works outside the sandbox: no mode lets it run unasked */
    bool one_process_a_call;
    const char *subject; /* the argument that rules match: "command", "path", "url"; NULL = none */
};

/* The declarations, OpenAI form; lives as long as the program. */
const json_t *toolset_declarations(void);
/* The same and, behind them, the tools that are declared only when they can work: screenshot, where
 * there is a screen; more_output, once a result of the conversation was cut. */
const json_t *toolset_all(void);
/* Those that are always there, then `foreign` declarations (an array; may be NULL), then those of
 * the others whose names are in the list, which ends with NULL: so the prompt's beginning stays the
 * same. A new reference. */
json_t *toolset_with(const json_t *foreign, const char *const *others);
/* NULL when there is no tool of ours of that name. */
const struct toolset_tool *toolset_find(const char *name);

#endif
