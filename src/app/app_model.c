/* app_model: the model that the configuration asks for, as part of app.
 *
 * -m says a file or a name of the catalogue; "script:FILE" a scripted twin; "remote:NAME" a model
 * behind a server. Each is found here and opened as a struct infer whose events wake the loop.
 */
#include "app/app_model.h"

#include <string.h>

#include "app/app.h"
#include "app/server.h"
#include "app/server_key.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/engine_media.h"
#include "infer/infer.h"
#include "infer/infer_remote.h"
#include "models/catalogue.h"
#include "models/hub_cache.h"
#include "models/library.h"

enum { SCRIPT_LIMIT = 16 * 1024 * 1024, IMAGE_BUDGET = 280 };

static void wake_loop(void *context)
{
    uv_async_send(context);
}

/* "script:FILE" is a scripted twin instead of a model: for tests and demonstrations. */
static const char *script_file(const char *model)
{
    return model != NULL && str_starts_with(model, "script:") ? model + strlen("script:") : NULL;
}

/* "remote:NAME" is a model behind a server of the configuration. */
static const char *remote_name(const char *model)
{
    return model != NULL && str_starts_with(model, "remote:") ? model + strlen("remote:") : NULL;
}

bool app_model_is_script(const char *path)
{
    return script_file(path) != NULL;
}

bool app_model_is_remote(const char *path)
{
    return remote_name(path) != NULL;
}

const char *app_model_name(const char *path)
{
    const struct catalogue_entry *entry = catalogue_entry_of_file(path);
    const char *slash = strrchr(path, '/');
    return entry != NULL                    ? entry->name
           : remote_name(path) != NULL      ? path
           : slash != NULL && slash[1] != 0 ? slash + 1
                                            : path;
}

bool app_model_find(const struct app *app, const char *wanted, char **path, enum exit_code *code,
                    struct err *err)
{
    const struct catalogue_entry *entry;
    if (remote_name(wanted) != NULL && config_boolean(app->config, OPTION_OFFLINE)) {
        *code = EXIT_CODE_USAGE;
        err_set(err, ERR_DENIED, "-m %s: --offline asks no server", wanted);
        return false;
    }
    if (script_file(wanted) != NULL || remote_name(wanted) != NULL) {
        *path = mem_strdup(wanted);
        return true;
    }
    char *standard = wanted == NULL ? library_default(app->paths.user_models) : NULL;
    bool found = catalogue_find(wanted != NULL ? wanted : standard, app->paths.user_models,
                                app->paths.installed_models, path, &entry, err);
    mem_free(standard);
    if (!found && wanted != NULL) {
        char *hub = hub_cache_folder();
        char *cached = hub_cache_find(hub, wanted);
        mem_free(hub);
        if (cached != NULL) {
            *path = cached;
            found = true;
        }
    }
    if (!found) {
        *code = EXIT_CODE_NO_MODEL;
    }
    return found;
}

static bool is_of_command_line(const struct config *config, enum option option)
{
    return config_set(config, option) && config->values[option].origin[0] == '-';
}

/* An .envrc can set CARAT_MODEL, and the server's address beside it. */
static bool may_choose(struct app *app, const char *wanted, struct err *err)
{
    const char *what = remote_name(wanted);
    if (what == NULL || strcmp(app->config->values[OPTION_MODEL].origin, "CARAT_MODEL") != 0 ||
        server_is_configured(app->config, what)) {
        return true;
    }
    app->exit_code = EXIT_CODE_USAGE;
    return err_set(err, ERR_DENIED,
                   "CARAT_MODEL is \"%.100s\": the environment alone chooses no server; say -m "
                   "%.100s, or give model.path or the server's url in your configuration",
                   wanted, wanted);
}

bool app_find_model(struct app *app, struct err *err)
{
    const char *wanted = config_string(app->config, OPTION_MODEL);
    struct str word;
    if (!may_choose(app, wanted, err)) {
        return false;
    }
    str_init(&word);
    /* An address that somebody types is meant, also without the word. */
    if (is_of_command_line(app->config, OPTION_REMOTE_URL) && script_file(wanted) == NULL &&
        remote_name(wanted) == NULL) {
        bool named = is_of_command_line(app->config, OPTION_MODEL);
        str_append_format(&word, "remote:%s", named ? wanted : "");
        wanted = word.data;
    }
    bool found = app_model_find(app, wanted, &app->model_path, &app->exit_code, err);
    str_finish(&word);
    return found;
}

static struct infer *open_script(const char *path, uv_async_t *woke, struct err *err)
{
    struct str script;
    str_init(&script);
    struct infer *infer = NULL;
    if (file_read(path, SCRIPT_LIMIT, &script, err)) {
        infer = infer_script_create(script.data, wake_loop, woke, err);
    }
    str_finish(&script);
    return infer;
}

char *app_model_address(const struct app *app, const char *path)
{
    struct server server;
    const char *what = remote_name(path);
    char *url = NULL;
    if (what != NULL && server_find(app->config, what, &server, NULL)) {
        url = mem_strdup(server.url);
        server_finish(&server);
    }
    return url;
}

bool app_model_key(const struct app *app, const char *path, bool apart, struct str *key,
                   struct err *err)
{
    struct server server;
    const char *what = remote_name(path);
    if (what == NULL) {
        return true;
    }
    if (!server_find(app->config, what, &server, err)) {
        return false;
    }
    bool ok = server_key_read(server.key_env, server.key_command, apart, key, err);
    server_finish(&server);
    return ok;
}

