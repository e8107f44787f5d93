#include "app.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/checkpoint.h"
#include "agent/preamble.h"
#include "app/answer_schema.h"
#include "app/policy_json.h"
#include "app/server_key.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "infer/infer_remote.h"
#include "models/catalogue.h"
#include "models/library.h"
#include "store/store.h"
#include "undo/undo.h"

enum { SCRIPT_LIMIT = 16 * 1024 * 1024, IMAGE_BUDGET = 280 };

/* --- what the loop brings, handed to the agent --- */

static void wake_loop(void *context)
{
    uv_async_send(context);
}

static void infer_event(void *context, const struct infer_event *event)
{
    struct app *app = context;
    agent_infer_event(app->agent, event);
}

static void infer_woke(uv_async_t *handle)
{
    struct app *app = handle->data;
    infer_poll(app->infer, infer_event, app);
}

static void snapshot_woke(uv_async_t *handle)
{
    struct app *app = handle->data;
    agent_checkpoint(app->agent);
}

static void tool_output(void *context, const char *call_id, const char *bytes, size_t length)
{
    struct app *app = context;
    agent_tool_output(app->agent, call_id, bytes, length);
}

static void tool_finished(void *context, const char *call_id, const struct toolproc_result *result)
{
    struct app *app = context;
    agent_tool_finished(app->agent, call_id, result);
}

/* --- opening, in the order of the calls in app_open --- */

static bool fail(struct app *app, enum exit_code code)
{
    app->exit_code = code;
    return false;
}

static void begin(struct app *app, const struct config *config)
{
    *app = (struct app){.config = config};
    approval_rules_init(&app->rules);
}

static bool open_paths(struct app *app, struct err *err)
{
    if (!paths_find(&app->paths, err)) {
        return fail(app, EXIT_CODE_FAILURE);
    }
    if (file_make_directories(app->paths.state, NULL)) {
        log_open(app->paths.log_file,
                 NULL); /* A log that cannot be had is no reason not to work. */
    }
    return true;
}

static bool open_store(struct app *app, struct err *err)
{
    bool ephemeral = config_boolean(app->config, OPTION_EPHEMERAL);
    bool ok = ephemeral || file_make_directories(app->paths.data, err);
    const char *path = ephemeral ? ":memory:" : app->paths.store_file;
    app->store = ok ? store_open(path, err) : NULL;
    return app->store != NULL || fail(app, EXIT_CODE_FAILURE);
}

static bool open_workspace(struct app *app, struct err *err)
{
    char resolved[PATH_MAX];
    const char *wanted = config_string(app->config, OPTION_CD);
    if (realpath(wanted != NULL ? wanted : ".", resolved) == NULL) {
        err_errno(err, ERR_IO, "directory %s", wanted != NULL ? wanted : ".");
        return fail(app, EXIT_CODE_USAGE);
    }
    if (chdir(resolved) != 0) {
        err_errno(err, ERR_IO, "directory %s", resolved);
        return fail(app, EXIT_CODE_USAGE);
    }
    app->workspace = mem_strdup(resolved);
    app->policy = policy_json(app->config, &app->paths, app->workspace);
    return true;
}

bool app_read_rules(const struct config *config, struct approval_rules *rules, struct err *err)
{
    static const struct {
        enum option option;
        enum approval_verdict verdict;
    } kinds[] = {{OPTION_DENY, APPROVAL_DENY},
                 {OPTION_ASK, APPROVAL_ASK_USER},
                 {OPTION_ALLOW, APPROVAL_ALLOW}};
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        const struct config_list *list = config_list(config, kinds[kind].option);
        for (size_t i = 0; i < list->count; i++) {
            if (!approval_rules_add(rules, list->items[i], kinds[kind].verdict, err)) {
                return err_prefix(err, "%s", option_table[kinds[kind].option].key);
            }
        }
    }
    return true;
}

