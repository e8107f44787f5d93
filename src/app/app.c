#include "app/app.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/checkpoint.h"
#include "agent/foreign.h"
#include "agent/hooks.h"
#include "agent/instructions.h"
#include "agent/kv_folder.h"
#include "app/answer_schema.h"
#include "app/approvals_file.h"
#include "app/model_change.h"
#include "app/policy_json.h"
#include "app/project_servers.h"
#include "approval/tool_names.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"
#include "store/uuid.h"
#include "undo/undo.h"

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

void app_poll_model(struct app *app)
{
    infer_poll(app->infer, infer_event, app);
    model_change_poll(app);
}

static void infer_woke(uv_async_t *handle)
{
    app_poll_model(handle->data);
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
    if (app->face.tool_finished != NULL &&
        app->face.tool_finished(app->face.context, call_id, result)) {
        return;
    }
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
    for (size_t i = 0; i < config->notices.count; i++) {
        app_notice(app, "%s", config->notices.items[i]);
    }
}

static bool open_paths(struct app *app, struct err *err)
{
    if (!paths_find(&app->paths, err)) {
        return fail(app, EXIT_CODE_FAILURE);
    }
    if (file_make_directories(app->paths.state, NULL) && app->paths.log_file != NULL) {
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
    if (app->store != NULL && store_unchecked(app->store)) {
        app_notice(app, "carat was stopped in the middle the last time. Your store is large, so it "
                        "is not looked through now: carat store check");
    }
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
    app->policy = policy_json(app->config, &app->paths, app->workspace, err);
    if (app->policy == NULL) {
        return fail(app, EXIT_CODE_USAGE);
    }
    app_read_skills(app);
    return true;
}

static bool read_listed(const struct config *config, enum option option,
                        enum approval_verdict verdict, struct approval_rules *rules,
                        struct err *err)
{
    const struct config_list *list = config_list(config, option);
    for (size_t i = 0; i < list->count; i++) {
        if (!tool_names_add_rules(rules, list->items[i], verdict, err)) {
            return err_prefix(err, "--%s", option_table[option].flag);
        }
    }
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
        enum option option = kinds[kind].option;
        const struct config_list *list = config_list(config, option);
        for (size_t i = 0; i < list->count; i++) {
            if (!approval_rules_add(rules, list->items[i], kinds[kind].verdict, err)) {
                return err_prefix(err, "%s: %s", config_item_origin(config, option, i),
                                  option_table[option].key);
            }
        }
    }
    return read_listed(config, OPTION_DISALLOWED_TOOLS, APPROVAL_DENY, rules, err) &&
           read_listed(config, OPTION_ALLOWED_TOOLS, APPROVAL_ALLOW, rules, err);
}

static bool open_rules(struct app *app, struct err *err)
{
    app->rules.workspace = app->workspace;
    app->rules.home = app->paths.home;
    return (app_read_rules(app->config, &app->rules, err) &&
            hooks_check(&app->config->hooks, err)) ||
           fail(app, EXIT_CODE_USAGE);
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

/* --- foreign servers and hooks --- */

static void foreign_known(void *context)
{
    struct app *app = context;
    if (app->agent != NULL) {
        agent_tools_known(app->agent);
    }
}

void app_say(struct app *app, const char *sentence)
{
    app->face.event(
        app->face.context,
        &(struct agent_event){.kind = AGENT_NOTICE, .text = sentence, .length = strlen(sentence)});
}

static void say_notice(void *context, const char *sentence)
{
    app_say(context, sentence);
}

static void hook_done(void *context, const char *call_id, const char *denial)
{
    struct app *app = context;
    agent_hook_done(app->agent, call_id, denial);
}

static void copy_list(struct config_list *to, const struct config_list *from)
{
    for (size_t i = 0; i < from->count; i++) {
        config_list_add(to, from->items[i]);
    }
}

static void copy_servers(struct config_servers *to, const struct config_servers *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct config_server *source = &from->items[i];
        struct config_server *server = config_servers_get(to, source->name, source->origin);
        server->command = source->command != NULL ? mem_strdup(source->command) : NULL;
        server->writable = source->writable;
        server->network = source->network;
        server->off = source->off;
        server->seconds = source->seconds;
        copy_list(&server->arguments, &source->arguments);
        copy_list(&server->environment, &source->environment);
        copy_list(&server->tools, &source->tools);
        copy_list(&server->readable, &source->readable);
    }
}

