/* Power loss: whatever a disk has made of what was not synced, the store opens, and nothing is
 * missing that it had acknowledged as synced.
 *
 * A child lives through a store's life while power_record notes what its SQLite writes and syncs,
 * and tells of each call that returned true. Then, at each moment of the record, files are made as
 * a disk may hold them after the power was lost there (power_image), opened by the real store and
 * compared. What store_message_grow was given is promised from the next synced call on.
 *
 * CARAT_POWER_IMAGES: how many to make, spread over the record, 5,000 when absent.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/vfs.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#include "power_image.h"
#include "support.h"

enum { MESSAGES = 72, GROWN = 2, FINAL = GROWN + 1, VERSIONS = FINAL + 1, TOLD_MAXIMUM = 4000 };
enum { RESULT_AT = 60, RESULT_SIZE = 4500 * 1000 }; /* over SQLite's thousand pages of log */

enum told_kind { TOLD_CONVERSATION, TOLD_MESSAGE, TOLD_RESULT, TOLD_TITLE };

struct told {
    enum told_kind kind;
    size_t events; /* of the record when the store had returned */
    int number, version;
    bool synced;
};

struct life {
    struct power_record *record;
    const char *folder, *path;
    bool is_network;
    /* shared with the child: */
    struct told *told;
    size_t *told_count;
    char *id;
};

/* --- a file system that carries no write-ahead log --- */

static bool pretend_network;

/* In the place of the C library's: what the store asks to choose its journal. */
int statfs(const char *path, struct statfs *status)
{
    long code = syscall(SYS_statfs, path, status);
    if (code == 0 && pretend_network) {
        status->f_type = 0x6969; /* NFS */
    }
    return (int)code;
}

/* --- what is kept --- */

static bool grows(int number)
{
    return number % 4 == CHAT_MODEL;
}

/* Model messages come in versions, as an answer that streams does; others are final at once. */
static void make_version(struct chat_message *message, int number, int version)
{
    support_make_message(message, (uint64_t)number);
    if (grows(number) && version < FINAL) {
        struct str text;
        str_init(&text);
        for (int i = 0; i <= version; i++) {
            str_append_format(&text, "piece %d of %d, ", i, number);
        }
        chat_message_set_text(message, text.data, text.length);
        str_finish(&text);
        message->complete = false;
    }
}

static char *make_result(void)
{
    char *bytes = mem_alloc(RESULT_SIZE, 1);
    uint64_t state = 99;
    for (size_t i = 0; i < RESULT_SIZE; i++) {
        bytes[i] = (char)(support_random(&state) >> 56);
    }
    return bytes;
}

/* --- the life --- */

static void tell(struct life *life, enum told_kind kind, int number, int version, bool synced)
{
    support_require(*life->told_count < TOLD_MAXIMUM, "told", "too much");
    life->told[(*life->told_count)++] =
        (struct told){kind, life->record->count, number, version, synced};
}

static void keep_message(struct life *life, struct store *store, int number)
{
    struct err err;
    int64_t row = 0;
    for (int version = grows(number) ? 0 : FINAL; version <= FINAL; version++) {
        struct chat_message message;
        make_version(&message, number, version);
        bool first = version == 0 || !grows(number), growing = !first && version < FINAL;
        bool ok = first     ? store_message_append(store, life->id, &message, &row, &err)
                  : growing ? store_message_grow(store, row, &message, &err)
                            : store_message_update(store, row, &message, &err);
        support_require(ok, "keeping", err.text);
        tell(life, TOLD_MESSAGE, number, version, !growing);
        chat_message_finish(&message);
    }
}

static struct store *open_store(struct life *life)
{
    struct err err;
    struct store *store = store_open(life->path, &err);
    support_require(store != NULL, "opening", err.text);
    return store;
}

static void live(void *context)
{
    struct life *life = context;
    struct err err;
    power_record_start(life->record, life->folder);
    struct store *store = open_store(life);
    support_require(store_conversation_create(store, "/w", "nano", life->id, &err), "create",
                    err.text);
    tell(life, TOLD_CONVERSATION, 0, 0, true);
    for (int number = 0; number < MESSAGES; number++) {
        bool left;
        keep_message(life, store, number);
        if (number % 16 == 15) { /* the log is moved, and then removed, and begins anew */
            support_require(store_search_work(store, &left, &err), "indexing", err.text);
            support_require(life->is_network || store_checkpoint(store, &err), "checkpoint",
                            err.text);
        }
        if (number % 24 == 23) {
            store_close(store);
            store = open_store(life);
            support_require(store_conversation_lease(store, life->id, &err), "lease", err.text);
        }
        if (number == RESULT_AT) {
            char handle[16], *bytes = make_result();
            bool ok = store_result_put(store, life->id, bytes, RESULT_SIZE, handle, &err);
            support_require(ok, "a result", err.text);
            tell(life, TOLD_RESULT, 0, 0, true);
            mem_free(bytes);
        }
        if (number == MESSAGES / 2) {
            bool ok = store_conversation_set_title(store, life->id, "A title", &err);
            support_require(ok, "a title", err.text);
            tell(life, TOLD_TITLE, 0, 0, true);
        }
    }
    store_close(store);
}

