/* What people do with conversations: titles, tags, archive, trash, forks, rewinds, compactions, and
 * finding words again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/rows.h"
#include "store/store.h"

#include "support.h"

enum { MESSAGES = 9 };

struct place {
    char *folder, *path;
    struct store *store;
    char id[37]; /* a conversation of MESSAGES messages */
};

static void append(struct store *store, const char *id, uint64_t number)
{
    struct err err = {0};
    struct chat_message message;
    int64_t row;
    support_make_message(&message, number);
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
}

static void say(struct store *store, const char *id, const char *text)
{
    struct err err = {0};
    struct chat_message message;
    int64_t row;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text, strlen(text));
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
}

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err = {0};
    char handle[16];
    place->folder = support_make_folder();
    place->path = support_path(place->folder, "carat.db");
    place->store = store_open(place->path, &err);
    assert_string_equal(err.text, "");
    assert_true(store_conversation_create(place->store, "/w", "nano", place->id, &err));
    for (uint64_t i = 0; i < MESSAGES; i++) {
        append(place->store, place->id, i);
    }
    assert_true(store_result_put(place->store, place->id, "", 0, handle, &err));
    char *large = mem_zero(1, 200000);
    large[199999] = 'x';
    assert_true(store_result_put(place->store, place->id, large, 200000, handle, &err));
    mem_free(large);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    store_close(place->store);
    support_remove_folder(place->folder);
    mem_free(place->path);
    mem_free(place);
    return 0;
}

static size_t listed(struct store *store, enum store_which which)
{
    struct err err = {0};
    struct store_conversation *list;
    size_t count;
    assert_true(store_conversation_list(store, which, 100, &list, &count, &err));
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    return count;
}

