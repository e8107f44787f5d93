/* system_memory: see system_memory.h. A group's limit holds for everything below it, so each level
 * from the process's own up to the root is looked at; files that are not there limit nothing. In a
 * container the path may be the host's while the mounted tree begins at the container's own group:
 * then only the root of the tree is found, which is the right one.
 */
#include "system_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, TEXT_SIZE = 16384 };

/* Where a version keeps things. What is used includes pages of files that the kernel drops when
 * memory is wanted: two lines of the statistics say how many. */
struct layout {
    const char *mount, *limit, *usage;
    const char *inactive, *active;
};

static const struct layout layouts[] = {
    {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "active_file"},
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
     "total_inactive_file", "total_active_file"},
};

/* The beginning of a file, as a string. */
static bool read_text(const char *path, char text[TEXT_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && length < TEXT_SIZE - 1) {
        got = read(fd, text + length, TEXT_SIZE - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    text[length] = '\0';
    return got >= 0;
}

/* A whole number; "max" is none. */
static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long found = strtoull(text, &end, 10);
    if (end == text || errno != 0) {
        return false;
    }
    *number = found;
    return true;
}

/* The number behind "name " or "name: " at the beginning of a line. */
static bool find_number(const char *text, const char *name, uint64_t *number)
{
    size_t length = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && (line[length] == ' ' || line[length] == ':')) {
            return parse_number(line + length + 1, number);
        }
        if (*line == '\0') {
            break;
        }
    }
    return false;
}

static bool read_file(const char *root, const char *mount, const char *group, const char *file,
                      char text[TEXT_SIZE])
{
    char path[PATH_SIZE];
    int length = snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, file);
    return length > 0 && (size_t)length < sizeof path && read_text(path, text);
}

/* What a group's limit leaves, at most `left`. */
static uint64_t left_in_group(const struct layout *layout, const char *root, const char *group,
                              uint64_t left)
{
    static const char *const nothing = "";
    char text[TEXT_SIZE];
    uint64_t limit, usage, inactive = 0, active = 0;
    if (!read_file(root, layout->mount, group, layout->limit, text) ||
        !parse_number(text, &limit) ||
        !read_file(root, layout->mount, group, layout->usage, text) ||
        !parse_number(text, &usage)) {
        return left;
    }
    const char *statistics =
        read_file(root, layout->mount, group, "memory.stat", text) ? text : nothing;
    find_number(statistics, layout->inactive, &inactive);
    find_number(statistics, layout->active, &active);
    uint64_t files = inactive + active;
    usage = usage > files ? usage - files : 0;
    uint64_t here = limit > usage ? limit - usage : 0;
    return here < left ? here : left;
}

/* A group and all above it; `group` is "" or begins with a slash. */
static uint64_t left_in_groups(const struct layout *layout, const char *root, char *group,
                               uint64_t left)
{
    size_t length = strlen(group);
    while (length > 0 && group[length - 1] == '/') {
        group[--length] = '\0';
    }
    left = left_in_group(layout, root, group, left);
    while (length > 0) {
        group[strrchr(group, '/') - group] = '\0';
        length = strlen(group);
        left = left_in_group(layout, root, group, left);
    }
    return left;
}

/* One line "number:controllers:/path": version 2 has number 0 and no controllers. */
static uint64_t left_by_line(const char *root, char *line, uint64_t left)
{
    char *controllers = strchr(line, ':');
    char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (path == NULL || path[1] != '/') {
        return left;
    }
    *path++ = '\0';
    controllers++;
    if (*controllers == '\0') {
        return left_in_groups(&layouts[0], root, path, left);
    }
    for (char *rest, *name = strtok_r(controllers, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        if (strcmp(name, "memory") == 0) {
            return left_in_groups(&layouts[1], root, path, left);
        }
    }
    return left;
}

uint64_t system_memory_available(const char *root)
{
    char text[TEXT_SIZE];
    uint64_t kilobytes;
    uint64_t left = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (read_file(root, "", "/proc", "meminfo", text) &&
        find_number(text, "MemAvailable", &kilobytes)) {
        left = kilobytes * 1024;
    }
    if (read_file(root, "", "/proc/self", "cgroup", text)) {
        for (char *rest, *line = strtok_r(text, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            left = left_by_line(root, line, left);
        }
    }
    return left;
}
