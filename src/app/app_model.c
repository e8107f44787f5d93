/* app_model: the model that the configuration asks for, as part of app.
 *
 * -m says a file or a name of the catalogue; "script:FILE" a scripted twin; "remote:NAME" a model
 * behind a server. Each is found here and opened as a struct infer whose events wake the loop.
 */
#include <string.h>

#include "app/app.h"
#include "app/server_key.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/engine_media.h"
#include "infer/infer.h"
#include "infer/infer_remote.h"
#include "models/catalogue.h"
#include "models/library.h"

enum { SCRIPT_LIMIT = 16 * 1024 * 1024, IMAGE_BUDGET = 280 };

static void wake_loop(void *context)
{
    uv_async_send(context);
}

static bool no_model(struct app *app)
{
    app->exit_code = EXIT_CODE_NO_MODEL;
    return false;
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

bool app_find_model(struct app *app, struct err *err)
{
    const struct catalogue_entry *entry;
    const char *wanted = config_string(app->config, OPTION_MODEL);
    if (remote_name(wanted) != NULL && config_boolean(app->config, OPTION_OFFLINE)) {
        app->exit_code = EXIT_CODE_USAGE;
        return err_set(err, ERR_DENIED, "-m %s: --offline asks no server", wanted);
    }
    if (script_file(wanted) != NULL || remote_name(wanted) != NULL) {
        app->model_path = mem_strdup(wanted);
        return true;
    }
    char *standard = wanted == NULL ? library_default(app->paths.user_models) : NULL;
    bool found = catalogue_find(wanted != NULL ? wanted : standard, app->paths.user_models,
                                app->paths.installed_models, &app->model_path, &entry, err);
    mem_free(standard);
    return found || no_model(app);
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

/* What -m remote:WHAT means: a server of the configuration by its name, or by NAME/MODEL; else a
 * model of the server at remote.url. */
static bool find_server(const struct config *config, const char *what,
                        struct infer_remote_options *options, const char **key_env,
                        const char **key_command, struct err *err)
{
    size_t length = strcspn(what, "/");
    const struct servers_entry *server = servers_find(&config->remotes, what, length);
    const char *api = config_string(config, OPTION_REMOTE_API);
    if (server != NULL) {
        const char *model = server->members[SERVERS_MODEL];
        options->url = server->members[SERVERS_URL];
        options->model = what[length] == '/' ? what + length + 1
                         : model != NULL     ? model
                                             : server->name;
        options->headers = (const char *const *)server->headers;
        options->header_count = server->header_count;
        *key_env = server->members[SERVERS_KEY_ENV];
        *key_command = server->members[SERVERS_KEY_COMMAND];
        api = server->members[SERVERS_API];
    } else {
        options->url = config_string(config, OPTION_REMOTE_URL);
        options->model = what[0] != '\0' ? what : config_string(config, OPTION_REMOTE_MODEL);
        *key_env = config_string(config, OPTION_REMOTE_KEY);
        *key_command = config_string(config, OPTION_REMOTE_KEY_COMMAND);
    }
    options->responses = api != NULL && strcmp(api, "responses") == 0;
    if (options->url == NULL) {
        return server != NULL
                   ? err_set(err, ERR_ARGUMENT, "-m remote:%s: remote.%s.url is not set", what,
                             server->name)
                   : err_set(err, ERR_ARGUMENT,
                             "-m remote:%s: needs [remote.%s] with its url, or remote.url, in the "
                             "configuration",
                             what, what[0] != '\0' ? what : "NAME");
    }
    return options->model != NULL ||
           err_set(err, ERR_ARGUMENT, "-m remote: needs remote.model in the configuration");
}

static struct infer *open_remote(struct app *app, const char *what, uv_async_t *woke,
                                 struct err *err)
{
    enum { TOTAL_MS = 3600 * 1000, RETRY_MS = 500 };
    const struct config *config = app->config;
    const char *key_env, *key_command;
    struct infer_remote_options options = {
        .loop = &app->loop,
        .context = (int)config_whole(config, OPTION_CONTEXT),
        .idle_ms = (int)config_whole(config, OPTION_REMOTE_SECONDS) * 1000,
        .total_ms = TOTAL_MS,
        .retry_ms = RETRY_MS,
        .wake = wake_loop,
        .wake_context = woke,
    };
    struct str key;
    str_init(&key);
    struct infer *infer = NULL;
    if (find_server(config, what, &options, &key_env, &key_command, err) &&
        server_key_read(key_env, key_command, &key, err)) {
        options.key = key.length > 0 ? key.data : NULL;
        infer = infer_remote_create(&options, err);
    }
    server_key_wipe(&key);
    return infer;
}

struct infer_local_options app_local_options(const struct app *app)
{
    const struct catalogue_entry *entry = catalogue_entry_of_file(app->model_path);
    const char *kv = config_string(app->config, OPTION_KV);
    const char *cpu = config_string(app->config, OPTION_CPU);
    bool automatic = strcmp(kv, "auto") == 0;
    return (struct infer_local_options){
        .path = app->model_path,
        .threads = (int)config_whole(app->config, OPTION_THREADS),
        .context = (int)config_whole(app->config, OPTION_CONTEXT),
        .kv_f32 = automatic ? entry != NULL && entry->kv_f32 : strcmp(kv, "f32") == 0,
        .cpu = strcmp(cpu, "auto") == 0 ? NULL : cpu,
        .exact = strcmp(config_string(app->config, OPTION_ARITHMETIC), "exact") == 0,
        .lookup = config_boolean(app->config, OPTION_LOOKUP),
        .drafter = config_string(app->config, OPTION_DRAFTER),
        .thinking_budget = config_set(app->config, OPTION_THINKING_BUDGET)
                               ? (int)config_whole(app->config, OPTION_THINKING_BUDGET)
                               : -1,
        .mmproj = app->mmproj_path,
        .image_budget = entry != NULL ? entry->image_budget : IMAGE_BUDGET,
    };
}

bool app_model_is_here(const struct app *app)
{
    return script_file(app->model_path) == NULL && remote_name(app->model_path) == NULL;
}

void app_find_encoders(struct app *app)
{
    const char *given = config_string(app->config, OPTION_MMPROJ);
    mem_free(app->mmproj_path);
    app->mmproj_path =
        given != NULL ? mem_strdup(given)
                      : catalogue_mmproj(app->model_path, catalogue_entry_of_file(app->model_path));
    if (app->mmproj_path == NULL && app_model_is_here(app) &&
        engine_media_inside(app->model_path)) {
        app->mmproj_path = mem_strdup(app->model_path);
    }
}

bool app_takes_media(struct app *app)
{
    app_find_encoders(app);
    return app_model_is_here(app) && app->mmproj_path != NULL;
}

struct infer *app_make_infer(struct app *app, uv_async_t *woke, struct err *err)
{
    app_find_encoders(app);
    struct infer_local_options options = app_local_options(app);
    options.wake = wake_loop;
    options.wake_context = woke;
    const char *script = script_file(app->model_path);
    const char *remote = remote_name(app->model_path);
    struct infer *infer = script != NULL   ? open_script(script, woke, err)
                          : remote != NULL ? open_remote(app, remote, woke, err)
                                           : infer_local_create(&options);
    if (infer == NULL) {
        no_model(app);
    }
    return infer;
}

bool app_model_names(const struct app *app)
{
    const struct config_value *titles = &app->config->values[OPTION_TITLES];
    bool by_itself = strcmp(titles->origin, "default") == 0;
    return titles->boolean && !app->headless && (!by_itself || app_model_is_here(app));
}
