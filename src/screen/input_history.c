#include "screen/input_history.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

static void path_of(const char *state_folder, struct str *out)
{
    str_append_format(out, "%s/history", state_folder);
}

/* The newest INPUT_HISTORY_READ bytes, from a line's beginning; the size of all of it. */
static off_t read_tail(const char *path, struct str *out)
{
    struct stat status = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        status.st_size = 0;
    }
    off_t from = status.st_size > INPUT_HISTORY_READ ? status.st_size - INPUT_HISTORY_READ : 0;
    char bytes[16 * 1024];
    while (from < status.st_size) {
        ssize_t got = pread(file, bytes, sizeof bytes, from);
        if (got <= 0) {
            break;
        }
        str_append_bytes(out, bytes, (size_t)got);
        from += got;
    }
    if (file >= 0) {
        close(file);
    }
    if (status.st_size > INPUT_HISTORY_READ) {
        const char *newline = memchr(out->data, '\n', out->length);
        str_remove(out, 0, newline != NULL ? (size_t)(newline - out->data) + 1 : out->length);
    }
    return status.st_size;
}

void input_history_read(const char *state_folder, void (*entry)(void *context, const char *text),
                        void *context)
{
    struct str path, text;
    str_init(&path);
    str_init(&text);
    path_of(state_folder, &path);
    off_t size = read_tail(path.data, &text);
    for (size_t at = 0; at < text.length;) {
        const char *newline = memchr(text.data + at, '\n', text.length - at);
        size_t length = newline != NULL ? (size_t)(newline - text.data) - at : text.length - at;
        json_t *line = json_loadb(text.data + at, length, JSON_DECODE_ANY, NULL);
        if (json_is_string(line)) {
            entry(context, json_string_value(line));
        }
        json_decref(line);
        at += length + 1;
    }
    if (size > 2 * INPUT_HISTORY_READ) {
        file_replace(path.data, text.data, text.length, NULL); /* tried again the next time */
    }
    str_finish(&path);
    str_finish(&text);
}

bool input_history_add(const char *state_folder, const char *text, struct err *err)
{
    json_t *value = strlen(text) <= INPUT_HISTORY_ENTRY ? json_string(text) : NULL;
    char *quoted = value != NULL ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (quoted == NULL) {
        return true;
    }
    struct str path, line;
    str_init(&path);
    str_init(&line);
    path_of(state_folder, &path);
    str_append_format(&line, "%s\n", quoted);
    free(quoted);
    int file = open(path.data, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = file >= 0 && file_write_all(file, line.data, line.length);
    if (!ok) {
        err_errno(err, ERR_IO, "keeping the history in %s", path.data);
    }
    if (file >= 0) {
        close(file);
    }
    str_finish(&path);
    str_finish(&line);
    return ok;
}
