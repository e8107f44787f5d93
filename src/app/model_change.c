#include "app/model_change.h"

#include <string.h>
#include <uv.h>

#include "agent/agent.h"
#include "app/app.h"
#include "app/app_model.h"
#include "app/server_key.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"

enum stage {
    STAGE_TURN, /* waits for what works to end */
    STAGE_LOOK, /* beside the loop: what it takes, or its key */
    STAGE_FREE, /* beside the loop: the old one ends */
    STAGE_LOAD,
    STAGE_BACK, /* the old one is loaded once more */
};

struct model_change {
    struct app *app;
    model_change_callback *callback;
    void *context;
    enum stage stage;
    bool stopped; /* the user does not want it any more */
    char *path, *mmproj;
    char *old_path, *old_mmproj;
    struct str key;     /* of a server */
    struct infer *next; /* being loaded */
    bool ready, failed; /* what it has said */
    struct err error;   /* why the wanted one is not taken */

    uv_work_t work;
    bool looks; /* the work is under way; outlives a change that is given up */
    bool given_up;
    struct infer_local_options wanted, present; /* views of the paths above */
    struct infer_local_plan plan;
    uint64_t own;
};

enum model_order model_change_order(const struct infer_local_plan *wanted, uint64_t own)
{
    if (wanted->needed <= wanted->available) {
        return MODEL_ORDER_LOAD_FIRST;
    }
    return wanted->needed - wanted->available <= own ? MODEL_ORDER_FREE_FIRST : MODEL_ORDER_REFUSED;
}

static bool is_local(const char *path)
{
    return !app_model_is_script(path) && !app_model_is_remote(path);
}

/* --- the end --- */

static void release(struct model_change *change)
{
    if (change->looks) {
        change->given_up = true; /* the work's end releases it */
        return;
    }
    server_key_wipe(&change->key);
    mem_free(change->path);
    mem_free(change->mmproj);
    mem_free(change->old_path);
    mem_free(change->old_mmproj);
    mem_free(change);
}

static void end(struct model_change *change, enum model_outcome outcome)
{
    struct app *app = change->app;
    uv_prepare_stop(&app->turn_over);
    app->change = NULL;
    change->callback(change->context, outcome, change->stopped ? "" : change->error.text);
    release(change);
    agent_release(app->agent);
}

/* --- giving a model back --- */

struct retiring {
    uv_work_t work;
    struct app *app;
    struct infer *infer;
    struct model_change *after; /* waits for it; NULL = nobody does */
};

static void begin_loading(struct model_change *change);
static void go_back(struct model_change *change);

static void destroy_on_thread(uv_work_t *work)
{
    infer_destroy(((struct retiring *)work->data)->infer);
}

static void destroyed(uv_work_t *work, int status)
{
    struct retiring *retiring = work->data;
    struct model_change *after = retiring->after;
    (void)status;
    retiring->app->beside--;
    if (after != NULL && after == retiring->app->change) {
        if (after->stopped || after->stage == STAGE_BACK) {
            go_back(after);
        } else {
            begin_loading(after);
        }
    }
    mem_free(retiring);
}

/* An engine's thread may be in the middle of something, so its end is waited for beside the loop; a
 * server's handles are the loop's own. */
static void retire(struct app *app, struct infer *infer, bool remote, struct model_change *after)
{
    struct retiring *retiring = mem_zero(1, sizeof *retiring);
    retiring->app = app;
    retiring->after = after;
    retiring->work.data = retiring;
    if (remote) {
        infer_destroy(infer);
    } else {
        retiring->infer = infer;
    }
    app->beside++;
    uv_queue_work(&app->loop, &retiring->work, destroy_on_thread, destroyed);
}

/* --- loading --- */

static void load(struct model_change *change, const char *path, const char *mmproj, const char *key)
{
    struct err err = {0};
    change->ready = change->failed = false;
    change->next = app_model_open(change->app, path, mmproj, key, &change->app->infer_woke, &err);
    if (change->next == NULL) {
        change->failed = true;
        change->error = change->error.code == ERR_NONE ? err : change->error;
        uv_async_send(&change->app->infer_woke); /* looked at by model_change_poll */
    }
}

