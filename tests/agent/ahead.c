/* Reading ahead at the agent: what the model is given to read of a draft, that nothing of it is
 * stored or told, and that it gives way to whatever the user wants; and of a message that is not on
 * disk yet, of which nothing is told before it is. The model is a list of what was asked of
 * it; it ends a request when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"

#include "support.h"
#include "world.h"

enum { ASKED_MOST = 8 };

/* --- a model that only writes down --- */

struct listener {
    struct infer infer;
    struct infer_model model;
    struct control_ids control;
    struct {
        uint64_t number;
        int max_tokens;
        char *prompt; /* spelled out */
        int64_t kept; /* messages on disk at that moment */
    } asked[ASKED_MOST];
    size_t count, cancels;
    const char *path; /* of the store */
};

static void submit(struct infer *infer, struct infer_request *request)
{
    struct listener *self = (struct listener *)infer;
    struct str spelled;
    assert_true(self->count < ASKED_MOST);
    str_init(&spelled);
    chat_prompt_spell(&request->prompt, &spelled, NULL, NULL);
    self->asked[self->count].number = request->number;
    self->asked[self->count].max_tokens = request->max_tokens;
    self->asked[self->count].kept =
        support_query(self->path, "SELECT coalesce(sum(message_count), 0) FROM conversations");
    self->asked[self->count++].prompt = str_take(&spelled);
    chat_prompt_finish(&request->prompt);
    chat_prompt_init(&request->prompt);
}

static void cancel(struct infer *infer)
{
    ((struct listener *)infer)->cancels++;
}

static void poll_nothing(struct infer *infer, infer_callback *callback, void *context)
{
    (void)infer;
    (void)callback;
    (void)context;
}

static const struct infer_model *model(const struct infer *infer)
{
    return &((const struct listener *)infer)->model;
}

static const struct control_ids *control(const struct infer *infer)
{
    return &((const struct listener *)infer)->control;
}

static void destroy(struct infer *infer)
{
    struct listener *self = (struct listener *)infer;
    for (size_t i = 0; i < self->count; i++) {
        mem_free(self->asked[i].prompt);
    }
    mem_free(self);
}

static const struct infer_ops ops = {.submit = submit,
                                     .cancel = cancel,
                                     .poll = poll_nothing,
                                     .model = model,
                                     .control = control,
                                     .destroy = destroy};

static struct listener *start(struct world *world, bool wanted)
{
    struct err err = {0};
    struct listener *self = mem_zero(1, sizeof *self);
    self->infer.ops = &ops;
    self->path = world->path;
    self->model =
        (struct infer_model){.name = "listener", .path = "", .context = 4096, .reads_ahead = true};
    for (int i = 0; i < CONTROL_COUNT; i++) {
        self->control.id[i] = i;
    }
    world->infer = &self->infer;
    world->options.infer = &self->infer;
    world->options.store = world->store;
    world->options.toolproc = &world->toolproc;
    world->options.reads_ahead = wanted;
    world->agent = agent_create(&world->options, world_on_event, world, &err);
    assert_string_equal(err.text, "");
    return self;
}

static void end(struct world *world, const struct listener *self, size_t which, size_t sampled)
{
    agent_infer_event(world->agent,
                      &(struct infer_event){.kind = INFER_DONE,
                                            .number = self->asked[which].number,
                                            .stop = sampled > 0 ? CHAT_STOP_TURN : CHAT_STOP_LENGTH,
                                            .sampled = sampled});
}

static void read_ahead(struct world *world, const char *draft)
{
    agent_read_ahead(world->agent, draft, strlen(draft));
}

/* --- the tests --- */

static void test_reads_what_would_be_sent(void **state)
{
    struct world *world = *state;
    struct listener *self = start(world, true);
    struct store_conversation *list;
    size_t count;
    read_ahead(world, "some words");
    assert_int_equal(self->count, 1);
    assert_int_equal(self->asked[0].max_tokens, 0);
    assert_false(agent_busy(world->agent));
    end(world, self, 0, 0);
    assert_null(agent_conversation_id(world->agent));
    assert_int_equal(agent_conversation(world->agent)->count, 0);
    assert_true(store_conversation_list(world->store, STORE_ALL, 9, &list, &count, NULL));
    assert_int_equal(count, 0); /* the store does not know of it */
    mem_free(list);
    world_expect_log(world, ""); /* and nobody was told */

    world_submit(world, "some words");
    assert_int_equal(self->count, 2);
    assert_true(self->asked[1].max_tokens > 0);
    assert_string_equal(self->asked[0].prompt, self->asked[1].prompt);
    assert_int_equal(self->cancels, 0); /* it had ended: there was nothing to cancel */
    end(world, self, 1, 1);

    read_ahead(world, "more"); /* behind what was said before */
    assert_int_equal(self->count, 3);
    assert_non_null(strstr(self->asked[2].prompt, "some words"));
    assert_non_null(strstr(self->asked[2].prompt, "more<turn|>"));
}

