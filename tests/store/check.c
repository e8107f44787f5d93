/* A store looked through, and a damaged one copied: nothing is said of a whole one, each damage is
 * told with its place, and the copy holds all the rest as it was. */
#include "store/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#include "support.h"

enum { MESSAGES = 9, LARGE = 70000 };

static const char LOST_MESSAGE[] = "(A message was here; it could not be read any more.)";
static const char LOST_RESULT[] = "(This result could not be read any more.)";

struct place {
    char *folder, *path, *target;
    char id[37], fork[37];
    struct str said;
    struct check_counts counts;
};

/* A conversation with everything, its fork, and one without a message. */
static void fill(struct place *place)
{
    struct err err = {0};
    char handle[16], empty[37];
    struct store *store = store_open(place->path, &err);
    assert_non_null(store);
    assert_true(store_conversation_create(store, "/w", "nano", place->id, &err));
    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct chat_message message;
        int64_t row;
        support_make_message(&message, i);
        assert_true(store_message_append(store, place->id, &message, &row, &err));
        chat_message_finish(&message);
    }
    char *large = mem_zero(LARGE, 1);
    assert_true(store_result_put(store, place->id, "short", 5, handle, &err));
    assert_true(store_result_put(store, place->id, large, LARGE, handle, &err));
    assert_true(store_result_put(store, place->id, "", 0, handle, &err));
    mem_free(large);
    assert_true(store_conversation_set_title(store, place->id, "heron", &err));
    assert_true(store_conversation_tag(store, place->id, "water", true, &err));
    assert_true(store_conversation_tag(store, place->id, "birds", true, &err));
    assert_true(store_conversation_fork(store, place->id, 4, place->fork, &err));
    assert_true(store_conversation_archive(store, place->fork, true, &err));
    assert_true(store_conversation_trash(store, place->fork, true, &err));
    assert_true(store_conversation_create(store, "/w", "nano", empty, &err));
    store_close(store);
}

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    place->folder = support_make_folder();
    place->path = support_path(place->folder, "carat.db");
    place->target = support_path(place->folder, "copy.db");
    str_init(&place->said);
    fill(place);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    support_remove_folder(place->folder);
    mem_free(place->path);
    mem_free(place->target);
    str_finish(&place->said);
    mem_free(place);
    return 0;
}

static void note(void *context, const char *text)
{
    struct place *place = context;
    str_append_format(&place->said, "%s\n", text);
}

static bool check(struct place *place, struct err *err)
{
    str_clear(&place->said);
    return check_store(place->path, note, place, &place->counts, err);
}

static bool repair(struct place *place, struct err *err)
{
    str_clear(&place->said);
    return check_repair(place->path, place->target, note, place, &place->counts, err);
}

static void expect_counts(const struct place *place, int64_t messages, int64_t pieces,
                          int64_t problems)
{
    if (place->counts.messages != messages || place->counts.pieces != pieces ||
        place->counts.problems != problems) {
        fail_msg("%lld messages, %lld pieces, %lld problems:\n%s",
                 (long long)place->counts.messages, (long long)place->counts.pieces,
                 (long long)place->counts.problems, place->said.data);
    }
    assert_int_equal(place->counts.conversations, 3);
}

static void says(const struct place *place, const char *text)
{
    if (strstr(place->said.data, text) == NULL) {
        fail_msg("\"%s\" is not said:\n%s", text, place->said.data);
    }
}

