/* command_replay: an agent with a recording for a model and for hands.
 *
 * The agent writes to a store in memory. The user's messages are submitted one after the other; a
 * call's recorded result is delivered from the loop (`due`), because an agent is never answered
 * from inside its own call.
 */
#include "command/command_replay.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/notice.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/replay_source.h"
#include "engine/engine.h"
#include "events/claude_events.h"
#include "events/codex_events.h"
#include "events/gemini_events.h"
#include "infer/infer.h"
#include "infer/infer_replay.h"
#include "infer/vocabulary.h"
#include "store/store.h"
#include "store/uuid.h"

struct replay {
    struct app app; /* its store is the recording's */
    struct store_conversation about;
    struct chat_conversation recorded;
    struct engine_model *model; /* for its vocabulary; NULL = another one's tokens */
    struct control_ids ids;
    struct store *memory;
    struct infer *infer;
    struct agent *agent;
    struct agent_recording recording;
    json_t *tools; /* that the recording needs */
    struct event_lines *events;
    uv_async_t woke;
    uv_timer_t due;
    char *due_call; /* NULL = the next message */
    size_t next;    /* of the recorded messages, for the user's */
    bool output_lost;
};

/* --- the recording --- */

static const struct chat_message *result_of(const struct replay *replay, const char *call_id)
{
    for (size_t i = 0; i < replay->recorded.count; i++) {
        const struct chat_message *message = &replay->recorded.messages[i];
        if (message->role == CHAT_TOOL && strcmp(message->call_id, call_id) == 0) {
            return message;
        }
    }
    return NULL;
}

/* Whether the model went on after this message, in its turn. */
static bool went_on(const struct replay *replay, const struct chat_message *message)
{
    const struct chat_message *end = replay->recorded.messages + replay->recorded.count;
    while (++message < end && message->role == CHAT_TOOL) {
    }
    return message < end && message->role == CHAT_MODEL;
}

static enum approval_verdict verdict(void *context, const char *call_id)
{
    struct replay *replay = context;
    const struct chat_message *result = result_of(replay, call_id);
    if (!store_call_denied(replay->app.store, replay->about.id, call_id)) {
        return APPROVAL_ALLOW;
    }
    return result != NULL && !went_on(replay, result) ? APPROVAL_ASK_USER : APPROVAL_DENY;
}

static void start_call(void *context, const char *call_id)
{
    struct replay *replay = context;
    mem_free(replay->due_call);
    replay->due_call = mem_strdup(call_id);
    uv_timer_again(&replay->due);
}

static json_t *response_of(const struct chat_message *message)
{
    return message->result != NULL ? json_deep_copy(message->result)
                                   : json_pack("{so}", "output", event_lines_text(message->text));
}

static json_t *refusal(void *context, const char *call_id)
{
    const struct chat_message *result = result_of(context, call_id);
    return result != NULL ? response_of(result) : json_pack("{ss}", "output", "not recorded");
}

/* --- the loop --- */

static void next_message(struct replay *replay)
{
    const struct chat_conversation *recorded = &replay->recorded;
    while (replay->next < recorded->count && recorded->messages[replay->next].role != CHAT_USER) {
        replay->next++;
    }
    struct err err;
    const struct chat_message *message =
        replay->next < recorded->count ? &recorded->messages[replay->next++] : NULL;
    if (message == NULL ||
        !agent_submit(replay->agent, message->text, strlen(message->text), &err)) {
        app_stop(&replay->app, EXIT_CODE_OK);
    }
}

static void deliver(struct replay *replay, const char *call_id)
{
    const struct chat_message *message = result_of(replay, call_id);
    json_t *response =
        message != NULL ? response_of(message) : json_pack("{ss}", "output", "not recorded");
    struct toolproc_result result = {.response = response,
                                     .failed = message == NULL || message->failed};
    agent_tool_finished(replay->agent, call_id, &result);
    json_decref(response);
}

static void on_due(uv_timer_t *timer)
{
    struct replay *replay = timer->data;
    char *call = replay->due_call;
    replay->due_call = NULL;
    uv_timer_stop(timer);
    if (call != NULL) {
        deliver(replay, call);
        mem_free(call);
    } else {
        next_message(replay);
    }
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct replay *replay = context;
    if (replay->events != NULL) {
        event_lines_feed(replay->events, event, replay->about.id);
    } else if (event->kind == AGENT_MESSAGE && event->message->call_count == 0) {
        bool ok = notice_text(event->message->text, strlen(event->message->text));
        replay->output_lost |= !ok || putchar('\n') == EOF;
    }
    if (event->kind == AGENT_TURN_ENDED) {
        uv_timer_again(&replay->due);
    }
}

static void infer_event(void *context, const struct infer_event *event)
{
    agent_infer_event(((struct replay *)context)->agent, event);
}

