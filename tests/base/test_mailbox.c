/* mailbox: nothing is lost or reordered between threads; one wake for each time it was empty,
 * and none missing for an owner that looks by itself at times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/mailbox.h"
#include "base/mem.h"

enum { ITEMS = 20000 };

static atomic_int wakes;

static void count_wake(void *context)
{
    (void)context;
    atomic_fetch_add(&wakes, 1);
}

static void *post_numbers(void *box)
{
    for (uintptr_t i = 1; i <= ITEMS; i++) {
        mailbox_post(box, (void *)i);
    }
    return NULL;
}

static void keeps_order_across_threads(void **state)
{
    (void)state;
    struct mailbox *box = mailbox_create(count_wake, NULL, NULL);
    pthread_t poster;
    assert_int_equal(pthread_create(&poster, NULL, post_numbers, box), 0);
    uintptr_t expected = 1;
    while (expected <= ITEMS) {
        void **items;
        size_t count = mailbox_take(box, &items);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal((uintptr_t)items[i], expected++);
        }
        mem_free(items);
    }
    pthread_join(poster, NULL);
    assert_in_range(atomic_load(&wakes), 1, ITEMS);
    mailbox_destroy(box);
}

static void waiting_ends_with_an_item(void **state)
{
    (void)state;
    struct mailbox *box = mailbox_create(NULL, NULL, NULL);
    pthread_t poster;
    assert_int_equal(pthread_create(&poster, NULL, post_numbers, box), 0);
    for (uintptr_t i = 1; i <= ITEMS; i++) {
        assert_int_equal((uintptr_t)mailbox_wait(box), i);
    }
    pthread_join(poster, NULL);
    mailbox_destroy(box);
}

static void what_was_never_taken_is_freed(void **state)
{
    (void)state;
    struct mailbox *box = mailbox_create(NULL, NULL, mem_free);
    mailbox_post(box, mem_strdup("lost"));
    mailbox_destroy(box); /* the leak checker is the judge */
}

static int wakes_of(struct mailbox *box, void (*act)(struct mailbox *box))
{
    int before = atomic_load(&wakes);
    act(box);
    return atomic_load(&wakes) - before;
}

static void post_one(struct mailbox *box)
{
    mailbox_post(box, mem_strdup("at once"));
}

static void post_patient_one(struct mailbox *box)
{
    mailbox_post_patiently(box, mem_strdup("may wait"));
}

static void look_after(struct mailbox *box)
{
    mailbox_looked_after(box, true);
}

static void look_away(struct mailbox *box)
{
    mailbox_looked_after(box, false);
}

static size_t take_all(struct mailbox *box)
{
    void **items;
    size_t count = mailbox_take(box, &items);
    for (size_t i = 0; i < count; i++) {
        mem_free(items[i]);
    }
    mem_free(items);
    return count;
}

static void an_owner_that_looks_is_woken_for_what_cannot_wait(void **state)
{
    (void)state;
    struct mailbox *box = mailbox_create(count_wake, NULL, mem_free);
    assert_int_equal(wakes_of(box, post_patient_one), 1); /* nobody looks by himself */
    assert_int_equal(wakes_of(box, post_patient_one), 0);
    assert_int_equal(take_all(box), 2);
    assert_int_equal(wakes_of(box, look_after), 0);
    assert_int_equal(wakes_of(box, post_patient_one), 0);
    assert_int_equal(wakes_of(box, post_one), 1);
    assert_int_equal(wakes_of(box, post_one), 0);
    assert_int_equal(take_all(box), 3); /* in the order in which they came */
    assert_int_equal(wakes_of(box, post_patient_one), 0);
    assert_int_equal(wakes_of(box, look_away), 1); /* else it would wait for ever */
    assert_int_equal(take_all(box), 1);
    assert_int_equal(wakes_of(box, look_away), 0);
    assert_int_equal(wakes_of(box, post_patient_one), 1);
    mailbox_destroy(box);
}

/* --- an owner that sleeps --- */