/* A file that nobody has trusted is left alone: to say so is all that it gets. */
static bool read_project_servers(struct app *app, struct err *err)
{
    struct project_servers project;
    project_servers_init(&project);
    struct err unread;
    bool ok = true;
    if (!project_servers_read(&project, app->workspace, &unread)) {
        app_notice(app, "this project's MCP servers are left alone: %s", unread.text);
    } else if (project.there) {
        enum project_trust trust =
            project_servers_trust(&project, app->paths.trust_file, app->workspace);
        if (trust == PROJECT_TRUSTED) {
            ok = project_servers_add(&project, &app->servers, &app->notices, err);
        } else if (trust == PROJECT_UNKNOWN) {
            app_notice(app, "this project's .mcp.json is not trusted and left alone (carat trust)");
        }
    }
    project_servers_finish(&project);
    return ok || fail(app, EXIT_CODE_USAGE);
}

static void read_instructions(struct app *app)
{
    struct str text, summary;
    mem_free(app->instructions);
    mem_free(app->instructions_summary);
    app->instructions = app->instructions_summary = NULL;
    str_init(&text);
    str_init(&summary);
    if (config_boolean(app->config, OPTION_INSTRUCTIONS) &&
        instructions_append(app->workspace, &text, &summary)) {
        app->instructions = str_take(&text);
        app->instructions_summary = str_take(&summary);
    }
    str_finish(&text);
    str_finish(&summary);
}

bool app_read_surroundings(struct app *app, struct err *err)
{
    config_servers_finish(&app->servers);
    copy_servers(&app->servers, &app->config->servers);
    read_instructions(app);
    bool alone =
        config_boolean(app->config, OPTION_BARE) || config_boolean(app->config, OPTION_STRICT_MCP);
    return alone || read_project_servers(app, err);
}

struct foreign *app_make_foreign(struct app *app, const struct foreign_callbacks *callbacks)
{
    enum { START_MS = 15000, PAUSE_MS = 1000, BYTES_PER_TOKEN = 4 };
    struct foreign *foreign = NULL;
    size_t count = app->servers.count, startable = 0;
    json_t **policies = mem_zero(count + 1, sizeof *policies);
    for (size_t i = 0; i < count; i++) {
        const struct config_server *server = &app->servers.items[i];
        startable += !server->off && server->command != NULL;
        policies[i] = policy_json_server(app->config, &app->paths, app->workspace, server);
    }
    struct foreign_options options = {
        .loop = &app->loop,
        .program = app->paths.tool_program,
        .workspace = app->workspace,
        .servers = &app->servers,
        .policies = policies,
        .result_bytes = (size_t)config_whole(app->config, OPTION_RESULT_TOKENS) * BYTES_PER_TOKEN,
        .start_ms = START_MS,
        .pause_ms = PAUSE_MS,
    };
    if (startable > 0 && config_boolean(app->config, OPTION_TOOLS)) {
        foreign = foreign_create(&options, callbacks);
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(policies[i]);
    }
    mem_free(policies);
    return foreign;
}

struct hooks *app_make_hooks(struct app *app, const struct hooks_callbacks *callbacks)
{
    struct hooks_options options = {
        .loop = &app->loop, .workspace = app->workspace, .table = &app->config->hooks};
    return app->config->hooks.count > 0 ? hooks_create(&options, callbacks) : NULL;
}

/* --- undo --- */

/* A list of the policy's: folders by the one name that the sandbox knows them by. Views; mem_free.
 */