/* The copy's conversation beside the original's: `lost` is the message that could not be read. */
static void expect_same(struct store *copy, struct store *original, const char *id, int64_t lost)
{
    struct err err = {0};
    struct store_conversation a, b;
    struct chat_conversation messages;
    assert_true(store_conversation_find(original, id, &a, &err));
    assert_true(store_conversation_find(copy, id, &b, &err));
    assert_string_equal(a.title, b.title);
    assert_string_equal(a.workspace, b.workspace);
    assert_string_equal(a.model, b.model);
    assert_string_equal(a.tags, b.tags);
    assert_string_equal(a.parent, b.parent);
    assert_int_equal(a.parent_count, b.parent_count);
    assert_int_equal(a.created_ms, b.created_ms);
    assert_int_equal(a.updated_ms, b.updated_ms);
    assert_int_equal(a.archived_ms, b.archived_ms);
    assert_int_equal(a.trashed_ms, b.trashed_ms);
    assert_int_equal(a.titled_by, b.titled_by);
    assert_int_equal(a.message_count, b.message_count);
    chat_conversation_init(&messages);
    assert_true(store_messages_load(copy, id, &messages, NULL, &err));
    assert_int_equal(messages.count, a.message_count);
    for (size_t i = 0; i < messages.count; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        if ((int64_t)i == lost) {
            assert_string_equal(messages.messages[i].text, LOST_MESSAGE);
            assert_int_equal(messages.messages[i].role, CHAT_USER);
        } else {
            assert_true(support_same_message(&message, &messages.messages[i]));
        }
        chat_message_finish(&message);
    }
    chat_conversation_finish(&messages);
    store_conversation_finish(&a);
    store_conversation_finish(&b);
}

