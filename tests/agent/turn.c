/* The turn machine: each rule once, by hand, and its invariants under a hundred thousand events
 * drawn at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/turn.h"

static const struct turn_limits usual = {
    .steps = 24, .tokens = 8192, .tokens_per_step = 4096, .calls = 48, .repeated_calls = 3};

/* Feeds one event and writes the actions as words: "generate(4096) decide(0) refuse(1,limit)". */
static const char *step(struct turn *turn, struct turn_event event)
{
    static const char *const reasons[] = {
        [TURN_REASON_DENIED] = "denied",       [TURN_REASON_UNREADABLE] = "unreadable",
        [TURN_REASON_REPEATED] = "repeated",   [TURN_REASON_LIMIT] = "limit",
        [TURN_REASON_CANCELLED] = "cancelled", [TURN_REASON_NO_SANDBOX] = "no_sandbox",
        [TURN_REASON_NOBODY] = "nobody",
    };
    static const char *const outcomes[] = {
        [TURN_OK] = "ok",           [TURN_CANCELLED] = "cancelled",
        [TURN_STEP_LIMIT] = "step", [TURN_TOKEN_LIMIT] = "token",
        [TURN_DENIED] = "denied",   [TURN_REPEATED] = "repeated",
        [TURN_FAILED] = "failed",   [TURN_NO_SANDBOX] = "no_sandbox",
    };
    static char words[2048];
    size_t used = 0;
    struct turn_actions actions;
    turn_step(turn, &event, &actions);
    words[0] = '\0';
    for (int i = 0; i < actions.count; i++) {
        const struct turn_action *a = &actions.items[i];
        const char *space = i > 0 ? " " : "";
        char *at = words + used;
        size_t room = sizeof words - used;
        int length = 0;
        switch (a->kind) {
        case TURN_ACTION_GENERATE:
            length = snprintf(at, room, "%sgenerate(%d)", space, a->budget);
            break;
        case TURN_ACTION_DECIDE:
            length = snprintf(at, room, "%sdecide(%d)", space, a->call);
            break;
        case TURN_ACTION_RUN:
            length = snprintf(at, room, "%srun(%d)", space, a->call);
            break;
        case TURN_ACTION_REFUSE:
            length = snprintf(at, room, "%srefuse(%d,%s)", space, a->call, reasons[a->reason]);
            break;
        case TURN_ACTION_CANCEL_MODEL:
            length = snprintf(at, room, "%scancel_model", space);
            break;
        case TURN_ACTION_CANCEL_TOOL:
            length = snprintf(at, room, "%scancel_tool(%d)", space, a->call);
            break;
        case TURN_ACTION_END:
            length = snprintf(at, room, "%send(%s)", space, outcomes[a->outcome]);
            break;
        }
        used += (size_t)length;
    }
    return words;
}

static const char *plain(struct turn *turn, enum turn_event_kind kind)
{
    return step(turn, (struct turn_event){.kind = kind});
}

static const char *about(struct turn *turn, enum turn_event_kind kind, int call)
{
    return step(turn, (struct turn_event){.kind = kind, .call = call});
}

static const char *asks(struct turn *turn, int call, uint64_t fingerprint)
{
    return step(turn, (struct turn_event){
                          .kind = TURN_EVENT_CALL, .call = call, .fingerprint = fingerprint});
}

static const char *done(struct turn *turn, enum chat_stop stop, int tokens)
{
    return step(turn,
                (struct turn_event){.kind = TURN_EVENT_MODEL_DONE, .stop = stop, .tokens = tokens});
}

/* A turn whose model has just asked for `calls` different calls. */
static void start(struct turn *turn, const struct turn_limits *limits, int calls)
{
    turn_init(turn, limits);
    plain(turn, TURN_EVENT_SUBMIT);
    for (int i = 0; i < calls; i++) {
        asks(turn, i, 100 + (uint64_t)i);
    }
}

static void test_plain_answer(void **state)
{
    (void)state;
    struct turn turn;
    turn_init(&turn, &usual);
    assert_string_equal(plain(&turn, TURN_EVENT_SUBMIT), "generate(4096)");
    assert_string_equal(plain(&turn, TURN_EVENT_SUBMIT), "");
    assert_string_equal(done(&turn, CHAT_STOP_TURN, 10), "end(ok)");
    assert_int_equal(turn.state, TURN_IDLE);
}

