#include "deeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/rows.h"
#include "store/store.h"

#include "support.h"

enum { MESSAGES = 9, FAR = 100000 };

/* --- what is done: each may be called again after it failed --- */

static bool do_create(struct scene *scene, struct err *err)
{
    char id[37];
    return store_conversation_create(scene->store, "/w", "m", id, err);
}

static bool do_create_as(struct scene *scene, struct err *err)
{
    return store_conversation_create_as(scene->store, "/w", "m",
                                        "01890a5d-ac96-774b-bcce-b302099a8057", err);
}

static bool do_title(struct scene *scene, struct err *err)
{
    return store_conversation_set_title(scene->store, scene->id, "otter", err);
}

static bool do_model(struct scene *scene, struct err *err)
{
    return store_conversation_set_model(scene->store, scene->id, "other", err);
}

static bool do_tag(struct scene *scene, struct err *err)
{
    return store_conversation_tag(scene->store, scene->id, "new", true, err);
}

static bool do_archive(struct scene *scene, struct err *err)
{
    return store_conversation_archive(scene->store, scene->id, true, err);
}

static bool do_lease(struct scene *scene, struct err *err)
{
    return store_conversation_lease(scene->store, scene->id, err);
}

static bool do_release(struct scene *scene, struct err *err)
{
    return store_conversation_release(scene->store, scene->id, err);
}

static bool do_append(struct scene *scene, struct err *err)
{
    struct chat_message message;
    int64_t row;
    support_make_message(&message, 9);
    bool ok = store_message_append(scene->store, scene->id, &message, &row, err);
    chat_message_finish(&message);
    return ok;
}

static bool change_last(struct scene *scene, bool grow, const char *text, struct err *err)
{
    struct chat_message message;
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, text, strlen(text));
    message.complete = !grow;
    bool ok = grow ? store_message_grow(scene->store, scene->last, &message, err)
                   : store_message_update(scene->store, scene->last, &message, err);
    chat_message_finish(&message);
    return ok;
}

static bool do_grow(struct scene *scene, struct err *err)
{
    return change_last(scene, true, "grown and more", err);
}

static bool do_update(struct scene *scene, struct err *err)
{
    return change_last(scene, false, "grown and more, to its end", err);
}

static bool do_call(struct scene *scene, struct err *err)
{
    struct store_call call = {"c1", NULL, NULL, STORE_CALL_FINISHED, NULL, 0, 0, 9};
    return store_call_put(scene->store, scene->id, &call, err);
}

static bool do_new_call(struct scene *scene, struct err *err)
{
    struct store_call call = {"c2", "shell", json_object(), STORE_CALL_ASKED, "user", 1, 0, 0};
    bool ok = store_call_put(scene->store, scene->id, &call, err);
    json_decref(call.arguments);
    return ok;
}

static bool do_result(struct scene *scene, struct err *err)
{
    char handle[16], *bytes = mem_zero(70000, 1);
    bool ok = store_result_put(scene->store, scene->id, bytes, 70000, handle, err);
    mem_free(bytes);
    return ok;
}

static bool do_replace(struct scene *scene, struct err *err)
{
    return store_result_replace(scene->store, scene->id, "r1", "other", 5, err);
}

static bool do_compaction(struct scene *scene, struct err *err)
{
    return store_compaction_put(scene->store, scene->id, 5, "in short", err);
}

static bool do_undo(struct scene *scene, struct err *err)
{
    bool undone;
    return store_compaction_undo(scene->store, scene->id, &undone, err);
}

static bool do_fork(struct scene *scene, struct err *err)
{
    char made[37];
    return store_conversation_fork(scene->store, scene->id, 7, made, err);
}

static bool do_rewind(struct scene *scene, struct err *err)
{
    char made[37];
    return store_conversation_rewind(scene->store, scene->id, 3, made, err);
}