/* As the screen does it: woken for the first items, it looks by itself while they come faster than
 * its frames, and stops looking when a frame brought none. It sleeps until it is woken, or until
 * the frame's time is over while it looks; a wake that is missing leaves it asleep for good. */
struct sleeper {
    struct mailbox *box;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    _Atomic uintptr_t seen; /* how many came, in order */
    size_t sleeps;
};

enum { STREAMED = 100000, END_EVERY = 125, FRAME_NS = 200000, PATIENCE_S = 60 };

static void wake_sleeper(void *context)
{
    struct sleeper *sleeper = context;
    pthread_mutex_lock(&sleeper->lock);
    sleeper->woken = true;
    pthread_cond_signal(&sleeper->changed);
    pthread_mutex_unlock(&sleeper->lock);
}

/* False when the time was over first. */
static bool sleep_for(struct sleeper *sleeper, long nanoseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += nanoseconds % 1000000000;
    until.tv_sec += nanoseconds / 1000000000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&sleeper->lock);
    int late = 0;
    while (!sleeper->woken && late == 0) {
        late = pthread_cond_timedwait(&sleeper->changed, &sleeper->lock, &until);
    }
    bool woken = sleeper->woken;
    sleeper->woken = false;
    sleeper->sleeps++;
    pthread_mutex_unlock(&sleeper->lock);
    return woken;
}

static size_t look(struct sleeper *sleeper)
{
    void **items;
    size_t count = mailbox_take(sleeper->box, &items);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal((uintptr_t)items[i], atomic_fetch_add(&sleeper->seen, 1) + 1);
    }
    mem_free(items);
    return count;
}

/* With ends, behind which nothing comes that could wake the owner late, and a pause of every length
 * about a frame's before the last item: the moment at which the owner ceases to look is met from
 * both sides. */
static void *stream(void *context)
{
    struct sleeper *sleeper = context;
    uint64_t random = 88172645463325252u;
    for (uintptr_t i = 1; i <= STREAMED; i++) {
        if (i % END_EVERY == 0) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            nanosleep(&(struct timespec){.tv_nsec = (long)(random >> 32) % (3 * FRAME_NS)}, NULL);
        }
        mailbox_post_patiently(sleeper->box, (void *)i);
        while (i % END_EVERY == 0 && atomic_load(&sleeper->seen) < i) {
            nanosleep(&(struct timespec){.tv_nsec = FRAME_NS / 10}, NULL);
        }
    }
    return NULL;
}

static void no_stream_leaves_its_reader_asleep(void **state)
{
    (void)state;
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sleeper.changed, &monotonic);
    sleeper.box = mailbox_create(wake_sleeper, &sleeper, NULL);
    pthread_t poster;
    assert_int_equal(pthread_create(&poster, NULL, stream, &sleeper), 0);
    bool looks = false;
    while (atomic_load(&sleeper.seen) < STREAMED) {
        bool woken = sleep_for(&sleeper, looks ? FRAME_NS : PATIENCE_S * 1000000000L);
        if (!woken && !looks) {
            fail_msg("asleep behind item %zu of %d", (size_t)atomic_load(&sleeper.seen), STREAMED);
        }
        size_t count = look(&sleeper);
        if (looks != (count > (looks ? 0 : 1))) {
            looks = !looks;
            nanosleep(&(struct timespec){.tv_nsec = FRAME_NS / 10}, NULL); /* a frame is drawn */
            mailbox_looked_after(sleeper.box, looks);
        }
    }
    pthread_join(poster, NULL);
    print_message("%zu sleeps\n", sleeper.sleeps);
    mailbox_destroy(sleeper.box);
    pthread_cond_destroy(&sleeper.changed);
    pthread_condattr_destroy(&monotonic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_across_threads),
        cmocka_unit_test(waiting_ends_with_an_item),
        cmocka_unit_test(what_was_never_taken_is_freed),
        cmocka_unit_test(an_owner_that_looks_is_woken_for_what_cannot_wait),
        cmocka_unit_test(no_stream_leaves_its_reader_asleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
