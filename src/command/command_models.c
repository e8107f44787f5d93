/* command_models: see command_models.h. WHAT of `pull` is one of
 *
 *   gemma-4-e2b[:Q8_0]             a name of the catalogue, in a quantisation
 *   OWNER/NAME[:Q8_0]              a repository of the host
 *   OWNER/NAME/FILE.gguf           a file of it
 *   https://host/path/FILE.gguf    any file
 *
 * The key for the host (HF_TOKEN) is sent to it alone. Progress is drawn on a terminal only.
 */
#include "command/command_models.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "app/notice.h"
#include "app/paths.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/catalogue.h"
#include "models/hub.h"
#include "models/hub_cache.h"
#include "models/library.h"
#include "models/pull.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static enum exit_code failed(const struct err *err)
{
    notice_print(err->text);
    return err->code == ERR_CANCELLED   ? EXIT_CODE_SIGINT
           : err->code == ERR_NOT_FOUND ? EXIT_CODE_NO_MODEL
           : err->code == ERR_ARGUMENT  ? EXIT_CODE_USAGE
                                        : EXIT_CODE_FAILURE;
}

static char *path_of(const struct paths *paths, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", paths->user_models, name);
    return str_take(&path);
}

/* --- list --- */

static void list_folder(const char *folder, const char *standard, bool mine)
{
    struct library_file *files;
    size_t count;
    library_list(folder, &files, &count);
    for (size_t i = 0; i < count; i++) {
        const struct catalogue_entry *entry = catalogue_entry_of_file(files[i].name);
        bool chosen = standard != NULL && strcmp(standard, files[i].name) == 0;
        struct str size;
        str_init(&size);
        library_append_size(&size, (double)files[i].bytes);
        printf("%c %-44s %10s  %s%s\n", chosen ? '*' : ' ', files[i].name, size.data,
               entry != NULL                    ? entry->name
               : hub_is_encoders(files[i].name) ? "(encoders)"
                                                : "",
               mine ? "" : "  (came with carat)");
        str_finish(&size);
    }
    library_free(files, count);
}

static void list_hub(void)
{
    char *hub = hub_cache_folder();
    struct hub_cache_model *models;
    size_t count;
    hub_cache_list(hub, &models, &count);
    for (size_t i = 0; i < count; i++) {
        struct str size;
        str_init(&size);
        library_append_size(&size, (double)models[i].bytes);
        notice_show("  %-44s %10s  (Hugging Face's cache)", models[i].name, size.data);
        str_finish(&size);
    }
    hub_cache_free(models, count);
    mem_free(hub);
}

static bool is_here(const struct paths *paths, const struct catalogue_entry *entry)
{
    char *path;
    const struct catalogue_entry *found;
    struct err err;
    bool here = catalogue_find(entry->name, paths->user_models, paths->installed_models, &path,
                               &found, &err);
    if (here) {
        mem_free(path);
    }
    return here || err.code == ERR_ARGUMENT; /* several of it */
}

static enum exit_code list(const struct paths *paths)
{
    char *standard = library_default(paths->user_models);
    list_folder(paths->user_models, standard, true);
    list_folder(paths->installed_models, standard, false);
    list_hub();
    mem_free(standard);
    printf("\nto be had with carat models pull NAME:\n");
    for (size_t i = 0; i < catalogue_count; i++) {
        const struct catalogue_entry *entry = &catalogue_entries[i];
        if (entry->repository != NULL && !is_here(paths, entry)) {
            printf("  %-18s %s\n", entry->name, entry->description);
        }
    }
    return EXIT_CODE_OK;
}

/* --- pull --- */

struct bar {
    const char *name;
    bool drawn, terminal;
};

/* One line, drawn over itself. */
static bool draw(void *context, const struct pull_progress *progress)
{
    struct bar *bar = context;
    struct str line;
    if (!bar->terminal) {
        return !interrupted;
    }
    str_init(&line);
    str_append_format(&line, "\r\033[K%.40s  ", bar->name);
    library_append_size(&line, (double)progress->done);
    if (progress->total > 0) {
        str_append(&line, " of ");
        library_append_size(&line, (double)progress->total);
        str_append_format(&line, "  %3d %%",
                          (int)(100.0 * (double)progress->done / (double)progress->total));
    }
    if (progress->waiting != NULL) {
        str_append(&line, "  broken off, trying again");
    } else if (progress->checking) {
        str_append(&line, "  checking");
    } else if (progress->bytes_per_second > 0) {
        str_append_format(&line, "  %.1f MB/s", progress->bytes_per_second / 1e6);
        double left = (double)(progress->total - progress->done) / progress->bytes_per_second;
        if (progress->total > 0 && left < 360000) {
            str_append_format(&line, "  %d:%02d left", (int)left / 60, (int)left % 60);
        }
    }
    fputs(line.data, stderr);
    str_finish(&line);
    bar->drawn = true;
    return !interrupted;
}

