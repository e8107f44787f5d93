#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"

#include "fake_toolproc.h"
#include "support.h"
#include "world.h"

/* --- what is written down --- */

static const char *const outcomes[] = {[TURN_OK] = "ok",
                                       [TURN_CANCELLED] = "cancelled",
                                       [TURN_STEP_LIMIT] = "steps",
                                       [TURN_TOKEN_LIMIT] = "tokens",
                                       [TURN_DENIED] = "denied",
                                       [TURN_REPEATED] = "repeated",
                                       [TURN_NO_SANDBOX] = "no sandbox",
                                       [TURN_FAILED] = "failed"};

static void flush_text(struct world *world)
{
    if (world->streamed.length > 0) {
        str_append_format(&world->log, "%s\n", world->streamed.data);
        str_clear(&world->streamed);
    }
}

static void stream(struct world *world, const char *kind, const struct agent_event *event)
{
    if (!str_starts_with(world->streamed.data, kind)) {
        flush_text(world);
        str_append_format(&world->streamed, "%s ", kind);
    }
    str_append_bytes(&world->streamed, event->text, event->length);
}

static void log_json(struct world *world, const json_t *value)
{
    char *dump = json_dumps(value, JSON_COMPACT);
    str_append_format(&world->log, " %s", dump);
    free(dump);
}

void world_on_event(void *context, const struct agent_event *event)
{
    struct world *world = context;
    if (event->kind != AGENT_TEXT && event->kind != AGENT_THOUGHT) {
        flush_text(world);
    }
    switch (event->kind) {
    case AGENT_READY:
    case AGENT_PREFILL:
    case AGENT_USAGE:
        break;
    case AGENT_TEXT:
        stream(world, "text", event);
        break;
    case AGENT_THOUGHT:
        stream(world, "thought", event);
        break;
    case AGENT_USER:
        str_append_format(&world->log, "user %s\n", event->text);
        break;
    case AGENT_MESSAGE:
        str_append_format(&world->log, "message%s\n", event->message->complete ? "" : " cut");
        break;
    case AGENT_CALL:
        str_append_format(&world->log, "call %s %s", event->call_id, event->name);
        log_json(world, event->arguments);
        str_append(&world->log, "\n");
        break;
    case AGENT_APPROVAL:
        world->asked = true;
        str_append_format(&world->log, "approval %s %s%s%s\n", event->call_id, event->text,
                          event->network != NULL ? ", may reach " : "",
                          event->network != NULL ? event->network : "");
        if (world->reply_id != NULL) {
            agent_decide(world->agent, world->reply_id, APPROVAL_YES, NULL);
        }
        break;
    case AGENT_CALL_STARTED:
        str_append_format(&world->log, "started %s\n", event->call_id);
        break;
    case AGENT_CALL_OUTPUT:
        str_append_format(&world->log, "output %s %.*s\n", event->call_id, (int)event->length,
                          event->text);
        break;
    case AGENT_CALL_FINISHED:
        str_append_format(&world->log, "finished %s%s%s", event->call_id,
                          event->failed ? " failed" : "", event->denied ? " denied" : "");
        log_json(world, event->result);
        str_append(&world->log, "\n");
        break;
    case AGENT_WORDS:
    case AGENT_BTW:
        str_append_format(&world->log, "words %s\n", event->text);
        break;
    case AGENT_PICTURE:
        str_append_format(&world->log, "picture %zu%s\n", event->done,
                          event->message->parts[event->done].medium != NULL ? "" : " lost");
        break;
    case AGENT_NOTICE:
        str_append_format(&world->log, "notice %s\n", event->text);
        break;
    case AGENT_FAILED:
        str_append_format(&world->log, "error %s\n", event->text);
        break;
    case AGENT_TURN_ENDED:
        world->ended = true;
        world->tokens = event->output_tokens;
        str_append_format(&world->log, "ended %s\n", outcomes[event->outcome]);
        break;
    }
}

/* --- the world --- */

