/* acp_commands: what an editor's user can say to carat instead of to the model: prompts that begin
 * with '/', as a table.
 */
#ifndef CARAT_ACP_ACP_COMMANDS_H
#define CARAT_ACP_ACP_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>

struct acp_session;
struct app;
struct str;

/* The update that tells the editor of them; a new reference. */
json_t *acp_commands_update(void);
/* Runs one for the session whose conversation the app has; what there is to say goes to `out`.
 * False: the text is none, and for the model. */
bool acp_commands_run(struct app *app, struct acp_session *session, const char *text,
                      struct str *out);

#endif
