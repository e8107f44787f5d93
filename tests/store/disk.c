/* What disks do to a store: full, read-only, damaged, readable for others.
 *
 * Small and read-only file systems are mounted by a child in a namespace of its own, so this needs
 * either root or unprivileged user namespaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/place.h"
#include "store/store.h"

#include "support.h"

struct place {
    char *folder, *path;
};

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    place->folder = support_make_memory_folder();
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

static bool append_number(struct store *store, const char *id, uint64_t number, struct err *err)
{
    struct chat_message message;
    int64_t row;
    support_make_message(&message, number);
    bool ok = store_message_append(store, id, &message, &row, err);
    chat_message_finish(&message);
    return ok;
}

/* In children: all of 0..count-1 are there. */
static void require_messages(struct store *store, const char *id, uint64_t count)
{
    struct err err;
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    support_require(store_messages_load(store, id, &loaded, NULL, &err), "loading", err.text);
    support_require(loaded.count == count, "loading", "another number of messages than were kept");
    for (uint64_t i = 0; i < count; i++) {
        struct chat_message message;
        support_make_message(&message, i);
        support_require(support_same_message(&message, &loaded.messages[i]), "loading",
                        "a message is not what was kept");
        chat_message_finish(&message);
    }
    chat_conversation_finish(&loaded);
}

/* ---- full ---- */

static void mount_small(const char *folder, const char *size)
{
    support_enter_mount_namespace();
    support_require(mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, size) == 0, "tmpfs",
                    strerror(errno));
}

static void fill(const char *path, size_t bytes)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    support_require(fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) == 0, "filler",
                    strerror(errno));
    close(fd);
}

/* Writes until nothing more fits anywhere. */
static void fill_up(const char *path)
{
    static const char BLOCK[4096];
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    support_require(fd >= 0, "filler", strerror(errno));
    while (write(fd, BLOCK, sizeof BLOCK) > 0) {
    }
    close(fd);
}

/* Appends until it fails; the failure must be clear, and stay so. Returns how many are kept. */
static uint64_t append_until_full(struct store *store, const char *id, uint64_t from)
{
    struct err err;
    uint64_t kept = from;
    while (append_number(store, id, kept, &err)) {
        kept++;
        support_require(kept < 100000, "append", "the disk is never full");
    }
    for (int i = 0; i < 5; i++) {
        support_require(err.code == ERR_FULL, "code", err.text);
        support_require(strstr(err.text, "disk is full") != NULL, "words", err.text);
        support_require(strstr(err.text, "keeping a message") != NULL, "words", err.text);
        if (append_number(store, id, kept, &err)) { /* a shorter one may still fit */
            kept++;
            return append_until_full(store, id, kept);
        }
    }
    return kept;
}

static void full_without_reserve(void *context)
{
    const struct place *place = context;
    struct err err;
    char id[37];
    mount_small(place->folder, "size=3M");
    char *filler = support_path(place->folder, "filler");
    char *reserve = support_path(place->folder, "carat.db.reserve");
    fill(filler, 1024 * 1024);
    struct store *store = store_open(place->path, &err);
    support_require(store != NULL, "opening", err.text);
    support_require(access(reserve, F_OK) != 0, "reserve", "it took what there was");
    support_require(store_conversation_create(store, "/w", "nano", id, &err), "making", err.text);
    uint64_t kept = append_until_full(store, id, 0);
    support_require(kept > 50, "append", "hardly anything fitted");
    require_messages(store, id, kept);
    unlink(filler);
    support_require(append_number(store, id, kept, &err), "after freeing", err.text);
    require_messages(store, id, kept + 1);
    store_close(store);
    store = store_open(place->path, &err);
    support_require(store != NULL, "opening again", err.text);
    require_messages(store, id, kept + 1);
    store_close(store);
}

