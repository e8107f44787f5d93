#include "command/import_places.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { DEPTH_LIMIT = 16 };

static const struct {
    const char *word, *variable;
    const char *in_home;   /* where the variable is not set */
    const char *inside[2]; /* of either */
} programs[] = {
    {"codex", "CODEX_HOME", ".codex", {"sessions", "archived_sessions"}},
    {"claude", "CLAUDE_CONFIG_DIR", ".claude", {"projects"}},
    {"llm", "LLM_USER_PATH", ".config/io.datasette.llm", {"logs.db"}},
};

static char *join(const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    return str_take(&path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool add_folder(const char *folder, int depth, struct config_list *files, struct err *err)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, by_name);
    if (count < 0) {
        return err_errno(err, ERR_IO, "reading %s", folder);
    }
    bool ok = true;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char *path = join(folder, name);
        struct stat status;
        bool there = ok && name[0] != '.' && lstat(path, &status) == 0;
        if (there && S_ISREG(status.st_mode) && str_ends_with(name, ".jsonl")) {
            config_list_add(files, path);
        } else if (there && S_ISDIR(status.st_mode)) {
            ok = depth < DEPTH_LIMIT
                     ? add_folder(path, depth + 1, files, err)
                     : err_set(err, ERR_LIMIT, "%s: more than %d folders deep", path, DEPTH_LIMIT);
        }
        mem_free(path);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool add_path(const char *path, struct config_list *files, struct err *err)
{
    struct stat status;
    size_t before = files->count;
    if (stat(path, &status) != 0) {
        return err_errno(err, ERR_NOT_FOUND, "opening %s", path);
    }
    if (!S_ISDIR(status.st_mode)) {
        config_list_add(files, path);
        return true;
    }
    return add_folder(path, 0, files, err) &&
           (files->count > before ||
            err_set(err, ERR_NOT_FOUND, "there is no .jsonl file in %s", path));
}

/* One of the two places is enough. */
static bool add_program(size_t number, struct config_list *files, struct err *err)
{
    const char *folder = getenv(programs[number].variable), *home = getenv("HOME");
    char *own = NULL;
    bool found = false;
    if (folder == NULL || folder[0] == '\0') {
        if (home == NULL || home[0] != '/') {
            return err_set(err, ERR_NOT_FOUND, "neither %s nor HOME is set",
                           programs[number].variable);
        }
        folder = own = join(home, programs[number].in_home);
    }
    for (size_t i = 0; i < 2 && programs[number].inside[i] != NULL; i++) {
        struct err first;
        char *path = join(folder, programs[number].inside[i]);
        found = add_path(path, files, i == 0 ? err : &first) || found;
        mem_free(path);
    }
    mem_free(own);
    return found;
}

bool import_places_find(const char *word, struct config_list *files, struct err *err)
{
    struct stat status;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (strcmp(word, programs[i].word) == 0 && stat(word, &status) != 0) {
            return add_program(i, files, err);
        }
    }
    return add_path(word, files, err);
}
