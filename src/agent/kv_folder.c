/* kv_folder: the time of a file's last change is the time of its last use: kv_folder_use sets it.
 */
#include "agent/kv_folder.h"

#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

struct file {
    char *name;
    int64_t bytes;
    struct timespec used;
};

void kv_folder_path(struct str *out, const char *folder, const char *id)
{
    str_append_format(out, "%s/%s.kv", folder, id);
}

bool kv_folder_use(const char *folder, const char *id)
{
    struct str path;
    str_init(&path);
    kv_folder_path(&path, folder, id);
    bool there = utimensat(AT_FDCWD, path.data, NULL, AT_SYMLINK_NOFOLLOW) == 0;
    str_finish(&path);
    return there;
}

void kv_folder_forget(const char *folder, const char *id)
{
    struct str path;
    str_init(&path);
    kv_folder_path(&path, folder, id);
    unlink(path.data);
    str_finish(&path);
}

static int compare_used(const void *a, const void *b)
{
    const struct timespec *left = &((const struct file *)a)->used;
    const struct timespec *right = &((const struct file *)b)->used;
    if (left->tv_sec != right->tv_sec) {
        return left->tv_sec < right->tv_sec ? 1 : -1;
    }
    return (left->tv_nsec < right->tv_nsec) - (left->tv_nsec > right->tv_nsec);
}

void kv_folder_trim(const char *folder, int64_t budget)
{
    struct file *files = NULL;
    size_t count = 0, capacity = 0;
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct stat status;
        if (str_ends_with(entry->d_name, ".kv") &&
            fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            vec_room(&files, &capacity, count + 1, sizeof *files);
            files[count++] =
                (struct file){mem_strdup(entry->d_name), status.st_size, status.st_mtim};
        }
    }
    if (count > 0) {
        qsort(files, count, sizeof *files, compare_used);
    }
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += files[i].bytes;
        if (sum > budget) {
            unlinkat(dirfd(directory), files[i].name, 0);
        }
        mem_free(files[i].name);
    }
    mem_free(files);
    if (directory != NULL) {
        closedir(directory);
    }
}
