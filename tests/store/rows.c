/* Conversations, messages, calls and results: what goes in comes out, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/rows.h"
#include "store/store.h"

#include "support.h"

static int open_memory(void **state)
{
    struct err err;
    *state = store_open(":memory:", &err);
    return *state == NULL;
}

static int close_store(void **state)
{
    store_close(*state);
    return 0;
}

static void make(struct store *store, char id[37])
{
    struct err err;
    if (!store_conversation_create(store, "/home/me/project", "nano", id, &err)) {
        fail_msg("%s", err.text);
    }
}

static int64_t append_number(struct store *store, const char *id, uint64_t number)
{
    struct chat_message message;
    struct err err;
    int64_t row = 0;
    support_make_message(&message, number);
    if (!store_message_append(store, id, &message, &row, &err)) {
        fail_msg("%s", err.text);
    }
    chat_message_finish(&message);
    return row;
}

static void append_text(struct store *store, const char *id, const char *text)
{
    struct chat_message message;
    struct err err;
    int64_t row;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text, strlen(text));
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
}

static void test_messages_come_back_as_they_were(void **state)
{
    enum { COUNT = 240 };
    struct store *store = *state;
    struct err err;
    char id[37];
    int64_t rows_made[COUNT];
    make(store, id);
    for (uint64_t i = 0; i < COUNT; i++) {
        rows_made[i] = append_number(store, id, i);
    }
    struct chat_conversation loaded;
    int64_t *rows;
    chat_conversation_init(&loaded);
    assert_true(store_messages_load(store, id, &loaded, &rows, &err));
    assert_int_equal(loaded.count, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        assert_true(support_same_message(&message, &loaded.messages[i]));
        assert_int_equal(rows[i], rows_made[i]);
        chat_message_finish(&message);
    }
    mem_free(rows);
    chat_conversation_finish(&loaded);
}

static void test_growing_answer_replaces_its_row(void **state)
{
    struct store *store = *state;
    struct err err;
    char id[37];
    make(store, id);
    append_number(store, id, 1);
    struct chat_message message;
    int64_t row;
    chat_message_init(&message, CHAT_MODEL);
    message.complete = false;
    assert_true(store_message_append(store, id, &message, &row, &err));
    for (int i = 1; i <= 20; i++) {
        struct str text;
        str_init(&text);
        for (int k = 0; k < i * 100; k++) {
            str_append(&text, "word ");
        }
        chat_message_set_text(&message, text.data, text.length);
        message.complete = i == 20;
        assert_true(store_message_update(store, row, &message, &err));
        str_finish(&text);
    }
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    assert_true(store_messages_load(store, id, &loaded, NULL, &err));
    assert_int_equal(loaded.count, 2);
    assert_true(support_same_message(&loaded.messages[1], &message));
    chat_conversation_finish(&loaded);

    message.role = CHAT_USER;
    assert_false(store_message_update(store, row, &message, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_false(store_message_update(store, 4711, &message, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    chat_message_finish(&message);
}

static void test_message_that_cannot_be_kept(void **state)
{
    struct store *store = *state;
    struct err err;
    char id[37];
    int64_t row = 77;
    struct chat_message message;
    make(store, id);
    chat_message_init(&message, CHAT_TOOL);
    assert_false(store_message_append(store, "no-such", &message, &row, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);

    json_t *deep = json_array();
    for (int i = 0; i < 1500; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, deep);
        deep = outer;
    }
    message.result = json_object();
    json_object_set_new(message.result, "deep", deep);
    assert_false(store_message_append(store, id, &message, &row, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(row, 77);
    json_decref(message.result);
    message.result = NULL;

    size_t huge = STORE_MESSAGE_LIMIT + (size_t)1;
    char *text = mem_alloc(huge + 1, 1);
    memset(text, 'x', huge);
    text[huge] = '\0';
    chat_message_set_text(&message, text, huge);
    assert_false(store_message_append(store, id, &message, &row, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    /* One byte less is the largest there is: it must really fit into a row. */
    chat_message_set_text(&message, text, huge - 1);
    assert_true(store_message_append(store, id, &message, &row, &err));
    mem_free(text);
    chat_message_finish(&message);
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    assert_true(store_messages_load(store, id, &loaded, NULL, &err));
    assert_int_equal(loaded.count, 1);
    assert_int_equal(strlen(loaded.messages[0].text), huge - 1);
    chat_conversation_finish(&loaded);
}