static void full_with_reserve(void *context)
{
    const struct place *place = context;
    struct err err;
    char id[37];
    mount_small(place->folder, "size=24M");
    char *filler = support_path(place->folder, "filler");
    char *reserve = support_path(place->folder, "carat.db.reserve");
    struct store *store = store_open(place->path, &err);
    support_require(store != NULL, "opening", err.text);
    struct stat status;
    support_require(stat(reserve, &status) == 0 && (status.st_mode & 0777) == 0600 &&
                        status.st_size == 4 << 20 && status.st_blocks * 512 >= 4 << 20,
                    "reserve", "it is not there");
    support_require(store_conversation_create(store, "/w", "nano", id, &err), "making", err.text);
    support_require(store_warning(store) == NULL, "warning", "too early");
    for (uint64_t i = 0; i < 20; i++) {
        support_require(append_number(store, id, i, &err), "append", err.text);
    }
    fill_up(filler);
    /* The message that meets the full disk is kept, in the room of the reserve, and it is said. */
    uint64_t kept = 20;
    while (store_warning(store) == NULL) {
        support_require(append_number(store, id, kept, &err), "with the reserve", err.text);
        kept++;
    }
    support_require(access(reserve, F_OK) != 0, "reserve", "it is still there");
    support_require(strstr(store_warning(store), "disk is full") != NULL, "warning",
                    store_warning(store));
    kept = append_until_full(store, id, kept);
    require_messages(store, id, kept);

    unlink(filler);
    support_require(append_number(store, id, kept, &err), "after freeing", err.text);
    support_require(store_checkpoint(store, &err), "checkpoint", err.text);
    support_require(store_warning(store) == NULL, "warning", "it stays");
    support_require(access(reserve, F_OK) == 0, "reserve", "it does not come back");
    require_messages(store, id, kept + 1);
    store_close(store);
}

/* Closed on a full disk, opened on a full disk: what was kept can be read. */
static void open_when_full(void *context)
{
    const struct place *place = context;
    struct err err;
    char id[37];
    mount_small(place->folder, "size=24M");
    char *filler = support_path(place->folder, "filler");
    struct store *store = store_open(place->path, &err);
    support_require(store != NULL, "opening", err.text);
    support_require(store_conversation_create(store, "/w", "nano", id, &err), "making", err.text);
    for (uint64_t i = 0; i < 20; i++) {
        support_require(append_number(store, id, i, &err), "append", err.text);
    }
    store_close(store);
    fill_up(filler);
    store = store_open(place->path, &err);
    support_require(store != NULL, "opening when full", err.text);
    support_require(store_warning(store) != NULL, "warning", "there is none");
    require_messages(store, id, 20);
    uint64_t kept = append_until_full(store, id, 20);
    fill_up(filler);
    store_close(store);
    fill_up(filler);

    /* The reserve is used up by now: opening may be refused, but in words, and nothing is lost. */
    store = store_open(place->path, &err);
    if (store == NULL) {
        support_require(err.code == ERR_FULL, "code", err.text);
        support_require(strstr(err.text, "disk is full") != NULL, "words", err.text);
        unlink(filler);
        store = store_open(place->path, &err);
        support_require(store != NULL, "after freeing", err.text);
    }
    require_messages(store, id, kept);
    unlink(filler);
    support_require(append_number(store, id, kept, &err), "after freeing", err.text);
    support_require(store_conversation_lease(store, id, &err), "lease", err.text);
    store_close(store);
}

static void test_full_disk(void **state)
{
    assert_int_equal(support_run_child(full_without_reserve, *state), 0);
    assert_int_equal(support_run_child(full_with_reserve, *state), 0);
    assert_int_equal(support_run_child(open_when_full, *state), 0);
}

/* ---- read-only, missing, readable ---- */

static void make_read_only(const char *path)
{
    support_require(mount(path, path, NULL, MS_BIND, NULL) == 0 &&
                        mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0,
                    path, strerror(errno));
}

