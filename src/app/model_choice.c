#include "app/model_choice.h"

#include <string.h>
#include <strings.h>

#include "app/app.h"
#include "app/app_model.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "models/catalogue.h"
#include "models/hub.h"
#include "models/hub_cache.h"
#include "models/library.h"

/* --- what there is --- */

/* The next choice; what it is made of is the caller's to give. */
static struct model_choice *add(struct model_choices *out)
{
    vec_room(&out->items, &out->capacity, out->count + 1, sizeof *out->items);
    struct model_choice *choice = &out->items[out->count++];
    *choice = (struct model_choice){0};
    return choice;
}

/* Drafters are no models to talk to, nor are encoders. */
static bool is_model(const char *name)
{
    return !hub_is_encoders(name) && strcasestr(name, "assistant") == NULL;
}

/* A file of the user's own hides the installed one of the same name. */
static bool is_there(const struct model_choices *choices, const char *word)
{
    for (size_t i = 0; i < choices->count; i++) {
        if (strcmp(choices->items[i].word, word) == 0) {
            return true;
        }
    }
    return false;
}

static void add_folder(struct model_choices *out, const struct app *app, const char *folder,
                       const char *note)
{
    struct library_file *files;
    size_t count;
    struct str path;
    str_init(&path);
    library_list(folder, &files, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_model(files[i].name) || is_there(out, files[i].name)) {
            continue;
        }
        const struct catalogue_entry *entry = catalogue_entry_of_file(files[i].name);
        str_clear(&path);
        str_append_format(&path, "%s/%s", folder, files[i].name);
        struct model_choice *choice = add(out);
        choice->word = mem_strdup(files[i].name);
        choice->path = mem_strdup(path.data);
        choice->name = mem_strdup(entry != NULL ? entry->name : files[i].name);
        choice->note = mem_strdup(note);
        choice->bytes = files[i].bytes;
        choice->runs = strcmp(path.data, app->model_path) == 0;
    }
    library_free(files, count);
    str_finish(&path);
}

static void add_servers(struct model_choices *out, const struct app *app)
{
    const struct servers *servers = &app->config->remotes;
    struct str word;
    str_init(&word);
    for (size_t i = 0; i < servers->count; i++) {
        str_clear(&word);
        str_append_format(&word, "remote:%s", servers->items[i].name);
        char *address = app_model_address(app, word.data);
        struct model_choice *choice = add(out);
        choice->word = mem_strdup(word.data);
        choice->path = mem_strdup(word.data);
        choice->name = mem_strdup(servers->items[i].name);
        choice->note = mem_strdup(address != NULL ? address : "its url is not set");
        choice->runs = strcmp(word.data, app->model_path) == 0;
        mem_free(address);
    }
    str_finish(&word);
}

static void add_hub(struct model_choices *out, const struct app *app)
{
    char *hub = hub_cache_folder();
    struct hub_cache_model *models;
    size_t count;
    hub_cache_list(hub, &models, &count);
    for (size_t i = 0; i < count; i++) {
        struct model_choice *choice = add(out);
        const struct catalogue_entry *entry = catalogue_entry_of_file(models[i].path);
        choice->word = mem_strdup(models[i].name);
        choice->path = mem_strdup(models[i].path);
        choice->name = mem_strdup(entry != NULL ? entry->name : models[i].name);
        choice->note = mem_strdup("Hugging Face's cache");
        choice->bytes = models[i].bytes;
        choice->runs = strcmp(models[i].path, app->model_path) == 0;
    }
    hub_cache_free(models, count);
    mem_free(hub);
}

/* Unless it is among those of a folder. */
static void add_path(struct model_choices *out, const struct app *app, const char *path)
{
    if (is_there(out, path)) {
        return;
    }
    struct model_choice *choice = add(out);
    choice->word = mem_strdup(path);
    choice->path = mem_strdup(path);
    choice->name = mem_strdup(app_model_name(path));
    choice->note = mem_strdup("");
    choice->runs = strcmp(path, app->model_path) == 0;
}

void model_choices_read(struct model_choices *out, const struct app *app)
{
    const char *started = config_string(app->config, OPTION_MODEL);
    bool runs = false;
    *out = (struct model_choices){0};
    add_folder(out, app, app->paths.user_models, "");
    add_folder(out, app, app->paths.installed_models, "came with carat");
    add_hub(out, app);
    add_servers(out, app);
    for (size_t i = 0; i < out->count; i++) {
        runs |= out->items[i].runs;
    }
    if (!runs) {
        add_path(out, app, app->model_path);
    }
    bool elsewhere =
        started != NULL && (strchr(started, '/') != NULL || strchr(started, ':') != NULL);
    if (elsewhere && strcmp(started, app->model_path) != 0) {
        add_path(out, app, started);
    }
}

void model_choices_finish(struct model_choices *choices)
{
    for (size_t i = 0; i < choices->count; i++) {
        mem_free(choices->items[i].word);
        mem_free(choices->items[i].path);
        mem_free(choices->items[i].name);
        mem_free(choices->items[i].note);
    }
    mem_free(choices->items);
    *choices = (struct model_choices){0};
}

void model_choice_append(struct str *out, const struct model_choice *choice)
{
    struct str size;
    str_init(&size);
    if (choice->bytes > 0) {
        library_append_size(&size, (double)choice->bytes);
    }
    str_append_format(out, "%c %-36s %9s  %s", choice->runs ? '*' : ' ', choice->word, size.data,
                      strcmp(choice->name, choice->word) != 0 ? choice->name : "");
    if (choice->note[0] != '\0') {
        str_append_format(out, "  (%s)", choice->note);
    }
    while (out->length > 0 && out->data[out->length - 1] == ' ') {
        str_truncate(out, out->length - 1);
    }
    str_finish(&size);
}

/* --- what a word means --- */

static bool begins(const char *text, const char *beginning)
{
    return strncasecmp(text, beginning, strlen(beginning)) == 0;
}

/* A name that several files have is left to app_model_find, which names them. */
static const char *exact(const struct model_choices *choices, const char *word)
{
    const char *named = NULL;
    size_t count = 0;
    for (size_t i = 0; i < choices->count; i++) {
        const struct model_choice *choice = &choices->items[i];
        if (strcasecmp(choice->word, word) == 0) {
            return choice->path;
        }
        if (strcasecmp(choice->name, word) == 0) {
            named = choice->path;
            count++;
        }
    }
    return count == 1 ? named : count > 1 ? word : NULL;
}

bool model_choices_match(const struct model_choices *choices, const char *word, const char **meant,
                         struct err *err)
{
    const char *found = exact(choices, word);
    size_t count = 0;
    struct str names;
    str_init(&names);
    for (size_t i = 0; found == NULL && word[0] != '\0' && i < choices->count; i++) {
        const struct model_choice *choice = &choices->items[i];
        if (begins(choice->word, word) || begins(choice->name, word)) {
            str_append_format(&names, "%s%s", count > 0 ? ", " : "", choice->word);
            count++;
        }
    }
    bool ok = count <= 1 || err_set(err, ERR_ARGUMENT, "%s can be any of %s", word, names.data);
    for (size_t i = 0; ok && count == 1 && found == NULL && i < choices->count; i++) {
        const struct model_choice *choice = &choices->items[i];
        found = begins(choice->word, word) || begins(choice->name, word) ? choice->path : NULL;
    }
    str_finish(&names);
    if (ok) {
        *meant = found != NULL ? found : word;
    }
    return ok;
}