static void test_gives_way(void **state)
{
    struct world *world = *state;
    struct listener *self = start(world, true);
    read_ahead(world, "some");
    read_ahead(world, "some words"); /* one at a time */
    assert_int_equal(self->count, 1);
    agent_disturb(world->agent); /* a key */
    assert_int_equal(self->cancels, 1);
    end(world, self, 0, 0);
    read_ahead(world, "some words");
    assert_int_equal(self->count, 2);
    world_submit(world, "some words and more"); /* while it is read: cancelled, then asked */
    assert_int_equal(self->cancels, 2);
    assert_int_equal(self->count, 3);
    agent_disturb(world->agent); /* a key, before its end: the answer is not meant */
    assert_int_equal(self->cancels, 2);
    end(world, self, 1, 0); /* its late end is not taken for the answer's */
    assert_true(agent_busy(world->agent));
    read_ahead(world, "meanwhile"); /* the model is wanted */
    assert_int_equal(self->count, 3);
    end(world, self, 2, 1);
    assert_false(agent_busy(world->agent));
    read_ahead(world, "after");
    assert_int_equal(self->count, 4);
    world_stop_agent(world); /* cancelled with the agent */
    start(world, true);
}

static void test_not_wanted(void **state)
{
    struct world *world = *state;
    struct listener *self = start(world, false);
    read_ahead(world, "some words");
    assert_int_equal(self->count, 0);
    world_stop_agent(world);
    self = start(world, true);
    self->model.reads_ahead = false; /* a server */
    read_ahead(world, "some words");
    assert_int_equal(self->count, 0);
    self->model.reads_ahead = true;
    read_ahead(world, "some words");
    assert_int_equal(self->count, 1);
}

/* --- the turn's own message --- */

static void token(struct world *world, const struct listener *self, size_t which)
{
    agent_infer_event(world->agent, &(struct infer_event){.kind = INFER_TOKEN,
                                                          .number = self->asked[which].number,
                                                          .token = 100,
                                                          .control = CONTROL_NONE,
                                                          .bytes = "word",
                                                          .length = 4});
}

/* A message is read while it is put on disk, unless the model is elsewhere. */
static void test_reads_before_it_is_kept(void **state)
{
    struct world *world = *state;
    struct listener *self = start(world, false);
    world_submit(world, "some words");
    assert_int_equal(self->count, 1); /* once */
    assert_int_equal(self->asked[0].kept, 0);
    assert_int_equal(self->asked[0].max_tokens, world->options.settings.limits.tokens_per_step);
    assert_non_null(strstr(self->asked[0].prompt, "some words<turn|>"));
    token(world, self, 0);
    end(world, self, 0, 1);
    world_expect_log(world, "user some words\ntext word\nmessage\nended ok\n");
    world_check_conversation(world);

    self->model.reads_ahead = false; /* a server: what is sent there has left this machine */
    world_submit(world, "more");
    assert_int_equal(self->count, 2);
    assert_int_equal(self->asked[1].kept, 3);
    end(world, self, 1, 1);
}

/* The message could not be kept: no trace of what the model did with it, and it is free. */
static void test_gives_up_what_is_not_kept(void **state)
{
    struct world *world = *state;
    struct listener *self = start(world, false);
    struct err err = {0};
    support_execute(world->path, "ALTER TABLE messages RENAME TO lost");
    assert_false(agent_submit(world->agent, "some words", 10, &err));
    assert_non_null(strstr(err.text, "no such table"));
    assert_int_equal(self->count, 1);
    assert_int_equal(self->cancels, 1);
    assert_false(agent_busy(world->agent));
    token(world, self, 0); /* what it had said already, and its end */
    end(world, self, 0, 1);
    world_expect_log(world, "");
    assert_int_equal(agent_conversation(world->agent)->count, 0);

    support_execute(world->path, "ALTER TABLE lost RENAME TO messages");
    world_submit(world, "other words");
    assert_int_equal(self->count, 2);
    assert_null(strstr(self->asked[1].prompt, "some words"));
    token(world, self, 0); /* late still */
    token(world, self, 1);
    end(world, self, 1, 1);
    world_expect_log(world, "user other words\ntext word\nmessage\nended ok\n");
    world_check_conversation(world);
}

/* Two that wait: each begins a turn of its own, and the second is not in the first one's prompt. */
static void test_reads_what_waited(void **state)
{
    struct world *world = *state;
    struct listener *self = start(world, false);
    world_submit(world, "one");
    world_submit(world, "two");
    world_submit(world, "three");
    end(world, self, 0, 1);
    assert_int_equal(self->count, 2);
    assert_non_null(strstr(self->asked[1].prompt, "two"));
    assert_null(strstr(self->asked[1].prompt, "three"));
    assert_int_equal(self->asked[1].kept, 1); /* "one"; its answer was empty */
    end(world, self, 1, 1);
    end(world, self, 2, 1);
    assert_int_equal(self->count, 3);
    world_expect_log(world, "user one\nended ok\nuser two\nended ok\nuser three\nended ok\n");
    world_check_conversation(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_what_would_be_sent),
        TEST(test_gives_way),
        TEST(test_not_wanted),
        TEST(test_reads_before_it_is_kept),
        TEST(test_gives_up_what_is_not_kept),
        TEST(test_reads_what_waited),
    };
    return cmocka_run_group_tests_name("agent_ahead", tests, NULL, NULL);
}