static void expect_messages(struct store *store, const char *id, uint64_t wanted)
{
    struct err err = {0};
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    if (!store_messages_load(store, id, &loaded, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(loaded.count, wanted);
    for (uint64_t i = 0; i < wanted; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        assert_true(support_same_message(&message, &loaded.messages[i]));
        chat_message_finish(&message);
    }
    chat_conversation_finish(&loaded);
}

/* The index says what the messages say: FTS5 compares them itself. */
static void catch_up(struct place *place)
{
    struct err err = {0};
    bool left = true;
    while (left) {
        assert_true(store_search_work(place->store, &left, &err));
    }
    support_execute(place->path, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1);"
                                 "INSERT INTO titles (titles) VALUES ('integrity-check')");
}

/* How many hits; the first one's conversation and message, when wanted. */
static size_t found(struct place *place, const char *words, char first[37], int64_t *ordinal)
{
    struct err err = {0};
    struct store_hit *hits;
    size_t count;
    catch_up(place);
    if (!store_search(place->store, words, 50, &hits, &count, &err)) {
        fail_msg("%s", err.text);
    }
    if (count > 0 && first != NULL) {
        memcpy(first, hits[0].conversation.id, 37);
        *ordinal = hits[0].ordinal;
    }
    for (size_t i = 0; i < count; i++) {
        store_hit_finish(&hits[i]);
    }
    mem_free(hits);
    return count;
}

static void test_titles_and_tags(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    struct store_conversation look;
    char id[37];
    int64_t ordinal;
    assert_true(store_conversation_suggest_title(store, place->id, "Rivers of Europe", &err));
    assert_int_equal(found(place, "rivers", id, &ordinal), 1);
    assert_int_equal(ordinal, -1);
    assert_true(store_conversation_set_title(store, place->id, "Donau", &err));
    assert_true(store_conversation_suggest_title(store, place->id, "Rivers again", &err));
    assert_int_equal(found(place, "rivers", NULL, NULL), 0);
    assert_int_equal(found(place, "donau", NULL, NULL), 1);

    static const char *const BAD[] = {"", "a b", "a,b", "a\tb"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(store_conversation_tag(store, place->id, BAD[i], true, &err));
        assert_int_equal(err.code, ERR_ARGUMENT);
    }
    assert_true(store_conversation_tag(store, place->id, "water", true, &err));
    assert_true(store_conversation_tag(store, place->id, "water", true, &err));
    assert_true(store_conversation_tag(store, place->id, "geo", true, &err));
    assert_true(store_conversation_find(store, place->id, &look, &err));
    assert_string_equal(look.title, "Donau");
    assert_int_equal(look.titled_by, STORE_TITLE_USER);
    assert_string_equal(look.tags, "geo, water");
    store_conversation_finish(&look);
    assert_true(store_conversation_tag(store, place->id, "geo", false, &err));
    assert_true(store_conversation_find(store, place->id, &look, &err));
    assert_string_equal(look.tags, "water");
    store_conversation_finish(&look);
    assert_false(store_conversation_tag(store, "none", "x", true, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);

    struct store_birth birth = {.workspace = "/w",
                                .model = "m",
                                .title = "Imported",
                                .origin = "codex:1",
                                .created_ms = 86400000,
                                .updated_ms = 86400007};
    struct chat_conversation messages;
    char other[37];
    chat_conversation_init(&messages);
    for (uint64_t i = 0; i < 5; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        chat_conversation_add(&messages, &message);
    }
    assert_true(store_conversation_import(store, &birth, &messages, other, &err));
    expect_messages(store, other, 5);
    assert_true(store_conversation_find(store, other, &look, &err));
    assert_int_equal(look.created_ms, 86400000);
    assert_int_equal(look.updated_ms, 86400007);
    store_conversation_finish(&look);
    assert_true(store_conversation_last(store, NULL, &look, &err)); /* older than the other */
    assert_string_equal(look.id, place->id);
    store_conversation_finish(&look);
    assert_int_equal(found(place, "imported", id, &ordinal), 1);
    assert_false(store_conversation_import(store, &birth, &messages, other, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_int_equal(listed(store, STORE_ALL), 2);
    chat_conversation_finish(&messages);
}

static void test_archive_trash_restore_purge(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    struct store_conversation last;
    say(store, place->id, "the heron stands");
    assert_int_equal(listed(store, STORE_SHOWN), 1);
    assert_true(store_conversation_archive(store, place->id, true, &err));
    assert_int_equal(listed(store, STORE_SHOWN), 0);
    assert_int_equal(listed(store, STORE_ARCHIVED), 1);
    assert_int_equal(found(place, "heron", NULL, NULL), 1);
    assert_true(store_conversation_archive(store, place->id, false, &err));
    assert_int_equal(listed(store, STORE_SHOWN), 1);

    assert_false(store_conversation_purge(store, place->id, &err)); /* only out of the trash */
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_true(store_conversation_trash(store, place->id, true, &err));
    assert_int_equal(listed(store, STORE_SHOWN), 0);
    assert_int_equal(listed(store, STORE_TRASHED), 1);
    assert_int_equal(listed(store, STORE_ALL), 1);
    assert_int_equal(found(place, "heron", NULL, NULL), 0);
    assert_false(store_conversation_last(store, NULL, &last, &err));
    assert_true(store_conversation_trash(store, place->id, false, &err));
    assert_int_equal(found(place, "heron", NULL, NULL), 1);

    assert_true(store_conversation_tag(store, place->id, "t", true, &err));
    assert_true(store_conversation_lease(store, place->id, &err));
    assert_true(store_compaction_put(store, place->id, 3, "short", &err));
    assert_true(store_conversation_trash(store, place->id, true, &err));
    assert_true(store_conversation_purge(store, place->id, &err));
    assert_int_equal(listed(store, STORE_ALL), 0);
    static const char *const TABLES[] = {"conversations", "messages",      "calls",
                                         "results",       "result_pieces", "tags",
                                         "compactions",   "leases",        "unindexed"};
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", TABLES[i]);
        assert_int_equal(support_query(place->path, sql), 0);
    }
    catch_up(place);
    assert_int_equal(found(place, "heron", NULL, NULL), 0);
}

/* A store that is open twice: the first opening is not taken for a dead one's. */
static void test_a_living_opening_keeps_its_lease(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    assert_true(store_conversation_lease(place->store, place->id, &err));
    struct store *second = store_open(place->path, &err);
    assert_non_null(second);
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM openings"), 2);
    assert_false(store_conversation_lease(second, place->id, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_true(store_conversation_release(place->store, place->id, &err));
    assert_true(store_conversation_lease(second, place->id, &err));
    assert_false(store_conversation_lease(place->store, place->id, &err));
    store_close(second);
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM openings"), 1);
    assert_true(store_conversation_lease(place->store, place->id, &err));
    /* One whose process cannot be any more is cleared away, with what it held. */
    support_execute(place->path, "UPDATE openings SET started = started + 1");
    second = store_open(place->path, &err);
    assert_non_null(second);
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM openings"), 1);
    assert_true(store_conversation_lease(second, place->id, &err));
    store_close(second);
}

static void test_fork(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    char fork[37], first[37];
    int64_t ordinal;
    assert_true(store_conversation_set_title(store, place->id, "the river", &err));
    assert_true(store_conversation_fork(store, place->id, 4, fork, &err));
    expect_messages(store, fork, 4);
    expect_messages(store, place->id, MESSAGES);
    struct store_conversation look;
    assert_true(store_conversation_find(store, fork, &look, &err));
    assert_string_equal(look.parent, place->id);
    assert_int_equal(look.parent_count, 4);
    assert_string_equal(look.title, "the river");
    store_conversation_finish(&look);
    char *bytes;
    size_t length;
    assert_true(store_result_get(store, fork, "r1", &bytes, &length, &err));
    assert_int_equal(length, 0);
    mem_free(bytes);
    assert_true(store_result_get(store, fork, "r2", &bytes, &length, &err));
    assert_int_equal(length, 200000);
    assert_int_equal(bytes[199999], 'x');
    mem_free(bytes);

    /* They part: what one says the other does not, and shared words are found once. */
    say(store, fork, "only the heron");
    say(store, place->id, "only the otter");
    assert_int_equal(found(place, "heron", first, &ordinal), 1);
    assert_string_equal(first, fork);
    assert_int_equal(ordinal, 4);
    assert_int_equal(found(place, "\"marker 0\"", first, &ordinal), 1);
    assert_string_equal(first, place->id);
    assert_true(store_conversation_trash(store, place->id, true, &err));
    assert_int_equal(found(place, "\"marker 0\"", first, &ordinal), 1); /* now in the fork */
    assert_string_equal(first, fork);

    assert_true(store_conversation_fork(store, fork, INT64_MAX, first, &err));
    assert_true(store_conversation_find(store, first, &look, &err));
    assert_int_equal(look.message_count, 5);
    assert_int_equal(look.parent_count, 5);
    store_conversation_finish(&look);
    assert_false(store_conversation_fork(store, "none", 1, first, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_fork_of_damage_is_refused(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char fork[37];
    support_execute(place->path, "UPDATE messages SET text = 'other' WHERE ordinal = 2");
    assert_false(store_conversation_fork(place->store, place->id, 9, fork, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_int_equal(listed(place->store, STORE_ALL), 1);
    assert_true(store_conversation_fork(place->store, place->id, 2, fork, &err));
}

static void test_rewind(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    char branch[37], handle[16];
    struct chat_message message;
    support_make_message(&message, 6); /* a model's: it has the call "call-1" */
    struct store_call call = {"call-1", "shell", json_object(), STORE_CALL_FINISHED, "user", 1,
                              2,        3};
    assert_true(store_call_put(store, place->id, &call, &err));
    assert_true(store_compaction_put(store, place->id, 2, "first", &err));
    assert_true(store_compaction_put(store, place->id, 5, "second", &err));
    assert_true(store_conversation_rewind(store, place->id, 3, branch, &err));
    expect_messages(store, place->id, 3);
    expect_messages(store, branch, MESSAGES);
    struct store_compaction compaction;
    assert_true(store_compaction_get(store, place->id, &compaction, &err));
    assert_int_equal(compaction.upto, 2);
    assert_string_equal(compaction.text, "first");
    mem_free(compaction.text);
    /* The call's id is free again. */
    call.state = STORE_CALL_ASKED;
    assert_true(store_call_put(store, place->id, &call, &err));
    json_decref(call.arguments);
    assert_true(store_result_put(store, place->id, "x", 1, handle, &err));
    assert_string_equal(handle, "r3");
    append(store, place->id, 3);
    expect_messages(store, place->id, 4);
    assert_false(store_conversation_rewind(store, place->id, 4, branch, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_int_equal(listed(store, STORE_ALL), 2);
    chat_message_finish(&message);
    catch_up(place);
}

static void test_compaction(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    struct store_compaction look;
    bool undone;
    assert_true(store_compaction_get(store, place->id, &look, &err));
    assert_null(look.text);
    assert_int_equal(look.upto, 0);
    assert_true(store_compaction_put(store, place->id, 4, "what was said", &err));
    assert_true(store_compaction_put(store, place->id, 6, "and more", &err));
    assert_true(store_compaction_get(store, place->id, &look, &err));
    assert_int_equal(look.upto, 6);
    assert_string_equal(look.text, "and more");
    mem_free(look.text);
    assert_true(store_compaction_undo(store, place->id, &undone, &err));
    assert_true(undone);
    assert_true(store_compaction_get(store, place->id, &look, &err));
    assert_int_equal(look.upto, 4);
    mem_free(look.text);
    support_execute(place->path, "UPDATE compactions SET text = 'something else'");
    assert_false(store_compaction_get(store, place->id, &look, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_true(store_compaction_undo(store, place->id, &undone, &err));
    assert_true(store_compaction_undo(store, place->id, &undone, &err));
    assert_false(undone);
    expect_messages(store, place->id, MESSAGES);
}

static void test_search(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    char id[37], first[37];
    int64_t ordinal;
    assert_true(store_conversation_create(store, "/w", "nano", id, &err));
    say(store, id, "Der Fischreiher steht im flachen Wasser.");
    say(store, id, "caf\xC3\xA9 au lait; AND OR NEAR(x) \"quoted\" col:umn * -minus ^");
    say(store, id, "reiher reiher reiher wasser");
    static const struct {
        const char *words;
        size_t count;
        int64_t ordinal;
    } CASES[] = {
        {"wasser", 2, 2},
        {"wasser fischreiher", 1, 0},
        {"fisch*", 1, 0},
        {"fisch", 0, 0},
        {"\"flachen wasser\"", 1, 0},
        {"\"wasser flachen\"", 0, 0},
        {"cafe", 1, 1},
        {"AND OR NEAR(x) \"quoted", 1, 1},
        {"col:umn", 1, 1},
        {"text:wasser", 0, 0}, /* no column of ours is named by a person */
        {"-minus", 1, 1},
        {"* ^", 0, 0},
        {"*", 0, 0},
        {"fischreiher *", 1, 0}, /* a star alone is the beginning of no word */
        {"f* wasser", 1, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t count = found(place, CASES[i].words, first, &ordinal);
        if (count != CASES[i].count || (count > 0 && ordinal != CASES[i].ordinal)) {
            fail_msg("%s: %zu hits, the first %lld", CASES[i].words, count, (long long)ordinal);
        }
    }
    struct store_hit *hits;
    size_t count;
    assert_false(store_search(store, " \t\"\" ", 5, &hits, &count, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_true(store_search(store, "flachen", 5, &hits, &count, &err));
    assert_non_null(strstr(hits[0].snippet, "\1flachen\2 Wasser"));
    assert_string_equal(hits[0].conversation.id, id);
    assert_int_equal(hits[0].role, CHAT_USER);
    store_hit_finish(&hits[0]);
    mem_free(hits);
    assert_true(found(place, "thinking", first, &ordinal) >
                0); /* thoughts, calls and results too */
    assert_true(found(place, "file_read", first, &ordinal) > 0);
}

/* Scripts without blanks are found by any part of them, and so are emoji; the marks stand around
 * what was found. */
static void test_search_without_blanks(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    char id[37], first[37];
    int64_t ordinal;
    assert_true(store_conversation_create(store, "/w", "nano", id, &err));
    say(store, id, "漢字かな交じり文 in 東京都庁2号 Straße");
    say(store, id, "서울에서 만나요 สวัสดีครับ");
    say(store, id, "rocket🚀launch 👩‍💻 ok ☂");
    assert_true(store_conversation_set_title(store, id, "東京の旅", &err));
    static const struct {
        const char *words;
        size_t count;
        int64_t ordinal;
    } CASES[] = {
        {"東京", 2, -1},  {"都庁", 1, 0},          {"京東", 0, 0},        {"かな*", 1, 0},
        {"文", 1, 0},     {"東京 straße", 1, 0},   {"2号", 1, 0},         {"서울", 1, 1},
        {"만나", 1, 1},   {"วัสดี", 1, 1},           {"🚀", 1, 2},           {"rocket", 1, 2},
        {"launch", 1, 2}, {"rocket🚀launch", 1, 2}, {"👩‍💻", 1, 2}, {"☂", 1, 2},
        {"🚁", 0, 0},      {"\xE6\x9D", 0, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t count = found(place, CASES[i].words, first, &ordinal);
        if (count != CASES[i].count || (count > 0 && ordinal != CASES[i].ordinal)) {
            fail_msg("%s: %zu hits, the first %lld", CASES[i].words, count, (long long)ordinal);
        }
    }
    struct store_hit *hits;
    size_t count;
    assert_true(store_search(store, "都庁", 5, &hits, &count, &err));
    assert_non_null(strstr(hits[0].snippet, "東京\1都庁\2"
                                            "2号"));
    store_hit_finish(&hits[0]);
    mem_free(hits);
    support_execute(place->path, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
}

/* Of a word that is everywhere the newest are ranked; a rarer one is found wherever it stands. */
static void test_search_for_a_word_that_is_everywhere(void **state)
{
    enum { MANY = 5200 };
    struct place *place = *state;
    struct err err = {0};
    struct store_hit *hits;
    char id[37], first[37];
    int64_t ordinal;
    size_t count;
    assert_true(store_conversation_create(place->store, "/w", "nano", id, &err));
    sqlite3_exec(db_handle(place->store->db), "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    say(place->store, id, "everywhere needle");
    for (int i = 0; i < MANY; i++) {
        say(place->store, id, "everywhere");
    }
    assert_int_equal(found(place, "everywhere needle", first, &ordinal), 1);
    assert_int_equal(ordinal, 0);
    assert_true(store_search(place->store, "everywhere", 2 * MANY, &hits, &count, &err));
    assert_int_equal(count, 5000);
    for (size_t i = 0; i < count; i++) {
        assert_true(hits[i].ordinal > MANY - 5000);
        store_hit_finish(&hits[i]);
    }
    mem_free(hits);
}

/* After a crash a small store is looked through, and a large one is not: a start must not wait. */
static void test_large_store_after_a_crash(void **state)
{
    static const char DIED[] = "INSERT INTO openings (pid, started, boot, opened_ms) "
                               "VALUES (1, 1, 'another boot', 1)";
    struct place *place = *state;
    struct err err = {0};
    char id[37];
    store_close(place->store);
    support_execute(place->path, DIED);
    place->store = store_open(place->path, &err);
    assert_non_null(place->store);
    assert_false(store_unchecked(place->store));

    char *text = mem_alloc(1, 20 * 1024 * 1024);
    memset(text, 'x', 20 * 1024 * 1024 - 1);
    text[20 * 1024 * 1024 - 1] = '\0';
    assert_true(store_conversation_create(place->store, "/w", "nano", id, &err));
    say(place->store, id, text);
    mem_free(text);
    store_close(place->store);
    place->store = store_open(place->path, &err);
    assert_non_null(place->store);
    assert_false(store_unchecked(place->store)); /* it was closed */
    store_close(place->store);
    support_execute(place->path, DIED);
    place->store = store_open(place->path, &err);
    assert_non_null(place->store);
    assert_true(store_unchecked(place->store));
}

/* An answer that changes after it was indexed is found by its new words only. */
static void test_search_follows_changes(void **state)
{
    struct place *place = *state;
    struct store *store = place->store;
    struct err err = {0};
    struct chat_message message;
    int64_t row, ordinal;
    char first[37];
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, "pelican", 7);
    message.complete = false;
    assert_true(store_message_append(store, place->id, &message, &row, &err));
    assert_int_equal(found(place, "pelican", first, &ordinal), 1);
    chat_message_set_text(&message, "cormorant flies", 15);
    assert_true(store_message_grow(store, row, &message, &err));
    assert_int_equal(support_query(place->path, "SELECT count(*) FROM unindexed"), 1);
    assert_int_equal(found(place, "pelican", first, &ordinal), 0);
    assert_int_equal(found(place, "cormorant", first, &ordinal), 1);
    message.complete = true;
    chat_message_set_text(&message, "cormorant dives", 15);
    assert_true(store_message_update(store, row, &message, &err));
    assert_int_equal(found(place, "flies", first, &ordinal), 0);
    assert_int_equal(found(place, "dives", first, &ordinal), 1);
    chat_message_finish(&message);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_titles_and_tags),
        IN_FOLDER(test_archive_trash_restore_purge),
        IN_FOLDER(test_a_living_opening_keeps_its_lease),
        IN_FOLDER(test_fork),
        IN_FOLDER(test_fork_of_damage_is_refused),
        IN_FOLDER(test_rewind),
        IN_FOLDER(test_compaction),
        IN_FOLDER(test_search),
        IN_FOLDER(test_search_without_blanks),
        IN_FOLDER(test_search_follows_changes),
        IN_FOLDER(test_search_for_a_word_that_is_everywhere),
        IN_FOLDER(test_large_store_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