static void expect_result(struct store *store, const char *id, const char *handle,
                          const char *bytes, size_t wanted)
{
    struct err err = {0};
    char *read = NULL;
    size_t length;
    if (!store_result_get(store, id, handle, &read, &length, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(length, wanted);
    if (bytes != NULL) {
        assert_memory_equal(read, bytes, wanted);
    }
    mem_free(read);
}

static void test_a_whole_store(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    size_t before_size, after_size;
    unsigned char *before = support_read_file(place->path, &before_size);
    assert_true(check(place, &err));
    expect_counts(place, MESSAGES + 4, 6, 0);
    assert_string_equal(place->said.length > 0 ? place->said.data : "", "");
    unsigned char *after = support_read_file(place->path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    mem_free(before);
    mem_free(after);

    assert_true(repair(place, &err));
    expect_counts(place, MESSAGES + 4, 6, 0);
    struct store *copy = store_open(place->target, &err);
    struct store *original = store_open(place->path, &err);
    expect_same(copy, original, place->id, -1);
    expect_same(copy, original, place->fork, -1);
    expect_result(copy, place->id, "r1", "short", 5);
    expect_result(copy, place->id, "r2", NULL, LARGE);
    expect_result(copy, place->fork, "r3", "", 0);
    struct store_hit *hits;
    size_t count;
    assert_true(store_search(copy, "heron", 9, &hits, &count, &err)); /* the title is found */
    assert_int_equal(count, 1);
    store_hit_finish(&hits[0]);
    mem_free(hits);
    store_close(copy);
    store_close(original);
}

static void test_damage_is_told_and_left_out(void **state)
{
    static const struct {
        const char *damage, *said;
        int64_t lost_message;
        const char *lost_result;
    } rows[] = {
        {"UPDATE messages SET text = 'x' WHERE ordinal = 3 AND conversation = 1",
         "message 3: damaged: its hash does not match", 3, NULL},
        {"DELETE FROM messages WHERE ordinal = 8", "message 8: missing", 8, NULL},
        {"UPDATE messages SET hash = hash + 1 WHERE row = 1", "message 0: damaged", 0, NULL},
        {"UPDATE result_pieces SET bytes = x'78' WHERE result = 1 AND piece = 0",
         "piece 0 is damaged", -1, "r1"},
        {"DELETE FROM result_pieces WHERE result = 2 AND piece = 1", "65536 of 70000 bytes", -1,
         "r2"},
    };
    struct place *place = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        char *path = place->path;
        size_t size;
        unsigned char *whole = support_read_file(path, &size);
        place->path = support_path(place->folder, "damaged.db");
        support_write_file(place->path, whole, size);
        support_execute(place->path, rows[i].damage);
        assert_true(check(place, &err));
        int messages = rows[i].lost_message >= 0 ? 1 : 0, pieces = 1 - messages;
        expect_counts(place, MESSAGES + 4 - messages, 6 - pieces, 1);
        says(place, rows[i].said);
        says(place, place->id);
        assert_true(repair(place, &err));
        expect_counts(place, MESSAGES + 4 - messages, 6 - pieces, 1);
        struct store *copy = store_open(place->target, &err);
        struct store *original = store_open(path, &err);
        expect_same(copy, original, place->id, rows[i].lost_message);
        expect_same(copy, original, place->fork, -1);
        bool first = rows[i].lost_result != NULL && rows[i].lost_result[1] == '1';
        bool second = rows[i].lost_result != NULL && !first;
        expect_result(copy, place->id, "r1", first ? LOST_RESULT : "short",
                      first ? sizeof LOST_RESULT - 1 : 5);
        expect_result(copy, place->id, "r2", second ? LOST_RESULT : NULL,
                      second ? sizeof LOST_RESULT - 1 : LARGE);
        expect_result(copy, place->id, "r3", "", 0);
        store_close(copy);
        store_close(original);
        assert_int_equal(remove(place->target), 0);
        assert_int_equal(remove(place->path), 0);
        mem_free(place->path);
        place->path = path;
        mem_free(whole);
    }
}

/* Rows that are gone whole leave a gap, which is told and nothing more. */
static void test_a_conversation_that_is_gone(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    support_execute(place->path,
                    "PRAGMA foreign_keys = OFF; DELETE FROM conversations WHERE key = 2");
    assert_true(check(place, &err));
    assert_int_equal(place->counts.conversations, 2);
    assert_int_equal(place->counts.messages, MESSAGES);
}

/* A column that is gone: each message is told, and none is made up. */
static void test_a_column_that_is_gone(void **state)
{
    static const char *const gone[] = {
        "PRAGMA writable_schema = ON; DROP TABLE search; DROP TABLE growth;"
        "ALTER TABLE messages RENAME COLUMN tokens TO lost",
        "ALTER TABLE growth RENAME COLUMN tokens TO lost",
    };
    struct place *place = *state;
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        struct err err = {0};
        char *path = place->path;
        size_t size;
        unsigned char *whole = support_read_file(path, &size);
        place->path = support_path(place->folder, "damaged.db");
        support_write_file(place->path, whole, size);
        support_execute(place->path, gone[i]);
        assert_true(check(place, &err));
        expect_counts(place, 0, 6, MESSAGES + 4);
        says(place, "no such column");
        assert_int_equal(remove(place->path), 0);
        mem_free(place->path);
        place->path = path;
        mem_free(whole);
    }
}

/* Bytes of a page turned: something is said, or why nothing can be looked at. */
static void test_damaged_pages_are_told(void **state)
{
    enum { PAGE = 4096 };
    struct place *place = *state;
    struct err err = {0};
    size_t size, told = 0, tried = 0;
    unsigned char *whole = support_read_file(place->path, &size);
    for (size_t page = 1; page < size / PAGE; page += 5, tried++) {
        unsigned char kept[PAGE];
        memcpy(kept, whole + page * PAGE, PAGE);
        memset(whole + page * PAGE, 0xA5, PAGE);
        support_write_file(place->path, whole, size);
        memcpy(whole + page * PAGE, kept, PAGE);
        bool looked = check(place, &err);
        told += looked ? place->counts.problems > 0 : err.text[0] != '\0';
    }
    assert_true(tried > 3);
    assert_int_equal(told, tried);
    support_write_file(place->path, whole, size);
    assert_true(check(place, &err));
    expect_counts(place, MESSAGES + 4, 6, 0);
    mem_free(whole);
}

static void test_what_is_refused(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    support_write_file(place->target, "mine", 4);
    assert_false(repair(place, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    size_t size;
    unsigned char *kept = support_read_file(place->target, &size);
    assert_int_equal(size, 4);
    mem_free(kept);
    assert_int_equal(remove(place->target), 0);
    support_execute(place->path, "PRAGMA user_version = 2");
    assert_false(check(place, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_false(repair(place, &err));
    support_execute(place->path, "PRAGMA user_version = 99");
    assert_false(check(place, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    support_execute(place->path, "PRAGMA application_id = 7");
    assert_false(check(place, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_int_equal(remove(place->path), 0);
    assert_false(check(place, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    /* A refusal leaves no copy behind. */
    assert_null(fopen(place->target, "r"));
    assert_null(fopen(place->path, "r"));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_whole_store),
        IN_FOLDER(test_damage_is_told_and_left_out),
        IN_FOLDER(test_a_conversation_that_is_gone),
        IN_FOLDER(test_a_column_that_is_gone),
        IN_FOLDER(test_damaged_pages_are_told),
        IN_FOLDER(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