static void require_refused(const char *path, const char *named)
{
    struct err err;
    support_require(store_open(path, &err) == NULL, "read-only", "the store opens");
    support_require(err.code == ERR_IO, "code", err.text);
    support_require(strstr(err.text, "cannot be written: Read-only file system") != NULL, "words",
                    err.text);
    support_require(strstr(err.text, named) != NULL, "path", err.text);
}

static void read_only_folder(void *context)
{
    const struct place *place = context;
    support_enter_mount_namespace();
    make_read_only(place->folder);
    require_refused(place->path, place->folder);
    char *absent = support_path(place->folder, "new.db");
    require_refused(absent, place->folder);
}

static void read_only_file(void *context)
{
    const struct place *place = context;
    support_enter_mount_namespace();
    make_read_only(place->path);
    require_refused(place->path, place->path);
}

static void test_read_only_places(void **state)
{
    struct place *place = *state;
    struct err err;
    store_close(store_open(place->path, &err));
    assert_int_equal(support_run_child(read_only_folder, place), 0);
    assert_int_equal(support_run_child(read_only_file, place), 0);
}

static void test_missing_folder(void **state)
{
    struct place *place = *state;
    struct err err;
    char *path = support_path(place->folder, "none/carat.db");
    assert_null(store_open(path, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/none"));
    mem_free(path);
    path = support_path(place->folder, "file");
    support_write_file(path, "x", 1);
    char *below = support_path(path, "carat.db");
    assert_null(store_open(below, &err));
    assert_int_equal(err.code, ERR_IO);
    mem_free(below);
    mem_free(path);
}

static int mode_of(const char *folder, const char *name)
{
    struct stat status;
    char *path = support_path(folder, name);
    int mode = stat(path, &status) == 0 ? (int)(status.st_mode & 0777) : -1;
    mem_free(path);
    return mode;
}

static void test_files_are_private(void **state)
{
    struct place *place = *state;
    struct err err;
    char id[37];
    static const mode_t MASKS[] = {0, 022, 0777};
    for (size_t i = 0; i < sizeof MASKS / sizeof MASKS[0]; i++) {
        mode_t before = umask(MASKS[i]);
        struct store *store = store_open(place->path, &err);
        bool made = store != NULL && store_conversation_create(store, "/w", "m", id, &err);
        umask(before);
        if (!made) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(mode_of(place->folder, "carat.db"), 0600);
        assert_int_equal(mode_of(place->folder, "carat.db-wal"), 0600);
        assert_int_equal(mode_of(place->folder, "carat.db-shm"), 0600);
        store_close(store);
        assert_int_equal(mode_of(place->folder, "carat.db-wal"), -1);
        unlink(place->path);
    }
    /* A file that others could read until now. */
    store_close(store_open(place->path, &err));
    assert_int_equal(chmod(place->path, 0644), 0);
    store_close(store_open(place->path, &err));
    assert_int_equal(mode_of(place->folder, "carat.db"), 0600);
}

static void test_network_file_systems(void **state)
{
    struct place *place = *state;
    assert_true(place_magic_is_network(0x6969));
    assert_true(place_magic_is_network(0xFF534D42));
    assert_true(place_magic_is_network((unsigned long)(int)0xFF534D42)); /* f_type is signed */
    assert_true(place_magic_is_network(0x01021997));
    assert_false(place_magic_is_network(0xEF53));     /* ext4 */
    assert_false(place_magic_is_network(0x01021994)); /* tmpfs */
    assert_false(place_magic_is_network(0x9123683E)); /* btrfs */
    /* What the folder of this test is on carries a log; the journal mode is kept in the file. */
    struct err err;
    store_close(store_open(place->path, &err));
    if (!place_is_network(place->path)) {
        char *mode = support_query_text(place->path, "PRAGMA journal_mode");
        assert_string_equal(mode, "wal");
        mem_free(mode);
    }
}

/* ---- damaged ---- */

enum { KEPT = 60, COPIES = 1000 };

/* How many damaged stores are made: files, and a third as many logs. CARAT_DAMAGED raises it. */
static int files_wanted(void)
{
    const char *wish = getenv("CARAT_DAMAGED");
    return (wish == NULL ? COPIES : atoi(wish)) * 3 / 4;
}

struct original {
    char ids[2][37];
    unsigned char *bytes;      /* the file after closing */
    unsigned char *base, *log; /* both files before, as a kill would leave them */
    size_t size, base_size, log_size;
};

/* Two conversations and a large result. */
static void make_original(const char *path, struct original *original)
{
    struct err err;
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    for (int c = 0; c < 2; c++) {
        assert_true(store_conversation_create(store, "/w", "nano", original->ids[c], &err));
        for (uint64_t i = 0; i < KEPT; i++) {
            assert_true(append_number(store, original->ids[c], i, &err));
        }
    }
    char handle[16];
    char *large = mem_zero(200000, 1);
    assert_true(store_result_put(store, original->ids[0], large, 200000, handle, &err));
    mem_free(large);
    char *log_path = mem_zero(strlen(path) + 5, 1);
    snprintf(log_path, strlen(path) + 5, "%s-wal", path);
    original->log = support_read_file(log_path, &original->log_size);
    original->base = support_read_file(path, &original->base_size);
    store_close(store);
    original->bytes = support_read_file(path, &original->size);
    assert_true(original->log_size > 0);
    mem_free(log_path);
}

static void free_original(struct original *original)
{
    mem_free(original->bytes);
    mem_free(original->base);
    mem_free(original->log);
}

/* Uses everything; no message may come back changed. Counts what was told as damage. */
static int use_damaged(const char *path, const struct original *original, bool may_miss_the_end)
{
    struct err err;
    struct store *store = store_open(path, &err);
    if (store == NULL) {
        assert_true(err.text[0] != '\0');
        return 1;
    }
    int damage = 0;
    for (int c = 0; c < 2; c++) {
        struct chat_conversation loaded;
        chat_conversation_init(&loaded);
        if (!store_messages_load(store, original->ids[c], &loaded, NULL, &err)) {
            assert_true(err.text[0] != '\0');
            damage++;
        } else if (!may_miss_the_end) {
            assert_int_equal(loaded.count, KEPT);
        }
        for (uint64_t i = 0; i < loaded.count; i++) {
            struct chat_message message;
            support_make_message(&message, i);
            assert_true(support_same_message(&message, &loaded.messages[i]));
            chat_message_finish(&message);
        }
        chat_conversation_finish(&loaded);
    }
    struct store_conversation *list;
    size_t count;
    if (store_conversation_list(store, STORE_ALL, 50, &list, &count, &err)) {
        for (size_t i = 0; i < count; i++) {
            store_conversation_finish(&list[i]);
        }
        mem_free(list);
    }
    char *bytes;
    size_t length;
    if (store_result_get(store, original->ids[0], "r1", &bytes, &length, &err)) {
        for (size_t i = 0; i < length; i++) {
            assert_int_equal(bytes[i], 0);
        }
        mem_free(bytes);
    } else {
        damage++;
    }
    append_number(store, original->ids[1], KEPT, &err); /* may be refused; must not crash */
    store_close(store);
    return damage;
}

static void remove_with_log(const char *folder, const char *name)
{
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char full[64];
        snprintf(full, sizeof full, "%s%s", name, ENDS[i]);
        char *path = support_path(folder, full);
        unlink(path);
        mem_free(path);
    }
}

static size_t damage_bytes(unsigned char *bytes, size_t size, uint64_t *random)
{
    if (support_random(random) % 5 == 0) {
        return support_random(random) % size; /* cut short */
    }
    uint64_t changes = 1 + support_random(random) % 64;
    for (uint64_t i = 0; i < changes; i++) {
        bytes[support_random(random) % size] ^= (unsigned char)(1 + support_random(random) % 255);
    }
    return size;
}

static void test_damaged_files(void **state)
{
    struct place *place = *state;
    struct original original;
    make_original(place->path, &original);
    char *copy = support_path(place->folder, "copy.db");
    uint64_t random = 77;
    int told = 0, copies = files_wanted();
    unsigned char *bytes = mem_alloc(original.size, 1);
    for (int i = 0; i < copies; i++) {
        memcpy(bytes, original.bytes, original.size);
        size_t size = damage_bytes(bytes, original.size, &random);
        support_write_file(copy, bytes, size);
        told += use_damaged(copy, &original, size == 0) > 0;
        remove_with_log(place->folder, "copy.db");
    }
    print_message("%d of %d damaged files were found to be so\n", told, copies);
    assert_true(told > copies / 2);
    support_write_file(copy, original.bytes, original.size);
    assert_int_equal(use_damaged(copy, &original, false), 0);
    mem_free(bytes);
    mem_free(copy);
    free_original(&original);
}

/* Each message has a text of its own ("marker-N:"): change one byte in one of them at a time. */
static void test_every_changed_message_is_found(void **state)
{
    struct place *place = *state;
    struct original original;
    struct err err;
    make_original(place->path, &original);
    char *copy = support_path(place->folder, "copy.db");
    int changed = 0;
    for (size_t at = 0; at + 8 < original.size; at++) {
        if (memcmp(original.bytes + at, "marker-", 7) != 0) {
            continue;
        }
        size_t target = at + (size_t)changed % 12; /* somewhere in it */
        original.bytes[target] ^= 1;
        support_write_file(copy, original.bytes, original.size);
        original.bytes[target] ^= 1;
        struct store *store = store_open(copy, &err);
        assert_non_null(store);
        int refused = 0;
        for (int c = 0; c < 2; c++) {
            struct chat_conversation loaded;
            chat_conversation_init(&loaded);
            if (!store_messages_load(store, original.ids[c], &loaded, NULL, &err)) {
                assert_int_equal(err.code, ERR_FORMAT);
                assert_non_null(strstr(err.text, "hash does not match"));
                refused++;
            }
            chat_conversation_finish(&loaded);
        }
        assert_int_equal(refused, 1);
        store_close(store);
        remove_with_log(place->folder, "copy.db");
        changed++;
    }
    assert_true(changed >= KEPT); /* users' messages made of parts have no marker */
    mem_free(copy);
    free_original(&original);
}

static void test_damaged_logs(void **state)
{
    struct place *place = *state;
    struct original original;
    make_original(place->path, &original);
    char *copy = support_path(place->folder, "copy.db"),
         *log = support_path(place->folder, "copy.db-wal");
    uint64_t random = 99;
    unsigned char *bytes = mem_alloc(original.log_size, 1);
    for (int i = 0; i < files_wanted() / 3; i++) {
        memcpy(bytes, original.log, original.log_size);
        size_t size = damage_bytes(bytes, original.log_size, &random);
        support_write_file(copy, original.base, original.base_size);
        support_write_file(log, bytes, size);
        use_damaged(copy, &original, true);
        remove_with_log(place->folder, "copy.db");
    }
    /* With the log as it was, everything is there. */
    support_write_file(copy, original.base, original.base_size);
    support_write_file(log, original.log, original.log_size);
    assert_int_equal(use_damaged(copy, &original, true), 0);
    mem_free(bytes);
    mem_free(copy);
    mem_free(log);
    free_original(&original);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_full_disk),
        IN_FOLDER(test_read_only_places),
        IN_FOLDER(test_missing_folder),
        IN_FOLDER(test_files_are_private),
        IN_FOLDER(test_network_file_systems),
        IN_FOLDER(test_damaged_files),
        IN_FOLDER(test_every_changed_message_is_found),
        IN_FOLDER(test_damaged_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