static bool open_rules(struct app *app, struct err *err)
{
    return app_read_rules(app->config, &app->rules, err) || fail(app, EXIT_CODE_USAGE);
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
    if (script_file(wanted) != NULL || remote_name(wanted) != NULL) {
        app->model_path = mem_strdup(wanted);
        return true;
    }
    char *standard = wanted == NULL ? library_default(app->paths.user_models) : NULL;
    bool found = catalogue_find(wanted != NULL ? wanted : standard, app->paths.user_models,
                                app->paths.installed_models, &app->model_path, &entry, err);
    mem_free(standard);
    return found || fail(app, EXIT_CODE_NO_MODEL);
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
    const struct servers_entry *server = servers_find(&config->servers, what, length);
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

static void find_encoders(struct app *app)
{
    const char *given = config_string(app->config, OPTION_MMPROJ);
    mem_free(app->mmproj_path);
    app->mmproj_path =
        given != NULL ? mem_strdup(given)
                      : catalogue_mmproj(app->model_path, catalogue_entry_of_file(app->model_path));
}

struct infer *app_make_infer(struct app *app, uv_async_t *woke, struct err *err)
{
    find_encoders(app);
    struct infer_local_options options = app_local_options(app);
    options.wake = wake_loop;
    options.wake_context = woke;
    const char *script = script_file(app->model_path);
    const char *remote = remote_name(app->model_path);
    struct infer *infer = script != NULL   ? open_script(script, woke, err)
                          : remote != NULL ? open_remote(app, remote, woke, err)
                                           : infer_local_create(&options);
    if (infer == NULL) {
        fail(app, EXIT_CODE_NO_MODEL);
    }
    return infer;
}

struct toolproc *app_make_toolproc(struct app *app, const struct toolproc_callbacks *callbacks,
                                   struct err *err)
{
    struct toolproc_options options = {
        .loop = &app->loop,
        .program = app->paths.tool_program,
        .workspace = app->workspace,
        .policy = app->policy,
    };
    struct toolproc *toolproc = toolproc_create(&options, callbacks, err);
    if (toolproc == NULL) {
        fail(app, EXIT_CODE_FAILURE);
    }
    return toolproc;
}

static bool open_undo(struct app *app, struct err *err)
{
    const struct config *config = app->config;
    const struct config_list *writable = config_list(config, OPTION_ADD_DIR);
    const struct config_list *skip = config_list(config, OPTION_UNDO_SKIP);
    const char *hidden[] = {app->paths.data, app->paths.state};
    struct str folder;
    str_init(&folder);
    str_append_format(&folder, "%s/undo", app->paths.state);
    struct undo_options options = {
        .folder = folder.data,
        .workspace = app->workspace,
        .writable = writable->items,
        .writable_count = writable->count,
        .skip = skip->items,
        .skip_count = skip->count,
        .hidden = hidden,
        .hidden_count = 2,
        .file_limit = config_whole(config, OPTION_UNDO_FILE_MEGABYTES) * 1024 * 1024,
        .total_limit = config_whole(config, OPTION_UNDO_MEGABYTES) * 1024 * 1024,
    };
    app->undo = undo_open(&options, err);
    str_finish(&folder);
    return app->undo != NULL || fail(app, EXIT_CODE_FAILURE);
}

/* Without a place for snapshots carat still works; the face is told. */
static bool open_checkpoint(struct app *app, struct err *err)
{
    struct err problem;
    (void)err;
    if (config_whole(app->config, OPTION_UNDO_MEGABYTES) == 0) {
        return true;
    }
    if (!open_undo(app, &problem)) {
        err_prefix(&problem, "file changes cannot be taken back");
        app->exit_code = EXIT_CODE_OK;
        log_write("undo", "%s", problem.text);
        struct agent_event event = {
            .kind = AGENT_NOTICE, .text = problem.text, .length = strlen(problem.text)};
        app->face.event(app->face.context, &event);
        return true;
    }
    app->checkpoint = checkpoint_create(app->undo, wake_loop, &app->snapshot_woke);
    return true;
}

bool app_open_undo(struct app *app, const struct config *config, struct err *err)
{
    begin(app, config);
    bool ok = open_paths(app, err) && open_workspace(app, err) && open_undo(app, err);
    if (!ok) {
        app_close(app);
    }
    return ok;
}

/* The conversation that --resume or --continue names; `id` stays empty for a new one. */
static bool choose_conversation(struct app *app, char id[37], struct err *err)
{
    const char *wanted = config_string(app->config, OPTION_RESUME);
    struct store_conversation found;
    id[0] = '\0';
    if (wanted == NULL && !config_boolean(app->config, OPTION_CONTINUE)) {
        return true;
    }
    bool ok = wanted != NULL ? store_conversation_find(app->store, wanted, &found, err)
                             : store_conversation_last(app->store, app->workspace, &found, err);
    if (!ok) {
        return fail(app, EXIT_CODE_BAD_INPUT);
    }
    memcpy(id, found.id, sizeof found.id);
    store_conversation_finish(&found);
    return true;
}

enum approval_mode app_mode(const struct config *config, bool headless)
{
    enum approval_mode mode = headless ? APPROVAL_FULL : APPROVAL_ASK;
    if (config_set(config, OPTION_MODE)) {
        approval_mode_parse(config_string(config, OPTION_MODE), &mode);
    }
    return mode;
}

/* The text itself wins over a file of it. */
static bool append_prompt(struct app *app, enum option text, enum option file, struct str *out,
                          struct err *err)
{
    const char *given = config_string(app->config, text), *path = config_string(app->config, file);
    if (given == NULL) {
        return path == NULL || file_read(path, 256 * 1024, out, err) || fail(app, EXIT_CODE_USAGE);
    }
    str_append(out, given);
    return true;
}

/* Stays empty when it is the built-in one. */
static bool read_system_prompt(struct app *app, struct str *text, struct err *err)
{
    struct str more;
    str_init(&more);
    bool ok = append_prompt(app, OPTION_SYSTEM_TEXT, OPTION_SYSTEM_PROMPT, text, err) &&
              append_prompt(app, OPTION_APPEND_TEXT, OPTION_APPEND_PROMPT, &more, err);
    if (ok && more.length > 0) {
        str_append(text, text->length == 0 ? preamble_template() : "");
        str_append(text, "\n\n");
        str_append_bytes(text, more.data, more.length);
    }
    str_finish(&more);
    return ok;
}

static bool read_schema(struct app *app, struct err *err)
{
    const char *path = config_string(app->config, OPTION_SCHEMA);
    if (path == NULL) {
        return true;
    }
    if (!app->headless) {
        err_set(err, ERR_ARGUMENT, "--schema is for carat exec: a terminal shows text");
        return fail(app, EXIT_CODE_USAGE);
    }
    app->schema = answer_schema_read(path, err);
    return app->schema != NULL || fail(app, EXIT_CODE_BAD_INPUT);
}

static void choose_sampling(const struct config *config, const struct catalogue_entry *entry,
                            struct agent_options *options)
{
    bool own = entry != NULL && entry->has_sampling;
    options->has_sampling = own || config_set(config, OPTION_TEMPERATURE) ||
                            config_set(config, OPTION_TOP_K) || config_set(config, OPTION_TOP_P);
    options->temperature = own ? entry->temperature : 1.0f;
    options->top_k = own ? entry->top_k : 64;
    options->top_p = own ? entry->top_p : 0.95f;
    if (config_set(config, OPTION_TEMPERATURE)) {
        options->temperature = (float)config_real(config, OPTION_TEMPERATURE);
    }
    if (config_set(config, OPTION_TOP_K)) {
        options->top_k = (int)config_whole(config, OPTION_TOP_K);
    }
    if (config_set(config, OPTION_TOP_P)) {
        options->top_p = (float)config_real(config, OPTION_TOP_P);
    }
    options->seed = (uint64_t)config_whole(config, OPTION_SEED);
}

struct agent *app_make_agent(struct app *app, const struct app_agent_parts *parts, struct err *err)
{
    const struct config *config = app->config;
    struct str prompt;
    str_init(&prompt);
    struct agent *agent = NULL;
    if (parts->system != NULL) {
        str_append(&prompt, parts->system);
    }
    if (parts->system != NULL || read_system_prompt(app, &prompt, err)) {
        struct agent_options options = {
            .infer = parts->infer,
            .store = app->store,
            .toolproc = parts->toolproc,
            .checkpoint = parts->checkpoint,
            .workspace = app->workspace,
            .tool_program = app->paths.tool_program,
            .conversation_id = parts->conversation,
            .system_prompt = prompt.length != 0 ? prompt.data : NULL,
            .limits = {.steps = (int)config_whole(config, OPTION_MAX_TURNS),
                       .tokens = (int)config_whole(config, OPTION_MAX_TOKENS),
                       .tokens_per_step = 4096,
                       .calls = (int)config_whole(config, OPTION_MAX_TOOL_CALLS),
                       .repeated_calls = 3,
                       .milliseconds = config_whole(config, OPTION_MAX_SECONDS) * 1000},
            .rules = &app->rules,
            .mode = app_mode(config, app->headless),
            .schema = parts->schema,
            .unattended = app->headless,
            .thinking = config_boolean(config, OPTION_THINKING),
            .result_tokens = (int)config_whole(config, OPTION_RESULT_TOKENS),
            .no_tools = !config_boolean(config, OPTION_TOOLS),
        };
        choose_sampling(config, catalogue_entry_of_file(app->model_path), &options);
        agent = agent_create(&options, parts->face.event, parts->face.context, err);
    }
    str_finish(&prompt);
    return agent;
}

/* The run's own agent; `conversation` is NULL for a new one. */
static struct agent *make_own_agent(struct app *app, const char *conversation, struct err *err)
{
    return app_make_agent(app,
                          &(struct app_agent_parts){.infer = app->infer,
                                                    .toolproc = app->toolproc,
                                                    .checkpoint = app->checkpoint,
                                                    .face = app->face,
                                                    .conversation = conversation,
                                                    .schema = app->schema},
                          err);
}

static bool open_own(struct app *app, struct err *err)
{
    struct toolproc_callbacks callbacks = {tool_output, tool_finished, app};
    char conversation[37];
    app->infer = app_make_infer(app, &app->infer_woke, err);
    app->toolproc = app->infer != NULL ? app_make_toolproc(app, &callbacks, err) : NULL;
    if (app->toolproc == NULL || !open_checkpoint(app, err) ||
        !choose_conversation(app, conversation, err)) {
        return false;
    }
    app->agent = make_own_agent(app, conversation[0] != '\0' ? conversation : NULL, err);
    return app->agent != NULL || fail(app, EXIT_CODE_FAILURE);
}

bool app_new_conversation(struct app *app, struct err *err)
{
    if (agent_busy(app->agent)) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it");
    }
    struct agent *agent = make_own_agent(app, NULL, err);
    if (agent == NULL) {
        return false;
    }
    agent_destroy(app->agent);
    app->agent = agent;
    return true;
}