/* --- judging what is left --- */

struct promise {
    bool conversation, result, title;
    int version[MESSAGES]; /* at least this one; -1 = need not be there */
};

struct judge {
    struct life *life;
    struct chat_message known[MESSAGES][VERSIONS];
    char *result;
    struct promise promised;
    size_t heard;                /* of what was told */
    size_t at;                   /* the moment */
    struct promise unsynced_too; /* all that was told */
};

struct count {
    size_t images, unopenable, lost, damaged;
};

static void promise_nothing(struct promise *promise)
{
    *promise = (struct promise){.conversation = false};
    for (int i = 0; i < MESSAGES; i++) {
        promise->version[i] = -1;
    }
}

/* What holds at a moment of the record: all that was told before the last synced call's end. */
static void judge_hear(struct judge *judge, size_t events)
{
    const struct life *life = judge->life;
    judge->at = events;
    for (; judge->heard < *life->told_count && life->told[judge->heard].events <= events;
         judge->heard++) {
        const struct told *told = &life->told[judge->heard];
        struct promise *all = &judge->unsynced_too;
        all->conversation = all->conversation || told->kind == TOLD_CONVERSATION;
        all->result = all->result || told->kind == TOLD_RESULT;
        all->title = all->title || told->kind == TOLD_TITLE;
        if (told->kind == TOLD_MESSAGE) {
            all->version[told->number] = told->version;
        }
        if (told->synced) {
            judge->promised = *all;
        }
    }
}

static int version_of(struct judge *judge, int number, const struct chat_message *message)
{
    for (int version = FINAL; version >= (grows(number) ? 0 : FINAL); version--) {
        if (support_same_message(&judge->known[number][version], message)) {
            return version;
        }
    }
    return -1;
}

static bool check_messages(struct judge *judge, struct store *store, struct str *why)
{
    struct err err;
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    bool ok = store_messages_load(store, judge->life->id, &loaded, NULL, &err);
    if (!ok) {
        str_append_format(why, "reading: %s", err.text);
    }
    for (int i = 0; ok && i < MESSAGES; i++) {
        int wanted = judge->promised.version[i];
        int found = (size_t)i < loaded.count ? version_of(judge, i, &loaded.messages[i]) : -1;
        if (found < wanted || ((size_t)i < loaded.count && found < 0)) {
            str_append_format(why, "message %d of %zu has version %d, not %d", i, loaded.count,
                              found, wanted);
            ok = false;
        }
    }
    chat_conversation_finish(&loaded);
    return ok;
}

static bool check_result(struct judge *judge, struct store *store, struct str *why)
{
    struct err err;
    char *bytes = NULL;
    size_t length = 0;
    bool ok = store_result_get(store, judge->life->id, "r1", &bytes, &length, &err) &&
              length == RESULT_SIZE && memcmp(bytes, judge->result, length) == 0;
    if (!ok) {
        str_append_format(why, "the result of %zu bytes is another", length);
    }
    mem_free(bytes);
    return ok;
}

static bool check_rows(struct judge *judge, struct store *store, struct str *why)
{
    struct err err;
    struct store_conversation *list = NULL;
    size_t count = 0;
    bool ok = store_conversation_list(store, STORE_ALL, 9, &list, &count, &err);
    if (!ok) {
        str_append_format(why, "listing: %s", err.text);
    } else if (count == 0 && judge->promised.conversation) {
        ok = false;
        str_append(why, "the conversation is gone");
    } else if (judge->promised.title && strcmp(list[0].title, "A title") != 0) {
        ok = false;
        str_append(why, "the title is gone");
    }
    ok = ok && (count == 0 || check_messages(judge, store, why));
    ok = ok && (!judge->promised.result || check_result(judge, store, why));
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    return ok;
}

static bool goes_on(struct judge *judge, struct store *store, struct str *why)
{
    struct err err;
    struct chat_message message;
    int64_t row;
    support_make_message(&message, 1);
    bool ok = !judge->promised.conversation ||
              store_message_append(store, judge->life->id, &message, &row, &err);
    if (!ok) {
        str_append_format(why, "going on: %s", err.text);
    }
    chat_message_finish(&message);
    return ok;
}

