/* mailbox: nothing is lost or reordered between threads; one wake for each time it was empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_across_threads),
        cmocka_unit_test(waiting_ends_with_an_item),
        cmocka_unit_test(what_was_never_taken_is_freed),
        cmocka_unit_test(an_owner_that_looks_is_woken_for_what_cannot_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
