/* What SQLite cannot have: memory, and calls to the disk, each of them refused once, at any place.
 * A function of the store fails with words and changes nothing, or does what it should; a store on
 * disk opens afterwards and holds what it had told of.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/check.h"
#include "store/rows.h"
#include "store/schema.h"
#include "store/store.h"

#include "deeds.h"
#include "support.h"

enum { MESSAGES = 3, FIRST = 3 /* of support_make_message: a tool's, a user's, a model's */ };

/* --- what fails --- */

enum kind { MEMORY, OPEN, READ, WRITE, TRUNCATE, SYNC, SIZE, DELETE, ACCESS, MAP, MODE, NONE };

static struct {
    enum kind kind;
    long left;    /* calls until the one that fails */
    int code;     /* what SQLite is told; MEMORY has no words */
    int system;   /* errno */
    bool forever; /* every later one, too */
    long failed;
} fault = {.kind = NONE};

static bool fails(enum kind kind)
{
    if (fault.kind != kind || (--fault.left != 0 && !(fault.forever && fault.left < 0))) {
        return false;
    }
    fault.failed++;
    errno = fault.system;
    return true;
}

static void begin(enum kind kind, long at, int code, int system, bool forever)
{
    fault.kind = kind;
    fault.left = at;
    fault.code = code;
    fault.system = system;
    fault.forever = forever;
    fault.failed = 0;
}

/* How often something failed. */
static long end(void)
{
    fault.kind = NONE;
    return fault.failed;
}

static sqlite3_mem_methods real_memory;

static void *take_memory(int size)
{
    return fails(MEMORY) ? NULL : real_memory.xMalloc(size);
}

static void *resize_memory(void *bytes, int size)
{
    return fails(MEMORY) ? NULL : real_memory.xRealloc(bytes, size);
}

/* The methods of SQLite's own files, with ours in front of some. The database's own has others than
 * its log and journal, and shares those that are called here. */
static sqlite3_vfs *real_disk, disk;
static sqlite3_io_methods real_file, database_methods, other_methods;

static int read_file(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    return fails(READ) ? fault.code : real_file.xRead(file, bytes, size, at);
}

static int write_file(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    return fails(WRITE) ? fault.code : real_file.xWrite(file, bytes, size, at);
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size)
{
    return fails(TRUNCATE) ? fault.code : real_file.xTruncate(file, size);
}

static int sync_file(sqlite3_file *file, int flags)
{
    return fails(SYNC) ? fault.code : real_file.xSync(file, flags);
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *size)
{
    return fails(SIZE) ? fault.code : real_file.xFileSize(file, size);
}

static int map_file(sqlite3_file *file, int page, int size, int extend, void volatile **map)
{
    return fails(MAP) ? fault.code : real_file.xShmMap(file, page, size, extend, map);
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    if (fails(OPEN)) {
        file->pMethods = NULL;
        return fault.code;
    }
    if (fails(MODE)) { /* as on a disk that turned read-only */
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    }
    int code = real_disk->xOpen(real_disk, name, file, flags, out);
    if (file->pMethods != NULL) {
        bool database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
        sqlite3_io_methods *methods = database ? &database_methods : &other_methods;
        real_file = database ? *file->pMethods : real_file;
        *methods = *file->pMethods;
        methods->xRead = read_file;
        methods->xWrite = write_file;
        methods->xTruncate = truncate_file;
        methods->xSync = sync_file;
        methods->xFileSize = size_of_file;
        methods->xShmMap = map_file;
        file->pMethods = methods;
    }
    return code;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    return fails(DELETE) ? fault.code : real_disk->xDelete(real_disk, name, sync_folder);
}

static int access_file(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    return fails(ACCESS) ? fault.code : real_disk->xAccess(real_disk, name, flags, result);
}

static int last_error(sqlite3_vfs *vfs, int size, char *text)
{
    (void)vfs;
    return fault.failed > 0 ? fault.system : real_disk->xGetLastError(real_disk, size, text);
}

static void stand_before_sqlite(void)
{
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    sqlite3_mem_methods memory = real_memory;
    memory.xMalloc = take_memory;
    memory.xRealloc = resize_memory;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory), SQLITE_OK);
    /* Small pieces would come from a store of their own. */
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
    real_disk = sqlite3_vfs_find(NULL);
    disk = *real_disk;
    disk.zName = "failing";
    disk.xOpen = open_file;
    disk.xDelete = delete_file;
    disk.xAccess = access_file;
    disk.xGetLastError = last_error;
    assert_int_equal(sqlite3_vfs_register(&disk, 1), SQLITE_OK);
}

/* --- memory --- */

static bool do_nothing(struct db *db, void *context, struct err *err)
{
    (void)db, (void)context, (void)err;
    return true;
}

/* Where no memory comes back a transaction cannot even be undone: the next one does that first.
 * Some of what SQLite asks for it can do without: then the function does what it should, and the
 * scene is a new one from there on. */
