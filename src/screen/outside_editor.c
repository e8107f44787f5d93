#include "screen/outside_editor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { TEXT_LIMIT = 16 * 1024 * 1024 };

static const char *editor_name(void)
{
    static const char *const variables[] = {"VISUAL", "EDITOR"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *name = getenv(variables[i]);
        if (name != NULL && name[strspn(name, " ")] != '\0') {
            return name;
        }
    }
    return "vi";
}

/* A file that only the user can read, with the ending of what it holds. */
static bool write_file(struct outside_editor *editor, const char *text, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/carat-draft-XXXXXX.md",
                      folder != NULL && folder[0] == '/' ? folder : "/tmp");
    int file = mkstemps(path.data, 3);
    if (file < 0) {
        err_errno(err, ERR_IO, "making %s", path.data);
        str_finish(&path);
        return false;
    }
    size_t length = strlen(text);
    bool ok = file_write_all(file, text, length);
    ok = close(file) == 0 && ok;
    if (!ok) {
        err_errno(err, ERR_IO, "writing %s", path.data);
        unlink(path.data);
        str_finish(&path);
        return false;
    }
    editor->path = str_take(&path);
    return true;
}

static void forget(struct outside_editor *editor)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    unlink(editor->path);
    mem_free(editor->path);
    mem_free(editor->name);
    editor->path = editor->name = NULL;
}

static void closed(uv_handle_t *handle)
{
    struct outside_editor *editor = handle->data;
    editor->running = false;
}

static void ended(uv_process_t *process, int64_t status, int signal_number)
{
    struct outside_editor *editor = process->data;
    struct str text, why;
    struct err err = {0};
    str_init(&text);
    str_init(&why);
    bool ok = false;
    if (status != 0 || signal_number != 0) {
        str_append_format(&why, "%s ended with %s %lld: the draft is as it was", editor->name,
                          signal_number != 0 ? "signal" : "status",
                          (long long)(signal_number != 0 ? signal_number : status));
    } else if (!file_read(editor->path, TEXT_LIMIT, &text, &err)) {
        str_append(&why, err.text);
    } else {
        ok = true;
        /* The newline that editors put behind the last line was not written by anyone. */
        if (text.length > 0 && text.data[text.length - 1] == '\n') {
            str_truncate(&text, text.length - 1);
        }
    }
    forget(editor);
    uv_close((uv_handle_t *)process, closed);
    editor->done(editor->context, ok ? text.data : NULL, why.data);
    str_finish(&text);
    str_finish(&why);
}

bool outside_editor_start(struct outside_editor *editor, uv_loop_t *loop, const char *text,
                          outside_editor_done *done, void *context, struct err *err)
{
    if (editor->running) {
        return err_set(err, ERR_ARGUMENT, "an editor is open already");
    }
    if (!write_file(editor, text, err)) {
        return false;
    }
    editor->name = mem_strdup(editor_name());
    editor->done = done;
    editor->context = context;
    /* The name may hold options, as the shell's users write them: EDITOR="code --wait". */
    struct str command;
    str_init(&command);
    str_append_format(&command, "exec %s \"$1\"", editor->name);
    char *arguments[] = {"/bin/sh", "-c", command.data, "sh", editor->path, NULL};
    uv_stdio_container_t streams[3];
    for (int i = 0; i < 3; i++) {
        streams[i].flags = UV_INHERIT_FD;
        streams[i].data.fd = i;
    }
    uv_process_options_t options = {
        .exit_cb = ended, .file = "/bin/sh", .args = arguments, .stdio_count = 3, .stdio = streams};
    signal(SIGINT, SIG_IGN); /* Ctrl+C is the editor's now; the child gets the defaults back */
    signal(SIGQUIT, SIG_IGN);
    int status = uv_spawn(loop, &editor->process, &options);
    editor->process.data = editor;
    editor->running = true;
    str_finish(&command);
    if (status != 0) {
        err_set(err, ERR_IO, "starting %s: %s", editor->name, uv_strerror(status));
        forget(editor);
        uv_close((uv_handle_t *)&editor->process, closed);
        return false;
    }
    return true;
}