static void test_conversation_fields(void **state)
{
    struct store *store = *state;
    struct err err;
    char id[37];
    make(store, id);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
    assert_true(store_conversation_set_title(store, id, "A river\xFF", &err));
    assert_true(store_conversation_set_model(store, id, "gemma", &err));
    assert_false(store_conversation_set_title(store, "0000", "x", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    append_number(store, id, 3);
    append_number(store, id, 4);
    struct store_conversation found;
    assert_true(store_conversation_find(store, id, &found, &err));
    assert_string_equal(found.id, id);
    assert_string_equal(found.title, "A river\xFF");
    assert_string_equal(found.workspace, "/home/me/project");
    assert_string_equal(found.model, "gemma");
    assert_int_equal(found.message_count, 2);
    assert_true(found.created_ms > 0 && found.updated_ms >= found.created_ms);
    store_conversation_finish(&found);
}

static void test_find_by_prefix(void **state)
{
    struct store *store = *state;
    struct err err;
    char ids[12][37];
    struct store_conversation found;
    for (int i = 0; i < 12; i++) {
        make(store, ids[i]);
        assert_true(i == 0 || strcmp(ids[i - 1], ids[i]) < 0); /* born later, sorts later */
    }
    /* Made within one moment, they share their first characters: every one is a candidate. */
    char prefix[37];
    memcpy(prefix, ids[0], 5);
    prefix[5] = '\0';
    assert_false(store_conversation_find(store, prefix, &found, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_non_null(strstr(err.text, ids[11]));
    assert_non_null(strstr(err.text, "and more"));
    /* Enough characters tell them apart, in capitals too. */
    memcpy(prefix, ids[3], 36);
    prefix[35] = '\0';
    for (char *c = prefix; *c != '\0'; c++) {
        *c = *c >= 'a' && *c <= 'f' ? (char)(*c - 32) : *c;
    }
    assert_true(store_conversation_find(store, prefix, &found, &err));
    assert_string_equal(found.id, ids[3]);
    store_conversation_finish(&found);
    static const struct {
        const char *text;
        enum err_code code;
    } BAD[] = {
        {"", ERR_ARGUMENT},         {"019", ERR_ARGUMENT},   {"ffff", ERR_NOT_FOUND},
        {"%%%%", ERR_NOT_FOUND},    {"____", ERR_NOT_FOUND}, {"' OR 1", ERR_NOT_FOUND},
        {"019~~~~", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(store_conversation_find(store, BAD[i].text, &found, &err));
        assert_int_equal(err.code, BAD[i].code);
    }
}

static void test_last_and_list(void **state)
{
    struct store *store = *state;
    struct err err;
    char first[37], second[37], empty[37];
    struct store_conversation found;
    assert_false(store_conversation_last(store, NULL, &found, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    make(store, first);
    assert_true(store_conversation_create(store, "/elsewhere", "nano", second, &err));
    make(store, empty);
    sqlite3 *handle = db_handle(store->db);
    append_number(store, first, 0);
    append_number(store, second, 0);
    /* Times that differ whatever the clock does. */
    sqlite3_exec(handle, "UPDATE conversations SET updated_ms = key", NULL, NULL, NULL);
    assert_true(store_conversation_last(store, NULL, &found, &err));
    assert_string_equal(found.id, second);
    store_conversation_finish(&found);
    assert_true(store_conversation_last(store, "/home/me/project", &found, &err));
    assert_string_equal(found.id, first);
    store_conversation_finish(&found);
    assert_false(store_conversation_last(store, "/nowhere", &found, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere"));

    struct store_conversation *list;
    size_t count;
    assert_true(store_conversation_list(store, STORE_ALL, 2, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, empty);
    assert_string_equal(list[1].id, second);
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
}

static int count_operation(void *context)
{
    ++*(long *)context;
    return 0;
}

/* Work, in steps of SQLite's machine, of what a start and a list do. */
static long work_of_lists(struct store *store)
{
    long operations = 0;
    struct err err;
    struct store_conversation *list, found;
    size_t count;
    sqlite3_progress_handler(db_handle(store->db), 1, count_operation, &operations);
    assert_true(store_conversation_list(store, STORE_ALL, 50, &list, &count, &err));
    assert_int_equal(count, 50);
    assert_true(store_conversation_last(store, "/w", &found, &err));
    store_conversation_finish(&found);
    assert_true(store_conversation_last(store, NULL, &found, &err));
    store_conversation_finish(&found);
    sqlite3_progress_handler(db_handle(store->db), 0, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    return operations;
}

static void test_lists_do_not_scan(void **state)
{
    static const char MANY[] =
        "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2 - 1) "
        "INSERT INTO conversations (id, workspace, model, created_ms, updated_ms, message_count) "
        "SELECT printf('%036d', i), '/w', 'm', i, (i * 7919) % 1000003, 1 FROM n";
    struct store *store = *state;
    long work[2];
    static const int FROM[] = {1, 201}, HOW_MANY[] = {200, 20000};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement;
        assert_int_equal(sqlite3_prepare_v2(db_handle(store->db), MANY, -1, &statement, NULL), 0);
        sqlite3_bind_int(statement, 1, FROM[i]);
        sqlite3_bind_int(statement, 2, HOW_MANY[i]);
        assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
        sqlite3_finalize(statement);
        work[i] = work_of_lists(store);
    }
    assert_true(work[0] > 0);
    assert_true(work[1] <= work[0] + work[0] / 10);
}

static void put_call(struct store *store, const char *id, const char *call_id,
                     enum store_call_state call_state, enum err_code expected)
{
    json_t *arguments = json_pack("{s:s, s:i}", "path", "a/b", "limit", 3);
    struct store_call call = {(char *)call_id, "file_read", arguments, call_state, "user", 1, 0, 0};
    struct err err;
    err_clear(&err);
    bool ok = store_call_put(store, id, &call, &err);
    json_decref(arguments);
    assert_int_equal(err.code, expected);
    assert_int_equal(ok, expected == ERR_NONE);
}

static void test_calls(void **state)
{
    struct store *store = *state;
    struct err err;
    char id[37], other[37];
    make(store, id);
    make(store, other);
    put_call(store, id, "c1", STORE_CALL_ASKED, ERR_NONE);
    put_call(store, id, "c2", STORE_CALL_ASKED, ERR_NONE);
    put_call(store, id, "c3", STORE_CALL_ASKED, ERR_NONE);
    put_call(store, other, "c1", STORE_CALL_ASKED, ERR_NONE);
    put_call(store, id, "", STORE_CALL_ASKED, ERR_ARGUMENT);
    put_call(store, id, "c1", STORE_CALL_STARTED, ERR_NONE);
    put_call(store, id, "c1", STORE_CALL_STARTED, ERR_NONE);
    put_call(store, id, "c2", STORE_CALL_DENIED, ERR_NONE);
    put_call(store, id, "c2", STORE_CALL_STARTED, ERR_ARGUMENT);

    struct store_call *list;
    size_t count;
    assert_true(store_calls_unfinished(store, id, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].call_id, "c1");
    assert_string_equal(list[0].name, "file_read");
    assert_string_equal(list[0].decided_by, "user");
    assert_int_equal(list[0].state, STORE_CALL_STARTED);
    assert_int_equal(list[0].asked_ms, 1);
    assert_int_equal(json_integer_value(json_object_get(list[0].arguments, "limit")), 3);
    assert_string_equal(list[1].call_id, "c3");
    assert_string_equal(list[1].decided_by, "user");
    assert_int_equal(list[1].state, STORE_CALL_ASKED);
    for (size_t i = 0; i < count; i++) {
        store_call_finish(&list[i]);
    }
    mem_free(list);

    /* Nobody has decided yet; and a new call has a name and arguments. */
    json_t *none = json_object();
    struct store_call fresh = {"c4", "shell", none, STORE_CALL_ASKED, NULL, 1, 0, 0};
    assert_true(store_call_put(store, other, &fresh, &err));
    assert_true(store_calls_unfinished(store, other, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[1].decided_by, "");
    for (size_t i = 0; i < count; i++) {
        store_call_finish(&list[i]);
    }
    mem_free(list);
    assert_false(store_call_denied(store, other, "c4"));
    assert_true(store_call_denied(store, id, "c2"));
    assert_false(store_call_denied(store, id, "c1"));
    assert_false(store_call_denied(store, other, "c2"));
    fresh = (struct store_call){"c5", NULL, none, STORE_CALL_ASKED, NULL, 1, 0, 0};
    assert_false(store_call_put(store, other, &fresh, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    fresh = (struct store_call){"c5", "shell", NULL, STORE_CALL_ASKED, NULL, 1, 0, 0};
    assert_false(store_call_put(store, other, &fresh, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    fresh = (struct store_call){NULL, "shell", none, STORE_CALL_ASKED, NULL, 1, 0, 0};
    assert_false(store_call_put(store, other, &fresh, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    json_decref(none);

    /* What is not given stays. */
    struct store_call end = {"c1", NULL, NULL, STORE_CALL_FINISHED, NULL, 0, 0, 9};
    assert_true(store_call_put(store, id, &end, &err));
    put_call(store, id, "c1", STORE_CALL_STARTED, ERR_ARGUMENT);
    put_call(store, id, "c3", STORE_CALL_FINISHED, ERR_NONE);
    assert_true(store_calls_unfinished(store, id, &list, &count, &err));
    assert_int_equal(count, 0);
    mem_free(list);
    sqlite3_stmt *statement;
    sqlite3_prepare_v2(db_handle(store->db),
                       "SELECT count(*) FROM calls WHERE call_id = 'c1' AND name = 'file_read' "
                       "AND decided_by = 'user' AND asked_ms = 1 AND finished_ms = 9",
                       -1, &statement, NULL);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 1);
    sqlite3_finalize(statement);
}

static void test_results(void **state)
{
    static const size_t SIZES[] = {0, 1, 65535, 65536, 65537, 300001};
    struct store *store = *state;
    struct err err;
    char id[37], other[37], handle[16], *bytes;
    size_t length;
    make(store, id);
    make(store, other);
    char *data = mem_alloc(300001, 1);
    uint64_t random = 9;
    for (size_t i = 0; i < 300001; i++) {
        data[i] = (char)support_random(&random);
    }
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        assert_true(store_result_put(store, id, data, SIZES[i], handle, &err));
        assert_int_equal(handle[0], 'r');
        assert_int_equal(atoi(handle + 1), (int)i + 1);
    }
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        handle[1] = (char)('1' + i);
        assert_true(store_result_get(store, id, handle, &bytes, &length, &err));
        assert_int_equal(length, SIZES[i]);
        assert_memory_equal(bytes, data, length);
        mem_free(bytes);
    }
    static const char *const BAD[] = {"",  "r",   "r0",  "r01", "r99",
                                      "1", "r1 ", "r-1", "x1",  "r99999999999999999999"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(store_result_get(store, id, BAD[i], &bytes, &length, &err));
        assert_int_equal(err.code, ERR_NOT_FOUND);
    }
    assert_false(store_result_get(store, other, "r1", &bytes, &length, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_false(store_result_put(store, id, data, STORE_RESULT_LIMIT + (size_t)1, handle, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    mem_free(data);
}

/* Runs `damage` on a conversation of eight messages and a result; loading must name it. */
static void expect_damage(struct store *store, const char *damage, const char *said)
{
    struct err err;
    char id[37], handle[16], *bytes = NULL;
    size_t length;
    struct chat_conversation loaded;
    make(store, id);
    for (uint64_t i = 0; i < 8; i++) {
        append_number(store, id, i);
    }
    assert_true(store_result_put(store, id, "0123456789", 10, handle, &err));
    put_call(store, id, "c", STORE_CALL_STARTED, ERR_NONE);
    char *problem = NULL;
    if (sqlite3_exec(db_handle(store->db), damage, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", damage, problem);
    }
    chat_conversation_init(&loaded);
    struct store_call *calls;
    size_t call_count;
    err_clear(&err);
    bool ok = store_messages_load(store, id, &loaded, NULL, &err) &&
              store_result_get(store, id, handle, &bytes, &length, &err) &&
              store_calls_unfinished(store, id, &calls, &call_count, &err);
    assert_false(ok);
    assert_int_equal(err.code, ERR_FORMAT);
    if (strstr(err.text, said) == NULL) {
        fail_msg("%s: said \"%s\"", damage, err.text);
    }
    mem_free(bytes);
    chat_conversation_finish(&loaded);
    sqlite3_exec(db_handle(store->db),
                 "DELETE FROM messages; DELETE FROM result_pieces; DELETE FROM results;"
                 "DELETE FROM calls; DELETE FROM conversations",
                 NULL, NULL, NULL);
}

static void test_every_changed_column_is_found(void **state)
{
    static const struct {
        const char *damage, *said;
    } CASES[] = {
        {"UPDATE messages SET text = text || ' '  WHERE ordinal = 4", "message 4 is damaged"},
        {"UPDATE messages SET thought = NULL      WHERE ordinal = 2", "message 2 is damaged"},
        {"UPDATE messages SET thought = 'x'       WHERE ordinal = 3", "message 3 is damaged"},
        {"UPDATE messages SET details = NULL      WHERE ordinal = 7", "message 7 is damaged"},
        {"UPDATE messages SET details = '{}'      WHERE ordinal = 0", "message 0 is damaged"},
        {"UPDATE messages SET tokens = NULL       WHERE ordinal = 6", "message 6 is damaged"},
        {"UPDATE messages SET tokens = x''        WHERE ordinal = 5", "message 5 is damaged"},
        {"UPDATE messages SET role = 0            WHERE ordinal = 1", "message 1 is damaged"},
        {"UPDATE messages SET complete = 0        WHERE ordinal = 1", "message 1 is damaged"},
        {"UPDATE messages SET hash = hash + 1     WHERE ordinal = 1", "message 1 is damaged"},
        /* What the damage leads to is not what is told. */
        {"UPDATE messages SET details = '{'       WHERE ordinal = 3", "message 3 is damaged"},
        {"UPDATE messages SET tokens = x'00'      WHERE ordinal = 2", "message 2 is damaged"},
        {"UPDATE messages SET role = 9            WHERE ordinal = 0", "message 0 is damaged"},
        {"UPDATE messages SET text = 'x' WHERE ordinal = 2; DELETE FROM messages WHERE ordinal = 3",
         "message 2 is damaged"},
        {"DELETE FROM messages WHERE ordinal = 3", "message 3 is missing"},
        {"DELETE FROM messages WHERE ordinal = 7", "8 messages were kept and 7"},
        {"UPDATE messages SET ordinal = 100 WHERE ordinal = 7", "message 7 is missing"},
        {"UPDATE result_pieces SET bytes = x'00'", "piece 0 is damaged"},
        {"DELETE FROM result_pieces", "0 of 10 bytes"},
        {"UPDATE results SET length = 1 << 40", "length"},
        {"UPDATE results SET length = -1", "length"},
        {"UPDATE calls SET arguments = '{\"rm\":1}'", "hash does not match"},
        {"UPDATE calls SET name = 'shell'", "hash does not match"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        expect_damage(*state, CASES[i].damage, CASES[i].said);
    }
}

/* Hashes are compared many rows at once, by their number and by their size: each row of several
 * such lots is found, and named, whatever its place. One message is larger than a lot. */
static void test_damage_is_found_anywhere(void **state)
{
    enum { MESSAGES = 700, LARGE = 300, LARGE_BYTES = 400 * 1024 };
    struct store *store = *state;
    struct err err;
    char id[37];
    make(store, id);
    char *large = mem_alloc(LARGE_BYTES + 1, 1);
    memset(large, 'x', LARGE_BYTES);
    large[LARGE_BYTES] = '\0';
    sqlite3_exec(db_handle(store->db), "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    for (int i = 0; i < MESSAGES; i++) {
        append_text(store, id, i == LARGE ? large : "one of many");
    }
    mem_free(large);
    static const int PLACES[] = {0, 1, 127, 254, 255, 256, 257, 299, 300, 301, 511, 512, 698, 699};
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        char sql[128], said[64];
        struct chat_conversation loaded;
        chat_conversation_init(&loaded);
        assert_true(store_messages_load(store, id, &loaded, NULL, &err));
        assert_int_equal(loaded.count, MESSAGES);
        chat_conversation_finish(&loaded);
        snprintf(sql, sizeof sql,
                 "UPDATE messages SET text = 'y' || substr(text, 2) WHERE ordinal = %d", PLACES[i]);
        assert_int_equal(sqlite3_exec(db_handle(store->db), sql, NULL, NULL, NULL), SQLITE_OK);
        snprintf(said, sizeof said, "message %d is damaged: its hash does not match", PLACES[i]);
        assert_false(store_messages_load(store, id, &loaded, NULL, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.text, said));
        assert_int_equal(loaded.count, 0);
        snprintf(sql, sizeof sql,
                 "UPDATE messages SET text = '%s' || substr(text, 2) WHERE ordinal = %d",
                 PLACES[i] == LARGE ? "x" : "o", PLACES[i]);
        assert_int_equal(sqlite3_exec(db_handle(store->db), sql, NULL, NULL, NULL), SQLITE_OK);
    }
}

static void test_swapped_messages_are_found(void **state)
{
    struct store *store = *state;
    struct err err;
    char one[37], two[37];
    make(store, one);
    make(store, two);
    append_text(store, one, "yes");
    append_text(store, two, "no");
    static const char SWAP[] = "PRAGMA foreign_keys = OFF;"
                               "UPDATE messages SET conversation = conversation + 10;"
                               "UPDATE messages SET conversation = 13 - conversation";
    assert_int_equal(sqlite3_exec(db_handle(store->db), SWAP, NULL, NULL, NULL), SQLITE_OK);
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    assert_false(store_messages_load(store, one, &loaded, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_int_equal(loaded.count, 0);
    chat_conversation_finish(&loaded);
}

static void test_sqlite_without_memory(void **state)
{
    struct store *store = *state;
    struct err err;
    char id[37];
    make(store, id);
    append_number(store, id, 1);
    struct chat_message message;
    int64_t row;
    chat_message_init(&message, CHAT_USER);
    char *text = mem_alloc(4000001, 1);
    memset(text, 'x', 4000000);
    text[4000000] = '\0';
    chat_message_set_text(&message, text, 4000000);
    mem_free(text);
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1000000);
    bool kept = store_message_append(store, id, &message, &row, &err);
    sqlite3_hard_heap_limit64(0);
    assert_false(kept);
    assert_int_equal(err.code, ERR_MEMORY);
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    assert_true(store_messages_load(store, id, &loaded, NULL, &err));
    assert_int_equal(loaded.count, 2);
    chat_conversation_finish(&loaded);
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_memory, close_store)
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_messages_come_back_as_they_were),
        WITH_STORE(test_growing_answer_replaces_its_row),
        WITH_STORE(test_message_that_cannot_be_kept),
        WITH_STORE(test_conversation_fields),
        WITH_STORE(test_find_by_prefix),
        WITH_STORE(test_last_and_list),
        WITH_STORE(test_lists_do_not_scan),
        WITH_STORE(test_calls),
        WITH_STORE(test_results),
        WITH_STORE(test_every_changed_column_is_found),
        WITH_STORE(test_damage_is_found_anywhere),
        WITH_STORE(test_swapped_messages_are_found),
        WITH_STORE(test_sqlite_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