/* Whether the deed leaves anything else in the tables when nothing fails. */
static bool changes_something(const struct deed *deed)
{
    struct err err = {0};
    struct scene scene;
    scene_set(&scene);
    uint64_t before = scene_contents(&scene);
    assert_true(deed->run(&scene, &err));
    bool changed = scene_contents(&scene) != before;
    store_close(scene.store);
    return changed;
}

static void test_memory_that_is_refused(void **state)
{
    (void)state;
    size_t refusals = 0;
    for (size_t i = 0; i < 2 * deed_count; i++) {
        const struct deed *deed = &deeds[i / 2];
        bool changes = changes_something(deed);
        struct scene scene;
        scene_set(&scene);
        uint64_t before = scene_contents(&scene);
        bool through = false;
        for (long at = 1; !through; at += 1 + at / 5) {
            struct err err = {0};
            begin(MEMORY, at, 0, ENOMEM, i % 2 == 1);
            bool done = deed->run(&scene, &err);
            /* Again while there is no memory. */
            done = done || (i % 2 == 1 && deed->run(&scene, &err));
            through = end() == 0;
            if (!done) {
                refusals++;
                assert_true(db_transaction(scene.store->db, DB_READ, do_nothing, NULL, NULL));
                deed_expect_unchanged(deed, &scene, at, before, &err);
                assert_int_equal(err.code, ERR_MEMORY);
            } else {
                if ((scene_contents(&scene) != before) != changes) {
                    fail_msg("%s told of success after refusal %ld", deed->name, at);
                }
                store_close(scene.store);
                scene_set(&scene);
                before = scene_contents(&scene);
            }
        }
        store_close(scene.store);
    }
    assert_true(refusals > 10 * deed_count);
    print_message("%zu refusals in %zu functions\n", refusals, deed_count);
}

/* --- a life on disk --- */

/* What is there when a life begins. */
enum beginning { NOTHING, LEFT_BY_A_CRASH, OLD, BEGINNINGS };

struct life {
    const char *path;
    char id[37];
    int told;       /* messages of which the store said that they are kept */
    bool made;      /* the conversation */
    struct err err; /* why it ended before its end */
};

static void begin_with(enum beginning beginning, const char *path)
{
    struct err err;
    if (beginning == NOTHING) {
        return;
    }
    struct db *db = db_open(path, &err);
    assert_true(db_start_writing(db, &err));
    size_t steps = beginning == OLD ? 1 : schema_step_count;
    assert_true(schema_migrate(db, schema_steps, steps, &err));
    db_close(db);
    support_execute(path, "INSERT INTO openings (pid, started, boot, opened_ms) "
                          "VALUES (1, 1, 'another boot', 1)");
    assert_int_equal(chmod(path, 0644), 0);
}

static bool live(struct life *life)
{
    struct err *err = &life->err;
    struct store *store = store_open(life->path, err);
    if (store == NULL) {
        return false;
    }
    life->made = store_conversation_create(store, "/w", "nano", life->id, err) &&
                 store_conversation_lease(store, life->id, err);
    bool ok = life->made;
    for (int i = 0; ok && i < MESSAGES; i++) {
        struct chat_message message;
        int64_t row;
        support_make_message(&message, (uint64_t)(FIRST + i));
        ok = store_message_append(store, life->id, &message, &row, err);
        chat_message_finish(&message);
        life->told += ok;
    }
    /* Nothing is lost when it fails. */
    struct err why = {0};
    if (ok && !store_checkpoint(store, &why)) {
        assert_true(why.code != ERR_NONE && why.text[0] != '\0');
    }
    store_close(store);
    return ok;
}

static void no_finding(void *context, const char *text)
{
    (void)context;
    fail_msg("%s", text);
}

/* What was told is there; the last message, whose end was not told, may be. */
static void expect_what_was_told(const struct life *life)
{
    struct err err;
    struct check_counts counts;
    struct store *store = store_open(life->path, &err);
    if (store == NULL) {
        fail_msg("%s", err.text);
    }
    if (life->made) {
        struct chat_conversation loaded;
        chat_conversation_init(&loaded);
        if (!store_messages_load(store, life->id, &loaded, NULL, &err)) {
            fail_msg("%s", err.text);
        }
        assert_in_range(loaded.count, life->told, life->told + 1);
        for (size_t i = 0; i < loaded.count; i++) {
            struct chat_message message;
            support_make_message(&message, FIRST + i);
            assert_true(support_same_message(&message, &loaded.messages[i]));
            chat_message_finish(&message);
        }
        chat_conversation_finish(&loaded);
    }
    store_close(store);
    if (!check_store(life->path, no_finding, NULL, &counts, &err)) {
        fail_msg("%s", err.text);
    }
}