static struct infer *open_remote(struct app *app, const char *what, const char *key,
                                 uv_async_t *woke, struct err *err)
{
    enum { TOTAL_MS = 3600 * 1000, RETRY_MS = 500 };
    struct server server;
    if (!server_find(app->config, what, &server, err)) {
        return NULL;
    }
    struct infer_remote_options options = {
        .loop = &app->loop,
        .url = server.url,
        .model = server.model,
        .key = key[0] != '\0' ? key : NULL,
        .headers = server.headers,
        .header_count = server.header_count,
        .responses = server.responses,
        .context = (int)config_whole(app->config, OPTION_CONTEXT),
        .idle_ms = (int)config_whole(app->config, OPTION_REMOTE_SECONDS) * 1000,
        .total_ms = TOTAL_MS,
        .retry_ms = RETRY_MS,
        .wake = wake_loop,
        .wake_context = woke,
    };
    struct infer *infer = infer_remote_create(&options, err);
    server_finish(&server);
    return infer;
}

/* --mmproj and --drafter are of the model that the configuration names, and of no other. */
static bool is_configured(const struct app *app, const char *path)
{
    struct err err;
    enum exit_code code;
    char *found = NULL;
    bool same =
        app_model_find(app, config_string(app->config, OPTION_MODEL), &found, &code, &err) &&
        strcmp(found, path) == 0;
    mem_free(found);
    return same;
}

struct infer_local_options app_model_local(const struct app *app, const char *path,
                                           const char *mmproj)
{
    const struct catalogue_entry *entry = catalogue_entry_of_file(path);
    const char *kv = config_string(app->config, OPTION_KV);
    const char *cpu = config_string(app->config, OPTION_CPU);
    const char *drafter = config_string(app->config, OPTION_DRAFTER);
    bool automatic = strcmp(kv, "auto") == 0;
    return (struct infer_local_options){
        .path = path,
        .threads = (int)config_whole(app->config, OPTION_THREADS),
        .context = (int)config_whole(app->config, OPTION_CONTEXT),
        .kv_f32 = automatic ? entry != NULL && entry->kv_f32 : strcmp(kv, "f32") == 0,
        .cpu = strcmp(cpu, "auto") == 0 ? NULL : cpu,
        .exact = strcmp(config_string(app->config, OPTION_ARITHMETIC), "exact") == 0,
        .lookup = config_boolean(app->config, OPTION_LOOKUP),
        .drafter = drafter != NULL && is_configured(app, path) ? drafter : NULL,
        .thinking_budget = config_set(app->config, OPTION_THINKING_BUDGET)
                               ? (int)config_whole(app->config, OPTION_THINKING_BUDGET)
                               : -1,
        .mmproj = mmproj,
        .image_budget = entry != NULL ? entry->image_budget : IMAGE_BUDGET,
    };
}

struct infer_local_options app_local_options(const struct app *app)
{
    return app_model_local(app, app->model_path, app->mmproj_path);
}

bool app_model_is_here(const struct app *app)
{
    return !app_model_is_script(app->model_path) && !app_model_is_remote(app->model_path);
}

char *app_model_encoders(const struct app *app, const char *path)
{
    const char *given = config_string(app->config, OPTION_MMPROJ);
    if (given != NULL && is_configured(app, path)) {
        return mem_strdup(given);
    }
    char *beside = catalogue_mmproj(path, catalogue_entry_of_file(path));
    bool here = !app_model_is_script(path) && !app_model_is_remote(path);
    return beside == NULL && here && engine_media_inside(path) ? mem_strdup(path) : beside;
}

void app_find_encoders(struct app *app)
{
    mem_free(app->mmproj_path);
    app->mmproj_path = app_model_encoders(app, app->model_path);
}

bool app_takes_media(struct app *app)
{
    app_find_encoders(app);
    return app_model_is_here(app) && app->mmproj_path != NULL;
}

struct infer *app_model_open(struct app *app, const char *path, const char *mmproj, const char *key,
                             uv_async_t *woke, struct err *err)
{
    struct infer_local_options options = app_model_local(app, path, mmproj);
    options.wake = wake_loop;
    options.wake_context = woke;
    const char *script = script_file(path), *remote = remote_name(path);
    return script != NULL   ? open_script(script, woke, err)
           : remote != NULL ? open_remote(app, remote, key, woke, err)
                            : infer_local_create(&options);
}

struct infer *app_make_infer(struct app *app, uv_async_t *woke, struct err *err)
{
    struct str key;
    struct infer *infer = NULL;
    str_init(&key);
    app_find_encoders(app);
    if (app_model_key(app, app->model_path, false, &key, err)) {
        infer = app_model_open(app, app->model_path, app->mmproj_path, key.data, woke, err);
    }
    server_key_wipe(&key);
    if (infer == NULL) {
        app->exit_code = EXIT_CODE_NO_MODEL;
    }
    return infer;
}

bool app_model_names(const struct app *app)
{
    const struct config_value *titles = &app->config->values[OPTION_TITLES];
    bool by_itself = strcmp(titles->origin, "default") == 0;
    return titles->boolean && !app->headless && (!by_itself || app_model_is_here(app));
}
