/* What people, other programs and damage can hand to the store that hardly anybody does: names and
 * numbers at their limits, rows whose hash is right and whose content is none, paths that are no
 * place for a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/check.h"
#include "store/message_body.h"
#include "store/message_rows.h"
#include "store/row_hash.h"
#include "store/rows.h"
#include "store/schema.h"
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
    assert_true(store_conversation_create(store, "/w", "nano", id, &err));
}

static int64_t say(struct store *store, const char *id, enum chat_role role, const char *text,
                   bool complete)
{
    struct chat_message message;
    struct err err;
    int64_t row;
    chat_message_init(&message, role);
    chat_message_set_text(&message, text, strlen(text));
    message.complete = complete;
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
    return row;
}

static void execute(struct store *store, const char *sql)
{
    if (sqlite3_exec(db_handle(store->db), sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db_handle(store->db)));
    }
}

static void expect(bool done, const struct err *err, enum err_code code, const char *words)
{
    assert_false(done);
    if (err->code != code || strstr(err->text, words) == NULL) {
        fail_msg("not \"%s\" but \"%s\"", words, err->text);
    }
}

/* --- names and numbers --- */

static void test_names_at_their_limits(void **state)
{
    struct store *store = *state;
    struct store_conversation found;
    struct err err = {0};
    char id[37], digits[60], tag[STORE_TAG_LIMIT + 2];
    static const char SAME[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    make(store, id);
    expect(store_conversation_create_as(store, "/w", "m", "otter", &err), &err, ERR_ARGUMENT,
           "otter is no UUID");
    assert_true(store_conversation_create_as(store, "/w", "m", SAME, &err));
    expect(store_conversation_create_as(store, "/w", "m", SAME, &err), &err, ERR_ARGUMENT,
           "there is a conversation 01890a5d-ac96-774b-bcce-b302099a8057 already");
    memset(digits, 'a', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    expect(store_conversation_find(store, digits, &found, &err), &err, ERR_NOT_FOUND,
           "is not the id of a conversation");
    memset(tag, 't', sizeof tag - 1);
    tag[sizeof tag - 1] = '\0';
    expect(store_conversation_tag(store, id, tag, true, &err), &err, ERR_ARGUMENT, "is no tag");
    expect(store_conversation_tag(store, id, "", true, &err), &err, ERR_ARGUMENT, "is no tag");
    expect(store_conversation_tag(store, id, "a,b", true, &err), &err, ERR_ARGUMENT, "is no tag");
    tag[STORE_TAG_LIMIT] = '\0';
    assert_true(store_conversation_tag(store, id, tag, true, &err));
    int64_t when;
    expect(store_message_time(store, id, 7, &when, &err), &err, ERR_NOT_FOUND, "has no message 7");
    /* Nobody need listen. */
    assert_false(store_conversation_set_title(store, SAME + 1, "t", NULL));
    assert_false(store_message_time(store, SAME + 1, 0, &when, NULL));
    assert_true(store_checkpoint(store, &err));
}

/* The first eight candidates are named. */
static void test_many_of_one_beginning(void **state)
{
    struct store *store = *state;
    struct store_conversation found, *list;
    struct err err = {0};
    size_t count;
    for (int i = 0; i < 9; i++) {
        char id[37];
        snprintf(id, sizeof id, "cccccccc-0000-7000-8000-00000000000%d", i);
        assert_true(store_conversation_create_as(store, "/w", "m", id, &err));
        bool more = store_conversation_find(store, "cccc", &found, &err);
        assert_int_equal(more, i == 0);
        if (more) {
            store_conversation_finish(&found);
        }
        assert_int_equal(strstr(err.text, " and more") != NULL, i == 8);
    }
    assert_null(strstr(err.text, "-000000000000"));
    assert_true(store_conversation_list(store, STORE_ALL, SIZE_MAX, &list, &count, &err));
    assert_int_equal(count, 9);
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
}

static void test_texts_that_are_too_large(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    char id[37];
    char *text = mem_alloc(DB_VALUE_LIMIT + 2, 1);
    memset(text, 'x', DB_VALUE_LIMIT + 1);
    text[DB_VALUE_LIMIT + 1] = '\0';
    expect(store_conversation_create(store, text, text, id, &err), &err, ERR_LIMIT,
           "the text is too large to be kept");
    make(store, id);
    expect(store_conversation_set_title(store, id, text, &err), &err, ERR_LIMIT,
           "the text is too large to be kept");
    mem_free(text);
    assert_true(store_conversation_set_title(store, id, "short", &err));
}

/* JSON that could be written and not read again goes nowhere. */
static void test_json_that_is_too_deep(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    char id[37], made[37], *text = NULL;
    int64_t row;
    make(store, id);
    json_t *deep = json_object();
    for (int i = 0; i < MESSAGE_BODY_DEPTH_LIMIT; i++) {
        json_t *outer = json_object();
        json_object_set_new(outer, "in", deep);
        deep = outer;
    }
    struct store_call call = {"c", "shell", deep, STORE_CALL_ASKED, "user", 1, 0, 0};
    expect(store_call_put(store, id, &call, &err), &err, ERR_LIMIT, "JSON nested deeper than");
    struct chat_message message;
    chat_message_init(&message, CHAT_MODEL);
    chat_message_add_call(&message, "c", "shell", json_incref(deep));
    expect(store_message_append(store, id, &message, &row, &err), &err, ERR_LIMIT, "nested deeper");
    row = say(store, id, CHAT_MODEL, "a", false);
    expect(store_message_update(store, row, &message, &err), &err, ERR_LIMIT, "nested deeper");
    struct chat_conversation messages;
    struct store_birth birth = {.workspace = "/w", .model = "m", .title = "", .origin = "codex:1"};
    chat_conversation_init(&messages);
    chat_conversation_add(&messages, &message);
    expect(store_conversation_import(store, &birth, &messages, made, &err), &err, ERR_LIMIT,
           "nested deeper");
    chat_conversation_finish(&messages);
    json_decref(deep);
    expect(message_body_write_json(NULL, &text, &err), &err, ERR_FORMAT, "cannot be written");
    json_t *value;
    expect(message_body_read_json(NULL, 0, &value, &err), &err, ERR_FORMAT, "JSON at byte");
}

/* What a message may hold, each by itself. */
static void test_rare_fields_come_back(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    char id[37];
    int64_t row;
    struct chat_message message;
    make(store, id);
    chat_message_init(&message, CHAT_TOOL);
    message.failed = true;
    message.part_count = 1;
    message.parts = mem_zero(1, sizeof *message.parts);
    message.parts[0] = (struct chat_part){.kind = CHAT_PART_IMAGE, .handle = mem_strdup("r1")};
    chat_message_add_call(&message, "c", "n", NULL);
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    assert_true(store_messages_load(store, id, &loaded, NULL, &err));
    assert_true(loaded.messages[0].failed);
    assert_string_equal(loaded.messages[0].parts[0].handle, "r1");
    assert_int_equal(json_object_size(loaded.messages[0].calls[0].arguments), 0);
    chat_conversation_finish(&loaded);
}

/* Times that contradict each other are none. */
static void test_times_of_an_import(void **state)
{
    static const struct {
        int64_t first, last;
        bool taken;
    } CASES[] = {{1000, 2000, true}, {1000, 1000, true}, {0, 2000, false}, {2000, 1000, false}};
    struct store *store = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct err err = {0};
        struct chat_conversation messages;
        struct store_conversation found;
        char id[37], origin[16];
        snprintf(origin, sizeof origin, "codex:%d", (int)i);
        struct store_birth birth = {.workspace = "/w",
                                    .model = "m",
                                    .title = "",
                                    .origin = origin,
                                    .created_ms = CASES[i].first,
                                    .updated_ms = CASES[i].last};
        chat_conversation_init(&messages);
        assert_true(store_conversation_import(store, &birth, &messages, id, &err));
        assert_true(store_conversation_find(store, id, &found, &err));
        assert_int_equal(found.created_ms == CASES[i].first, CASES[i].taken);
        assert_int_equal(found.updated_ms == CASES[i].last, CASES[i].taken);
        store_conversation_finish(&found);
        chat_conversation_finish(&messages);
    }
}

static void test_states_of_calls(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    char id[37];
    make(store, id);
    assert_false(store_call_denied(store, id, "c"));
    assert_false(store_call_denied(store, "no such", "c"));
    struct store_call call = {"c", "shell", json_object(), STORE_CALL_DENIED, "user", 1, 0, 0};
    assert_true(store_call_put(store, id, &call, &err));
    assert_true(store_call_denied(store, id, "c"));
    call.state = STORE_CALL_STARTED;
    expect(store_call_put(store, id, &call, &err), &err, ERR_ARGUMENT, "cannot go from state 1");
    call.state = STORE_CALL_FINISHED;
    assert_true(store_call_put(store, id, &call, &err));
    json_decref(call.arguments);
}

static void test_more_words_than_are_looked_for(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    struct store_hit *hits;
    size_t count;
    char id[37];
    struct str words;
    str_init(&words);
    make(store, id);
    say(store, id, CHAT_USER, "heron", true);
    assert_true(store_conversation_set_title(store, id, "heron", &err));
    for (bool left = true; left;) {
        assert_true(store_search_work(store, &left, &err));
    }
    for (int i = 0; i < 100; i++) {
        str_append(&words, "heron ");
    }
    str_append(&words, "nothere");
    assert_true(store_search(store, words.data, 5, &hits, &count, &err));
    assert_int_equal(count, 2);
    store_hit_finish(&hits[0]);
    store_hit_finish(&hits[1]);
    mem_free(hits);
    /* The title is all that there is room for. */
    assert_true(store_search(store, "heron", 1, &hits, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(hits[0].ordinal, -1);
    store_hit_finish(&hits[0]);
    mem_free(hits);
    str_finish(&words);
}

/* The characters behind all that are words by themselves; and a tokenizer that takes no settings.
 */
static void test_the_last_characters(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    struct store_hit *hits;
    size_t count;
    char id[37];
    make(store, id);
    say(store, id, CHAT_USER, "heron\xF3\xB0\x80\x80\xF0\xBF\xBF\xBF\xF4\x8F\xBF\xBF", true);
    for (bool left = true; left;) {
        assert_true(store_search_work(store, &left, &err));
    }
    assert_true(store_search(store, "\xF0\xBF\xBF\xBF", 5, &hits, &count, &err)); /* U+3FFFF */
    assert_int_equal(count, 1);
    store_hit_finish(&hits[0]);
    mem_free(hits);
    sqlite3 *handle = db_handle(store->db);
    assert_int_not_equal(sqlite3_exec(handle,
                                      "CREATE VIRTUAL TABLE t USING fts5 (a, tokenize = 'carat 1')",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
}

/* --- rows whose hash is right --- */

/* A row of a message as somebody may write it who knows how. */
static void forge(struct store *store, const char *id, int64_t ordinal, int role,
                  const char *details)
{
    struct err err;
    int64_t key, row;
    struct message_columns columns = {.role = role,
                                      .complete = 1,
                                      .text = "t",
                                      .text_length = 1,
                                      .details = details,
                                      .details_length = details == NULL ? 0 : strlen(details)};
    assert_true(conversation_rows_key(store->db, id, &key, &err));
    execute(store, "BEGIN");
    assert_true(message_rows_insert(store->db, key, id, ordinal, &columns, 1, &row, &err));
    execute(store, "UPDATE conversations SET message_count = message_count + 1; COMMIT");
}

static void finding(void *context, const char *text)
{
    str_append_format(context, "%s\n", text);
}

static void test_forged_rows(void **state)
{
    static const struct {
        int role;
        const char *details, *said, *checked;
    } CASES[] = {
        {-1, NULL, "message 0 has the unknown role -1", "message 0: damaged"},
        {4, NULL, "message 0 has the unknown role 4", "message 0: damaged"},
        {2, "{", "message 0: JSON at byte", "message 0: JSON at byte"},
        {2, "[]", "message 0: the details of a message are not", "the details of a message"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
        struct err err = {0};
        struct store *store = store_open(path, &err);
        struct chat_conversation loaded;
        struct check_counts counts;
        struct str said;
        char id[37];
        assert_non_null(store);
        make(store, id);
        forge(store, id, 0, CASES[i].role, CASES[i].details);
        chat_conversation_init(&loaded);
        expect(store_messages_load(store, id, &loaded, NULL, &err), &err, ERR_FORMAT,
               CASES[i].said);
        assert_false(store_messages_load(store, id, &loaded, NULL, NULL));
        store_close(store);
        str_init(&said);
        assert_true(check_store(path, finding, &said, &counts, &err));
        assert_non_null(strstr(said.data, CASES[i].checked));
        assert_int_equal(counts.messages, 0);
        str_finish(&said);
        mem_free(path);
        support_remove_folder(folder);
    }
}

/* A call whose arguments are none, with its hash. */
static void test_forged_call(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    struct row_hash hash;
    struct store_call *calls;
    size_t count;
    char id[37], sql[256];
    static const char *const FIELDS[] = {"c", "n", "{"};
    make(store, id);
    row_hash_init(&hash);
    row_hash_bytes(&hash, id, strlen(id));
    for (int i = 0; i < 3; i++) {
        row_hash_bytes(&hash, FIELDS[i], 1);
    }
    snprintf(sql, sizeof sql,
             "INSERT INTO calls (conversation, call_id, name, arguments, state, decided_by, "
             "asked_ms, started_ms, finished_ms, hash) VALUES (1, 'c', 'n', '{', 0, '', 1, 0, 0, "
             "%lld)",
             (long long)row_hash_value(&hash));
    execute(store, sql);
    expect(store_calls_unfinished(store, id, &calls, &count, &err), &err, ERR_FORMAT,
           "JSON at byte");
}

/* Pieces of an answer that belong nowhere, each with its hash. */
static void test_forged_pieces(void **state)
{
    static const struct {
        int64_t text_at, thought_at, tokens_at;
        const char *tokens; /* as SQL */
        size_t tokens_length;
        const char *said;
    } CASES[] = {
        {-1, 0, 0, "x''", 0, "text is missing before piece 0"},
        {6, 0, 0, "x''", 0, "text is missing before piece 0"},
        {5, -1, 0, "x''", 0, "text is missing before piece 0"},
        {5, 1, 0, "x''", 0, "text is missing before piece 0"},
        {5, 0, -1, "x'00000000'", 4, "tokens are missing before -1"},
        {5, 0, 1, "x'00000000'", 4, "tokens are missing before 1"},
        {5, 0, 0, "x'000000'", 3, "3 bytes of tokens"},
    };
    struct store *store = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        static const char NULLS[4];
        struct err err = {0};
        struct row_hash hash;
        struct chat_conversation loaded;
        char id[37], sql[256];
        make(store, id);
        int64_t row = say(store, id, CHAT_MODEL, "grown", false);
        row_hash_init(&hash);
        row_hash_integer(&hash, row);
        row_hash_integer(&hash, 0);
        row_hash_integer(&hash, CASES[i].text_at);
        row_hash_integer(&hash, CASES[i].thought_at);
        row_hash_integer(&hash, CASES[i].tokens_at);
        row_hash_bytes(&hash, "+", 1);
        row_hash_bytes(&hash, "", 0);
        row_hash_bytes(&hash, NULLS, CASES[i].tokens_length);
        snprintf(sql, sizeof sql,
                 "INSERT INTO growth (message, piece, text_at, thought_at, tokens_at, hash, text, "
                 "thought, tokens) VALUES (%lld, 0, %lld, %lld, %lld, %lld, '+', '', %s)",
                 (long long)row, (long long)CASES[i].text_at, (long long)CASES[i].thought_at,
                 (long long)CASES[i].tokens_at, (long long)row_hash_value(&hash), CASES[i].tokens);
        execute(store, sql);
        chat_conversation_init(&loaded);
        expect(store_messages_load(store, id, &loaded, NULL, &err), &err, ERR_FORMAT,
               CASES[i].said);
        expect(store_conversation_lease(store, id, &err), &err, ERR_FORMAT, CASES[i].said);
    }
}

/* What a piece would be written behind is damaged: it gets no right hash by that. */
static void test_pieces_of_a_damaged_row(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    struct chat_message message;
    char id[37], made[37];
    make(store, id);
    int64_t row = say(store, id, CHAT_MODEL, "grown", false);
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, "grown and more", 14);
    message.complete = false;
    assert_true(store_message_grow(store, row, &message, &err));
    chat_message_finish(&message);
    execute(store, "UPDATE messages SET text = 'groan'");
    expect(store_conversation_lease(store, id, &err), &err, ERR_FORMAT, "hash does not match");
    expect(store_conversation_fork(store, id, 1, made, &err), &err, ERR_FORMAT,
           "hash does not match");
    execute(store, "UPDATE messages SET text = 'grown'");
    assert_true(store_conversation_lease(store, id, &err));
}

/* --- places --- */

static void expect_no_store(const char *path, enum err_code code, const char *words)
{
    struct err err = {0};
    struct store *store = store_open(path, &err);
    expect(store != NULL, &err, code, words);
    assert_null(store_open(path, NULL));
}

static void test_paths_that_are_no_place(void **state)
{
    (void)state;
    char *folder = support_make_memory_folder();
    char *file = support_path(folder, "file"), *below = support_path(file, "carat.db"),
         *link = support_path(folder, "link"), *gone = support_path(folder, "gone/carat.db"),
         *fresh = support_path(folder, "fresh.db");
    struct err err = {0};
    struct check_counts counts;
    support_write_file(file, "text", 4);
    assert_int_equal(symlink("nowhere", link), 0);
    expect_no_store(below, ERR_IO, "is not a folder");
    expect_no_store(gone, ERR_NOT_FOUND, "conversations cannot be kept: folder");
    expect_no_store(link, ERR_IO, "looking at the store");
    char *deep = support_path(below, "carat.db");
    expect_no_store(deep, ERR_IO, "conversations cannot be kept: folder");
    /* A copy goes where nothing is, and where something can be. */
    store_close(store_open(fresh, &err));
    expect(check_repair(fresh, below, finding, NULL, &counts, &err), &err, ERR_ARGUMENT,
           "is there already");
    mem_free(deep);
    mem_free(fresh);
    mem_free(gone);
    mem_free(link);
    mem_free(below);
    mem_free(file);
    support_remove_folder(folder);
}

/* Names that mean something else to SQLite are those of files. */
static void test_relative_paths(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"carat.db", "file:carat.db", ":memory:x"};
    char *folder = support_make_memory_folder(), *before = getcwd(NULL, 0);
    struct err err = {0};
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        struct store *store = store_open(NAMES[i], &err);
        if (store == NULL) {
            fail_msg("%s", err.text);
        }
        store_close(store);
        assert_int_equal(access(NAMES[i], F_OK), 0);
    }
    assert_int_equal(chdir(before), 0);
    free(before);
    support_remove_folder(folder);
}

/* A reserve that cannot be made leaves the store as it is otherwise. */
static void test_a_reserve_that_is_a_folder(void **state)
{
    (void)state;
    char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db"),
         *reserve = support_path(folder, "carat.db.reserve"), *in = support_path(reserve, "x");
    struct err err = {0};
    char id[37];
    assert_int_equal(mkdir(reserve, 0700), 0);
    support_write_file(in, "text", 4);
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    make(store, id);
    assert_null(store_warning(store));
    store_close(store);
    assert_int_equal(access(in, F_OK), 0);
    mem_free(in);
    mem_free(reserve);
    mem_free(path);
    support_remove_folder(folder);
}

/* The copy before a change of the schema needs its two names. */
static void test_names_of_the_copy_that_are_taken(void **state)
{
    (void)state;
    for (int own = 0; own <= 1; own++) {
        char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
        struct str taken;
        struct err err = {0};
        struct db *db = db_open(path, &err);
        assert_true(db_start_writing(db, &err) && schema_migrate(db, schema_steps, 1, &err));
        db_close(db);
        str_init(&taken);
        str_append_format(&taken, "%s.schema-1.bak", path);
        if (own) {
            str_append_format(&taken, ".%ld", (long)getpid());
        }
        assert_int_equal(mkdir(taken.data, 0700), 0);
        expect_no_store(path, ERR_IO, own ? "making" : "writing");
        assert_int_equal(support_query(path, "PRAGMA user_version"), 1);
        assert_int_equal(rmdir(taken.data), 0);
        struct store *store = store_open(path, &err);
        assert_non_null(store);
        store_close(store);
        str_finish(&taken);
        mem_free(path);
        support_remove_folder(folder);
    }
}

/* Numbers that say half that a file is ours. */
static void test_half_of_an_identity(void **state)
{
    (void)state;
    static const char *const SQL[] = {
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 1128354388",
        "PRAGMA application_id = 1128354388; PRAGMA user_version = -1",
        "CREATE TABLE t (a)",
    };
    for (size_t i = 0; i < sizeof SQL / sizeof SQL[0]; i++) {
        char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
        support_execute(path, SQL[i]);
        expect_no_store(path, ERR_FORMAT, "is not a store of carat but another database");
        mem_free(path);
        support_remove_folder(folder);
    }
    /* In memory there is nothing to copy. */
    struct err err = {0};
    struct db *db = db_open(":memory:", &err);
    assert_true(schema_migrate(db, schema_steps, 1, &err));
    assert_true(schema_migrate(db, schema_steps, schema_step_count, &err));
    db_close(db);
}

static void test_memory_that_is_full(void **state)
{
    struct store *store = *state;
    struct err err = {0};
    char id[37], text[9000];
    make(store, id);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    execute(store, "PRAGMA max_page_count = 1"); /* as many as there are */
    expect(store_conversation_set_title(store, id, text, &err), &err, ERR_FULL, "the disk is full");
    assert_null(store_warning(store));
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_memory, close_store)
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_names_at_their_limits),
        WITH_STORE(test_many_of_one_beginning),
        WITH_STORE(test_texts_that_are_too_large),
        WITH_STORE(test_json_that_is_too_deep),
        WITH_STORE(test_rare_fields_come_back),
        WITH_STORE(test_times_of_an_import),
        WITH_STORE(test_states_of_calls),
        WITH_STORE(test_more_words_than_are_looked_for),
        WITH_STORE(test_the_last_characters),
        cmocka_unit_test(test_forged_rows),
        WITH_STORE(test_forged_call),
        WITH_STORE(test_forged_pieces),
        WITH_STORE(test_pieces_of_a_damaged_row),
        cmocka_unit_test(test_paths_that_are_no_place),
        cmocka_unit_test(test_relative_paths),
        cmocka_unit_test(test_a_reserve_that_is_a_folder),
        cmocka_unit_test(test_names_of_the_copy_that_are_taken),
        cmocka_unit_test(test_half_of_an_identity),
        WITH_STORE(test_memory_that_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
