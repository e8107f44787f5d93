/* The numbers of the table: the large models sample as their makers recommend, which their files
 * say too, so has_sampling is off; 280 soft tokens is the image size that they were trained with
 * most. A context of 32,768 costs some 200 MB of keys and values on E2B and leaves room for real
 * work; more can be asked for. nano is small enough to be exact: greedy, in 32 bits.
 * Repositories are where the files are published; what is in one, how large and with which
 * checksum, its listing says at the time.
 */
#include "catalogue.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { LARGE_CONTEXT = 32768, LARGE_IMAGE = 280 };

const struct catalogue_entry catalogue_entries[] = {
    {
        .name = "nano",
        .file = "nano.gguf",
        .mmproj = "mmproj-nano.gguf",
        .description = "small test model: shows every part at work, knows almost nothing",
        .bytes = 3763904,
        .sha256 = "",
        .has_sampling = true,
        .temperature = 0,
        .top_k = 1,
        .top_p = 1,
        .context = 8192,
        .kv_f32 = true,
        .image_budget = 70,
    },
    {
        .name = "gemma-4-e2b",
        .file = "gemma-4-e2b-it",
        .mmproj = "mmproj-gemma-4-e2b-it",
        .repository = "ggml-org/gemma-4-E2B-it-GGUF",
        .any_quantisation = true,
        .description = "Gemma 4 E2B: for any computer with 8 GB of memory; sees and hears",
        .sha256 = "",
        .context = LARGE_CONTEXT,
        .image_budget = LARGE_IMAGE,
    },
    {
        .name = "gemma-4-e4b",
        .file = "gemma-4-e4b-it",
        .mmproj = "mmproj-gemma-4-e4b-it",
        .repository = "ggml-org/gemma-4-E4B-it-GGUF",
        .any_quantisation = true,
        .description = "Gemma 4 E4B: better at tools, about half as fast; sees and hears",
        .sha256 = "",
        .context = LARGE_CONTEXT,
        .image_budget = LARGE_IMAGE,
    },
    {
        .name = "gemma-4-12b",
        .file = "gemma-4-12b-it",
        .mmproj = "mmproj-gemma-4-12b-it",
        .repository = "ggml-org/gemma-4-12B-it-GGUF",
        .any_quantisation = true,
        .description = "Gemma 4 12B: dense",
        .sha256 = "",
        .context = LARGE_CONTEXT,
        .image_budget = LARGE_IMAGE,
    },
    {
        .name = "gemma-4-26b-a4b",
        .file = "gemma-4-26b-a4b-it",
        .mmproj = "mmproj-gemma-4-26b-a4b-it",
        .repository = "ggml-org/gemma-4-26B-A4B-it-GGUF",
        .any_quantisation = true,
        .description = "Gemma 4 26B A4B: experts, of which 4B work on a token",
        .sha256 = "",
        .context = LARGE_CONTEXT,
        .image_budget = LARGE_IMAGE,
    },
    {
        .name = "gemma-4-31b",
        .file = "gemma-4-31b-it",
        .mmproj = "mmproj-gemma-4-31b-it",
        .repository = "ggml-org/gemma-4-31B-it-GGUF",
        .any_quantisation = true,
        .description = "Gemma 4 31B: dense, the strongest and slowest",
        .sha256 = "",
        .context = LARGE_CONTEXT,
        .image_budget = LARGE_IMAGE,
    },
};
const size_t catalogue_count = sizeof catalogue_entries / sizeof catalogue_entries[0];

/* ---- names of files ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Hubs and people change the case of file names at will. */
static bool starts_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_gguf(const char *file)
{
    size_t length = strlen(file);
    return length > 5 && strcasecmp(file + length - 5, ".gguf") == 0;
}

/* Towers and drafters ("assistant") are no models to talk to, though named like them. */
static bool is_model_file(const char *file)
{
    return is_gguf(file) && !starts_with(file, "mmproj") && strcasestr(file, "assistant") == NULL;
}

/* `pattern` is the whole name, or the beginning of it up to a separator: "gemma-4-e2b-it" is not
 * the beginning of "gemma-4-e2b-item.gguf". */
