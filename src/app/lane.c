#include "app/lane.h"

#include <string.h>

#include "agent/checkpoint.h"
#include "agent/foreign.h"
#include "agent/hooks.h"
#include "base/err.h"
#include "base/mem.h"
#include "infer/infer.h"

struct lane {
    struct app *app;
    struct app_face face;
    uv_async_t woke;
    uv_async_t looked; /* what a turn made was looked at */
    int handles;       /* those two, while they are open */
    struct infer *infer;
    struct foreign *foreign; /* as long as the lane lives */
    struct hooks *hooks;
    struct toolproc *toolproc;
    struct checkpoint *checkpoint;
    struct agent *agent;
    bool lost;
};

static void infer_event(void *context, const struct infer_event *event)
{
    struct lane *lane = context;
    lane->lost |= event->kind == INFER_FAILED && event->number == 0;
    if (lane->agent != NULL) {
        agent_infer_event(lane->agent, event);
    }
}

static void on_woke(uv_async_t *handle)
{
    struct lane *lane = handle->data;
    infer_poll(lane->infer, infer_event, lane);
}

static void on_looked(uv_async_t *handle)
{
    struct lane *lane = handle->data;
    if (lane->agent != NULL) {
        agent_checkpoint(lane->agent);
    }
}

static void wake_looked(void *context)
{
    uv_async_send(&((struct lane *)context)->looked);
}

static void tool_output(void *context, const char *call_id, const char *bytes, size_t length)
{
    agent_tool_output(((struct lane *)context)->agent, call_id, bytes, length);
}

static void tool_finished(void *context, const char *call_id, const struct toolproc_result *result)
{
    agent_tool_finished(((struct lane *)context)->agent, call_id, result);
}

static void foreign_known(void *context)
{
    struct lane *lane = context;
    if (lane->agent != NULL) {
        agent_tools_known(lane->agent);
    }
}

static void say_notice(void *context, const char *sentence)
{
    struct lane *lane = context;
    lane->face.event(
        lane->face.context,
        &(struct agent_event){.kind = AGENT_NOTICE, .text = sentence, .length = strlen(sentence)});
}

static void hook_done(void *context, const char *call_id, const char *denial)
{
    agent_hook_done(((struct lane *)context)->agent, call_id, denial);
}

static void closed(uv_handle_t *handle)
{
    struct lane *lane = handle->data;
    if (--lane->handles == 0) {
        mem_free(lane);
    }
}

static int open_handle(struct lane *lane, uv_async_t *handle, uv_async_cb callback)
{
    int status = uv_async_init(&lane->app->loop, handle, callback);
    handle->data = lane;
    lane->handles += status == 0;
    return status;
}

struct lane *lane_open(struct app *app, struct app_face face, struct err *err)
{
    struct lane *lane = mem_zero(1, sizeof *lane);
    lane->app = app;
    lane->face = face;
    int status = open_handle(lane, &lane->woke, on_woke);
    if (status != 0) {
        err_set(err, ERR_IO, "starting the event loop: %s", uv_strerror(status));
        mem_free(lane);
        return NULL;
    }
    status = open_handle(lane, &lane->looked, on_looked);
    if (status != 0) {
        err_set(err, ERR_IO, "starting the event loop: %s", uv_strerror(status));
        uv_close((uv_handle_t *)&lane->woke, closed);
        return NULL;
    }
    lane->infer = app_make_infer(app, &lane->woke, err);
    if (lane->infer == NULL) {
        lane_close(lane);
        return NULL;
    }
    struct foreign_callbacks foreign = {.calls = {tool_output, tool_finished, lane},
                                        .known = foreign_known,
                                        .notice = say_notice,
                                        .context = lane};
    lane->foreign = app_make_foreign(app, &foreign);
    lane->hooks = app_make_hooks(app, &(struct hooks_callbacks){hook_done, say_notice, lane});
    return lane;
}

static void end_work(struct lane *lane)
{
    agent_destroy(lane->agent);
    toolproc_destroy(lane->toolproc);
    checkpoint_destroy(lane->checkpoint, app_say_left, lane->app);
    lane->agent = NULL;
    lane->toolproc = NULL;
    lane->checkpoint = NULL;
}

void lane_close(struct lane *lane)
{
    if (lane != NULL) {
        end_work(lane);
        foreign_destroy(lane->foreign);
        hooks_destroy(lane->hooks);
        infer_destroy(lane->infer); /* its thread may still wake the loop */
        uv_close((uv_handle_t *)&lane->woke, closed);
        uv_close((uv_handle_t *)&lane->looked, closed);
    }
}

bool lane_begin(struct lane *lane, const struct lane_work *work, struct err *err)
{
    struct toolproc_callbacks callbacks = {tool_output, tool_finished, lane};
    end_work(lane);
    lane->toolproc = app_make_toolproc(lane->app, &callbacks, err);
    if (lane->toolproc == NULL) {
        return false;
    }
    lane->checkpoint = app_make_checkpoint(lane->app, NULL, wake_looked, lane);
    lane->agent = app_make_agent(lane->app,
                                 &(struct app_agent_parts){.infer = lane->infer,
                                                           .toolproc = lane->toolproc,
                                                           .checkpoint = lane->checkpoint,
                                                           .foreign = lane->foreign,
                                                           .hooks = lane->hooks,
                                                           .face = lane->face,
                                                           .conversation = work->conversation,
                                                           .attended = work->attended,
                                                           .schema = work->schema,
                                                           .system = work->system},
                                 err);
    return lane->agent != NULL;
}

struct agent *lane_agent(const struct lane *lane)
{
    return lane->agent;
}

bool lane_model_lost(const struct lane *lane)
{
    return lane->lost;
}
