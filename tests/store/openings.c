/* A store that is opened, brought up to date, looked through or copied, with an end at any step of
 * SQLite's machine and with any statement refused: words instead of a store, and the file is whole
 * afterwards. The connection is the function's own; it is reached as it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/check.h"
#include "store/schema.h"
#include "store/store.h"

#include "support.h"

enum { MESSAGES = 5, FAR = 100000 };

struct place {
    char *folder, *path, *target;
    size_t findings;
};

/* What the next connection is given. */
static struct {
    long left;
    bool refuses;
} end;

static int stop_at_zero(void *context)
{
    (void)context;
    return --end.left == 0;
}

static int refuse_at_zero(void *context, int action, const char *a, const char *b, const char *c,
                          const char *d)
{
    (void)context, (void)action, (void)a, (void)b, (void)c, (void)d;
    return --end.left == 0 ? SQLITE_DENY : SQLITE_OK;
}

static int take_connection(sqlite3 *handle, char **problem, const void *functions)
{
    (void)problem, (void)functions;
    if (end.left > 0 && end.refuses) {
        sqlite3_set_authorizer(handle, refuse_at_zero, NULL);
    } else if (end.left > 0) {
        sqlite3_progress_handler(handle, 1, stop_at_zero, NULL);
    }
    return SQLITE_OK;
}

static void note(void *context, const char *text)
{
    struct place *place = context;
    place->findings += text[0] != '\0';
}

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err = {0};
    char id[37], handle[16];
    place->folder = support_make_memory_folder();
    place->path = support_path(place->folder, "carat.db");
    place->target = support_path(place->folder, "copy.db");
    struct store *store = store_open(place->path, &err);
    assert_non_null(store);
    assert_true(store_conversation_create(store, "/w", "nano", id, &err));
    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct chat_message message;
        int64_t row;
        support_make_message(&message, i);
        assert_true(store_message_append(store, id, &message, &row, &err));
        chat_message_finish(&message);
    }
    assert_true(store_result_put(store, id, "short", 5, handle, &err));
    assert_true(store_conversation_tag(store, id, "water", true, &err));
    store_close(store);
    sqlite3_auto_extension((void (*)(void))take_connection);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    sqlite3_cancel_auto_extension((void (*)(void))take_connection);
    end.left = 0;
    support_remove_folder(place->folder);
    mem_free(place->path);
    mem_free(place->target);
    mem_free(place);
    return 0;
}

/* --- what is done: true when it got through --- */

static bool do_open(struct place *place, struct err *err)
{
    struct store *store = store_open(place->path, err);
    end.left = 0; /* what follows is not looked at */
    store_close(store);
    return store != NULL;
}

static bool do_make(struct place *place, struct err *err)
{
    struct store *store = store_open(place->target, err);
    end.left = 0;
    store_close(store);
    return store != NULL;
}

static bool do_check(struct place *place, struct err *err)
{
    struct check_counts counts;
    place->findings = 0;
    bool ok = check_store(place->path, note, place, &counts, err);
    assert_int_equal(counts.problems, place->findings);
    return ok;
}

static bool do_repair(struct place *place, struct err *err)
{
    struct check_counts counts;
    place->findings = 0;
    bool ok = check_repair(place->path, place->target, note, place, &counts, err);
    assert_int_equal(counts.problems, place->findings);
    return ok;
}

static void remove_target(struct place *place)
{
    static const char *const ends[] = {"copy.db", "copy.db-wal", "copy.db-shm", "copy.db.reserve",
                                       "copy.db-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char *path = support_path(place->folder, ends[i]);
        unlink(path);
        mem_free(path);
    }
}

static void expect_whole(struct place *place, const char *name, long at)
{
    struct err err = {0};
    struct check_counts counts;
    end.left = 0;
    place->findings = 0;
    if (!check_store(place->path, note, place, &counts, &err) || place->findings > 0 ||
        counts.messages != MESSAGES || counts.pieces != 1) {
        fail_msg("%s, ended at %ld: the store is not whole: %s", name, at, err.text);
    }
}

static void run(struct place *place, bool refuses)
{
    static const struct {
        const char *name;
        bool (*run)(struct place *place, struct err *err);
        bool tells; /* a question that is not answered is a finding, and it goes on */
    } deeds[] = {{"opening", do_open, false},
                 {"making", do_make, false},
                 {"checking", do_check, true},
                 {"copying", do_repair, true}};
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        bool done = false;
        size_t ends = 0;
        for (long at = 1; !done; at += 1 + at / 12) {
            struct err err = {0};
            end.left = at;
            end.refuses = refuses;
            bool ok = deeds[i].run(place, &err);
            bool told = deeds[i].tells && place->findings > 0;
            done = ok && !told;
            ends += !done;
            if ((!ok && err.text[0] == '\0') || at > FAR) {
                fail_msg("%s, ended at %ld: \"%s\"", deeds[i].name, at, err.text);
            }
            expect_whole(place, deeds[i].name, at);
            remove_target(place);
        }
        if (ends <= 5) {
            fail_msg("%s: only %zu ends", deeds[i].name, ends);
        }
    }
}

static void test_an_end_at_any_step(void **state)
{
    run(*state, false);
}

static void test_a_refusal_of_any_statement(void **state)
{
    run(*state, true);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_an_end_at_any_step),
        IN_FOLDER(test_a_refusal_of_any_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
