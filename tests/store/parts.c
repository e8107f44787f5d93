/* The small parts of the store: who holds it, ids, hashes of many rows at once, and results that
 * are replaced, copied or damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/holder.h"
#include "store/row_hash.h"
#include "store/rows.h"
#include "store/store.h"
#include "store/uuid.h"

#include "support.h"

static void test_who_lives(void **state)
{
    (void)state;
    struct holder self, other;
    holder_self(&self);
    assert_int_equal(self.pid, getpid());
    assert_true(self.started > 0 && self.boot[0] != '\0');
    assert_true(holder_alive(&self));
    other = self;
    other.started = 0; /* not known */
    assert_true(holder_alive(&other));
    other.boot[0] = '\0';
    assert_true(holder_alive(&other));
    other = self;
    other.started++; /* the number is another's now */
    assert_false(holder_alive(&other));
    other = self;
    other.boot[0] = other.boot[0] == 'x' ? 'y' : 'x'; /* before the machine was started anew */
    assert_false(holder_alive(&other));
    static const int64_t none[] = {0, -1, INT64_C(1) << 22, INT64_MIN};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        other = (struct holder){.pid = none[i]};
        assert_false(holder_alive(&other));
    }
    /* One that has ended and is not yet waited for. */
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    other = (struct holder){.pid = child};
    assert_false(holder_alive(&other));
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_ids(void **state)
{
    (void)state;
    char first[UUID_SIZE], second[UUID_SIZE];
    uint64_t last = 0;
    struct err err;
    assert_true(uuid_make(1700000000000, &last, first, &err));
    assert_true(uuid_make(1600000000000, &last, second, &err)); /* a clock set back */
    assert_true(uuid_valid(first) && strcmp(first, second) < 0);
    for (size_t i = 0; i < UUID_SIZE - 1; i++) {
        memcpy(second, first, UUID_SIZE);
        second[i] = second[i] == '-' ? '0' : '-';
        assert_false(uuid_valid(second));
        second[i] = 'g';
        assert_false(uuid_valid(second));
        second[i] = '\0';
        assert_false(uuid_valid(second));
    }
    memcpy(second, first, UUID_SIZE);
    char longer[UUID_SIZE + 1] = {0};
    memcpy(longer, first, UUID_SIZE - 1);
    longer[UUID_SIZE - 1] = '0';
    assert_false(uuid_valid(longer));
}

static void run(struct store *store, const char *sql)
{
    char *problem = NULL;
    if (sqlite3_exec(db_handle(store->db), sql, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", sql, problem);
    }
}

static void test_results(void **state)
{
    (void)state;
    struct err err;
    char id[37], made[37], handle[16], *bytes = NULL;
    size_t length;
    struct store *store = store_open(":memory:", &err);
    assert_non_null(store);
    assert_true(store_conversation_create(store, "/w", "m", id, &err));
    char *large = mem_zero(70000, 1);
    assert_true(store_result_put(store, id, large, 70000, handle, &err));
    static const char *const bad[] = {"", "r", "r0", "x1", "r1x", "r-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(store_result_replace(store, id, bad[i], "a", 1, &err));
        assert_int_equal(err.code, ERR_NOT_FOUND);
    }
    assert_false(store_result_replace(store, id, "r2", "a", 1, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_false(
        store_result_replace(store, id, "r1", large, STORE_RESULT_LIMIT + (size_t)1, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(store_result_get(store, id, "r1", &bytes, &length, &err));
    assert_int_equal(length, 70000);
    mem_free(bytes);
    assert_true(store_conversation_fork(store, id, 0, made, &err));
    /* A number that is not the next, more bytes than were kept, other bytes. */
    static const char *const damages[] = {
        "UPDATE result_pieces SET piece = 9 WHERE piece = 1",
        "UPDATE results SET length = 100",
        "UPDATE result_pieces SET bytes = x'00' WHERE piece = 0",
        "UPDATE result_pieces SET hash = hash + 1 WHERE piece = 0",
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        assert_true(store_result_replace(store, id, "r1", large, 70000, &err));
        run(store, damages[i]);
        assert_false(store_result_get(store, id, "r1", &bytes, &length, &err));
        assert_int_equal(err.code, ERR_FORMAT);
    }
    assert_false(store_conversation_fork(store, id, 0, made, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    mem_free(large);
    store_close(store);
}

/* Any number of rows of any lengths, what does not fit aside and empty ones: the same values as one
 * after the other. */
static void test_hashes_side_by_side(void **state)
{
    enum { ROWS = 40, ASIDE = 4096 };
    (void)state;
    uint64_t random = 5;
    unsigned char text[300], aside[ASIDE];
    for (int round = 0; round < 500; round++) {
        struct row_hash alone[ROWS], together[ROWS];
        size_t count = support_random(&random) % (ROWS + 1), used = 0;
        for (size_t i = 0; i < count; i++) {
            size_t fields = support_random(&random) % 4;
            row_hash_init(&alone[i]);
            row_hash_init(&together[i]);
            row_hash_put_aside(&together[i], aside + used, ASIDE - used);
            for (size_t j = 0; j < fields; j++) {
                size_t length = support_random(&random) % sizeof text;
                for (size_t k = 0; k < length; k++) {
                    text[k] = (unsigned char)support_random(&random);
                }
                row_hash_bytes(&alone[i], text, length);
                row_hash_bytes(&together[i], text, length);
            }
            used += together[i].waiting;
        }
        row_hash_settle(together, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(row_hash_value(&together[i]), row_hash_value(&alone[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_lives),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_hashes_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
