#include "library.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "models/hub.h"

enum { SUMS_LIMIT = 1024 * 1024, SUM_LENGTH = 64 };

static char *in_folder(const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    return str_take(&path);
}

static int compare(const void *a, const void *b)
{
    const struct library_file *one = a, *two = b;
    return strcmp(one->name, two->name);
}

void library_list(const char *folder, struct library_file **files, size_t *count)
{
    size_t capacity = 0;
    *files = NULL;
    *count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *item; directory != NULL && (item = readdir(directory)) != NULL;) {
        struct stat status;
        char *path = in_folder(folder, item->d_name);
        if (hub_local_name(item->d_name) != NULL && stat(path, &status) == 0 &&
            S_ISREG(status.st_mode)) {
            vec_room(files, &capacity, *count + 1, sizeof **files);
            (*files)[(*count)++] = (struct library_file){.name = mem_strdup(item->d_name),
                                                         .bytes = (uint64_t)status.st_size};
        }
        mem_free(path);
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (*count > 0) {
        qsort(*files, *count, sizeof **files, compare);
    }
}

void library_free(struct library_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(files[i].name);
    }
    mem_free(files);
}

void library_append_size(struct str *out, double bytes)
{
    if (bytes >= 1e9) {
        str_append_format(out, "%.2f GB", bytes / 1e9);
    } else {
        str_append_format(out, "%.1f MB", bytes / 1e6);
    }
}

/* --- checksums --- */

/* Calls `line` with each "SUM  NAME" of the file. */
static void read_sums(const char *folder,
                      void (*line)(void *context, const char *sum, const char *name), void *context)
{
    char *path = in_folder(folder, "SHA256SUMS");
    struct str text;
    str_init(&text);
    if (file_read(path, SUMS_LIMIT, &text, NULL)) {
        char *rest = text.data;
        for (char *one; (one = strsep(&rest, "\n")) != NULL;) {
            if (strlen(one) > SUM_LENGTH + 2 && one[SUM_LENGTH] == ' ') {
                one[SUM_LENGTH] = '\0';
                line(context, one, one + SUM_LENGTH + 2);
            }
        }
    }
    str_finish(&text);
    mem_free(path);
}

struct wanted {
    const char *name;
    char *sum;
    struct str *others;
};

static void take_sum(void *context, const char *sum, const char *name)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name) == 0) {
        memcpy(wanted->sum, sum, SUM_LENGTH + 1);
    }
}

bool library_sum(const char *folder, const char *name, char sha256[65])
{
    char sum[SUM_LENGTH + 1] = "";
    read_sums(folder, take_sum, &(struct wanted){.name = name, .sum = sum});
    if (sum[0] == '\0') {
        return false;
    }
    memcpy(sha256, sum, sizeof sum);
    return true;
}

static void keep_others(void *context, const char *sum, const char *name)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name) != 0) {
        str_append_format(wanted->others, "%s  %s\n", sum, name);
    }
}

bool library_set_sum(const char *folder, const char *name, const char *sha256, struct err *err)
{
    struct str sums;
    str_init(&sums);
    read_sums(folder, keep_others, &(struct wanted){.name = name, .others = &sums});
    if (sha256 != NULL) {
        str_append_format(&sums, "%s  %s\n", sha256, name);
    }
    char *path = in_folder(folder, "SHA256SUMS");
    bool ok = file_replace(path, sums.data != NULL ? sums.data : "", sums.length, err);
    mem_free(path);
    str_finish(&sums);
    return ok;
}

/* --- the default --- */

char *library_default(const char *folder)
{
    char *path = in_folder(folder, "default");
    struct str name;
    char *found = NULL;
    str_init(&name);
    if (file_read(path, 4096, &name, NULL)) {
        name.data[strcspn(name.data, "\r\n")] = '\0';
        found = name.data[0] != '\0' ? mem_strdup(name.data) : NULL;
    }
    str_finish(&name);
    mem_free(path);
    return found;
}

bool library_set_default(const char *folder, const char *name, struct err *err)
{
    char *path = in_folder(folder, "default");
    struct str line;
    str_init(&line);
    bool ok;
    if (name == NULL) {
        ok = unlink(path) == 0 || errno == ENOENT || err_errno(err, ERR_IO, "removing %s", path);
    } else {
        str_append_format(&line, "%s\n", name);
        ok = file_make_directories(folder, err) && file_replace(path, line.data, line.length, err);
    }
    str_finish(&line);
    mem_free(path);
    return ok;
}

bool library_remove(const char *folder, const char *name, struct err *err)
{
    char *path = in_folder(folder, name), *standard = library_default(folder);
    bool ok = hub_local_name(name) == name;
    if (!ok) {
        err_set(err, ERR_ARGUMENT, "%.100s is not the name of a file in %s", name, folder);
    } else if (unlink(path) != 0) {
        ok = err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "removing %s", path);
    }
    if (ok && standard != NULL && strcmp(standard, name) == 0) {
        ok = library_set_default(folder, NULL, err);
    }
    ok = ok && library_set_sum(folder, name, NULL, err);
    mem_free(standard);
    mem_free(path);
    return ok;
}