static const char **policy_list(const struct app *app, const char *key, size_t *count)
{
    const json_t *array = json_object_get(app->policy, key);
    *count = json_array_size(array);
    const char **items = mem_zero(*count + 1, sizeof *items);
    for (size_t i = 0; i < *count; i++) {
        items[i] = json_string_value(json_array_get(array, i));
    }
    return items;
}

static bool open_undo(struct app *app, struct err *err)
{
    const struct config *config = app->config;
    const struct config_list *skip = config_list(config, OPTION_UNDO_SKIP);
    size_t writable_count, hidden_count;
    const char **writable = policy_list(app, "writable", &writable_count);
    const char **hidden = policy_list(app, "hidden", &hidden_count);
    struct str folder;
    str_init(&folder);
    str_append_format(&folder, "%s/undo", app->paths.state);
    struct undo_options options = {
        .folder = folder.data,
        .workspace = app->workspace,
        .writable = writable,
        .writable_count = writable_count,
        .skip = skip->items,
        .skip_count = skip->count,
        .hidden = hidden,
        .hidden_count = hidden_count,
        .file_limit = config_whole(config, OPTION_UNDO_FILE_MEGABYTES) * 1024 * 1024,
        .total_limit = config_whole(config, OPTION_UNDO_MEGABYTES) * 1024 * 1024,
    };
    app->undo = undo_open(&options, err);
    str_finish(&folder);
    mem_free(writable);
    mem_free(hidden);
    return app->undo != NULL || fail(app, EXIT_CODE_FAILURE);
}

struct checkpoint *app_make_checkpoint(struct app *app, struct undo *undo,
                                       void (*wake)(void *context), void *context)
{
    size_t count;
    const char **writable = policy_list(app, "writable", &count);
    struct checkpoint *checkpoint = checkpoint_create(undo, wake, context);
    checkpoint_guard(checkpoint, app->workspace);
    for (size_t i = 0; i < count; i++) {
        checkpoint_guard(checkpoint, writable[i]);
    }
    mem_free(writable);
    return checkpoint;
}

/* A taking back that was cut short is finished when undo is opened. */
static void tell_what_undo_finished(struct app *app)
{
    struct str notes;
    str_init(&notes);
    if (app->undo != NULL) {
        undo_take_notes(app->undo, &notes);
    }
    if (notes.length > 0) {
        str_truncate(&notes, notes.length - 1); /* its last newline */
        config_list_add(&app->notices, notes.data);
    }
    str_finish(&notes);
}

/* Without a place for snapshots carat still works; the face is told. */
static void open_checkpoint(struct app *app)
{
    struct err problem;
    if (config_whole(app->config, OPTION_UNDO_MEGABYTES) > 0 && !open_undo(app, &problem)) {
        err_prefix(&problem, "file changes cannot be taken back");
        app->exit_code = EXIT_CODE_OK;
        log_write("undo", "%s", problem.text);
        app_notice(app, "%s", problem.text);
    }
    tell_what_undo_finished(app);
    app->checkpoint = app_make_checkpoint(app, app->undo, wake_loop, &app->snapshot_woke);
}

