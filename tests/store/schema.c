/* Versions of the schema: a fixture of each released one, steps that are killed at every statement,
 * files that are not ours or too new, and the look through the file after a crash. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/schema.h"
#include "store/store.h"

#include "support.h"

/* The conversation in data/schema_1.sql; made by this test's own `--make-fixture`. */
enum { FIXTURE_MESSAGES = 12 };

struct place {
    char *folder, *path;
};

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    place->folder = support_make_folder();
    place->path = support_path(place->folder, "carat.db");
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    support_remove_folder(place->folder);
    mem_free(place->path);
    mem_free(place);
    return 0;
}

static void make_released(const char *path, const char *data)
{
    size_t size;
    unsigned char *sql = support_read_file(data, &size);
    support_execute(path, (const char *)sql);
    mem_free(sql);
}

static void make_fixture(const char *path)
{
    make_released(path, TEST_DATA "/schema_1.sql");
}

static void expect_fixture_messages(const char *path)
{
    struct err err = {0};
    struct store *store = store_open(path, &err);
    assert_string_equal(err.text, "");
    struct store_conversation last;
    assert_true(store_conversation_last(store, NULL, &last, &err));
    assert_string_equal(last.title, "fixture");
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    if (!store_messages_load(store, last.id, &loaded, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(loaded.count, FIXTURE_MESSAGES);
    for (uint64_t i = 0; i < FIXTURE_MESSAGES; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        assert_true(support_same_message(&message, &loaded.messages[i]));
        chat_message_finish(&message);
    }
    char *bytes;
    size_t length;
    assert_true(store_result_get(store, last.id, "r1", &bytes, &length, &err));
    assert_int_equal(length, 11);
    assert_memory_equal(bytes, "a result\n\0\xFF", 11);
    mem_free(bytes);
    struct store_call *calls;
    size_t count;
    assert_true(store_calls_unfinished(store, last.id, &calls, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(calls[0].call_id, "call-7");
    store_call_finish(&calls[0]);
    mem_free(calls);
    chat_conversation_finish(&loaded);
    store_conversation_finish(&last);
    store_close(store);
}

/* All is to be cut into words again, and what is found then is right. */
static void expect_index_anew(const char *path)
{
    struct err err = {0};
    bool left = true;
    assert_int_equal(support_query(path, "SELECT count(*) FROM unindexed"), FIXTURE_MESSAGES);
    struct store *store = store_open(path, &err);
    assert_string_equal(err.text, "");
    while (left) {
        assert_true(store_search_work(store, &left, &err));
    }
    store_close(store);
    support_execute(path, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1);"
                          "INSERT INTO titles (titles, rank) VALUES ('integrity-check', 1)");
    assert_int_equal(
        support_query(path, "SELECT count(*) FROM titles WHERE titles MATCH 'fixture'"), 1);
}

static void test_released_version_1_is_read(void **state)
{
    struct place *place = *state;
    make_fixture(place->path);
    expect_fixture_messages(place->path);
}

static void test_released_version_2_is_read(void **state)
{
    struct place *place = *state;
    make_released(place->path, TEST_DATA "/schema_2.sql");
    expect_fixture_messages(place->path);
    expect_index_anew(place->path);
}

static void test_released_version_3_is_read(void **state)
{
    struct place *place = *state;
    make_released(place->path, TEST_DATA "/schema_3.sql");
    expect_fixture_messages(place->path);
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM growth"), 0);
    expect_index_anew(place->path);
}

static void test_released_version_4_is_read(void **state)
{
    struct place *place = *state;
    make_released(place->path, TEST_DATA "/schema_4.sql");
    expect_fixture_messages(place->path);
    /* The interrupted answer alone. */
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM unindexed"), 1);
}

/* A version 1 file becomes searchable: what it held is noted, and indexed in idle moments. */
static void test_version_1_becomes_searchable(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    make_fixture(place->path);
    struct store *store = store_open(place->path, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM unindexed"),
                     FIXTURE_MESSAGES);
    struct store_hit *hits;
    size_t count;
    assert_true(store_search(store, "6cdd1d", 10, &hits, &count, &err));
    assert_int_equal(count, 0);
    bool left = true;
    while (left) {
        assert_true(store_search_work(store, &left, &err));
    }
    assert_true(store_search(store, "6cdd1d", 10, &hits, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(hits[0].ordinal, 0);
    store_hit_finish(&hits[0]);
    mem_free(hits);
    assert_true(store_search(store, "fixture", 10, &hits, &count, &err)); /* the title */
    assert_int_equal(count, 1);
    assert_int_equal(hits[0].ordinal, -1);
    assert_int_equal(hits[0].conversation.titled_by, STORE_TITLE_USER);
    store_hit_finish(&hits[0]);
    mem_free(hits);
    store_close(store);
}

/* All that defines the tables and indices, one after another: mem_free. */
static char *definitions(const char *path)
{
    return support_query_text(path, "SELECT group_concat(name || ': ' || sql, char(10)) FROM "
                                    "(SELECT * FROM sqlite_schema WHERE sql IS NOT NULL "
                                    "ORDER BY name)");
}

static void test_fresh_file_equals_the_fixture(void **state)
{
    struct place *place = *state;
    struct err err;
    store_close(store_open(place->path, &err));
    char *fixture = support_path(place->folder, "fixture.db");
    make_released(fixture, TEST_DATA "/schema_4.sql");
    char *made = definitions(place->path), *released = definitions(fixture);
    assert_string_equal(made, released);
    mem_free(made);
    mem_free(released);
    mem_free(fixture);
}

static void test_newer_file_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    make_fixture(place->path);
    support_execute(place->path, "PRAGMA user_version = 99");
    size_t before_size, after_size;
    unsigned char *before = support_read_file(place->path, &before_size);
    struct err err;
    assert_null(store_open(place->path, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "99"));
    assert_non_null(strstr(err.text, "up to 4"));
    assert_non_null(strstr(err.text, place->path));
    unsigned char *after = support_read_file(place->path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    mem_free(before);
    mem_free(after);
}

static void test_foreign_files_are_refused(void **state)
{
    struct place *place = *state;
    struct err err;
    support_execute(place->path, "CREATE TABLE cookies (host TEXT)");
    assert_null(store_open(place->path, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM sqlite_schema"), 1);
    unlink(place->path);
    support_execute(place->path, "PRAGMA application_id = 12; PRAGMA user_version = 1");
    assert_null(store_open(place->path, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    support_write_file(place->path, "This is a letter, not a database, and long enough.\n", 51);
    assert_null(store_open(place->path, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, place->path));
    unlink(place->path);
    assert_int_equal(mkdir(place->path, 0700), 0);
    assert_null(store_open(place->path, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
}

/* ---- steps of the future, made up ---- */

static const char STEP_2[] = "CREATE TABLE notes (key INTEGER PRIMARY KEY, text TEXT) STRICT;"
                             "INSERT INTO notes (text) SELECT text FROM messages;"
                             "ALTER TABLE conversations ADD COLUMN colour TEXT;"
                             "UPDATE conversations SET colour = 'green';"
                             "CREATE INDEX notes_text ON notes (text);";
static const char STEP_3[] = "UPDATE notes SET text = text || '!';"
                             "CREATE TABLE more (key INTEGER PRIMARY KEY) STRICT;"
                             "INSERT INTO more SELECT key FROM notes;";
static struct schema_step future[3] = {{0, NULL}, {2, STEP_2}, {3, STEP_3}};

static bool migrate(const char *path, size_t steps, struct err *err)
{
    future[0] = schema_steps[0];
    struct db *db = db_open(path, err);
    bool ok = db != NULL && db_start_writing(db, err) && schema_migrate(db, future, steps, err);
    db_close(db);
    return ok;
}

/* The file has one of the three versions wholly, and no message is lost. */
static int64_t expect_whole_version(const char *path)
{
    int64_t version = support_query(path, "PRAGMA user_version");
    assert_in_range(version, 1, 3);
    assert_int_equal(support_query(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"),
                     version >= 2);
    assert_int_equal(
        support_query(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'notes_text'"),
        version >= 2);
    assert_int_equal(support_query(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'more'"),
                     version >= 3);
    if (version >= 2) {
        assert_int_equal(support_query(path, "SELECT count(*) FROM notes WHERE text LIKE '%!'"),
                         version == 2 ? 0 : FIXTURE_MESSAGES);
        assert_int_equal(support_query(path, "SELECT count(*) FROM conversations "
                                             "WHERE colour IS NOT 'green'"),
                         0);
    }
    assert_int_equal(support_query(path, "SELECT count(*) FROM messages"), FIXTURE_MESSAGES);
    assert_int_equal(support_query(path, "SELECT count(*) FROM pragma_quick_check "
                                         "WHERE quick_check <> 'ok'"),
                     0);
    return version;
}

static void test_steps_and_the_copy_before_them(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    make_fixture(place->path);
    assert_true(migrate(place->path, 3, &err));
    assert_int_equal(expect_whole_version(place->path), 3);
    char *copy = support_path(place->folder, "carat.db.schema-1.bak");
    struct stat status;
    assert_int_equal(stat(copy, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    expect_fixture_messages(copy);
    /* Nothing is left to do the second time: no new copy. */
    unlink(copy);
    assert_true(migrate(place->path, 3, &err));
    assert_int_not_equal(stat(copy, &status), 0);
    mem_free(copy);
}

/* What is at the newest version asks for no lock that a writer elsewhere holds. */
static void test_newest_version_waits_for_nobody(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    make_fixture(place->path);
    assert_true(migrate(place->path, 3, &err));
    struct db *writer = db_open(place->path, &err), *opened = db_open(place->path, &err);
    assert_true(writer != NULL && opened != NULL);
    assert_true(db_execute(writer, "BEGIN IMMEDIATE", &err));
    assert_true(schema_migrate(opened, future, 3, &err));
    assert_true(db_execute(writer, "COMMIT", &err));
    db_close(opened);
    db_close(writer);
}

/* Where no copy can be made or put in its place nothing is changed, and nothing is left lying. */
static void test_without_a_copy_there_is_no_step(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char partial[64];
    snprintf(partial, sizeof partial, "carat.db.schema-1.bak.%ld", (long)getpid());
    const char *const in_the_way[] = {partial, "carat.db.schema-1.bak"};
    make_fixture(place->path);
    for (size_t i = 0; i < 2; i++) {
        char *folder = support_path(place->folder, in_the_way[i]);
        char *part = support_path(place->folder, partial);
        struct stat status;
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_false(migrate(place->path, 3, &err));
        assert_int_equal(err.code, ERR_IO);
        assert_non_null(strstr(err.text, "copying the store before its schema is changed"));
        assert_int_equal(rmdir(folder), 0);
        assert_int_not_equal(stat(part, &status), 0);
        assert_int_equal(support_query(place->path, "PRAGMA user_version"), 1);
        mem_free(folder);
        mem_free(part);
    }
    assert_true(migrate(place->path, 3, &err));
}

struct killing {
    const char *path;
    int events_left;
};

static int count_and_die(unsigned kind, void *context, void *statement, void *detail)
{
    (void)kind;
    (void)statement;
    (void)detail;
    struct killing *killing = context;
    if (--killing->events_left == 0) {
        raise(SIGKILL);
    }
    return 0;
}

/* Called by SQLite for each connection that is opened in the child. */
static struct killing *killing_now;

static int install(sqlite3 *handle, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(handle, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, count_and_die,
                            killing_now);
}

static void migrate_and_die(void *context)
{
    struct err err;
    killing_now = context;
    sqlite3_auto_extension((void (*)(void))install);
    support_require(migrate(killing_now->path, 3, &err), "migrating", err.text);
}

static void test_kill_at_the_start_and_end_of_every_statement(void **state)
{
    struct place *place = *state;
    int seen[4] = {0}, kills = 0;
    for (int event = 1;; event++) {
        char name[32];
        snprintf(name, sizeof name, "%d.db", event);
        char *path = support_path(place->folder, name);
        make_fixture(path);
        struct killing killing = {path, event};
        int status = support_run_child(migrate_and_die, &killing);
        assert_true(status == 0 || status == 128 + SIGKILL);
        seen[expect_whole_version(path)]++;
        struct err err = {0};
        if (!migrate(path, 3, &err)) {
            fail_msg("after kill %d: %s", event, err.text);
        }
        assert_int_equal(expect_whole_version(path), 3);
        mem_free(path);
        if (status == 0) {
            break;
        }
        kills++;
    }
    /* 10 statements in the steps alone, each with a start and an end. */
    assert_true(kills >= 20);
    assert_true(seen[1] > 0 && seen[2] > 0 && seen[3] > 0);
}

static void test_failing_statement_undoes_its_step(void **state)
{
    static const char BROKEN[] = "UPDATE notes SET text = 'x';"
                                 "INSERT INTO no_such_table VALUES (1);";
    struct place *place = *state;
    struct err err;
    make_fixture(place->path);
    future[2].sql = BROKEN;
    assert_false(migrate(place->path, 3, &err));
    future[2].sql = STEP_3;
    assert_non_null(strstr(err.text, "schema version 3"));
    assert_non_null(strstr(err.text, "no_such_table"));
    assert_int_equal(expect_whole_version(place->path), 2);
    assert_true(migrate(place->path, 3, &err));
}

/* ---- the look through after a crash ---- */

static void test_file_is_looked_through_only_after_a_crash(void **state)
{
    struct place *place = *state;
    struct err err;
    make_fixture(place->path);
    /* A page that belongs to nothing: no query meets it, quick_check does. */
    support_execute(place->path, "PRAGMA writable_schema = ON;"
                                 "DELETE FROM sqlite_schema WHERE name = 'calls_unfinished'");
    struct store *store = store_open(place->path, &err);
    assert_non_null(store);
    store_close(store);
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM openings"), 0);
    support_execute(place->path, "INSERT INTO openings (pid, started, boot, opened_ms) "
                                 "VALUES (1, 1, 'another boot', 1)");
    assert_null(store_open(place->path, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "damaged"));
    assert_non_null(strstr(err.text, place->path));
}

static void write_fixture(const char *path)
{
    struct err err;
    char id[37], handle[16];
    int64_t row;
    struct store *store = store_open(path, &err);
    support_require(store != NULL && store_conversation_create(store, "/w", "nano", id, &err) &&
                        store_conversation_set_title(store, id, "fixture", &err),
                    "making", err.text);
    for (uint64_t i = 0; i < FIXTURE_MESSAGES; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        support_require(store_message_append(store, id, &message, &row, &err), "append", err.text);
        chat_message_finish(&message);
    }
    struct store_call call = {"call-7", "shell", json_object(), STORE_CALL_STARTED, "user", 1,
                              2,        0};
    support_require(store_result_put(store, id, "a result\n\0\xFF", 11, handle, &err) &&
                        store_call_put(store, id, &call, &err),
                    "keeping", err.text);
    json_decref(call.arguments);
    store_close(store);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--make-fixture") == 0) {
        write_fixture(argv[2]); /* then: sqlite3 FILE .dump, and the two pragmas by hand */
        return 0;
    }
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_released_version_1_is_read),
        IN_FOLDER(test_released_version_2_is_read),
        IN_FOLDER(test_released_version_3_is_read),
        IN_FOLDER(test_released_version_4_is_read),
        IN_FOLDER(test_version_1_becomes_searchable),
        IN_FOLDER(test_fresh_file_equals_the_fixture),
        IN_FOLDER(test_newer_file_is_refused_and_left_alone),
        IN_FOLDER(test_foreign_files_are_refused),
        IN_FOLDER(test_steps_and_the_copy_before_them),
        IN_FOLDER(test_newest_version_waits_for_nobody),
        IN_FOLDER(test_without_a_copy_there_is_no_step),
        IN_FOLDER(test_kill_at_the_start_and_end_of_every_statement),
        IN_FOLDER(test_failing_statement_undoes_its_step),
        IN_FOLDER(test_file_is_looked_through_only_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
