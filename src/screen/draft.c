#include "screen/draft.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

/* FNV-1a of 64 bits: a name for the file; the first line says whose it is. */
static uint64_t name_of(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    }
    return hash;
}

static void path_of(const char *state_folder, const char *workspace, struct str *out)
{
    str_append_format(out, "%s/draft-%016llx", state_folder,
                      (unsigned long long)name_of(workspace));
}

static bool replace(const char *path, const struct str *whole, struct err *err)
{
    struct str fresh;
    str_init(&fresh);
    str_append_format(&fresh, "%s.new", path);
    int file = open(fresh.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = file >= 0 && file_write_all(file, whole->data, whole->length);
    ok = file >= 0 && close(file) == 0 && ok;
    if (!ok || rename(fresh.data, path) != 0) {
        err_errno(err, ERR_IO, "keeping the draft in %s", path);
        ok = false;
        unlink(fresh.data);
    }
    str_finish(&fresh);
    return ok;
}

bool draft_keep(const char *state_folder, const char *workspace, const char *text, struct err *err)
{
    size_t length = strlen(text);
    if (length > DRAFT_LIMIT) {
        return err_set(err, ERR_LIMIT, "a draft of %zu bytes is not kept (most: %d)", length,
                       DRAFT_LIMIT);
    }
    struct str path, whole;
    str_init(&path);
    str_init(&whole);
    path_of(state_folder, workspace, &path);
    bool ok = true;
    if (length == 0) {
        unlink(path.data);
    } else {
        str_append_format(&whole, "%s\n", workspace);
        str_append_bytes(&whole, text, length);
        ok = replace(path.data, &whole, err);
    }
    str_finish(&path);
    str_finish(&whole);
    return ok;
}

void draft_find(const char *state_folder, const char *workspace, struct str *out)
{
    struct str path, whole;
    str_init(&path);
    str_init(&whole);
    path_of(state_folder, workspace, &path);
    size_t length = strlen(workspace);
    if (file_read(path.data, DRAFT_LIMIT + length + 1, &whole, NULL) &&
        str_starts_with(whole.data, workspace) && whole.data[length] == '\n') {
        str_append(out, whole.data + length + 1);
    }
    str_finish(&path);
    str_finish(&whole);
}