void world_start_agent(struct world *world, const char *script, const char *conversation)
{
    struct err err = {0};
    world->infer = infer_script_create(script, NULL, NULL, &err);
    assert_string_equal(err.text, "");
    world->options.infer = world->infer;
    world->options.store = world->store;
    world->options.toolproc = &world->toolproc;
    world->options.conversation_id = conversation;
    world->agent = agent_create(&world->options, world_on_event, world, &err);
    assert_string_equal(err.text, "");
    world->ended = world->asked = false;
}

void world_stop_agent(struct world *world)
{
    agent_destroy(world->agent);
    infer_destroy(world->infer);
    fake_toolproc_finish(&world->toolproc);
    world->agent = NULL;
    world->infer = NULL;
}

int world_set_up(void **state)
{
    struct world *world = mem_zero(1, sizeof *world);
    world->folder = support_make_folder();
    world->path = support_path(world->folder, "carat.db");
    world->store = store_open(world->path, NULL);
    assert_non_null(world->store);
    approval_rules_init(&world->rules);
    str_init(&world->log);
    str_init(&world->streamed);
    world->options = (struct agent_options){
        .workspace = "/w",
        .settings.limits = {.steps = 24,
                            .tokens = 8192,
                            .tokens_per_step = 4096,
                            .calls = 48,
                            .repeated_calls = 3},
        .rules = &world->rules,
        .mode = APPROVAL_ASK,
    };
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    world_stop_agent(world);
    store_close(world->store);
    support_remove_folder(world->folder);
    mem_free(world->path);
    approval_rules_finish(&world->rules);
    str_finish(&world->log);
    str_finish(&world->streamed);
    mem_free(world);
    return 0;
}

static void hand_over(void *context, const struct infer_event *event)
{
    agent_infer_event(context, event);
}

void world_poll(struct world *world)
{
    infer_poll(world->infer, hand_over, world->agent);
}

/* Lets the model run until `flag` is up or a tool has been started. */
void world_run_until(struct world *world, const bool *flag)
{
    int64_t limit = clock_monotonic_us() + 120 * 1000000;
    while (!*flag && world->toolproc.arguments == NULL) {
        assert_true(clock_monotonic_us() < limit);
        infer_poll(world->infer, hand_over, world->agent);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

/* Until the log holds `words`. */
void world_run_until_logged(struct world *world, const char *words)
{
    int64_t limit = clock_monotonic_us() + 120 * 1000000;
    while (strstr(world->log.data, words) == NULL && strstr(world->streamed.data, words) == NULL) {
        assert_true(clock_monotonic_us() < limit);
        infer_poll(world->infer, hand_over, world->agent);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

void world_submit(struct world *world, const char *text)
{
    struct err err = {0};
    world->ended = world->asked = false;
    assert_true(agent_submit(world->agent, text, strlen(text), &err));
}

void world_expect_log(struct world *world, const char *expected)
{
    flush_text(world);
    assert_string_equal(world->log.data, expected);
    str_clear(&world->log);
}

/* What a new reader of the database finds. */
void world_load(struct world *world, struct chat_conversation *out)
{
    struct err err = {0};
    chat_conversation_init(out);
    assert_true(
        store_messages_load(world->store, agent_conversation_id(world->agent), out, NULL, &err));
}

/* Memory and disk say the same, and each call has exactly one result, in order. */
void world_check_conversation(struct world *world)
{
    struct chat_conversation disk;
    world_load(world, &disk);
    const struct chat_conversation *memory = agent_conversation(world->agent);
    assert_int_equal(disk.count, memory->count);
    for (size_t i = 0; i < disk.count; i++) {
        const struct chat_message *a = &disk.messages[i], *b = &memory->messages[i];
        assert_true(support_same_message(a, b));
        for (size_t j = 0; j < a->call_count; j++) {
            assert_true(i + 1 + j < disk.count);
            assert_string_equal(disk.messages[i + 1 + j].call_id, a->calls[j].id);
        }
    }
    chat_conversation_finish(&disk);
    struct store_call *calls;
    size_t count;
    assert_true(store_calls_unfinished(world->store, agent_conversation_id(world->agent), &calls,
                                       &count, NULL));
    assert_int_equal(count, 0);
    mem_free(calls);
}
