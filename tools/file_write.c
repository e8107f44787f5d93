/* write_file: a new file, or the whole of one that was read.
 *
 * The content of a new file is written as given, byte for byte. What exists is replaced only if the
 * model saw it in this conversation and nothing changed it since; otherwise the refusal says to
 * read it first. It keeps what the model was not shown (base/replacement), and that is said; in a
 * file that is too large to hash nobody looks for that.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/replacement.h"

#include "capped.h"
#include "files.h"
#include "line_reader.h"
#include "tool.h"

/* A write, as far as it is decided; without a state the file is new. */
struct writing {
    struct tool_context *context;
    const char *relative;
    const struct workspace_state *state;
    struct replacement_form form; /* of what is replaced */
};

/* Of an open file. False with the result failed. */
static bool read_form(struct writing *writing, int fd, struct tool_result *result)
{
    struct line_reader reader;
    bool ok = line_reader_init(&reader, fd, LINE_READER_LEAST, NULL, NULL);
    if (!ok) {
        tool_fail(result, "no memory to write %.200s", writing->relative);
    }
    while (ok && line_reader_next(&reader)) {
    }
    if (ok && reader.failed) {
        ok = false;
        tool_fail(result, "reading %.200s: %s", writing->relative, strerror(errno));
    }
    writing->form = reader.form;
    line_reader_finish(&reader);
    return ok;
}

static void say_form(struct capped *text, const struct replacement_form *was,
                     struct replacement_text given, struct replacement_text written)
{
    struct files_remarks remarks = {""};
    const struct replacement_form is = replacement_form_of(written);
    if (is.two_ends > replacement_count(given, "\r\n")) {
        files_remark(&remarks, "line ends kept as CRLF");
    } else if (was->two_ends > 0 && is.two_ends == 0 && is.ends > 0) {
        files_remark(&remarks, "line ends are LF now, %s CRLF",
                     replacement_all_two(was) ? "they were" : "some were");
    }
    if (is.mark && !replacement_has_mark(given)) {
        files_remark(&remarks, "BOM kept");
    }
    files_remarks_end(&remarks, text);
}

static void write_content(const struct writing *writing, struct replacement_text given,
                          struct tool_result *result)
{
    struct workspace *workspace = writing->context->workspace;
    const char *relative = writing->relative;
    struct workspace_state state;
    struct capped text = {NULL, 0, 0};
    struct err err;
    struct replacement_text written = {NULL, 0};
    char *bytes = replacement_whole(&writing->form, given, &written.length);
    written.bytes = bytes;
    if (bytes == NULL || !capped_init(&text, writing->context->policy)) {
        tool_fail(result, "no memory to write %.200s", relative);
    } else if (!workspace_write_file(workspace, relative, written.bytes, written.length,
                                     writing->state, &err)) {
        files_fail(result, &err,
                   err.code == ERR_DENIED
                       ? "Nothing was changed"
                       : "Expected a plain file inside the workspace, for example {\"path\": "
                         "\"notes.md\", \"content\": \"text\"}");
    } else {
        workspace_state_of_bytes(written.bytes, written.length, &state);
        workspace_remember(workspace, relative, &state);
        files_say(&text, writing->state == NULL ? "created" : "replaced", relative);
        say_form(&text, &writing->form, given, written);
        tool_succeed(result, text.data, text.length);
    }
    capped_finish(&text);
    mem_free(bytes);
}

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
    struct writing writing = {.context = context, .relative = relative};
    if (!is_new) {
        close(fd);
        fd = files_open_known(context, relative, &state, result);
        if (fd < 0) {
            return;
        }
        writing.state = &state;
        bool ok = state.size > WORKSPACE_HASH_LIMIT || read_form(&writing, fd, result);
        close(fd);
        if (!ok) {
            return;
        }
    }
    write_content(&writing, (struct replacement_text){content, length}, result);
}
