/* write_file: a new file, or the whole of one that was read.
 *
 * The content is written as given, byte for byte. What exists is replaced only if the model saw it
 * in this conversation and nothing changed it since; otherwise the refusal says to read it first.
 */
#include <unistd.h>

#include "base/err.h"

#include "capped.h"
#include "files.h"
#include "tool.h"

void file_write_call(struct tool_context *context, const json_t *arguments,
                     struct tool_result *result)
{
    char relative[WORKSPACE_PATH_LIMIT];
    struct workspace_state state;
    struct err err;
    size_t length;
    if (!files_path(context, arguments, NULL, relative, result)) {
        return;
    }
    const char *content = files_text(arguments, "content", NULL, &length, result);
    if (content == NULL || !files_may_write(context, relative, result)) {
        return;
    }
    /* Only a plain "not there" makes a new file; anything else at the name is looked into, and the
     * refusal then says what it is. */
    int fd = workspace_open_file(context->workspace, relative, &err);
    bool is_new = fd < 0;
    if (is_new && err.code != ERR_NOT_FOUND && err.code != ERR_DENIED) {
        files_fail(result, &err,
                   "Expected the name of a file, for example {\"path\": \"notes.md\", "
                   "\"content\": \"text\"}");
        return;
    }
    if (!is_new) {
        close(fd);
        fd = files_open_known(context, relative, &state, result);
        if (fd < 0) {
            return;
        }
        close(fd);
    }
    struct capped text;
    if (!capped_init(&text, context->policy)) {
        tool_fail(result, "no memory to write %.200s", relative);
        return;
    }
    if (!workspace_write_file(context->workspace, relative, content, length, is_new ? NULL : &state,
                              &err)) {
        files_fail(result, &err,
                   err.code == ERR_DENIED
                       ? "Nothing was changed"
                       : "Expected a plain file inside the workspace, for example {\"path\": "
                         "\"notes.md\", \"content\": \"text\"}");
    } else {
        workspace_state_of_bytes(content, length, &state);
        workspace_remember(context->workspace, relative, &state);
        files_say(&text, is_new ? "created" : "replaced", relative);
        tool_succeed(result, text.data, text.length);
    }
    capped_finish(&text);
}
