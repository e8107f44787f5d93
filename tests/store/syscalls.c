/* A kill at every system call of a store's life: making the file and its schema, commits, a partial
 * answer and its final form, a checkpoint, closing.
 *
 * The child is traced; the parent lets it run to its n-th system call and kills it there, before
 * the call is carried out, for n = 1, 2, ... until the child gets to its end. After each kill the
 * file must open, and hold what the child had told of.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

#include "support.h"

enum { MESSAGES = 4, CALLS_MINIMUM = 100, CALLS_MAXIMUM = 5000 };

struct life {
    const char *path;
    int told; /* pipe: one byte for each message whose final form is kept */
};

static void keep(struct store *store, const char *id, uint64_t number, int told)
{
    struct err err;
    struct chat_message message;
    int64_t row;
    support_make_message(&message, number);
    bool complete = message.complete;
    message.complete = false;
    support_require(store_message_append(store, id, &message, &row, &err), "append", err.text);
    message.complete = complete;
    support_require(store_message_update(store, row, &message, &err), "update", err.text);
    chat_message_finish(&message);
    support_require(write(told, "k", 1) == 1, "pipe", strerror(errno));
}

static void live(const struct life *life)
{
    struct err err;
    char id[37];
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    struct store *store = store_open(life->path, &err);
    support_require(store != NULL && store_conversation_create(store, "/w", "nano", id, &err) &&
                        store_conversation_lease(store, id, &err),
                    "beginning", err.text);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        keep(store, id, i, life->told);
        if (i == 1) {
            support_require(store_checkpoint(store, &err), "checkpoint", err.text);
        }
    }
    store_close(store);
    _exit(0);
}

/* Lets the child run to the entry of its `calls`-th system call and kills it. True when it was
 * killed, false when it had ended before. */
static bool run_and_kill(pid_t child, int calls)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(
        ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
    /* Each call stops twice, at its entry and at its end. */
    for (int stops = 0; stops < 2 * calls - 1;) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
        assert_true(WIFSTOPPED(status));
        stops += WSTOPSIG(status) == (SIGTRAP | 0x80);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return true;
}

static void expect_what_was_told(const char *path, size_t told)
{
    struct err err;
    struct store_conversation *list;
    size_t count = 0;
    struct store *store = store_open(path, &err);
    if (store == NULL || !store_conversation_list(store, STORE_ALL, 9, &list, &count, &err)) {
        fail_msg("%s", err.text);
    }
    assert_true(count == 1 || (count == 0 && told == 0));
    for (size_t i = 0; i < count; i++) {
        struct chat_conversation loaded;
        chat_conversation_init(&loaded);
        if (!store_messages_load(store, list[i].id, &loaded, NULL, &err)) {
            fail_msg("%s", err.text);
        }
        assert_true(loaded.count == told || loaded.count == told + 1);
        for (size_t m = 0; m < loaded.count; m++) {
            struct chat_message message;
            support_make_message(&message, m);
            message.complete = message.complete && (m < told || loaded.messages[m].complete);
            assert_true(support_same_message(&message, &loaded.messages[m]));
            chat_message_finish(&message);
        }
        assert_true(store_conversation_lease(store, list[i].id, &err));
        chat_conversation_finish(&loaded);
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    store_close(store);
}

static bool one_life(const char *path, int calls)
{
    int ends[2];
    char bytes[MESSAGES + 1];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct life life = {path, ends[1]};
        live(&life);
    }
    close(ends[1]);
    bool killed = run_and_kill(child, calls);
    ssize_t told = read(ends[0], bytes, sizeof bytes);
    close(ends[0]);
    assert_in_range(told, 0, MESSAGES);
    assert_true(killed || told == MESSAGES);
    expect_what_was_told(path, (size_t)told);
    return killed;
}

static void test_kill_at_every_system_call(void **state)
{
    (void)state;
    int calls = 1;
    bool killed = true;
    for (; killed && calls < CALLS_MAXIMUM; calls++) {
        char *folder = support_make_folder();
        char *path = support_path(folder, "carat.db");
        killed = one_life(path, calls);
        mem_free(path);
        support_remove_folder(folder);
    }
    print_message("killed at each of %d system calls\n", calls - 2);
    assert_false(killed);
    assert_true(calls > CALLS_MINIMUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill_at_every_system_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