static const struct {
    const char *name;
    enum kind kind;
    int code, system;
} FAULTS[] = {
    {"memory", MEMORY, 0, ENOMEM},
    {"open: descriptors", OPEN, SQLITE_CANTOPEN, EMFILE},
    {"read", READ, SQLITE_IOERR_READ, EIO},
    {"write", WRITE, SQLITE_IOERR_WRITE, EIO},
    {"write: disk full", WRITE, SQLITE_FULL, ENOSPC},
    {"write: quota", WRITE, SQLITE_IOERR_WRITE, EDQUOT},
    {"truncate", TRUNCATE, SQLITE_IOERR_TRUNCATE, EIO},
    {"sync", SYNC, SQLITE_IOERR_FSYNC, EIO},
    {"size", SIZE, SQLITE_IOERR_FSTAT, EIO},
    {"delete", DELETE, SQLITE_IOERR_DELETE, EPERM},
    {"access", ACCESS, SQLITE_IOERR_ACCESS, EIO},
    {"map: disk full", MAP, SQLITE_IOERR_SHMSIZE, ENOSPC},
    {"map: memory", MAP, SQLITE_IOERR_NOMEM, 0},
    {"map: not permitted", MAP, SQLITE_READONLY_CANTINIT, EACCES},
    {"open: read-only", MODE, 0, EROFS},
};

/* Whether all went well, and whether the fault was not met any more. */
static bool one_life(size_t number, enum beginning beginning, long at, bool *through)
{
    char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
    struct life life = {.path = path};
    begin_with(beginning, path);
    begin(FAULTS[number].kind, at, FAULTS[number].code, FAULTS[number].system, at % 3 == 0);
    bool whole = live(&life);
    *through = end() == 0;
    if (!whole && (life.err.code == ERR_NONE || strstr(life.err.text, path) == NULL)) {
        fail_msg("%s, the %ld-th: \"%s\"", FAULTS[number].name, at, life.err.text);
    }
    assert_true(whole || !*through);
    expect_what_was_told(&life);
    mem_free(path);
    support_remove_folder(folder);
    return whole;
}

static void test_a_life_in_which_something_fails(void **state)
{
    (void)state;
    size_t lives = 0, ended = 0;
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        for (enum beginning beginning = NOTHING; beginning < BEGINNINGS; beginning++) {
            bool through = false;
            for (long at = 1; !through; at += 1 + at / 5) {
                ended += !one_life(i, beginning, at, &through);
                lives++;
            }
        }
    }
    print_message("%zu lives, %zu ended before their end\n", lives, ended);
    assert_true(ended > 300);
}

/* --- a copy of what can be read --- */

static void count_finding(void *context, const char *text)
{
    assert_true(text[0] != '\0');
    ++*(size_t *)context;
}

/* Makes a store with each kind of thing that is copied. */
static void make_original(const char *path)
{
    struct life life = {.path = path};
    struct err err;
    char handle[16];
    assert_true(live(&life));
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    assert_true(store_conversation_set_title(store, life.id, "heron", &err));
    assert_true(store_conversation_tag(store, life.id, "water", true, &err));
    assert_true(store_result_put(store, life.id, "result", 6, handle, &err));
    assert_true(store_result_put(store, life.id, "other", 5, handle, &err));
    store_close(store);
}

/* It is told when something is not copied, whatever was the reason. */
static void test_a_copy_in_which_something_fails(void **state)
{
    (void)state;
    size_t refused = 0, told = 0;
    char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
    make_original(path);
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        bool through = false;
        for (long at = 1; !through; at += 1 + at / 5) {
            char *copies = support_make_memory_folder(), *copy = support_path(copies, "copy.db");
            struct err err = {0};
            struct check_counts counts;
            size_t problems = 0;
            begin(FAULTS[i].kind, at, FAULTS[i].code, FAULTS[i].system, at % 3 == 0);
            bool done = check_repair(path, copy, count_finding, &problems, &counts, &err);
            through = end() == 0;
            assert_true(problems >= (size_t)counts.problems); /* a full disk: what is told twice */
            if (!done) {
                assert_true(err.code != ERR_NONE && err.text[0] != '\0');
                refused++;
            } else if (counts.conversations != 1 || counts.messages != MESSAGES ||
                       counts.pieces != 2) {
                if (problems == 0) {
                    fail_msg(
                        "%s, the %ld-th: %d conversations, %d messages, %d results copied, and "
                        "no problem told",
                        FAULTS[i].name, at, (int)counts.conversations, (int)counts.messages,
                        (int)counts.pieces);
                }
                told++;
            }
            assert_true(done || !through);
            mem_free(copy);
            support_remove_folder(copies);
        }
    }
    print_message("%zu refused, %zu told\n", refused, told);
    assert_true(refused > 100 && told > 0);
    mem_free(path);
    support_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_that_is_refused),
        cmocka_unit_test(test_a_life_in_which_something_fails),
        cmocka_unit_test(test_a_copy_in_which_something_fails),
    };
    stand_before_sqlite();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