static bool matches(const char *file, const char *pattern, bool any_quantisation)
{
    if (!any_quantisation) {
        return strcmp(file, pattern) == 0;
    }
    return is_gguf(file) && starts_with(file, pattern) && strchr("-._", file[strlen(pattern)]);
}

const struct catalogue_entry *catalogue_entry_named(const char *name)
{
    for (size_t i = 0; i < catalogue_count; i++) {
        if (strcasecmp(catalogue_entries[i].name, name) == 0) {
            return &catalogue_entries[i];
        }
    }
    return NULL;
}

const struct catalogue_entry *catalogue_entry_of_file(const char *path)
{
    const char *file = last_part(path);
    for (size_t i = 0; i < catalogue_count && is_model_file(file); i++) {
        if (matches(file, catalogue_entries[i].file, catalogue_entries[i].any_quantisation)) {
            return &catalogue_entries[i];
        }
    }
    return NULL;
}

/* ---- looking into folders ---- */

struct files {
    char **paths;
    size_t count, capacity;
};

static void finish_files(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        mem_free(files->paths[i]);
    }
    mem_free(files->paths);
}

static bool is_regular_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* A GGUF file, or a folder of safetensors. */
static bool is_model(const char *path)
{
    struct stat status;
    struct str config;
    str_init(&config);
    str_append_format(&config, "%s/config.json", path);
    bool is =
        stat(path, &status) == 0 &&
        (S_ISREG(status.st_mode) || (S_ISDIR(status.st_mode) && is_regular_file(config.data)));
    str_finish(&config);
    return is;
}

