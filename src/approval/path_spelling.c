/* path_spelling: each component is appended, or takes the one before it back. */
#include "approval/path_spelling.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

/* Where the last component begins in what stands behind `start`. */
static size_t last_component(const struct str *out, size_t start)
{
    size_t at = out->length;
    while (at > start && out->data[at - 1] != '/') {
        at--;
    }
    return at;
}

static void go_up(struct str *out, size_t start, bool absolute)
{
    size_t last = last_component(out, start);
    bool above = strcmp(out->data + last, "..") == 0;
    if (out->length > start && !above) {
        size_t keep = last > start ? last - 1 : start;
        str_remove(out, keep, out->length - keep);
    } else if (!absolute) {
        str_append(out, out->length > start ? "/.." : "..");
    }
}

void path_spelling_append(struct str *out, const char *path, size_t length)
{
    const char *end = path + length;
    bool absolute = length > 0 && path[0] == '/';
    str_append(out, absolute ? "/" : "");
    size_t start = out->length;
    while (path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t size = (size_t)((slash != NULL ? slash : end) - path);
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            go_up(out, start, absolute);
        } else if (size > 0 && (size > 1 || path[0] != '.')) {
            str_append(out, out->length > start ? "/" : "");
            str_append_bytes(out, path, size);
        }
        path += size + (slash != NULL);
    }
}