static void test_calls_one_after_the_other(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 2);
    assert_string_equal(done(&turn, CHAT_STOP_RESPONSE, 10), "decide(0)");
    assert_string_equal(about(&turn, TURN_EVENT_ALLOWED, 1), "");
    assert_string_equal(about(&turn, TURN_EVENT_ALLOWED, 0), "run(0)");
    assert_string_equal(about(&turn, TURN_EVENT_ALLOWED, 0), "");
    assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0), "decide(1)");
    assert_string_equal(about(&turn, TURN_EVENT_DENIED, 1), "refuse(1,denied) generate(4096)");
    assert_string_equal(done(&turn, CHAT_STOP_TURN, 10), "end(ok)");
}

/* The model may end its turn right behind a call: the call counts, not the stop token. */
static void test_call_with_any_stop(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 1);
    assert_string_equal(done(&turn, CHAT_STOP_TURN, 10), "decide(0)");
}

static void test_unreadable(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 1);
    about(&turn, TURN_EVENT_CALL_ERROR, 1);
    done(&turn, CHAT_STOP_RESPONSE, 10);
    about(&turn, TURN_EVENT_ALLOWED, 0);
    assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0),
                        "refuse(1,unreadable) generate(4096)");
}

static void test_nobody_and_no_sandbox(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 2);
    done(&turn, CHAT_STOP_RESPONSE, 10);
    assert_string_equal(about(&turn, TURN_EVENT_NOBODY, 0),
                        "refuse(0,nobody) refuse(1,nobody) end(denied)");
    start(&turn, &usual, 2);
    done(&turn, CHAT_STOP_RESPONSE, 10);
    about(&turn, TURN_EVENT_ALLOWED, 0);
    assert_string_equal(about(&turn, TURN_EVENT_NO_SANDBOX, 0),
                        "refuse(0,no_sandbox) refuse(1,no_sandbox) end(no_sandbox)");
}

static void test_repeated(void **state)
{
    (void)state;
    struct turn turn;
    turn_init(&turn, &usual);
    plain(&turn, TURN_EVENT_SUBMIT);
    for (int i = 0; i < usual.repeated_calls; i++) {
        asks(&turn, 0, 7);
        assert_string_equal(done(&turn, CHAT_STOP_RESPONSE, 1), "decide(0)");
        about(&turn, TURN_EVENT_ALLOWED, 0);
        assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0), "generate(4096)");
    }
    asks(&turn, 0, 7);
    assert_string_equal(done(&turn, CHAT_STOP_RESPONSE, 1), "refuse(0,repeated) generate(4096)");
    asks(&turn, 0, 7);
    asks(&turn, 1, 8);
    assert_string_equal(done(&turn, CHAT_STOP_RESPONSE, 1),
                        "refuse(0,repeated) refuse(1,repeated) end(repeated)");
    /* A new turn counts anew. */
    plain(&turn, TURN_EVENT_SUBMIT);
    asks(&turn, 0, 7);
    assert_string_equal(done(&turn, CHAT_STOP_RESPONSE, 1), "decide(0)");
}

static void test_limits(void **state)
{
    (void)state;
    struct turn turn;
    struct turn_limits limits = usual;
    limits.tokens = 100;
    limits.tokens_per_step = 60;
    limits.steps = 3;
    turn_init(&turn, &limits);
    assert_string_equal(plain(&turn, TURN_EVENT_SUBMIT), "generate(60)");
    asks(&turn, 0, 1);
    done(&turn, CHAT_STOP_RESPONSE, 60);
    about(&turn, TURN_EVENT_ALLOWED, 0);
    assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0), "generate(40)");
    asks(&turn, 0, 2);
    assert_string_equal(done(&turn, CHAT_STOP_LENGTH, 40), "refuse(0,limit) end(token)");

    limits.tokens = 10000;
    turn_init(&turn, &limits);
    plain(&turn, TURN_EVENT_SUBMIT);
    for (int i = 0; i < 3; i++) {
        asks(&turn, 0, (uint64_t)i);
        done(&turn, CHAT_STOP_RESPONSE, 1);
        about(&turn, TURN_EVENT_ALLOWED, 0);
        assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0),
                            i < 2 ? "generate(60)" : "end(step)");
    }

    limits.calls = 1;
    start(&turn, &limits, 2);
    done(&turn, CHAT_STOP_RESPONSE, 1);
    about(&turn, TURN_EVENT_ALLOWED, 0);
    assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0), "refuse(1,limit) end(step)");
}

