#include "screen/file_index.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/gitignore.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { WALK_US = 3000000, FRESH_US = 5000000, BESIDE_DEPTH = 1 };

struct paths {
    char **items;
    size_t count, capacity;
};

struct file_index {
    uv_work_t work;
    uv_loop_t *loop;
    char *workspace;
    bool beside; /* the folders beside it */
    file_index_ready *ready;
    void *context;
    struct paths known;
    bool running, stopped;
    atomic_bool give_up;
    int64_t walked_us;
    /* Of the walk, on its thread. */
    struct paths found;
    struct gitignore ignore;
    struct str path; /* of the folder that is looked at, with a slash; "" = the workspace */
    int64_t deadline_us;
};

static void paths_clear(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        mem_free(paths->items[i]);
    }
    mem_free(paths->items);
    *paths = (struct paths){0};
}

struct file_index *file_index_create(uv_loop_t *loop, const char *workspace,
                                     file_index_ready *ready, void *context)
{
    struct file_index *index = mem_zero(1, sizeof *index);
    index->loop = loop;
    index->workspace = mem_strdup(workspace);
    index->ready = ready;
    index->context = context;
    index->walked_us = INT64_MIN / 2;
    atomic_init(&index->give_up, false);
    str_init(&index->path);
    gitignore_init(&index->ignore);
    return index;
}

struct file_index *file_index_create_beside(uv_loop_t *loop, const char *workspace,
                                            file_index_ready *ready, void *context)
{
    struct file_index *index = file_index_create(loop, workspace, ready, context);
    index->beside = true;
    return index;
}

void file_index_destroy(struct file_index *index)
{
    if (index == NULL) {
        return;
    }
    paths_clear(&index->known);
    paths_clear(&index->found);
    gitignore_finish(&index->ignore);
    str_finish(&index->path);
    mem_free(index->workspace);
    mem_free(index);
}

/* --- the walk, on a thread of its own --- */

static bool enough(const struct file_index *index)
{
    return index->found.count >= FILE_INDEX_MOST || atomic_load(&index->give_up) ||
           clock_monotonic_us() > index->deadline_us;
}

static bool printable(const char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name < 0x20 || *name == 0x7F) {
            return false;
        }
    }
    return true;
}

/* The rules of a file in this folder, when there is one; one that cannot be read has none. */
static void read_ignore(struct file_index *index, int folder, const char *name)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= GITIGNORE_SIZE_LIMIT) {
        struct str text, place;
        str_init(&text);
        str_init(&place);
        char bytes[4096];
        ssize_t got;
        while ((got = read(file, bytes, sizeof bytes)) > 0 && text.length < GITIGNORE_SIZE_LIMIT) {
            str_append_bytes(&text, bytes, (size_t)got);
        }
        str_append_bytes(&place, index->path.data,
                         index->path.length > 0 ? index->path.length - 1 : 0);
        gitignore_add(&index->ignore, place.data, text.data, text.length, NULL);
        str_finish(&text);
        str_finish(&place);
    }
    if (file >= 0) {
        close(file);
    }
}

static bool is_folder(int folder, const struct dirent *entry, bool *is_file)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN) {
        *is_file = entry->d_type == DT_REG;
        return entry->d_type == DT_DIR;
    }
    bool known = fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    *is_file = known && S_ISREG(status.st_mode);
    return known && S_ISDIR(status.st_mode);
}

static void walk(struct file_index *index, int folder, int depth);

/* Beside the workspace: whether it is neither a folder that may be wanted. */
static bool is_passed_over(const struct file_index *index, const char *name, bool below, int depth)
{
    const char *slash = strrchr(index->workspace, '/');
    bool itself = depth == 0 && slash != NULL && strcmp(slash + 1, name) == 0;
    return index->beside && (!below || name[0] == '.' || itself);
}

static void take(struct file_index *index, int folder, const struct dirent *entry, int depth)
{
    const char *name = entry->d_name;
    bool file, below = is_folder(folder, entry, &file);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0 ||
        (!below && !file) || !printable(name) || is_passed_over(index, name, below, depth)) {
        return;
    }
    size_t length = index->path.length;
    str_append(&index->path, name);
    if (!gitignore_matches(&index->ignore, index->path.data, below)) {
        str_append(&index->path, below ? "/" : "");
        vec_room(&index->found.items, &index->found.capacity, index->found.count + 1,
                 sizeof *index->found.items);
        struct str found;
        str_init(&found);
        str_append_format(&found, "%s%s", index->beside ? "../" : "", index->path.data);
        index->found.items[index->found.count++] = str_take(&found);
        int inside = below && depth < (index->beside ? BESIDE_DEPTH : FILE_INDEX_DEPTH)
                         ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                         : -1;
        if (inside >= 0) {
            walk(index, inside, depth + 1);
        }
    }
    str_truncate(&index->path, length);
}

/* Takes the descriptor. */
static void walk(struct file_index *index, int folder, int depth)
{
    DIR *directory = fdopendir(folder);
    if (directory == NULL) {
        close(folder);
        return;
    }
    size_t rules = index->ignore.count;
    read_ignore(index, folder, GITIGNORE_FILE);
    read_ignore(index, folder, GITIGNORE_AGENT_FILE);
    const struct dirent *entry;
    while (!enough(index) && (entry = readdir(directory)) != NULL) {
        take(index, folder, entry, depth);
    }
    gitignore_truncate(&index->ignore, rules);
    closedir(directory);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void work(uv_work_t *request)
{
    struct file_index *index = request->data;
    index->deadline_us = clock_monotonic_us() + WALK_US;
    int folder = open(index->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 && index->beside) {
        int inside = folder;
        folder = openat(inside, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(inside);
    }
    if (folder >= 0) {
        walk(index, folder, 0);
    }
    if (index->found.count > 0) {
        qsort(index->found.items, index->found.count, sizeof *index->found.items, compare);
    }
}

/* --- the loop's side --- */

static void worked(uv_work_t *request, int status)
{
    struct file_index *index = request->data;
    index->running = false;
    index->walked_us = clock_monotonic_us();
    if (status != 0 || index->stopped) {
        return;
    }
    struct paths old = index->known;
    index->known = index->found;
    index->found = (struct paths){0};
    index->ready(index->context, index->known.items, index->known.count);
    paths_clear(&old);
}

void file_index_refresh(struct file_index *index)
{
    if (index->running || index->stopped || clock_monotonic_us() - index->walked_us < FRESH_US) {
        return;
    }
    index->work.data = index;
    index->running = uv_queue_work(index->loop, &index->work, work, worked) == 0;
}

void file_index_stop(struct file_index *index)
{
    if (index != NULL) {
        index->stopped = true;
        atomic_store(&index->give_up, true);
    }
}
