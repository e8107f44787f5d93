#include "agent/project_folders.h"

#include <stdbool.h>
#include <string.h>

#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"

static bool is_root(const char *folder)
{
    struct stat status;
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/.git", strcmp(folder, "/") == 0 ? "" : folder);
    bool there = lstat(path.data, &status) == 0;
    str_finish(&path);
    return there;
}

size_t project_folders_list(const char *workspace, char *folders[PROJECT_FOLDERS_LIMIT])
{
    struct str folder;
    str_init(&folder);
    str_append(&folder, workspace);
    size_t count = 0, root = 1;
    while (count < PROJECT_FOLDERS_LIMIT && folder.length > 0) {
        folders[count++] = mem_strdup(folder.data);
        if (is_root(folder.data)) {
            root = count;
            break;
        }
        const char *slash = strrchr(folder.data, '/');
        str_truncate(&folder, slash != NULL ? (size_t)(slash - folder.data) : 0);
    }
    for (size_t i = root; i < count; i++) {
        mem_free(folders[i]);
    }
    str_finish(&folder);
    return root < count ? root : count;
}