struct source {
    const char *host, *key;
};

/* The key is for the host's own addresses. */
static const char *key_for(const struct source *source, const char *url)
{
    size_t length = strlen(source->host);
    while (length > 0 && source->host[length - 1] == '/') {
        length--;
    }
    return strncmp(url, source->host, length) == 0 && url[length] == '/' ? source->key : NULL;
}

static bool pull_one(const struct paths *paths, const struct source *source, const char *url,
                     const char *name, const char *sha256, uint64_t bytes, struct err *err)
{
    char *path = path_of(paths, name);
    struct bar bar = {.name = name, .terminal = isatty(STDERR_FILENO)};
    char sum[HASH_HEX_SIZE], known[HASH_HEX_SIZE];
    bool checked = false;
    if (access(path, F_OK) == 0 &&
        (sha256 == NULL ||
         (library_sum(paths->user_models, name, known) && strcmp(known, sha256) == 0))) {
        printf("%s is here already\n", name);
        mem_free(path);
        return true;
    }
    struct pull_options options = {.url = url,
                                   .path = path,
                                   .key = key_for(source, url),
                                   .sha256 = sha256,
                                   .bytes = bytes,
                                   .tries = 6,
                                   .pause_ms = 500,
                                   .idle_seconds = 60,
                                   .progress = draw,
                                   .context = &bar};
    bool ok =
        file_make_directories(paths->user_models, err) && pull_file(&options, &checked, sum, err);
    if (bar.drawn) {
        fputs("\r\033[K", stderr);
    }
    ok = ok && library_set_sum(paths->user_models, name, sum, err);
    if (ok) {
        printf("%s  sha256 %s (%s)\n", name, sum,
               checked ? "as the publisher says" : "nothing to compare it with");
    }
    mem_free(path);
    return ok;
}

/* Encoders are found by the name of their model: "mmproj-" before it. */
static char *encoders_name(const char *local, const struct catalogue_entry *entry,
                           const char *model)
{
    struct str name;
    str_init(&name);
    bool found_by_name =
        entry != NULL && strncasecmp(local, entry->mmproj, strlen(entry->mmproj)) == 0;
    str_append(&name, found_by_name ? "" : "mmproj-");
    str_append(&name, found_by_name ? local : model);
    return str_take(&name);
}

static bool pull_repository(const struct paths *paths, const struct source *source,
                            const char *repository, const char *quantisation, struct err *err)
{
    struct hub_file *files;
    size_t count, chosen[HUB_CHOSEN_MAX], n;
    if (!hub_list(source->host, repository, source->key, &files, &count, err)) {
        return false;
    }
    bool ok = hub_choose(files, count, quantisation, chosen, &n, err) ||
              err_prefix(err, "%s", repository);
    const char *model = ok ? hub_local_name(files[chosen[0]].name) : NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const struct hub_file *file = &files[chosen[i]];
        const char *local = hub_local_name(file->name);
        char *url = hub_url(source->host, repository, file->name);
        char *name = hub_is_encoders(file->name)
                         ? encoders_name(local, catalogue_entry_of_file(model), model)
                         : mem_strdup(local);
        ok = pull_one(paths, source, url, name, file->sha256[0] != '\0' ? file->sha256 : NULL,
                      file->bytes, err);
        mem_free(name);
        mem_free(url);
    }
    hub_files_free(files, count);
    return ok;
}

static bool pull_url(const struct paths *paths, const struct source *source, const char *url,
                     const char *sha256, struct err *err)
{
    char *bare = mem_strndup(url, strcspn(url, "?#"));
    const char *name = hub_local_name(bare);
    bool ok = name != NULL ? pull_one(paths, source, url, name, sha256, 0, err)
                           : err_set(err, ERR_ARGUMENT,
                                     "%.300s does not end in the plain name of a .gguf file", url);
    mem_free(bare);
    return ok;
}

static bool pull_what(const struct paths *paths, const struct source *source, const char *what,
                      const char *sha256, struct err *err)
{
    if (strstr(what, "://") != NULL) {
        return pull_url(paths, source, what, sha256, err);
    }
    char *name = mem_strdup(what), *colon = strchr(name, ':');
    const char *quantisation = colon != NULL ? colon + 1 : NULL;
    if (colon != NULL) {
        *colon = '\0';
    }
    const struct catalogue_entry *entry = catalogue_entry_named(name);
    char *first = strchr(name, '/'), *second = first != NULL ? strchr(first + 1, '/') : NULL;
    bool ok;
    if (entry != NULL && entry->repository != NULL) {
        ok = pull_repository(paths, source, entry->repository, quantisation, err);
    } else if (first == NULL) {
        ok = err_set(err, ERR_NOT_FOUND,
                     "the catalogue has no %.100s (carat models list); a repository is OWNER/NAME",
                     name);
    } else if (second != NULL) {
        *second = '\0';
        char *url = hub_url(source->host, name, second + 1);
        ok = pull_url(paths, source, url, sha256, err);
        mem_free(url);
    } else {
        ok = pull_repository(paths, source, name, quantisation, err);
    }
    mem_free(name);
    return ok;
}