static bool open_loop(struct app *app, struct err *err)
{
    int status = uv_loop_init(&app->loop);
    if (status == 0) {
        status = uv_async_init(&app->loop, &app->infer_woke, infer_woke);
        status =
            status == 0 ? uv_async_init(&app->loop, &app->snapshot_woke, snapshot_woke) : status;
        app->infer_woke.data = app->snapshot_woke.data = app;
        app->loop_open = status == 0;
        if (status != 0) {
            uv_loop_close(&app->loop);
        }
    }
    if (status != 0) {
        err_set(err, ERR_IO, "starting the event loop: %s", uv_strerror(status));
        return fail(app, EXIT_CODE_FAILURE);
    }
    return true;
}

bool app_open_store(struct app *app, const struct config *config, struct err *err)
{
    begin(app, config);
    bool ok = open_paths(app, err) && open_store(app, err);
    if (!ok) {
        app_close(app);
    }
    return ok;
}

bool app_open_shared(struct app *app, const struct config *config, bool headless, struct err *err)
{
    begin(app, config);
    app->headless = headless;
    bool ok = open_paths(app, err) && open_workspace(app, err) && open_rules(app, err) &&
              read_schema(app, err) && app_find_model(app, err) && open_store(app, err) &&
              open_loop(app, err);
    if (!ok) {
        app_close(app);
    }
    return ok;
}