/* NULL when there is no regular file of that name in the folder. */
static char *file_in(const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    if (is_regular_file(path.data)) {
        return str_take(&path);
    }
    str_finish(&path);
    return NULL;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the files of a folder that `wanted` says yes to, sorted; a folder that is not there has
 * none. */
static void add_files(struct files *files, const char *folder,
                      bool (*wanted)(const char *file, const void *context), const void *context)
{
    DIR *directory = folder == NULL ? NULL : opendir(folder[0] == '\0' ? "/" : folder);
    if (directory == NULL) {
        return;
    }
    size_t first = files->count;
    for (struct dirent *item; (item = readdir(directory)) != NULL;) {
        char *path = wanted(item->d_name, context) ? file_in(folder, item->d_name) : NULL;
        if (path != NULL) {
            vec_room(&files->paths, &files->capacity, files->count + 1, sizeof *files->paths);
            files->paths[files->count++] = path;
        }
    }
    closedir(directory);
    if (files->count > first) {
        qsort(files->paths + first, files->count - first, sizeof *files->paths, compare_paths);
    }
}

static bool belongs_to(const char *file, const void *context)
{
    const struct catalogue_entry *entry = context;
    return is_model_file(file) && matches(file, entry->file, entry->any_quantisation);
}

static bool is_model_but_nano(const char *file, const void *context)
{
    return is_model_file(file) && !belongs_to(file, context);
}

/* ---- errors ---- */

static bool not_found(struct err *err, const char *what, const char *models_folder,
                      const char *installed_folder)
{
    const char *own = models_folder == NULL ? "the folder for models" : models_folder;
    return err_set(
        err, ERR_NOT_FOUND,
        "%s was not found in %s%s%s. To get one: carat models pull gemma-4-e2b; or "
        "download a GGUF file of Gemma 4 (for example gemma-4-E2B-it-Q8_0.gguf, and its "
        "mmproj file for images and sound) and put it into %s, or give the path of a file",
        what, own, installed_folder == NULL ? "" : " and ",
        installed_folder == NULL ? "" : installed_folder, own);
}

static bool several(struct err *err, const char *name, const struct files *files)
{
    struct str list;
    str_init(&list);
    for (size_t i = 0; i < files->count; i++) {
        str_append_format(&list, "%s%s", i == 0 ? "" : ", ", last_part(files->paths[i]));
    }
    err_set(err, ERR_ARGUMENT, "%s can be any of these files, give the name of one: %s", name,
            list.data);
    str_finish(&list);
    return false;
}

/* ---- finding ---- */

/* In the first folder that has any: a user's own file hides the installed one. */
static bool find_entry(const struct catalogue_entry *entry, const char *const folders[2],
                       char **path, struct err *err)
{
    struct files files = {0};
    for (int i = 0; i < 2 && files.count == 0; i++) {
        add_files(&files, folders[i], belongs_to, entry);
    }
    bool ok = files.count == 1;
    if (ok) {
        *path = files.paths[0];
        files.count = 0;
    } else if (files.count > 1) {
        several(err, entry->name, &files);
    } else {
        struct str what;
        str_init(&what);
        str_append_format(&what, "model %s (%s%s)", entry->name, entry->file,
                          entry->any_quantisation ? "*.gguf" : "");
        not_found(err, what.data, folders[0], folders[1]);
        str_finish(&what);
    }
    finish_files(&files);
    return ok;
}

/* The only one that is not nano, in both folders together; else nano. */
static bool find_default(const char *const folders[2], char **path, struct err *err)
{
    const struct catalogue_entry *nano = &catalogue_entries[0];
    struct files files = {0};
    add_files(&files, folders[0], is_model_but_nano, nano);
    add_files(&files, folders[1], is_model_but_nano, nano);
    bool ok = files.count == 1;
    if (ok) {
        *path = files.paths[0];
        files.count = 0;
    } else if (find_entry(nano, folders, path, NULL)) {
        ok = true;
    } else if (files.count > 1) {
        several(err, "the model", &files);
    } else {
        not_found(err, "a model", folders[0], folders[1]);
    }
    finish_files(&files);
    return ok;
}

static bool find_file(const char *wanted, const char *const folders[2], char **path,
                      struct err *err)
{
    if (is_model(wanted)) {
        *path = mem_strdup(wanted);
        return true;
    }
    if (strchr(wanted, '/') != NULL) {
        return err_set(err, ERR_NOT_FOUND,
                       "there is no model file %.200s. To get one: download a GGUF file of Gemma 4 "
                       "(for example gemma-4-E2B-it-Q8_0.gguf) and give its path; without -m the "
                       "small model that comes with carat is used",
                       wanted);
    }
    for (int i = 0; i < 2; i++) {
        char *found = folders[i] == NULL || wanted[0] == '\0' ? NULL : file_in(folders[i], wanted);
        if (found != NULL) {
            *path = found;
            return true;
        }
    }
    struct str what;
    str_init(&what);
    str_append_format(&what, "model \"%.100s\"", wanted);
    not_found(err, what.data, folders[0], folders[1]);
    str_finish(&what);
    return false;
}

bool catalogue_find(const char *wanted, const char *models_folder, const char *installed_folder,
                    char **path, const struct catalogue_entry **entry, struct err *err)
{
    const char *const folders[2] = {models_folder, installed_folder};
    const struct catalogue_entry *named = wanted == NULL ? NULL : catalogue_entry_named(wanted);
    char *found = NULL;
    bool ok;
    if (wanted == NULL) {
        ok = find_default(folders, &found, err);
    } else if (named != NULL) {
        ok = find_entry(named, folders, &found, err);
    } else {
        ok = find_file(wanted, folders, &found, err);
    }
    if (ok) {
        *path = found;
        *entry = named != NULL ? named : catalogue_entry_of_file(found);
    }
    return ok;
}

static bool is_mmproj_of(const char *file, const void *context)
{
    const struct catalogue_entry *entry = context;
    return matches(file, entry->mmproj, entry->any_quantisation);
}

char *catalogue_mmproj(const char *model_path, const struct catalogue_entry *entry)
{
    const char *file = last_part(model_path);
    size_t folder_length = (size_t)(file - model_path);
    /* Without the slash; "" for a file in the root, "." for one without a folder. */
    char *folder =
        folder_length == 0 ? mem_strdup(".") : mem_strndup(model_path, folder_length - 1);
    char *found = NULL;
    if (entry != NULL) {
        struct files files = {0};
        add_files(&files, folder, is_mmproj_of, entry);
        if (files.count > 0) {
            found = mem_strdup(files.paths[0]);
        }
        finish_files(&files);
    } else {
        struct str name;
        str_init(&name);
        str_append_format(&name, "mmproj-%s", file);
        found = file_in(folder, name.data);
        str_finish(&name);
    }
    mem_free(folder);
    return found;
}