static void on_woke(uv_async_t *handle)
{
    struct replay *replay = handle->data;
    infer_poll(replay->infer, infer_event, replay);
}

static void wake(void *context)
{
    uv_async_send(context);
}

/* --- what differs --- */

static bool same_calls(const struct chat_message *a, const struct chat_message *b)
{
    bool same = a->call_count == b->call_count;
    for (size_t i = 0; same && i < a->call_count; i++) {
        same = strcmp(a->calls[i].id, b->calls[i].id) == 0 &&
               strcmp(a->calls[i].name, b->calls[i].name) == 0 &&
               json_equal(a->calls[i].arguments, b->calls[i].arguments);
    }
    return same;
}

/* What is not the same in two messages; NULL = nothing. */
static const char *difference(const struct chat_message *a, const struct chat_message *b)
{
    return a->role != b->role                    ? "the speaker"
           : strcmp(a->text, b->text) != 0       ? "the text"
           : strcmp(a->thought, b->thought) != 0 ? "the thought"
           : !same_calls(a, b)                   ? "the calls"
           : strcmp(a->call_id, b->call_id) != 0 ? "the call it answers"
           : (a->result == NULL) != (b->result == NULL) ||
                   (a->result != NULL && !json_equal(a->result, b->result))
               ? "the result"
           : a->failed != b->failed     ? "whether it failed"
           : a->complete != b->complete ? "whether it is complete"
                                        : NULL;
}

static size_t compare(const struct replay *replay)
{
    const struct chat_conversation *now = agent_conversation(replay->agent);
    const struct chat_conversation *then = &replay->recorded;
    size_t differences = 0;
    for (size_t i = 0; i < now->count && i < then->count; i++) {
        const char *what = difference(&now->messages[i], &then->messages[i]);
        if (what != NULL) {
            differences++;
            fprintf(stderr, "carat: message %zu differs: %s\n", i + 1, what);
        }
    }
    if (now->count != then->count) {
        differences++;
        fprintf(stderr, "carat: %zu messages were recorded, %zu came of them\n", then->count,
                now->count);
    }
    return differences;
}

/* --- opening --- */

static void put_line(void *context, const char *line, size_t length)
{
    struct replay *replay = context;
    bool ok = fwrite(line, 1, length, stdout) == length && fputc('\n', stdout) != EOF;
    replay->output_lost |= !ok || fflush(stdout) != 0;
}

static void make_id(char out[EVENT_LINES_ID_SIZE])
{
    static uint64_t last_stamp;
    struct err err;
    if (!uuid_make(clock_wall_ms(), &last_stamp, out, &err)) {
        snprintf(out, EVENT_LINES_ID_SIZE, "00000000-0000-0000-0000-000000000000");
    }
}

static bool told_tools(void *context, const json_t **tools)
{
    struct replay *replay = context;
    return agent_declares(replay->agent, tools);
}

static json_t *told_servers(void *context)
{
    (void)context; /* the recording has the answers of those that there were */
    return json_array();
}

static void open_events(struct replay *replay, const struct config *config)
{
    const char *form = config_string(config, OPTION_OUTPUT_FORMAT);
    struct event_lines_options options = {
        .write = put_line,
        .context = replay,
        .wall_ms = clock_wall_ms,
        .make_id = make_id,
        .workspace = replay->about.workspace,
        .model = replay->about.model,
        .mode = APPROVAL_FULL,
        .tools = told_tools,
        .servers = told_servers,
        .partial_messages = config_boolean(config, OPTION_PARTIAL_MESSAGES),
        .result_only = form != NULL && strcmp(form, "json") == 0,
    };
    if (form == NULL || strcmp(form, "codex") == 0) {
        replay->events = codex_events_create(&options);
    } else if (strcmp(form, "gemini") == 0) {
        replay->events = gemini_events_create(&options);
    } else if (strcmp(form, "text") != 0) {
        replay->events = claude_events_create(&options);
    }
}

/* Whether the recorded tokens say what was recorded in this vocabulary. */
static bool is_vocabulary(const struct replay *replay)
{
    int32_t size = engine_model_info(replay->model)->vocabulary_size;
    struct str spelled;
    bool fits = true;
    str_init(&spelled);
    for (size_t i = 0; i < replay->recorded.count && fits; i++) {
        const struct chat_message *message = &replay->recorded.messages[i];
        str_clear(&spelled);
        for (size_t k = 0; k < message->token_count && fits; k++) {
            fits = message->tokens[k] >= 0 && message->tokens[k] < size;
            if (fits) {
                infer_vocabulary_spell(replay->model, message->tokens[k], &spelled);
            }
        }
        fits = fits && (message->token_count == 0 || strstr(spelled.data, message->text) != NULL);
    }
    str_finish(&spelled);
    return fits;
}