static void test_stops_of_the_model(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 0);
    assert_string_equal(done(&turn, CHAT_STOP_LENGTH, 4096), "end(token)");
    start(&turn, &usual, 1);
    assert_string_equal(done(&turn, CHAT_STOP_LOOP, 50), "refuse(0,repeated) end(repeated)");
    start(&turn, &usual, 1);
    assert_string_equal(plain(&turn, TURN_EVENT_MODEL_FAILED), "refuse(0,cancelled) end(failed)");
}

static void test_cancel(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 1); /* while generating */
    assert_string_equal(plain(&turn, TURN_EVENT_CANCEL), "cancel_model");
    assert_string_equal(plain(&turn, TURN_EVENT_CANCEL), "");
    assert_string_equal(done(&turn, CHAT_STOP_CANCEL, 5), "refuse(0,cancelled) end(cancelled)");

    start(&turn, &usual, 2); /* while the user decides */
    done(&turn, CHAT_STOP_RESPONSE, 5);
    assert_string_equal(plain(&turn, TURN_EVENT_CANCEL),
                        "refuse(0,cancelled) refuse(1,cancelled) end(cancelled)");

    start(&turn, &usual, 2); /* while a tool runs */
    done(&turn, CHAT_STOP_RESPONSE, 5);
    about(&turn, TURN_EVENT_ALLOWED, 0);
    assert_string_equal(plain(&turn, TURN_EVENT_CANCEL), "cancel_tool(0)");
    assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0),
                        "refuse(1,cancelled) end(cancelled)");
    assert_string_equal(plain(&turn, TURN_EVENT_CANCEL), "");
}

static void test_timeout_and_store(void **state)
{
    (void)state;
    struct turn turn;
    start(&turn, &usual, 1);
    assert_string_equal(plain(&turn, TURN_EVENT_TIMEOUT), "cancel_model");
    assert_string_equal(done(&turn, CHAT_STOP_CANCEL, 5), "refuse(0,limit) end(token)");

    start(&turn, &usual, 1);
    done(&turn, CHAT_STOP_RESPONSE, 5);
    about(&turn, TURN_EVENT_ALLOWED, 0);
    plain(&turn, TURN_EVENT_CANCEL);
    assert_string_equal(plain(&turn, TURN_EVENT_STORE_FAILED), "");
    assert_string_equal(about(&turn, TURN_EVENT_TOOL_DONE, 0), "end(failed)");
}

/* --- random events --- */

struct watch {
    bool in_turn, requested;
    int running; /* the call whose tool runs, or -1 */
    int calls;   /* asked for in this step */
    int settled[TURN_CALLS_MAX];
};

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* The world's answer: only what ran can end, as the real agent reports it. */
static bool can_happen(const struct watch *watch, const struct turn_event *event)
{
    switch (event->kind) {
    case TURN_EVENT_CALL:
    case TURN_EVENT_CALL_ERROR:
    case TURN_EVENT_MODEL_DONE:
    case TURN_EVENT_MODEL_FAILED:
        return watch->requested;
    case TURN_EVENT_TOOL_DONE:
    case TURN_EVENT_NO_SANDBOX:
        return watch->running == event->call;
    default:
        return true;
    }
}

static void settle(struct watch *watch, int call)
{
    assert_in_range(call, 0, watch->calls - 1);
    assert_int_equal(watch->settled[call], 0);
    watch->settled[call] = 1;
}

static void all_settled(const struct watch *watch)
{
    for (int i = 0; i < watch->calls; i++) {
        assert_int_equal(watch->settled[i], 1);
    }
}

static void note_event(struct watch *watch, const struct turn *turn, const struct turn_event *event)
{
    switch (event->kind) {
    case TURN_EVENT_SUBMIT:
        watch->in_turn = true;
        break;
    case TURN_EVENT_CALL:
    case TURN_EVENT_CALL_ERROR:
        watch->calls = turn->call_count;
        break;
    case TURN_EVENT_MODEL_DONE:
    case TURN_EVENT_MODEL_FAILED:
        watch->requested = false;
        break;
    case TURN_EVENT_TOOL_DONE:
        settle(watch, event->call);
        watch->running = -1;
        break;
    case TURN_EVENT_NO_SANDBOX:
        watch->running = -1;
        break;
    default:
        break;
    }
}

