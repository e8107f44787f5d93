#include "models/hub_cache.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "models/hub.h"

enum { REVISION_LIMIT = 256 };

struct listing {
    struct hub_cache_model *items;
    size_t count, capacity;
};

char *hub_cache_folder(void)
{
    static const struct {
        const char *variable, *below;
    } places[] = {{"HF_HUB_CACHE", ""},
                  {"HF_HOME", "/hub"},
                  {"XDG_CACHE_HOME", "/huggingface/hub"},
                  {"HOME", "/.cache/huggingface/hub"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *value = getenv(places[i].variable);
        if (value != NULL && value[0] == '/') {
            struct str folder;
            str_init(&folder);
            str_append_format(&folder, "%s%s", value, places[i].below);
            return str_take(&folder);
        }
    }
    return NULL;
}

static char *joined(const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    return str_take(&path);
}

/* Size of a regular file, behind its link; 0: there is none. */
static uint64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

/* Plain names of a folder, in order; each and the array: free. */
static int names_of(const char *folder, struct dirent ***entries)
{
    int count = scandir(folder, entries, NULL, alphasort);
    return count > 0 ? count : 0;
}

static void add(struct listing *out, char *name, char *path, uint64_t bytes)
{
    vec_room(&out->items, &out->capacity, out->count + 1, sizeof *out->items);
    out->items[out->count++] = (struct hub_cache_model){name, path, bytes};
}

/* A revision's folder: its GGUF files, or itself. */
static void add_snapshot(struct listing *out, const char *repository, const char *folder)
{
    struct dirent **entries = NULL;
    int count = names_of(folder, &entries);
    uint64_t weights = 0;
    bool configured = false;
    for (int i = 0; i < count; i++) {
        const char *file = entries[i]->d_name;
        char *path = joined(folder, file);
        uint64_t bytes = size_of(path);
        configured |= strcmp(file, "config.json") == 0 && bytes > 0;
        weights += str_ends_with(file, ".safetensors") ? bytes : 0;
        if (bytes > 0 && hub_local_name(file) != NULL && !hub_is_encoders(file) &&
            strcasestr(file, "assistant") == NULL) {
            add(out, joined(repository, file), path, bytes);
        } else {
            mem_free(path);
        }
        free(entries[i]);
    }
    free(entries);
    if (configured && weights > 0) {
        add(out, mem_strdup(repository), mem_strdup(folder), weights);
    }
}

/* The name in refs/main, which is one plain word, or the first that there is. */
static char *revision_of(const char *repository)
{
    struct str text;
    char *refs = joined(repository, "refs/main"), *snapshots = joined(repository, "snapshots");
    char *found = NULL;
    str_init(&text);
    if (file_read(refs, REVISION_LIMIT, &text, NULL)) {
        str_truncate(&text, strcspn(text.data, "\r\n"));
    }
    if (text.length > 0 && strchr(text.data, '/') == NULL && text.data[0] != '.') {
        found = joined(snapshots, text.data);
    } else {
        struct dirent **entries = NULL;
        int count = names_of(snapshots, &entries);
        for (int i = 0; i < count; i++) {
            if (found == NULL && entries[i]->d_name[0] != '.') {
                found = joined(snapshots, entries[i]->d_name);
            }
            free(entries[i]);
        }
        free(entries);
    }
    str_finish(&text);
    mem_free(refs);
    mem_free(snapshots);
    return found;
}

/* "models--OWNER--NAME" to "OWNER/NAME". NULL: it is none. */
static char *repository_name(const char *folder)
{
    static const char prefix[] = "models--";
    const char *owner = folder + sizeof prefix - 1;
    const char *between = str_starts_with(folder, prefix) ? strstr(owner, "--") : NULL;
    if (between == NULL) {
        return NULL;
    }
    struct str name;
    str_init(&name);
    str_append_format(&name, "%.*s/%s", (int)(between - owner), owner, between + 2);
    return str_take(&name);
}

void hub_cache_list(const char *hub, struct hub_cache_model **models, size_t *count)
{
    struct listing out = {0};
    struct dirent **entries = NULL;
    int folders = hub != NULL ? names_of(hub, &entries) : 0;
    for (int i = 0; i < folders; i++) {
        char *repository = repository_name(entries[i]->d_name);
        char *folder = joined(hub, entries[i]->d_name);
        char *snapshot = repository != NULL ? revision_of(folder) : NULL;
        if (snapshot != NULL) {
            add_snapshot(&out, repository, snapshot);
        }
        mem_free(snapshot);
        mem_free(folder);
        mem_free(repository);
        free(entries[i]);
    }
    free(entries);
    *models = out.items;
    *count = out.count;
}

void hub_cache_free(struct hub_cache_model *models, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(models[i].name);
        mem_free(models[i].path);
    }
    mem_free(models);
}

char *hub_cache_find(const char *hub, const char *name)
{
    struct hub_cache_model *models;
    size_t count, matches = 0;
    char *found = NULL;
    hub_cache_list(hub, &models, &count);
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(models[i].path, '/');
        bool is_file = strcmp(slash + 1, name) == 0;
        if (strcasecmp(models[i].name, name) == 0 || is_file) {
            mem_free(found);
            found = mem_strdup(models[i].path);
            matches++;
        }
    }
    hub_cache_free(models, count);
    if (matches != 1) {
        mem_free(found);
        found = NULL;
    }
    return found;
}