bool app_open(struct app *app, const struct config *config, bool headless, struct app_face face,
              struct err *err)
{
    if (!app_open_shared(app, config, headless, err)) {
        return false;
    }
    app->face = face;
    bool ok = open_own(app, err);
    if (!ok) {
        app_close(app);
    }
    return ok;
}

/* --- running and closing --- */

void app_run(struct app *app)
{
    uv_run(&app->loop, UV_RUN_DEFAULT);
}

void app_stop(struct app *app, enum exit_code exit_code)
{
    app->exit_code = exit_code;
    uv_stop(&app->loop);
}

void app_close(struct app *app)
{
    agent_destroy(app->agent);
    toolproc_destroy(app->toolproc);
    if (app->loop_open) {
        infer_destroy(
            app->infer); /* its thread may still wake the loop, so before the handle goes */
        uv_close((uv_handle_t *)&app->infer_woke, NULL);
        checkpoint_destroy(app->checkpoint); /* its thread wakes the loop as well */
        uv_close((uv_handle_t *)&app->snapshot_woke, NULL);
        uv_run(&app->loop, UV_RUN_DEFAULT); /* until the tools' processes are gone, too */
        uv_loop_close(&app->loop);
    }
    undo_close(app->undo);
    store_close(app->store);
    approval_rules_finish(&app->rules);
    json_decref(app->policy);
    json_decref(app->schema);
    mem_free(app->workspace);
    mem_free(app->model_path);
    mem_free(app->mmproj_path);
    paths_finish(&app->paths);
    enum exit_code code = app->exit_code;
    *app = (struct app){.exit_code = code};
    log_close();
}
