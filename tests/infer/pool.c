/* The pool with the small model of the project: many requests at once answer what each answers
 * alone; a cancel ends its own request soon and no other; a full queue is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/render.h"
#include "infer/infer_pool.h"

#ifndef NANO_MODEL
#error "NANO_MODEL is the path of the small model"
#endif

enum { REQUESTS = 16 };

struct seen {
    bool ready, ended[REQUESTS + 1];
    struct infer_event last[REQUESTS + 1];
    struct str text[REQUESTS + 1];
    size_t tokens[REQUESTS + 1];
    struct infer_pool *pool;
};

static void seen_init(struct seen *seen, struct infer_pool *pool)
{
    memset(seen, 0, sizeof *seen);
    seen->pool = pool;
    for (size_t i = 0; i <= REQUESTS; i++) {
        str_init(&seen->text[i]);
    }
}

static void seen_finish(struct seen *seen)
{
    for (size_t i = 0; i <= REQUESTS; i++) {
        str_finish(&seen->text[i]);
    }
}

static void on_event(void *context, const struct infer_pool_event *event)
{
    struct seen *seen = context;
    uint64_t number = event->infer.number;
    assert_true(number <= REQUESTS);
    if (event->infer.kind == INFER_READY) {
        seen->ready = true;
    } else if (event->infer.kind == INFER_TOKEN) {
        assert_false(seen->ended[number]);
        seen->tokens[number]++;
        str_append_bytes(&seen->text[number], event->infer.bytes, event->infer.length);
    } else if (event->infer.kind != INFER_PREFILL) {
        assert_false(seen->ended[number]);
        seen->ended[number] = true;
        seen->last[number] = event->infer;
    }
}

static void run_until(struct seen *seen, const bool *flag)
{
    int64_t limit = clock_monotonic_us() + 60 * 1000000;
    while (!*flag) {
        assert_true(clock_monotonic_us() < limit);
        infer_pool_poll(seen->pool, on_event, seen);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static struct infer_pool *open_pool(int sessions, int queue)
{
    struct infer_pool *pool = infer_pool_create(&(struct infer_pool_options){
        .model = {.path = NANO_MODEL, .threads = 1, .context = 1024, .exact = true},
        .sessions = sessions,
        .queue = queue});
    struct seen seen;
    assert_non_null(pool);
    seen_init(&seen, pool);
    run_until(&seen, &seen.ready);
    seen_finish(&seen);
    assert_int_equal(infer_pool_facts(pool)->sessions, sessions);
    return pool;
}

/* Says `text`; at temperature 10 words follow without an end. */
static bool submit(struct infer_pool *pool, uint64_t number, const char *text, float temperature,
                   int max_tokens, struct err *err)
{
    struct chat_message message;
    struct infer_pool_request request = {
        .request = {.number = number,
                    .max_tokens = max_tokens,
                    .sampling = {.temperature = temperature, .top_p = 1, .seed = 5}}};
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text, strlen(text));
    chat_prompt_init(&request.request.prompt);
    struct chat_render_options options = {.add_generation_prompt = true};
    assert_true(chat_render(&request.request.prompt, &message, 1, NULL, &options, NULL, NULL));
    chat_message_finish(&message);
    bool ok = infer_pool_submit(pool, &request, err);
    chat_prompt_finish(&request.request.prompt);
    return ok;
}

static void say(char *out, size_t size, size_t number)
{
    static const char *const words[] = {"hello", "list the files", "who are you", "what is 3 * 4"};
    snprintf(out, size, "%s %.*s", words[number % 4], (int)(number * 20),
             "again and again and again and again and again and again and again and again and "
             "again and again and again and again and again and again and again and again and "
             "again and again and again and again and again and again and again and again and "
             "again and again and again and again and again and again and again and again ");
}