static void note_action(struct watch *watch, const struct turn_action *action)
{
    assert_true(watch->in_turn);
    switch (action->kind) {
    case TURN_ACTION_GENERATE:
        assert_false(watch->requested);
        assert_int_equal(watch->running, -1);
        assert_true(action->budget >= 1);
        all_settled(watch);
        memset(watch->settled, 0, sizeof watch->settled);
        watch->calls = 0;
        watch->requested = true;
        break;
    case TURN_ACTION_DECIDE:
        assert_int_equal(watch->settled[action->call], 0);
        break;
    case TURN_ACTION_RUN:
        assert_int_equal(watch->running, -1);
        assert_int_equal(watch->settled[action->call], 0);
        watch->running = action->call;
        break;
    case TURN_ACTION_REFUSE:
        settle(watch, action->call);
        break;
    case TURN_ACTION_CANCEL_MODEL:
        assert_true(watch->requested);
        break;
    case TURN_ACTION_CANCEL_TOOL:
        assert_int_equal(watch->running, action->call);
        break;
    case TURN_ACTION_END:
        assert_false(watch->requested);
        assert_int_equal(watch->running, -1);
        all_settled(watch);
        memset(watch, 0, sizeof *watch);
        watch->running = -1;
        break;
    }
}

static bool is_rare(enum turn_event_kind kind)
{
    return kind == TURN_EVENT_MODEL_FAILED || kind == TURN_EVENT_NOBODY ||
           kind == TURN_EVENT_NO_SANDBOX || kind >= TURN_EVENT_CANCEL;
}

static void test_random(void **state)
{
    (void)state;
    uint64_t seed = 20260101;
    struct turn_limits limits = {
        .steps = 3, .tokens = 100, .tokens_per_step = 60, .calls = 20, .repeated_calls = 2};
    struct turn turn;
    struct watch watch = {.running = -1};
    int turns = 0, ends[TURN_FAILED + 1] = {0};
    turn_init(&turn, &limits);
    for (int i = 0; i < 100000; i++) {
        struct turn_event event = {
            .kind = (enum turn_event_kind)(draw(&seed) % (TURN_EVENT_STORE_FAILED + 1)),
            .call = (int)(draw(&seed) % (TURN_CALLS_MAX + 2)),
            .fingerprint = draw(&seed) % 12,
            .stop = (enum chat_stop)(CHAT_STOP_TURN + draw(&seed) % 6),
            .tokens = (int)(draw(&seed) % 60),
        };
        /* Mostly the event that the state waits for, so that turns get somewhere. */
        if (draw(&seed) % 8 != 0) {
            event.call = event.kind <= TURN_EVENT_CALL_ERROR ? turn.call_count : turn.call_current;
        }
        if (draw(&seed) % 4 != 0) {
            event.stop = CHAT_STOP_RESPONSE;
        }
        if (is_rare(event.kind) && draw(&seed) % 16 != 0) {
            continue;
        }
        if (!can_happen(&watch, &event)) {
            continue;
        }
        bool submits = event.kind == TURN_EVENT_SUBMIT && turn.state == TURN_IDLE;
        struct turn_actions actions;
        turn_step(&turn, &event, &actions);
        if (event.kind != TURN_EVENT_SUBMIT || submits) {
            note_event(&watch, &turn, &event);
            turns += submits;
        }
        assert_in_range(actions.count, 0, TURN_ACTIONS_MAX);
        for (int a = 0; a < actions.count; a++) {
            note_action(&watch, &actions.items[a]);
            if (actions.items[a].kind == TURN_ACTION_END) {
                assert_int_equal(a, actions.count - 1);
                ends[actions.items[a].outcome]++;
            }
        }
        assert_int_equal(watch.in_turn, turn.state != TURN_IDLE);
    }
    /* Every way to end was taken, and each turn but perhaps the last ended once. */
    int ended = 0;
    for (int i = 0; i <= TURN_FAILED; i++) {
        assert_true(ends[i] > 0);
        ended += ends[i];
    }
    assert_in_range(turns - ended, 0, 1);
}

static void test_every_outcome_has_words(void **state)
{
    (void)state;
    for (int i = TURN_OK; i <= TURN_FAILED; i++) {
        assert_true(strlen(turn_outcome_text((enum turn_outcome)i)) > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_answer),
        cmocka_unit_test(test_calls_one_after_the_other),
        cmocka_unit_test(test_call_with_any_stop),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_nobody_and_no_sandbox),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_stops_of_the_model),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_timeout_and_store),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_every_outcome_has_words),
    };
    return cmocka_run_group_tests_name("agent_turn", tests, NULL, NULL);
}