static bool do_import(struct scene *scene, struct err *err)
{
    struct store_birth birth = {.workspace = "/w",
                                .model = "m",
                                .title = "Imported",
                                .origin = "codex:1",
                                .created_ms = 1000,
                                .updated_ms = 2000};
    struct chat_conversation messages;
    char made[37];
    chat_conversation_init(&messages);
    for (uint64_t i = 0; i < 4; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        chat_conversation_add(&messages, &message);
    }
    bool ok = store_conversation_import(scene->store, &birth, &messages, made, err);
    chat_conversation_finish(&messages);
    return ok;
}

static bool do_purge(struct scene *scene, struct err *err)
{
    return store_conversation_purge(scene->store, scene->gone, err);
}

/* --- what is only read: `err` is asked to be there, and nothing is handed out --- */

static bool do_load(struct scene *scene, struct err *err)
{
    struct chat_conversation loaded;
    int64_t *rows = NULL;
    chat_conversation_init(&loaded);
    bool ok = store_messages_load(scene->store, scene->id, &loaded, &rows, err);
    assert_int_equal(loaded.count > 0, ok);
    mem_free(rows);
    chat_conversation_finish(&loaded);
    return ok;
}

static bool do_list(struct scene *scene, struct err *err)
{
    struct store_conversation *list = NULL;
    size_t count = 0;
    bool ok = store_conversation_list(scene->store, STORE_ALL, 9, &list, &count, err);
    assert_int_equal(count > 0, ok);
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    return ok;
}

static bool do_find(struct scene *scene, struct err *err)
{
    struct store_conversation found;
    bool ok = store_conversation_find(scene->store, scene->id, &found, err);
    if (ok) {
        store_conversation_finish(&found);
    }
    return ok;
}

static bool do_last(struct scene *scene, struct err *err)
{
    struct store_conversation found;
    bool ok = store_conversation_last(scene->store, "/w", &found, err);
    if (ok) {
        store_conversation_finish(&found);
    }
    return ok;
}

static bool do_unfinished(struct scene *scene, struct err *err)
{
    struct store_call *list = NULL;
    size_t count = 0;
    bool ok = store_calls_unfinished(scene->store, scene->id, &list, &count, err);
    for (size_t i = 0; i < count; i++) {
        store_call_finish(&list[i]);
    }
    mem_free(list);
    return ok;
}

static bool do_result_get(struct scene *scene, struct err *err)
{
    char *bytes = NULL;
    size_t length;
    bool ok = store_result_get(scene->store, scene->id, "r2", &bytes, &length, err);
    mem_free(bytes);
    return ok;
}

static bool do_compaction_get(struct scene *scene, struct err *err)
{
    struct store_compaction out = {0};
    bool ok = store_compaction_get(scene->store, scene->id, &out, err);
    mem_free(out.text);
    return ok;
}

static bool do_time(struct scene *scene, struct err *err)
{
    int64_t created_ms;
    return store_message_time(scene->store, scene->id, 1, &created_ms, err);
}

static bool do_search(struct scene *scene, struct err *err)
{
    struct store_hit *hits = NULL;
    size_t count = 0;
    bool ok = store_search(scene->store, "heron", 9, &hits, &count, err);
    for (size_t i = 0; i < count; i++) {
        store_hit_finish(&hits[i]);
    }
    mem_free(hits);
    return ok;
}

static bool do_work(struct scene *scene, struct err *err)
{
    bool left;
    return store_search_work(scene->store, &left, err);
}

const struct deed deeds[] = {
    {"create", do_create},
    {"create as", do_create_as},
    {"title", do_title},
    {"model", do_model},
    {"tag", do_tag},
    {"archive", do_archive},
    {"lease", do_lease},
    {"release", do_release},
    {"append", do_append},
    {"grow", do_grow},
    {"update", do_update},
    {"call", do_call},
    {"new call", do_new_call},
    {"result", do_result},
    {"replace", do_replace},
    {"compaction", do_compaction},
    {"undo", do_undo},
    {"fork", do_fork},
    {"rewind", do_rewind},
    {"import", do_import},
    {"purge", do_purge},
    {"load", do_load},
    {"list", do_list},
    {"find", do_find},
    {"last", do_last},
    {"unfinished", do_unfinished},
    {"result get", do_result_get},
    {"compaction get", do_compaction_get},
    {"time", do_time},
    {"search", do_search},
    {"search work", do_work},
};
const size_t deed_count = sizeof deeds / sizeof deeds[0];

