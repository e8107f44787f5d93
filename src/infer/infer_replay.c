#include "infer/infer_replay.h"

#include <string.h>

#include "base/mailbox.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/remote_stream.h"

struct infer_replay {
    struct infer infer;
    struct infer_replay_options options;
    struct infer_model model;
    struct control_ids ids;
    struct mailbox *events;
    size_t next; /* message */
    uint64_t request;
    size_t told; /* tokens of the present answer */
};

struct posted {
    struct infer_event event;
    char bytes[];
};

static void post(struct infer_replay *replay, struct infer_event event)
{
    struct posted *posted = mem_alloc(1, sizeof *posted + event.length);
    posted->event = event;
    if (event.length > 0) {
        memcpy(posted->bytes, event.bytes, event.length);
        posted->event.bytes = posted->bytes;
    }
    mailbox_post(replay->events, posted);
}

static void post_token(struct infer_replay *replay, int32_t id, enum control control,
                       const char *bytes, size_t length)
{
    replay->told++;
    post(replay, (struct infer_event){.kind = INFER_TOKEN,
                                      .number = replay->request,
                                      .token = id,
                                      .control = control,
                                      .bytes = bytes,
                                      .length = length});
}

static void on_spelled(void *context, enum control control, const char *bytes, size_t length)
{
    post_token(context, -1, control, bytes, length);
}

static void post_tokens(struct infer_replay *replay, const struct chat_message *message)
{
    struct str bytes;
    str_init(&bytes);
    for (size_t i = 0; i < message->token_count; i++) {
        int32_t id = message->tokens[i];
        enum control control = control_of_id(&replay->ids, id);
        str_clear(&bytes);
        if (control == CONTROL_NONE) {
            replay->options.spell(replay->options.vocabulary, id, &bytes);
        }
        post_token(replay, id, control, bytes.data, bytes.length);
    }
    str_finish(&bytes);
}

/* One piece of an answer as a server would have told it; takes the delta over. */
static void feed_delta(struct remote_stream *stream, json_t *delta, const char *finish)
{
    json_t *chunk = json_pack("{s[{soss*}]}", "choices", "delta", delta, "finish_reason", finish);
    char *text = json_dumps(chunk, JSON_COMPACT);
    struct str line;
    struct err err;
    str_init(&line);
    str_append_format(&line, "data: %s\n", text != NULL ? text : "{}");
    remote_stream_feed(stream, line.data, line.length, &err);
    str_finish(&line);
    mem_free(text);
    json_decref(chunk);
}

static void post_fields(struct infer_replay *replay, const struct chat_message *message)
{
    struct remote_stream *stream = remote_stream_create(
        &(struct remote_stream_options){.token = on_spelled, .context = replay});
    struct err err;
    enum chat_stop stop;
    if (message->thought[0] != '\0') {
        feed_delta(stream, json_pack("{ss}", "reasoning", message->thought), NULL);
    }
    if (message->text[0] != '\0') {
        feed_delta(stream, json_pack("{ss}", "content", message->text), NULL);
    }
    for (size_t i = 0; i < message->call_count; i++) {
        feed_delta(stream,
                   json_pack("{s[{sis{sssO}}]}", "tool_calls", "index", (int)i, "function", "name",
                             message->calls[i].name, "arguments", message->calls[i].arguments),
                   NULL);
    }
    feed_delta(stream, json_object(), message->complete ? "stop" : "length");
    remote_stream_end(stream, &stop, &err);
    remote_stream_destroy(stream);
}

static void replay_submit(struct infer *infer, struct infer_request *request)
{
    struct infer_replay *replay = (struct infer_replay *)infer;
    const struct chat_conversation *recorded = replay->options.recorded;
    chat_prompt_finish(&request->prompt);
    chat_prompt_init(&request->prompt);
    replay->request = request->number;
    replay->told = 0;
    while (replay->next < recorded->count && recorded->messages[replay->next].role != CHAT_MODEL) {
        replay->next++;
    }
    if (replay->next == recorded->count) {
        struct infer_event event = {.kind = INFER_FAILED, .number = request->number};
        err_set(&event.error, ERR_NOT_FOUND, "the recording ends here");
        post(replay, event);
        return;
    }
    const struct chat_message *message = &recorded->messages[replay->next++];
    if (message->token_count > 0 && replay->options.spell != NULL) {
        post_tokens(replay, message);
    } else {
        post_fields(replay, message);
    }
    post(replay, (struct infer_event){.kind = INFER_DONE,
                                      .number = request->number,
                                      .stop = !message->complete        ? CHAT_STOP_CANCEL
                                              : message->call_count > 0 ? CHAT_STOP_RESPONSE
                                                                        : CHAT_STOP_TURN,
                                      .sampled = replay->told});
}

/* The answer was told whole already. */
static void replay_cancel(struct infer *infer)
{
    (void)infer;
}

static void replay_poll(struct infer *infer, infer_callback *callback, void *context)
{
    struct infer_replay *replay = (struct infer_replay *)infer;
    void **items;
    size_t count = mailbox_take(replay->events, &items);
    for (size_t i = 0; i < count; i++) {
        callback(context, &((struct posted *)items[i])->event);
        mem_free(items[i]);
    }
    mem_free(items);
}

static const struct infer_model *replay_model(const struct infer *infer)
{
    return &((const struct infer_replay *)infer)->model;
}

static const struct control_ids *replay_control(const struct infer *infer)
{
    return &((const struct infer_replay *)infer)->ids;
}

static void replay_destroy(struct infer *infer)
{
    struct infer_replay *replay = (struct infer_replay *)infer;
    mailbox_destroy(replay->events);
    mem_free(replay);
}

static const struct infer_ops replay_ops = {
    .submit = replay_submit,
    .cancel = replay_cancel,
    .poll = replay_poll,
    .model = replay_model,
    .control = replay_control,
    .destroy = replay_destroy,
};

struct infer *infer_replay_create(const struct infer_replay_options *options)
{
    struct infer_replay *replay = mem_zero(1, sizeof *replay);
    replay->infer.ops = &replay_ops;
    replay->options = *options;
    replay->model = (struct infer_model){
        .name = options->model, .path = "", .conversation = true, .sampling = {.temperature = -1}};
    memset(&replay->ids, 0xFF, sizeof replay->ids);
    if (options->ids != NULL) {
        replay->ids = *options->ids;
    }
    replay->events = mailbox_create(options->wake, options->wake_context, mem_free);
    post(replay, (struct infer_event){.kind = INFER_READY});
    return &replay->infer;
}