/* Counts one image of the folder; says why the first few were not as they should be. */
static void judge_image(struct judge *judge, const char *path, struct count *count)
{
    struct err err;
    struct str why;
    str_init(&why);
    struct store *store = store_open(path, &err);
    if (store == NULL) {
        str_append(&why, err.text);
        count->unopenable++;
    } else if (!check_rows(judge, store, &why) || !goes_on(judge, store, &why)) {
        count->lost++;
    }
    store_close(store);
    if (store != NULL && count->images % 8 == 0) { /* what the store's own look leaves out */
        char *words = support_query_text(path, "PRAGMA integrity_check(1)");
        if (strcmp(words, "ok") != 0) {
            str_append(&why, words);
            count->damaged++;
        }
        mem_free(words);
    }
    count->images++;
    if (why.length > 0 && count->unopenable + count->lost + count->damaged <= 5) {
        print_message("after %zu events: %s\n", judge->at, why.data);
    }
    str_finish(&why);
}

static struct judge *judge_create(struct life *life)
{
    struct judge *judge = mem_zero(1, sizeof *judge);
    judge->life = life;
    judge->result = make_result();
    for (int i = 0; i < MESSAGES; i++) {
        for (int version = 0; version < VERSIONS; version++) {
            make_version(&judge->known[i][version], i, version);
        }
    }
    promise_nothing(&judge->promised);
    promise_nothing(&judge->unsynced_too);
    return judge;
}

static void judge_destroy(struct judge *judge)
{
    for (int i = 0; i < MESSAGES; i++) {
        for (int version = 0; version < VERSIONS; version++) {
            chat_message_finish(&judge->known[i][version]);
        }
    }
    mem_free(judge->result);
    mem_free(judge);
}

/* --- all moments --- */

static size_t images_wanted(void)
{
    const char *wish = getenv("CARAT_POWER_IMAGES");
    return wish == NULL ? 5000 : (size_t)strtoul(wish, NULL, 10);
}

static struct count lose_power(struct life *life, bool lying, size_t wanted)
{
    char *folder = support_make_memory_folder();
    char *path = support_path(folder, "carat.db");
    struct judge *judge = judge_create(life);
    struct power_image *image = power_image_create(life->record, lying);
    struct count count = {0};
    uint64_t random = 7;
    size_t events = life->record->count, slots = (events + 1) * POWER_LOSSES, slot = 0;
    for (size_t moment = 0; moment <= events; moment++) {
        power_image_advance(image, moment);
        judge_hear(judge, moment);
        for (int loss = 0; loss < POWER_LOSSES; loss++, slot++) {
            bool chosen = slot * wanted / slots != (slot + 1) * wanted / slots;
            if (chosen && (loss == 0 || power_image_is_unsettled(image))) {
                power_image_write(image, (enum power_loss)loss, &random, folder);
                judge_image(judge, path, &count);
            }
        }
    }
    power_image_destroy(image);
    judge_destroy(judge);
    mem_free(path);
    support_remove_folder(folder);
    return count;
}

static void life_begin(struct life *life, bool is_network)
{
    char *folder = support_make_memory_folder();
    *life = (struct life){.record = power_record_create(),
                          .folder = folder,
                          .path = support_path(folder, "carat.db"),
                          .is_network = is_network,
                          .told = power_record_take(TOLD_MAXIMUM * sizeof(struct told)),
                          .told_count = power_record_take(sizeof(size_t)),
                          .id = power_record_take(37)};
    pretend_network = is_network;
    assert_int_equal(support_run_child(live, life), 0);
    assert_true(*life->told_count > MESSAGES && life->record->count > 1000);
}

static void life_end(struct life *life)
{
    pretend_network = false;
    mem_free((char *)life->path);
    support_remove_folder((char *)life->folder);
}

static void expect_nothing_lost(bool is_network, size_t wanted)
{
    struct life life;
    life_begin(&life, is_network);
    struct count count = lose_power(&life, false, wanted);
    print_message("%s: %zu images of a power loss at the moments of %zu writes and syncs: %zu "
                  "cannot be opened, %zu lost something synced, %zu are damaged\n",
                  is_network ? "rollback journal" : "write-ahead log", count.images,
                  life.record->count, count.unopenable, count.lost, count.damaged);
    assert_true(count.images > wanted / 2);
    assert_int_equal(count.unopenable + count.lost + count.damaged, 0);
    life_end(&life);
}

static void test_write_ahead_log(void **state)
{
    (void)state;
    expect_nothing_lost(false, images_wanted() * 4 / 5);
}

static void test_rollback_journal(void **state)
{
    (void)state;
    expect_nothing_lost(true, images_wanted() / 5);
}

/* The control: on a disk that answers before it has written the same look finds losses. */
static void test_a_lying_disk_is_seen(void **state)
{
    (void)state;
    struct life life;
    life_begin(&life, false);
    struct count count = lose_power(&life, true, 60);
    assert_true(count.images > 30 && count.unopenable + count.lost > count.images / 4);
    life_end(&life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_ahead_log),
        cmocka_unit_test(test_rollback_journal),
        cmocka_unit_test(test_a_lying_disk_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