static enum exit_code pull(const struct config *config, const struct paths *paths, const char *what,
                           const char *sha256)
{
    struct err err;
    struct source source = {config_string(config, OPTION_MODELS_HOST), getenv("HF_TOKEN")};
    if (what == NULL) {
        fprintf(stderr, "carat: pull what? A name of carat models list, OWNER/NAME, or a URL\n");
        return EXIT_CODE_USAGE;
    }
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return pull_what(paths, &source, what, sha256, &err) ? EXIT_CODE_OK : failed(&err);
}

/* --- verify, rm, default --- */

static bool verify_one(const struct paths *paths, const char *name, struct err *err)
{
    char known[HASH_HEX_SIZE], sum[HASH_HEX_SIZE];
    char *path = path_of(paths, name);
    bool has_sum = library_sum(paths->user_models, name, known);
    bool ok = hash_file(path, NULL, NULL, sum, err);
    mem_free(path);
    if (!ok) {
        return false;
    }
    if (!has_sum) {
        printf("%s  no checksum is written down; it is %s\n", name, sum);
        return true;
    }
    if (strcmp(known, sum) != 0) {
        return err_set(err, ERR_FORMAT, "%s is damaged: its checksum is %s, not %s", name, sum,
                       known);
    }
    printf("%s  as it was fetched\n", name);
    return true;
}

static enum exit_code verify(const struct paths *paths, const char *name)
{
    struct err err;
    struct library_file *files;
    size_t count;
    enum exit_code code = EXIT_CODE_OK;
    if (name != NULL) {
        return verify_one(paths, name, &err) ? EXIT_CODE_OK : failed(&err);
    }
    library_list(paths->user_models, &files, &count);
    for (size_t i = 0; i < count; i++) {
        if (!verify_one(paths, files[i].name, &err)) {
            code = failed(&err);
        }
    }
    library_free(files, count);
    return code;
}

static enum exit_code choose_default(const struct paths *paths, const char *name)
{
    struct err err;
    char *path = NULL;
    const struct catalogue_entry *entry;
    if (name == NULL) {
        char *standard = library_default(paths->user_models);
        notice_show("%s",
                    standard != NULL ? standard : "(none chosen: the only one there is, or nano)");
        mem_free(standard);
        return EXIT_CODE_OK;
    }
    bool none = strcmp(name, "none") == 0;
    bool ok = none || catalogue_find(name, paths->user_models, paths->installed_models, &path,
                                     &entry, &err);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    ok = ok && library_set_default(paths->user_models,
                                   none            ? NULL
                                   : slash != NULL ? slash + 1
                                                   : path,
                                   &err);
    mem_free(path);
    return ok ? EXIT_CODE_OK : failed(&err);
}

enum exit_code command_models(struct config *config)
{
    const struct config_list *words = &config->words;
    const char *verb = words->count > 1 ? words->items[1] : "list";
    const char *what = words->count > 2 ? words->items[2] : NULL;
    const char *sum = words->count > 3 ? words->items[3] : NULL;
    struct paths paths;
    struct err err;
    if (!paths_find(&paths, &err)) {
        return failed(&err);
    }
    enum exit_code code = EXIT_CODE_USAGE;
    if (strcmp(verb, "list") == 0) {
        code = list(&paths);
    } else if (strcmp(verb, "pull") == 0 && config_boolean(config, OPTION_OFFLINE)) {
        fprintf(stderr, "carat: --offline pulls nothing\n");
    } else if (strcmp(verb, "pull") == 0) {
        code = pull(config, &paths, what, sum);
    } else if (strcmp(verb, "verify") == 0) {
        code = verify(&paths, what);
    } else if (strcmp(verb, "rm") == 0 && what != NULL) {
        code = library_remove(paths.user_models, what, &err) ? EXIT_CODE_OK : failed(&err);
    } else if (strcmp(verb, "default") == 0) {
        code = choose_default(&paths, what);
    } else {
        fprintf(stderr,
                "carat: say carat models list, pull WHAT, verify, rm FILE or default FILE\n");
    }
    paths_finish(&paths);
    return code;
}
