/* preview: the file now, the file as it would be, and the lines between.
 *
 * The path is taken as the file tools take it: beneath the workspace, an absolute one inside it
 * made relative. Every line of the difference begins with its mark (' ', '-', '+', '@', '\'), so
 * that no content can pass for another row.
 */
#include "agent/preview.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "approval/approval.h"
#include "base/diff.h"
#include "base/mem.h"
#include "base/replacement.h"
#include "base/str.h"
#include "base/visible.h"
#include "desktop/capture.h"

static const char *argument(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

static int open_beneath(const char *workspace, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    size_t length = strlen(workspace);
    if (strncmp(path, workspace, length) == 0 && path[length] == '/') {
        path += length + 1;
    }
    int folder = open(workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = folder >= 0 ? (int)syscall(SYS_openat2, folder, path, &how, sizeof how) : -1;
    if (folder >= 0) {
        close(folder);
    }
    return fd;
}

/* False when it is not there, no regular file, large, or no text. */
static bool read_text(const char *workspace, const char *path, struct str *out)
{
    struct stat status;
    int fd = open_beneath(workspace, path);
    bool ok = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
              status.st_size <= PREVIEW_FILE_LIMIT;
    for (char piece[16 * 1024]; ok;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ok = got >= 0 && out->length + (size_t)got <= PREVIEW_FILE_LIMIT;
        if (got <= 0 || !ok) {
            break;
        }
        str_append_bytes(out, piece, (size_t)got);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok && memchr(out->data, '\0', out->length) == NULL;
}

/* The file after the call; false when the call does not say. */
static bool make_after(const char *tool, const json_t *arguments, const struct str *before,
                       struct str *after)
{
    const char *content = argument(arguments, "content");
    const char *old_text = argument(arguments, "old_text");
    const char *new_text = argument(arguments, "new_text");
    const struct replacement_text was = {before->data, before->length};
    size_t length;
    if (strcmp(tool, "write_file") == 0 && content != NULL) {
        const struct replacement_form form = replacement_form_of(was);
        char *whole =
            replacement_whole(&form, (struct replacement_text){content, strlen(content)}, &length);
        if (whole != NULL) {
            str_append_bytes(after, whole, length);
        }
        mem_free(whole);
        return whole != NULL;
    }
    if (strcmp(tool, "edit_file") != 0 || old_text == NULL || new_text == NULL ||
        old_text[0] == '\0') {
        return false;
    }
    struct replacement found;
    if (!replacement_find(was, (struct replacement_text){old_text, strlen(old_text)}, &found) ||
        found.count != 1) {
        return false;
    }
    char *made = replacement_make(was, &found,
                                  (struct replacement_text){new_text, strlen(new_text)}, &length);
    if (made != NULL) {
        str_append_bytes(after, before->data, found.start);
        str_append_bytes(after, made, length);
        str_append(after, before->data + found.start + found.length);
    }
    mem_free(made);
    return made != NULL;
}

static void show_lines(struct str *out, const struct str *difference)
{
    for (const char *line = difference->data; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        str_append_char(out, '\n');
        visible_append(out, line, length, VISIBLE_APPROVAL);
        line += length + (line[length] == '\n');
    }
}

/* Arguments beside those that the difference stands for would not be seen. */
static bool only_known(const json_t *arguments)
{
    static const char *const known[] = {"path", "content", "old_text", "new_text"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)arguments, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            found = found || strcmp(known[i], name) == 0;
        }
        if (!found || !json_is_string(value) ||
            strlen(json_string_value(value)) != json_string_length(value)) {
            return false;
        }
    }
    return true;
}

bool preview_change(const char *workspace, const char *tool, const json_t *arguments,
                    struct str *before, struct str *after, bool *is_new)
{
    const char *path = argument(arguments, "path");
    bool writes = strcmp(tool, "write_file") == 0;
    if ((!writes && strcmp(tool, "edit_file") != 0) || path == NULL || !only_known(arguments)) {
        return false;
    }
    bool there = read_text(workspace, path, before);
    if (!there) {
        str_clear(before);
        int fd = open_beneath(workspace, path);
        *is_new = fd < 0 && errno == ENOENT;
        if (fd >= 0) {
            close(fd);
        }
        return writes && *is_new && make_after(tool, arguments, before, after);
    }
    *is_new = false;
    return make_after(tool, arguments, before, after);
}

void preview_describe(const char *workspace, const char *tool, const json_t *arguments,
                      struct str *out)
{
    const char *path = argument(arguments, "path");
    struct str before, after, difference;
    str_init(&before);
    str_init(&after);
    str_init(&difference);
    bool edits = strcmp(tool, "write_file") == 0 || strcmp(tool, "edit_file") == 0;
    if (edits && path != NULL && only_known(arguments) && read_text(workspace, path, &before) &&
        make_after(tool, arguments, &before, &after)) {
        diff_append(&difference, (struct diff_text){before.data, before.length},
                    (struct diff_text){after.data, after.length}, 0);
    }
    if (strcmp(tool, "screenshot") == 0) {
        capture_describe(CAPTURE_SCREEN, out);
        str_append(
            out, "\nThe model sees all that is on it, and the picture stays in the conversation.");
        str_append(out, json_object_size(arguments) > 0 ? "\n" : "");
    }
    if (path != NULL && difference.length > 0) {
        str_append(out, strcmp(tool, "edit_file") == 0 ? "edit " : "write ");
        visible_append(out, path, strlen(path), VISIBLE_COMMAND);
        show_lines(out, &difference);
    } else {
        approval_describe(tool, arguments, out);
    }
    str_finish(&before);
    str_finish(&after);
    str_finish(&difference);
}