void app_say_left(void *context, const char *sentence)
{
    const struct app *app = context;
    log_write("quarantine", "%s", sentence);
    if (app->headless) {
        fprintf(stderr, "carat: %s\n", sentence);
    }
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

bool app_find_conversation(struct app *app, const char *word, struct store_conversation *found,
                           struct err *err)
{
    char folder[PATH_MAX];
    if (word != NULL && strcmp(word, "last") != 0) {
        return store_conversation_find(app->store, word, found, err);
    }
    if (app->workspace == NULL && getcwd(folder, sizeof folder) == NULL) {
        return err_errno(err, ERR_IO, "the current directory");
    }
    return store_conversation_last(app->store, app->workspace != NULL ? app->workspace : folder,
                                   found, err);
}

/* --session-id must be one that can be given. */
static bool check_new_id(struct app *app, struct err *err)
{
    const char *given = config_string(app->config, OPTION_SESSION_ID);
    struct store_conversation found;
    if (given == NULL) {
        return true;
    }
    for (size_t i = 0; given[i] != '\0' && i + 1 < sizeof app->new_id; i++) {
        app->new_id[i] = (char)tolower((unsigned char)given[i]); /* uuidgen writes both */
    }
    if (strlen(given) + 1 != sizeof app->new_id || !uuid_valid(app->new_id)) {
        return err_set(err, ERR_ARGUMENT, "--session-id %.60s: must be a UUID", given);
    }
    if (store_conversation_find(app->store, app->new_id, &found, NULL)) {
        store_conversation_finish(&found);
        return err_set(err, ERR_ARGUMENT, "--session-id %s: there is one already; --resume goes on",
                       app->new_id);
    }
    return true;
}

/* The conversation that --resume or --continue names; `id` stays empty for a new one. */
static bool choose_conversation(struct app *app, char id[37], struct err *err)
{
    const char *wanted = config_string(app->config, OPTION_RESUME);
    struct store_conversation found;
    id[0] = '\0';
    if (wanted == NULL && !config_boolean(app->config, OPTION_CONTINUE)) {
        return check_new_id(app, err) || fail(app, EXIT_CODE_USAGE);
    }
    if (!app_find_conversation(app, wanted, &found, err)) {
        return fail(app, EXIT_CODE_BAD_INPUT);
    }
    bool ok =
        found.trashed_ms == 0 || err_set(err, ERR_ARGUMENT,
                                         "conversation %s is in the trash; carat restore brings it "
                                         "back",
                                         found.id);
    if (ok && config_boolean(app->config, OPTION_FORK)) {
        ok = store_conversation_fork(app->store, found.id, INT64_MAX, id, err);
    } else if (ok) {
        memcpy(id, found.id, sizeof found.id);
    }
    store_conversation_finish(&found);
    return ok || fail(app, EXIT_CODE_BAD_INPUT);
}

enum approval_mode app_mode(const struct config *config, bool headless)
{
    enum approval_mode mode = headless ? APPROVAL_FULL : APPROVAL_ASK;
    enum approval_mode ceiling = app_mode_ceiling(config);
    if (config_set(config, OPTION_MODE)) {
        approval_mode_parse(config_string(config, OPTION_MODE), &mode);
    }
    return mode < ceiling ? mode : ceiling;
}

enum approval_mode app_mode_ceiling(const struct config *config)
{
    enum approval_mode ceiling = APPROVAL_FULL;
    if (config_ceiling(config, OPTION_MODE) != NULL) {
        approval_mode_parse(config_ceiling(config, OPTION_MODE), &ceiling);
    }
    return ceiling;
}

void app_notice(struct app *app, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config_list_add(&app->notices, text);
}

bool app_always(struct app *app, const char *rule, struct err *err)
{
    /* It counts once it is kept: what the file cannot take holds for the one call at most. */
    struct approval_rules draft = {.workspace = app->rules.workspace, .home = app->rules.home};
    bool ok = approval_rules_add(&draft, rule, APPROVAL_ALLOW, err) &&
              approvals_file_add(app->paths.approvals_file, rule, err) &&
              approval_rules_add(&app->rules, rule, APPROVAL_ALLOW, err);
    approval_rules_finish(&draft);
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

/* The run's own agent; `conversation` is NULL for a new one, which gets `new_id` or a fresh id. */
static struct agent *make_own_agent(struct app *app, const char *conversation, const char *new_id,
                                    const char *system, struct err *err)
{
    return app_make_agent(app,
                          &(struct app_agent_parts){.infer = app->infer,
                                                    .toolproc = app->toolproc,
                                                    .checkpoint = app->checkpoint,
                                                    .foreign = app->foreign,
                                                    .hooks = app->hooks,
                                                    .keeps_session = true,
                                                    .face = app->face,
                                                    .conversation = conversation,
                                                    .new_id = new_id,
                                                    .system = system,
                                                    .schema = app->schema},
                          err);
}

static bool open_own(struct app *app, struct err *err)
{
    struct toolproc_callbacks calls = {tool_output, tool_finished, app};
    struct foreign_callbacks foreign = {
        .calls = calls, .known = foreign_known, .notice = say_notice, .context = app};
    struct hooks_callbacks hooks = {hook_done, say_notice, app};
    char conversation[37];
    app->infer = app_make_infer(app, &app->infer_woke, err);
    app->toolproc = app->infer != NULL ? app_make_toolproc(app, &calls, err) : NULL;
    if (app->toolproc == NULL || !app_read_surroundings(app, err)) {
        return false;
    }
    app->foreign = app_make_foreign(app, &foreign);
    app->hooks = app_make_hooks(app, &hooks);
    open_checkpoint(app);
    if (!choose_conversation(app, conversation, err)) {
        return false;
    }
    app->agent = make_own_agent(app, conversation[0] != '\0' ? conversation : NULL,
                                app->new_id[0] != '\0' ? app->new_id : NULL, NULL, err);
    return app->agent != NULL || fail(app, EXIT_CODE_FAILURE);
}

static bool change_agent(struct app *app, const char *conversation, const char *new_id,
                         const char *system, struct err *err)
{
    if (agent_busy(app->agent)) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it");
    }
    agent_keep_session(app->agent); /* before the other one's takes its place */
    struct agent *agent = make_own_agent(app, conversation, new_id, system, err);
    if (agent == NULL) {
        return false;
    }
    agent_set_mode(agent, agent_mode(app->agent)); /* as it was changed meanwhile */
    agent_set_thinking(agent, agent_thinking(app->agent));
    agent_destroy(app->agent);
    app->agent = agent;
    toolproc_forget(app->toolproc); /* what the other conversation read, this one did not */
    return true;
}

bool app_new_conversation(struct app *app, const char *id, const char *system, struct err *err)
{
    return change_agent(app, NULL, id, system, err);
}

bool app_switch_conversation(struct app *app, const char *id, struct err *err)
{
    return change_agent(app, id, NULL, NULL, err);
}

static bool open_loop(struct app *app, struct err *err)
{
    int status = uv_loop_init(&app->loop);
    if (status == 0) {
        status = uv_async_init(&app->loop, &app->infer_woke, infer_woke);
        status =
            status == 0 ? uv_async_init(&app->loop, &app->snapshot_woke, snapshot_woke) : status;
        app->infer_woke.data = app->snapshot_woke.data = app;
        model_change_open(app);
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
    foreign_destroy(app->foreign);
    hooks_destroy(app->hooks);
    if (app->loop_open) {
        model_change_close(app);
        infer_destroy(
            app->infer); /* its thread may still wake the loop, so before the handle goes */
        kv_folder_trim(app->paths.kv_folder, app_snapshot_bytes(app->config));
        uv_close((uv_handle_t *)&app->infer_woke, NULL);
        checkpoint_destroy(app->checkpoint, app_say_left,
                           app); /* its thread wakes the loop as well */
        uv_close((uv_handle_t *)&app->snapshot_woke, NULL);
        uv_run(&app->loop, UV_RUN_DEFAULT); /* until the tools' processes are gone, too */
        uv_loop_close(&app->loop);
    }
    bool left;
    if (app->store != NULL) {
        store_search_work(app->store, &left, NULL); /* a moment's worth; the rest waits */
    }
    undo_close(app->undo);
    store_close(app->store);
    approval_rules_finish(&app->rules);
    json_decref(app->policy);
    json_decref(app->schema);
    mem_free(app->workspace);
    mem_free(app->model_path);
    mem_free(app->instructions);
    mem_free(app->instructions_summary);
    mem_free(app->skills_text);
    mem_free(app->skills_summary);
    skills_finish(&app->skills);
    mem_free(app->mmproj_path);
    paths_finish(&app->paths);
    config_list_finish(&app->notices);
    config_servers_finish(&app->servers);
    enum exit_code code = app->exit_code;
    *app = (struct app){.exit_code = code};
    log_close();
}