static void test_together_as_alone(void **state)
{
    (void)state;
    char text[512];
    struct seen alone, together;
    struct infer_pool *pool = open_pool(1, REQUESTS);
    seen_init(&alone, pool);
    for (size_t i = 1; i <= REQUESTS; i++) {
        say(text, sizeof text, i);
        assert_true(submit(pool, i, text, i % 2 ? 0 : 10, 60, NULL));
        run_until(&alone, &alone.ended[i]);
    }
    infer_pool_destroy(pool);
    pool = open_pool(3, REQUESTS);
    seen_init(&together, pool);
    for (size_t i = 1; i <= REQUESTS; i++) {
        say(text, sizeof text, i);
        assert_true(submit(pool, i, text, i % 2 ? 0 : 10, 60, NULL));
    }
    for (size_t i = 1; i <= REQUESTS; i++) {
        run_until(&together, &together.ended[i]);
        assert_int_equal(together.last[i].kind, INFER_DONE);
        assert_int_equal(together.last[i].stop, alone.last[i].stop);
        assert_int_equal(together.tokens[i], alone.tokens[i]);
        assert_string_equal(together.text[i].data, alone.text[i].data);
        assert_int_equal(together.last[i].prompt_total, alone.last[i].prompt_total);
    }
    assert_int_equal(infer_pool_busy(pool), 0);
    infer_pool_destroy(pool);
    seen_finish(&alone);
    seen_finish(&together);
}

static void test_cancel(void **state)
{
    (void)state;
    struct seen seen;
    struct infer_pool *pool = open_pool(2, 4);
    seen_init(&seen, pool);
    for (uint64_t i = 1; i <= 4; i++) { /* two run, two wait */
        assert_true(submit(pool, i, "go on and on", 10, i == 2 ? 200 : 900, NULL));
    }
    while (seen.tokens[1] < 5) {
        infer_pool_poll(pool, on_event, &seen);
    }
    infer_pool_cancel(pool, 99); /* nobody's: nothing happens */
    infer_pool_cancel(pool, 1);
    infer_pool_cancel(pool, 4);
    run_until(&seen, &seen.ended[1]);
    run_until(&seen, &seen.ended[4]);
    run_until(&seen, &seen.ended[2]);
    assert_int_equal(seen.last[1].stop, CHAT_STOP_CANCEL);
    assert_int_equal(seen.last[4].stop, CHAT_STOP_CANCEL);
    assert_int_equal(seen.tokens[4], 0);
    assert_int_not_equal(seen.last[2].stop, CHAT_STOP_CANCEL);
    infer_pool_cancel(pool, 3);
    run_until(&seen, &seen.ended[3]);
    assert_true(submit(pool, 5, "hello", 0, 3, NULL)); /* and it goes on as before */
    run_until(&seen, &seen.ended[5]);
    assert_int_equal(seen.tokens[5], 3);
    infer_pool_destroy(pool);
    seen_finish(&seen);
}

static void test_limits(void **state)
{
    (void)state;
    struct seen seen;
    struct err err;
    struct infer_pool *pool = open_pool(1, 1);
    seen_init(&seen, pool);
    assert_true(submit(pool, 1, "go on and on", 10, 900, &err));
    assert_true(submit(pool, 2, "go on and on", 10, 900, &err));
    assert_false(submit(pool, 3, "go on and on", 10, 900, &err));
    assert_int_equal(err.code, ERR_FULL);
    infer_pool_cancel(pool, 1);
    infer_pool_cancel(pool, 2);
    run_until(&seen, &seen.ended[1]);
    run_until(&seen, &seen.ended[2]);
    char *long_text = mem_zero(1, 20001);
    memset(long_text, 'x', 20000);
    assert_true(submit(pool, 4, long_text, 0, 5, &err));
    mem_free(long_text);
    run_until(&seen, &seen.ended[4]);
    assert_int_equal(seen.last[4].kind, INFER_FAILED);
    assert_int_equal(seen.last[4].error.code, ERR_FULL);
    assert_true(submit(pool, 5, "go on and on", 10, 900, &err));
    infer_pool_destroy(pool); /* with one that runs */
    seen_finish(&seen);
}

static void test_bad_model(void **state)
{
    (void)state;
    struct seen seen;
    struct infer_pool *pool = infer_pool_create(
        &(struct infer_pool_options){.model = {.path = NANO_MODEL ".missing", .threads = 1}});
    seen_init(&seen, pool);
    run_until(&seen, &seen.ended[0]);
    assert_int_equal(seen.last[0].kind, INFER_FAILED);
    assert_int_equal(seen.last[0].error.code, ERR_NOT_FOUND);
    assert_null(infer_pool_facts(pool));
    struct err err;
    assert_false(submit(pool, 1, "hello", 0, 5, &err));
    infer_pool_destroy(pool);
    seen_finish(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together_as_alone),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bad_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
