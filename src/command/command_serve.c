/* command_serve: finds the model and the token, opens the loop, and lets serve/ do the work.
 *
 * On standard output: one line when it listens. The token is printed once, when it is made; after
 * that only where it lies.
 */
#include "command/command_serve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "app/app.h"
#include "app/notice.h"
#include "attachment/attachment.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "serve/access.h"
#include "serve/serve.h"

struct run {
    struct app app; /* its configuration, paths and model */
    struct serve *serve;
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    struct str token, token_file;
    const char *host;
    enum exit_code code;
};

static void stop(struct run *run, enum exit_code code)
{
    run->code = code;
    uv_stop(&run->loop);
}

static void on_started(void *context, int port, const struct err *err)
{
    struct run *run = context;
    if (err != NULL) {
        notice_print(err->text);
        stop(run, EXIT_CODE_FAILURE);
        return;
    }
    const struct infer_pool_facts *facts = serve_facts(run->serve);
    bool v6 = strchr(run->host, ':') != NULL;
    notice_show("carat: %s at http://%s%s%s:%d/v1, %d sessions of %d tokens",
                serve_model(run->serve), v6 ? "[" : "", run->host, v6 ? "]" : "", port,
                facts->sessions, facts->model.context);
    fflush(stdout);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    stop(handle->data, signal == SIGTERM ? EXIT_CODE_SIGTERM : EXIT_CODE_SIGINT);
}

static void watch_signal(struct run *run, uv_signal_t *handle, int signal)
{
    uv_signal_init(&run->loop, handle);
    handle->data = run;
    uv_signal_start(handle, on_signal, signal);
}

/* The token, "" = none is asked for. A new one is shown, because nobody knows it yet. */
static bool find_token(struct run *run, struct err *err)
{
    const char *given = config_string(run->app.config, OPTION_SERVE_TOKEN_FILE);
    if (!config_boolean(run->app.config, OPTION_SERVE_TOKEN)) {
        return true;
    }
    if (given != NULL) {
        str_append(&run->token_file, given);
    } else {
        str_append_format(&run->token_file, "%s/serve.token", run->app.paths.state);
        if (!file_make_directories(run->app.paths.state, err)) {
            return false;
        }
    }
    bool made;
    if (!access_token_load(run->token_file.data, &run->token, &made, err)) {
        return false;
    }
    if (made) {
        printf("carat: new token: %s\n", run->token.data);
    }
    notice_show("carat: the token is in %s", run->token_file.data);
    return true;
}

static bool find_model(struct run *run, struct err *err)
{
    run->code = EXIT_CODE_NO_MODEL;
    if (!app_find_model(&run->app, err)) {
        return false;
    }
    if (strncmp(run->app.model_path, "script:", 7) == 0 ||
        strncmp(run->app.model_path, "remote:", 7) == 0) {
        run->code = EXIT_CODE_USAGE;
        return err_set(err, ERR_ARGUMENT, "carat serve runs a model of its own, not %s",
                       run->app.model_path);
    }
    return true;
}

/* Any thread: what it reads does not change while the server runs. */
static struct chat_medium *decode(void *context, const char *bytes, size_t size, bool picture,
                                  struct err *err)
{
    const struct run *run = context;
    const struct attachment_tool tool = {.program = run->app.paths.tool_program,
                                         .workspace = run->app.paths.state};
    return attachment_decode(&tool, bytes, size, picture, err);
}

static bool create(struct run *run, struct err *err)
{
    const struct config *config = run->app.config;
    app_find_encoders(&run->app);
    const struct config_list *origins = config_list(config, OPTION_SERVE_ORIGINS);
    struct serve_options options = {
        .loop = &run->loop,
        .pool = {.model = app_local_options(&run->app),
                 .sessions = (int)config_whole(config, OPTION_SERVE_SESSIONS),
                 .queue = (int)config_whole(config, OPTION_SERVE_QUEUE)},
        .host = run->host,
        .port = (int)config_whole(config, OPTION_SERVE_PORT),
        .patience_ms = (int)config_whole(config, OPTION_SERVE_PATIENCE) * 1000,
        .token = run->token.length > 0 ? run->token.data : NULL,
        .origins = origins->items,
        .origin_count = origins->count,
        .version = CARAT_VERSION,
        .decode = decode,
        .decode_context = run,
        .started = on_started,
        .context = run,
    };
    if (!file_make_directories(run->app.paths.state, err)) { /* where decoders are started */
        return false;
    }
    run->code = EXIT_CODE_USAGE;
    run->serve = serve_create(&options, err);
    return run->serve != NULL;
}

static void run_loop(struct run *run)
{
    struct err err;
    uv_loop_init(&run->loop);
    if (create(run, &err)) {
        watch_signal(run, &run->interrupt, SIGINT);
        watch_signal(run, &run->terminate, SIGTERM);
        run->code = EXIT_CODE_OK;
        uv_run(&run->loop, UV_RUN_DEFAULT);
        uv_close((uv_handle_t *)&run->interrupt, NULL);
        uv_close((uv_handle_t *)&run->terminate, NULL);
        serve_destroy(run->serve);
        uv_run(&run->loop, UV_RUN_DEFAULT);
        serve_free(run->serve);
    } else {
        notice_print(err.text);
    }
    uv_loop_close(&run->loop);
}

enum exit_code command_serve(struct config *config)
{
    struct run run = {.app = {.config = config}, .code = EXIT_CODE_FAILURE};
    struct err err;
    run.host = config_string(config, OPTION_SERVE_HOST);
    str_init(&run.token);
    str_init(&run.token_file);
    signal(SIGPIPE, SIG_IGN);
    bool ok = paths_find(&run.app.paths, &err) && find_model(&run, &err);
    if (ok) {
        run.code = EXIT_CODE_FAILURE;
        ok = find_token(&run, &err);
    }
    if (ok) {
        run_loop(&run);
    } else {
        notice_print(err.text);
    }
    str_finish(&run.token);
    str_finish(&run.token_file);
    mem_free(run.app.model_path);
    mem_free(run.app.mmproj_path);
    paths_finish(&run.app.paths);
    return run.code;
}