static void begin_loading(struct model_change *change)
{
    change->stage = STAGE_LOAD;
    load(change, change->path, change->mmproj, change->key.data);
}

static void go_back(struct model_change *change)
{
    change->stage = STAGE_BACK;
    load(change, change->old_path, change->old_mmproj, ""); /* only a local one is freed first */
}

/* The agent has none while the old one's memory is given back. */
static void free_first(struct model_change *change)
{
    struct app *app = change->app;
    struct infer *old = app->infer;
    struct str words;
    str_init(&words);
    str_append_format(&words, "%s does not fit beside %s, which is given back first.",
                      app_model_name(change->path), app_model_name(change->old_path));
    app_say(app, words.data);
    str_finish(&words);
    change->stage = STAGE_FREE;
    app->infer = NULL;
    agent_take_model(app->agent, NULL);
    retire(app, old, false, change);
}

/* --- looking --- */

static void look_on_thread(uv_work_t *work)
{
    struct model_change *change = work->data;
    struct infer_local_plan present;
    struct err err;
    if (!is_local(change->path)) {
        app_model_key(change->app, change->path, true, &change->key, &change->error);
        return;
    }
    if (infer_local_plan(&change->wanted, &change->plan, &change->error) &&
        change->present.path != NULL && infer_local_plan(&change->present, &present, &err)) {
        change->own = present.own;
    }
}

static void refuse(struct model_change *change)
{
    const struct infer_local_plan *plan = &change->plan;
    struct str advice;
    str_init(&advice);
    if (plan->largest > 0) {
        str_append_format(&advice, "; carat --context %d would fit", plan->largest);
    }
    err_set(&change->error, ERR_MEMORY,
            "%s takes %.2f GB with a context of %d, and %.2f GB can be had%s", change->path,
            (double)plan->needed / 1e9, plan->context,
            (double)(plan->available + change->own) / 1e9, advice.data);
    str_finish(&advice);
    end(change, MODEL_KEPT);
}

static void looked(uv_work_t *work, int status)
{
    struct model_change *change = work->data;
    (void)status;
    change->looks = false;
    change->app->beside--;
    if (change->given_up) {
        release(change);
    } else if (change->error.code != ERR_NONE) {
        end(change, MODEL_KEPT);
    } else if (!is_local(change->path)) {
        begin_loading(change);
    } else {
        switch (model_change_order(&change->plan, change->own)) {
        case MODEL_ORDER_LOAD_FIRST:
            begin_loading(change);
            break;
        case MODEL_ORDER_FREE_FIRST:
            free_first(change);
            break;
        case MODEL_ORDER_REFUSED:
            refuse(change);
            break;
        }
    }
}

static void look(struct model_change *change)
{
    struct app *app = change->app;
    change->stage = STAGE_LOOK;
    change->mmproj = app_model_encoders(app, change->path);
    change->wanted = app_model_local(app, change->path, change->mmproj);
    if (app->infer != NULL && is_local(change->old_path)) {
        change->present = app_model_local(app, change->old_path, change->old_mmproj);
    }
    change->work.data = change;
    change->looks = true;
    app->beside++;
    uv_queue_work(&app->loop, &change->work, look_on_thread, looked);
}

static void before_wait(uv_prepare_t *handle)
{
    struct app *app = handle->data;
    if (app->change != NULL && app->change->stage == STAGE_TURN && !agent_works(app->agent)) {
        uv_prepare_stop(handle);
        look(app->change);
    }
}

/* --- what the model that is loaded says --- */

static void on_next(void *context, const struct infer_event *event)
{
    struct model_change *change = context;
    change->ready |= event->kind == INFER_READY;
    if (event->kind == INFER_FAILED) {
        change->failed = true;
        change->error = change->error.code == ERR_NONE ? event->error : change->error;
    }
}