/* --- the scene, and what it holds --- */

void scene_set(struct scene *scene)
{
    struct err err = {0};
    char handle[16];
    struct store_call call = {"c1", "shell", json_object(), STORE_CALL_STARTED, "user", 1, 2, 0};
    scene->store = store_open(":memory:", &err);
    assert_non_null(scene->store);
    struct store *store = scene->store;
    for (int trashed = 0; trashed <= 1; trashed++) {
        char *id = trashed ? scene->gone : scene->id;
        assert_true(store_conversation_create(store, "/w", "nano", id, &err));
        for (uint64_t i = 0; i < MESSAGES; i++) {
            struct chat_message message;
            support_make_message(&message, i);
            assert_true(store_message_append(store, id, &message, &scene->last, &err));
            chat_message_finish(&message);
        }
        assert_true(store_conversation_set_title(store, id, "heron", &err));
        assert_true(store_conversation_tag(store, id, "water", true, &err));
        char *bytes = mem_zero(70000, 1);
        assert_true(store_result_put(store, id, "short", 5, handle, &err));
        assert_true(store_result_put(store, id, bytes, 70000, handle, &err));
        mem_free(bytes);
        assert_true(store_compaction_put(store, id, 2, "the first two", &err));
        assert_true(store_call_put(store, id, &call, &err));
        assert_true(store_conversation_trash(store, id, trashed, &err));
    }
    json_decref(call.arguments);
    struct chat_message growing;
    chat_message_init(&growing, CHAT_MODEL);
    growing.complete = false;
    chat_message_set_text(&growing, "grown", 5);
    assert_true(store_message_append(store, scene->id, &growing, &scene->last, &err));
    chat_message_set_text(&growing, "grown and", 9); /* a piece */
    assert_true(store_message_grow(store, scene->last, &growing, &err));
    chat_message_finish(&growing);
}

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001B3u;
    }
    return hash;
}

/* A number for all that is in the tables. */
uint64_t scene_contents(const struct scene *scene)
{
    static const char *const tables[] = {"conversations", "messages", "calls",   "results",
                                         "result_pieces", "tags",     "leases",  "compactions",
                                         "unindexed",     "growth",   "openings"};
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char sql[48];
        sqlite3_stmt *statement;
        snprintf(sql, sizeof sql, "SELECT * FROM %s", tables[i]);
        assert_int_equal(sqlite3_prepare_v2(db_handle(scene->store->db), sql, -1, &statement, NULL),
                         SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(statement); c++) {
                const void *bytes = sqlite3_column_blob(statement, c);
                hash = mix(hash, bytes, (size_t)sqlite3_column_bytes(statement, c));
                hash = mix(hash, &c, sizeof c);
            }
        }
        sqlite3_finalize(statement);
    }
    return hash;
}

void deed_expect_unchanged(const struct deed *deed, const struct scene *scene, long at,
                           uint64_t before, const struct err *err)
{
    if (err->code == ERR_NONE || err->text[0] == '\0') {
        fail_msg("%s, ended at %ld: no words", deed->name, at);
    }
    if (at > FAR) {
        fail_msg("%s never gets through: %s", deed->name, err->text);
    }
    if (scene_contents(scene) != before) {
        fail_msg("%s, ended at %ld, has changed something", deed->name, at);
    }
    if (sqlite3_get_autocommit(db_handle(scene->store->db)) == 0) {
        fail_msg("%s, ended at %ld: a transaction is left", deed->name, at);
    }
}
