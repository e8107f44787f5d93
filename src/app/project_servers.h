/* project_servers: the MCP servers that a project's .mcp.json asks for.
 *
 * Whoever wrote the project wrote that file, and it names programs: so nothing of it is used before
 * the user has looked at it and said yes. The yes is kept in the state folder for this folder and
 * this very content (SHA-256); another byte, and it is asked again. Without a terminal nobody can
 * say yes, so an unknown file is left alone there, with a notice.
 */
#ifndef CARAT_APP_PROJECT_SERVERS_H
#define CARAT_APP_PROJECT_SERVERS_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/str.h"
#include "config/tables.h"

struct err;

enum project_trust { PROJECT_UNKNOWN, PROJECT_TRUSTED, PROJECT_REFUSED };

struct project_servers {
    bool there; /* the project has the file */
    struct str text;
    char hash[HASH_HEX_SIZE];
};

void project_servers_init(struct project_servers *project);
void project_servers_finish(struct project_servers *project);
/* Through no symbolic link; a file that is none, or too large, is an error. */
bool project_servers_read(struct project_servers *project, const char *workspace, struct err *err);

/* What the user said of this content. */
enum project_trust project_servers_trust(const struct project_servers *project,
                                         const char *trust_file, const char *workspace);
bool project_servers_decide(const struct project_servers *project, const char *trust_file,
                            const char *workspace, bool yes, struct err *err);

/* Adds the file's servers. One that the user's own configuration names with a command is the
 * user's; one that it names without takes the rights that stand there. `left_out` gets a sentence
 * for each that cannot be used, and for each key of one that is not. */
bool project_servers_add(const struct project_servers *project, struct config_servers *servers,
                         struct config_list *left_out, struct err *err);

/* Shows the file on the terminal, then what the user's `own` configuration lets its servers do and,
 * directly above the question, which programs would be started; true when the user said yes. */
bool project_servers_ask(const struct project_servers *project, const char *workspace,
                         const struct config_servers *own);

#endif