static void take(struct model_change *change)
{
    struct app *app = change->app;
    struct infer *old = app->infer;
    bool back = change->stage == STAGE_BACK;
    app->infer = change->next;
    if (!back) {
        mem_free(app->model_path);
        mem_free(app->mmproj_path);
        app->model_path = mem_strdup(change->path);
        app->mmproj_path = change->mmproj != NULL ? mem_strdup(change->mmproj) : NULL;
    }
    app_apply_settings(app);
    agent_take_model(app->agent, app->infer);
    if (old != NULL) {
        retire(app, old, app_model_is_remote(change->old_path), NULL);
    }
    end(change, back ? MODEL_KEPT : MODEL_TAKEN);
}

static void give_up_next(struct model_change *change, struct model_change *after)
{
    bool remote = change->stage == STAGE_LOAD && app_model_is_remote(change->path);
    change->ready = change->failed = false;
    if (change->next != NULL) {
        retire(change->app, change->next, remote, after);
        change->next = NULL;
    } else if (after != NULL) {
        go_back(after);
    }
}

static void not_loaded(struct model_change *change)
{
    struct app *app = change->app;
    bool back = change->stage == STAGE_BACK;
    if (app->infer != NULL) {
        give_up_next(change, NULL);
        end(change, MODEL_KEPT);
    } else if (!back) {
        give_up_next(change, change);
        change->stage = STAGE_BACK; /* begins when the memory of that one is free */
    } else {
        give_up_next(change, NULL);
        agent_take_model(app->agent, NULL);
        change->stopped = false; /* why there is none must be said */
        end(change, MODEL_LOST);
    }
}

void model_change_poll(struct app *app)
{
    struct model_change *change = app->change;
    if (change == NULL || (change->stage != STAGE_LOAD && change->stage != STAGE_BACK)) {
        return;
    }
    infer_poll(change->next, on_next, change);
    if (change->ready) {
        take(change);
    } else if (change->failed) {
        not_loaded(change);
    }
}

/* --- asking --- */

bool model_change_start(struct app *app, const char *path, model_change_callback *callback,
                        void *context, struct err *err)
{
    if (app->change != NULL) {
        return err_set(err, ERR_ARGUMENT, "%s is on its way already; Esc stops that",
                       app_model_name(app->change->path));
    }
    if (app->infer != NULL && infer_lost(app->infer) == NULL &&
        strcmp(path, app->model_path) == 0) {
        return err_set(err, ERR_ARGUMENT, "%s is the model that runs", app_model_name(path));
    }
    struct model_change *change = mem_zero(1, sizeof *change);
    change->app = app;
    change->callback = callback;
    change->context = context;
    change->path = mem_strdup(path);
    change->old_path = mem_strdup(app->model_path);
    change->old_mmproj = app->mmproj_path != NULL ? mem_strdup(app->mmproj_path) : NULL;
    str_init(&change->key);
    app->change = change;
    agent_hold(app->agent);
    if (agent_works(app->agent)) {
        uv_prepare_start(&app->turn_over, before_wait);
    } else {
        look(change);
    }
    return true;
}

bool model_change_stop(struct app *app)
{
    struct model_change *change = app->change;
    if (change == NULL) {
        return false;
    }
    change->stopped = true;
    if (change->stage == STAGE_TURN || change->stage == STAGE_LOOK) {
        end(change, MODEL_KEPT);
    } else if (change->stage == STAGE_LOAD) {
        not_loaded(change);
    }
    return true;
}

const char *model_change_coming(const struct app *app)
{
    const struct model_change *change = app->change;
    if (change == NULL || agent_works(app->agent)) {
        return NULL;
    }
    return app_model_name(change->stage == STAGE_BACK ? change->old_path : change->path);
}

void model_change_open(struct app *app)
{
    uv_prepare_init(&app->loop, &app->turn_over);
    app->turn_over.data = app;
}

void model_change_close(struct app *app)
{
    struct model_change *change = app->change;
    if (change != NULL) {
        app->change = NULL;
        infer_destroy(change->next);
        release(change);
    }
    while (app->beside > 0) {
        uv_run(&app->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&app->turn_over, NULL);
}
