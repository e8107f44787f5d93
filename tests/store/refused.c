/* What the kernel and other processes refuse: a call that is not allowed, a /proc that is empty or
 * says nothing, a lock that somebody else has.
 *
 * Each case runs in a child, whose filter (seccomp) lets one system call fail and no other.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/holder.h"
#include "store/rows.h"
#include "store/schema.h"
#include "store/store.h"

#include "support.h"

#ifdef SYS_chmod
enum { CHANGE_MODE = SYS_chmod };
#else
enum { CHANGE_MODE = SYS_fchmodat };
#endif

static void refuse(unsigned call, unsigned error)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};
    support_require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
                    "the filter", strerror(errno));
}

static void require_words(bool done, const struct err *err, const char *words)
{
    support_require(!done && strstr(err->text, words) != NULL, words, done ? "done" : err->text);
}

static char *reserve_of(const char *path)
{
    char *reserve = mem_zero(strlen(path) + 16, 1);
    snprintf(reserve, strlen(path) + 16, "%s.reserve", path);
    return reserve;
}

/* --- calls --- */

/* Nothing gets an id that may be another's. */
static void without_random_bytes(void *path)
{
    struct err err = {0};
    char id[37], made[37];
    struct store_birth birth = {.workspace = "/w", .model = "m", .title = "", .origin = "codex:1"};
    struct chat_conversation messages;
    struct chat_message message;
    int64_t row;
    struct store *store = store_open(path, &err);
    support_require(store != NULL, "opening", err.text);
    refuse(SYS_getrandom, ENOSYS);
    require_words(store_conversation_create(store, "/w", "m", id, &err), &err, "random bytes");
    static const char ID[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    support_require(store_conversation_create_as(store, "/w", "m", ID, &err), "as", err.text);
    chat_message_init(&message, CHAT_USER);
    support_require(store_message_append(store, ID, &message, &row, &err), "append", err.text);
    chat_message_finish(&message);
    require_words(store_conversation_fork(store, ID, 1, made, &err), &err, "random bytes");
    require_words(store_conversation_rewind(store, ID, 0, made, &err), &err, "random bytes");
    chat_conversation_init(&messages);
    require_words(store_conversation_import(store, &birth, &messages, made, &err), &err,
                  "random bytes");
    chat_conversation_finish(&messages);
    store_close(store);
}

static void without_a_mode_of_its_own(void *path)
{
    struct err err = {0};
    refuse(SYS_fchmod, EPERM);
    require_words(store_open(path, &err) != NULL, &err, "setting the mode of");
}

/* A store that others may read is not written to. */
static void with_the_rights_of_others(void *path)
{
    struct err err = {0};
    struct store *store = store_open(path, &err);
    support_require(store != NULL, "opening", err.text);
    store_close(store);
    support_require(chmod(path, 0644) == 0, "chmod", strerror(errno));
    refuse(CHANGE_MODE, EPERM);
    require_words(store_open(path, &err) != NULL, &err, "taking the rights of others on the store");
}

/* Without a word of the file system it is taken for a local one without much room. */
static void without_a_reserve(void *path, unsigned call, unsigned error)
{
    struct err err = {0};
    char id[37], *reserve = reserve_of(path);
    refuse(call, error);
    struct store *store = store_open(path, &err);
    support_require(store != NULL, "opening", err.text);
    support_require(store_conversation_create(store, "/w", "m", id, &err), "making", err.text);
    support_require(store_warning(store) == NULL, "warning", "of a reserve that there is not");
    store_close(store);
    support_require(access(reserve, F_OK) != 0, "reserve", "half of one is left");
    mem_free(reserve);
}

static void without_a_word_of_the_file_system(void *path)
{
    without_a_reserve(path, SYS_statfs, ENOSYS);
}

static void without_room_for_a_reserve(void *path)
{
    without_a_reserve(path, SYS_fallocate, ENOSPC);
}

/* The copy before a change of the schema is on the disk before it has its name. */
static void without_a_sync(void *path)
{
    struct err err = {0};
    struct db *db = db_open(path, &err);
    support_require(db != NULL && db_start_writing(db, &err) &&
                        schema_migrate(db, schema_steps, 1, &err),
                    "an old store", err.text);
    db_close(db);
    refuse(SYS_fsync, EIO);
    require_words(store_open(path, &err) != NULL, &err, "copying the store");
    support_require(support_query(path, "PRAGMA user_version") == 1, "version", "changed");
}

static void test_calls_that_are_refused(void **state)
{
    static const struct {
        const char *name;
        void (*body)(void *path);
    } CASES[] = {
        {"random bytes", without_random_bytes},
        {"its mode", without_a_mode_of_its_own},
        {"rights of others", with_the_rights_of_others},
        {"statfs", without_a_word_of_the_file_system},
        {"fallocate", without_room_for_a_reserve},
        {"fsync", without_a_sync},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
        if (support_run_child(CASES[i].body, path) != 0) {
            fail_msg("%s", CASES[i].name);
        }
        mem_free(path);
        support_remove_folder(folder);
    }
}

/* --- /proc --- */

static void write_proc(const char *name, const char *text)
{
    char *path = support_path("/proc", name);
    support_write_file(path, text, strlen(text));
    mem_free(path);
}

static void make_proc(const char *name)
{
    char *path = support_path("/proc", name);
    support_require(mkdir(path, 0700) == 0, path, strerror(errno));
    mem_free(path);
}

/* Where /proc says nothing, a number that somebody has is taken for the process that had it. */
static void require_what_is_left(pid_t gone)
{
    struct holder self, other = {.pid = gone};
    holder_self(&self);
    support_require(self.pid == getpid() && self.started == 0 && self.boot[0] == '\0', "self",
                    "more is known than there is");
    support_require(holder_alive(&self), "self", "is taken for dead");
    support_require(!holder_alive(&other), "one that is gone", "is taken for alive");
    other.pid = 1;
    other.started = 5;
    support_require(holder_alive(&other), "the first one", "is taken for dead");
    other.pid = -1;
    support_require(!holder_alive(&other), "all processes", "are taken for one");
}

static void without_proc(void *context)
{
    static const char *const STATS[] = {"", "1 carat S 1", "1 (carat", "1 (carat) S 2 3"};
    char name[64];
    (void)context;
    pid_t gone = fork();
    if (gone == 0) {
        _exit(0);
    }
    support_require(waitpid(gone, NULL, 0) == gone, "waitpid", strerror(errno));
    support_enter_mount_namespace();
    support_require(mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0, "tmpfs", strerror(errno));
    require_what_is_left(gone);
    make_proc("sys");
    make_proc("sys/kernel");
    make_proc("sys/kernel/random");
    write_proc("sys/kernel/random/boot_id", "");
    snprintf(name, sizeof name, "%d", (int)getpid());
    make_proc(name);
    snprintf(name, sizeof name, "%d/stat", (int)getpid());
    for (size_t i = 0; i < sizeof STATS / sizeof STATS[0]; i++) {
        write_proc(name, STATS[i]);
        require_what_is_left(gone);
    }
}

static void test_a_proc_that_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(support_run_child(without_proc, NULL), 0);
}

