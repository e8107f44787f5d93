/* foreign: MCP servers of other people, and their tools.
 *
 * Each server is a program of the user's configuration (or of a project that the user trusts),
 * started as `carat-tool server --run -- COMMAND` inside the sandbox with a policy of its own. They
 * all start at once; when each has listed its tools or failed, `known` is called, and the list of
 * declarations is fixed for as long as this object lives: by name of server, then of tool. A server
 * that dies, hangs, floods or lies makes its calls fail with a sentence; it is started again by the
 * next call, after a pause that doubles each time. A tool that is not what it was when it was
 * declared is not called. A picture in a result goes through the decoder's process before the call
 * ends; one that cannot be decoded makes it fail.
 *
 * Loop thread; nothing blocks; callbacks come from the loop alone.
 */
#ifndef CARAT_AGENT_FOREIGN_H
#define CARAT_AGENT_FOREIGN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/toolproc.h"
#include "config/tables.h"

struct foreign;
struct str;
struct uv_loop_s;

struct foreign_options {
    struct uv_loop_s *loop;
    const char *program;                  /* path of carat-tool */
    const char *workspace;                /* absolute */
    const struct config_servers *servers; /* borrowed; those without a command are left out */
    json_t *const *policies;              /* of each, for carat-tool; borrowed while it is made */
    size_t result_bytes;                  /* of a result that the model is shown at once */
    int start_ms;                         /* most of a server's start */
    int pause_ms;                         /* before the first restart */
};

struct foreign_callbacks {
    struct toolproc_callbacks calls;
    void (*known)(void *context);                        /* once */
    void (*notice)(void *context, const char *sentence); /* something the user should know */
    void *context;
};

struct foreign *foreign_create(const struct foreign_options *options,
                               const struct foreign_callbacks *callbacks);
/* Ends all servers, side by side (mcp_client_leave); no callback after it. The loop must run until
 * they are gone. NULL is fine. */
void foreign_destroy(struct foreign *foreign);

/* Some server has not said yet which tools it has. NULL: false. */
bool foreign_pending(const struct foreign *foreign);
/* OpenAI form; NULL for NULL. Borrowed. */
const json_t *foreign_declarations(const struct foreign *foreign);

/* As toolproc_start and toolproc_cancel. */
void foreign_call(struct foreign *foreign, const char *call_id, const char *tool,
                  const json_t *arguments);
void foreign_cancel(struct foreign *foreign, const char *call_id);

/* Servers and their state as other programs name it: an array of {"name", "status"}, a new
 * reference. NULL: an empty one. */
json_t *foreign_statuses(const struct foreign *foreign);
/* Servers, their state and tools, for /mcp. Foreign words in it are spelled out. */
void foreign_describe(const struct foreign *foreign, struct str *out);

#endif