/* The model at hand, for its vocabulary: with another model's tokens it is of no use. */
static void open_vocabulary(struct replay *replay)
{
    struct engine_error error;
    struct err err;
    if (!app_model_is_here(&replay->app)) {
        return;
    }
    replay->model =
        engine_model_open(&(struct engine_model_options){.path = replay->app.model_path}, &error);
    if (replay->model != NULL &&
        (!infer_vocabulary_resolve(replay->model, &replay->ids, &err) || !is_vocabulary(replay))) {
        engine_model_close(replay->model);
        replay->model = NULL;
    }
    if (replay->model != NULL && replay->about.model[0] == '\0') {
        mem_free(replay->about.model);
        replay->about.model = mem_strdup(engine_model_info(replay->model)->name);
    }
}

/* A word with a slash or a dot in it, or one that is a file here, is a file's name. */
static bool is_file(const char *word)
{
    return strpbrk(word, "/.") != NULL || access(word, F_OK) == 0;
}

static bool load(struct replay *replay, const char *word, struct err *err)
{
    chat_conversation_init(&replay->recorded);
    replay->memory = store_open(":memory:", err);
    if (replay->memory == NULL) {
        return false;
    }
    if (!is_file(word)) {
        return app_find_conversation(&replay->app, word, &replay->about, err) &&
               store_messages_load(replay->app.store, replay->about.id, &replay->recorded, NULL,
                                   err);
    }
    replay->about = (struct store_conversation){.title = mem_strdup(""),
                                                .workspace = mem_strdup(replay->app.workspace),
                                                .model = mem_strdup(""),
                                                .tags = mem_strdup(""),
                                                .beginning = mem_strdup("")};
    return replay_source_read(word, &replay->recorded, &replay->about, err);
}

static bool make_agent(struct replay *replay, struct err *err)
{
    replay->tools = replay_source_tools(&replay->recorded);
    replay->recording =
        (struct agent_recording){replay->tools, verdict, start_call, refusal, replay};
    uv_async_init(&replay->app.loop, &replay->woke, on_woke);
    uv_timer_init(&replay->app.loop, &replay->due);
    replay->woke.data = replay->due.data = replay;
    uv_timer_start(&replay->due, on_due, 0, 1);
    replay->infer = infer_replay_create(&(struct infer_replay_options){
        .recorded = &replay->recorded,
        .model = replay->about.model,
        .spell = replay->model != NULL ? infer_vocabulary_spell : NULL,
        .vocabulary = replay->model,
        .ids = replay->model != NULL ? &replay->ids : NULL,
        .wake = wake,
        .wake_context = &replay->woke,
    });
    struct agent_options options = {
        .recording = &replay->recording,
        .infer = replay->infer,
        .store = replay->memory,
        .workspace = replay->about.workspace,
        .settings = {.limits = {.steps = 10000,
                                .tokens = INT32_MAX,
                                .tokens_per_step = INT32_MAX,
                                .calls = 10000,
                                .repeated_calls = 3},
                     .result_tokens = 100000},
        .rules = &replay->app.rules,
        .mode = APPROVAL_FULL,
        .unattended = true,
    };
    replay->agent = agent_create(&options, agent_event, replay, err);
    return replay->agent != NULL;
}

static void finish(struct replay *replay)
{
    agent_destroy(replay->agent);
    infer_destroy(replay->infer);
    if (replay->infer != NULL) {
        uv_close((uv_handle_t *)&replay->woke, NULL);
        uv_close((uv_handle_t *)&replay->due, NULL);
    }
    if (replay->model != NULL) {
        engine_model_close(replay->model);
    }
    event_lines_destroy(replay->events);
    json_decref(replay->tools);
    store_close(replay->memory);
    chat_conversation_finish(&replay->recorded);
    store_conversation_finish(&replay->about);
    mem_free(replay->due_call);
    app_close(&replay->app);
}

enum exit_code command_replay(struct config *config)
{
    struct replay replay = {0};
    struct err err;
    if (config->words.count != 2) {
        fprintf(stderr, "carat: say carat replay ID or carat replay FILE\n");
        return EXIT_CODE_USAGE;
    }
    if (!app_open_shared(&replay.app, config, true, &err)) {
        notice_print(err.text);
        return replay.app.exit_code;
    }
    enum exit_code code = EXIT_CODE_BAD_INPUT;
    if (load(&replay, config->words.items[1], &err)) {
        open_vocabulary(&replay);
        open_events(&replay, config);
        if (make_agent(&replay, &err)) {
            app_run(&replay.app);
            code = compare(&replay) > 0 || replay.output_lost ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
        }
    }
    if (code == EXIT_CODE_BAD_INPUT) {
        notice_print(err.text);
    }
    finish(&replay);
    return code;
}