/* --- others --- */

/* Holds the lock of the file for a while, once it has told that it has it. */
static pid_t start_holder(const char *path, int told)
{
    pid_t child = fork();
    if (child != 0) {
        return child;
    }
    sqlite3 *handle;
    support_require(sqlite3_open(path, &handle) == SQLITE_OK &&
                        sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
                        write(told, "x", 1) == 1,
                    "holding", sqlite3_errmsg(handle));
    usleep(200 * 1000);
    sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(handle);
    _exit(0);
}

/* SQLite gives up at once here, as it does after 5 s; the store goes on waiting. */
static void test_a_lock_of_another_is_waited_for(void **state)
{
    (void)state;
    char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
    struct err err = {0};
    char id[37], byte;
    int ends[2], status;
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    sqlite3_busy_timeout(db_handle(store->db), 1);
    assert_int_equal(pipe(ends), 0);
    pid_t child = start_holder(path, ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    if (!store_conversation_create(store, "/w", "m", id, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
    store_close(store);
    mem_free(path);
    support_remove_folder(folder);
}

static void test_a_log_that_is_read_is_not_emptied(void **state)
{
    (void)state;
    char *folder = support_make_memory_folder(), *path = support_path(folder, "carat.db");
    struct err err = {0};
    char id[37];
    sqlite3 *other;
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT * FROM conversations", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_true(store_conversation_create(store, "/w", "m", id, &err));
    assert_false(store_checkpoint(store, &err));
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_true(store_checkpoint(store, &err));
    sqlite3_close(other);
    store_close(store);
    mem_free(path);
    support_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_that_are_refused),
        cmocka_unit_test(test_a_proc_that_says_nothing),
        cmocka_unit_test(test_a_lock_of_another_is_waited_for),
        cmocka_unit_test(test_a_log_that_is_read_is_not_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
