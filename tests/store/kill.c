/* kill -9 at any moment, several processes at once, leases, and what is in the way of them.
 *
 * A child keeps messages and tells of each through a pipe once the store has returned true; the
 * parent kills it, opens the file and looks for everything that was told. The number of kills is
 * the first argument (100 when absent; 2,000 in the test suite); the moments follow from a fixed
 * seed.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

#include "support.h"

enum { KILLS_PER_CONVERSATION = 10, KILLS_PER_FILE = 100, WRITERS = 4, WRITING_MS = 2000 };

static int kills_wanted = 100;

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

static void make_conversation(const char *path, char id[37])
{
    struct err err;
    struct store *store = store_open(path, &err);
    if (store == NULL || !store_conversation_create(store, "/w", "nano", id, &err)) {
        fail_msg("%s", err.text);
    }
    store_close(store);
}

static void sleep_us(long microseconds)
{
    struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
    }
}

/* ---- kill -9 ---- */

/* How much of a message is kept: one of the model's comes unfinished, grows piece by piece and is
 * updated at its end, as an answer that streams is. */
enum stage { PARTIAL, GROWN, GROWN_MORE, FINAL };

static void make_stage(struct chat_message *message, uint64_t number, enum stage stage)
{
    static const char *const texts[] = {"half of", "half of it and", "half of it and of the rest"};
    support_make_message(message, number);
    if (stage != FINAL) {
        chat_message_set_text(message, texts[stage], strlen(texts[stage]));
        message->complete = false;
    }
}

struct told {
    uint64_t number; /* of the message */
    uint64_t stage;  /* that is kept */
};

static void tell(int pipe_end, uint64_t number, enum stage stage)
{
    struct told told = {number, stage};
    support_require(write(pipe_end, &told, sizeof told) == sizeof told, "pipe", strerror(errno));
}

static void keep_messages(const char *path, const char *id, uint64_t from, int pipe_end)
{
    struct err err;
    struct store *store = store_open(path, &err);
    support_require(store != NULL, "opening", err.text);
    support_require(store_conversation_lease(store, id, &err), "lease", err.text);
    for (uint64_t number = from;; number++) {
        int64_t row;
        bool left;
        enum stage first = number % 4 == CHAT_MODEL ? PARTIAL : FINAL;
        for (enum stage stage = first; stage <= FINAL; stage++) {
            struct chat_message message;
            make_stage(&message, number, stage);
            bool ok = stage == first   ? store_message_append(store, id, &message, &row, &err)
                      : stage == FINAL ? store_message_update(store, row, &message, &err)
                                       : store_message_grow(store, row, &message, &err);
            support_require(ok, "keeping", err.text);
            tell(pipe_end, number, stage);
            chat_message_finish(&message);
        }
        if (number % 16 == 15) {
            support_require(store_search_work(store, &left, &err), "indexing", err.text);
        }
        if (number % 64 == 63) {
            store_checkpoint(store, NULL); /* so that kills fall into one */
        }
    }
}

/* Reads what was told until the pipe ends; the last of it, and how much there was. */
static size_t listen_to_end(int pipe_end, struct told *last)
{
    size_t count = 0;
    struct told told;
    ssize_t got;
    while ((got = read(pipe_end, &told, sizeof told)) == (ssize_t)sizeof told) {
        *last = told;
        count++;
    }
    assert_int_equal(got, 0);
    return count;
}

/* One life of a writer; *last is moved on to the last thing it told. */
static size_t write_and_kill(const char *path, const char *id, uint64_t from, long microseconds,
                             bool count_from_first, struct told *last)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        keep_messages(path, id, from, ends[1]);
    }
    close(ends[1]);
    size_t told = 0;
    if (count_from_first) {
        assert_int_equal(read(ends[0], last, sizeof *last), sizeof *last);
        told = 1;
    }
    sleep_us(microseconds);
    kill(child, SIGKILL);
    told += listen_to_end(ends[0], last);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return told;
}

/* Everything up to `last` must be there, whole; returns how many messages there are. */
static uint64_t expect_all(const char *path, const char *id, const struct told *last)
{
    struct err err;
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    struct store *store = store_open(path, &err);
    if (store == NULL || !store_messages_load(store, id, &loaded, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    /* What was being kept at the moment of the kill may be there or not. */
    assert_true(loaded.count >= last->number + 1 && loaded.count <= last->number + 2);
    for (uint64_t i = 0; i < loaded.count; i++) {
        enum stage least = i < last->number    ? FINAL
                           : i == last->number ? (enum stage)last->stage
                                               : PARTIAL;
        bool same = false;
        for (enum stage stage = least; stage <= FINAL && !same; stage++) {
            struct chat_message message;
            make_stage(&message, i, stage);
            same = support_same_message(&message, &loaded.messages[i]);
            chat_message_finish(&message);
        }
        assert_true(same);
    }
    /* The next writer goes on after what is there, with the last message in its final form. */
    struct chat_message final;
    uint64_t count = loaded.count;
    support_make_message(&final, count - 1);
    int64_t *rows = NULL;
    chat_conversation_finish(&loaded);
    chat_conversation_init(&loaded);
    assert_true(store_messages_load(store, id, &loaded, &rows, &err));
    assert_true(store_message_update(store, rows[count - 1], &final, &err));
    mem_free(rows);
    chat_message_finish(&final);
    chat_conversation_finish(&loaded);
    store_close(store);
    return count;
}

/* What the kills left of the index is finished, and says what the messages say. */
static void expect_index(const char *path)
{
    struct err err;
    bool left = true;
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    while (left) {
        assert_true(store_search_work(store, &left, &err));
    }
    store_close(store);
    support_execute(path, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
}

static void keep_first_message(const char *path, const char *id)
{
    struct err err;
    struct chat_message message;
    int64_t row;
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    support_make_message(&message, 0);
    assert_true(store_message_append(store, id, &message, &row, &err));
    chat_message_finish(&message);
    store_close(store);
}

static void test_kill_loses_nothing_that_was_kept(void **state)
{
    struct place *place = *state;
    uint64_t random = 20240611;
    size_t told = 0;
    int idle = 0;
    char id[37];
    struct told last = {0, FINAL};
    uint64_t count = 1;
    char *path = NULL;
    for (int i = 0; i < kills_wanted; i++) {
        if (i % KILLS_PER_FILE == 0) { /* or the look through a growing file takes all the time */
            char name[32];
            snprintf(name, sizeof name, "carat-%d.db", i / KILLS_PER_FILE);
            mem_free(path);
            path = support_path(place->folder, name);
        }
        if (i % KILLS_PER_CONVERSATION == 0) {
            make_conversation(path, id);
            keep_first_message(path, id);
            last = (struct told){0, FINAL};
            count = 1;
        }
        long moment = (long)(support_random(&random) % (i % 16 == 0 ? 20000 : 4000));
        /* Every fourth time from the start of the process: kills while opening. */
        bool early = i % 4 == 3;
        size_t here = write_and_kill(path, id, count, early ? moment / 2 : moment, !early, &last);
        told += here;
        idle += here == 0;
        count = expect_all(path, id, &last);
        last = (struct told){count - 1, FINAL};
        if (i % KILLS_PER_FILE == KILLS_PER_FILE - 1) {
            expect_index(path);
        }
    }
    mem_free(path);
    print_message("%d kills, %zu messages told of, %d kills before the first\n", kills_wanted, told,
                  idle);
    assert_true(told >= (size_t)kills_wanted);
}

/* ---- several processes ---- */

struct writer {
    const char *path;
    char id[37];
    int result; /* read end: how many were kept */
    pid_t child;
};

static void write_for_a_while(const struct writer *writer, int pipe_end)
{
    struct err err;
    int64_t stop = clock_monotonic_us() + WRITING_MS * 1000;
    uint64_t kept = 0;
    while (clock_monotonic_us() < stop) {
        /* Opening and closing too: that is when locks are taken that writing does not take. */
        struct store *store = store_open(writer->path, &err);
        support_require(store != NULL, "opening", err.text);
        for (int i = 0; i < 20; i++) {
            struct chat_message message;
            int64_t row;
            support_make_message(&message, kept);
            bool ok = store_message_append(store, writer->id, &message, &row, &err);
            support_require(ok, "append", err.text);
            chat_message_finish(&message);
            kept++;
        }
        struct store_conversation *list;
        size_t count;
        support_require(store_conversation_list(store, STORE_ALL, 50, &list, &count, &err) &&
                            count == WRITERS,
                        "list", err.text);
        for (size_t i = 0; i < count; i++) {
            store_conversation_finish(&list[i]);
        }
        mem_free(list);
        store_close(store);
    }
    support_require(write(pipe_end, &kept, sizeof kept) == sizeof kept, "pipe", strerror(errno));
}

static void start_writer(struct writer *writer)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    writer->child = fork();
    assert_true(writer->child >= 0);
    if (writer->child == 0) {
        close(ends[0]);
        write_for_a_while(writer, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    writer->result = ends[0];
}

static void test_four_processes_on_one_store(void **state)
{
    struct place *place = *state;
    struct writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i].path = place->path;
        make_conversation(place->path, writers[i].id);
    }
    for (int i = 0; i < WRITERS; i++) {
        start_writer(&writers[i]);
    }
    uint64_t kept[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(writers[i].child, &status, 0), writers[i].child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(read(writers[i].result, &kept[i], sizeof kept[i]), sizeof kept[i]);
        close(writers[i].result);
    }
    uint64_t sum = 0;
    for (int i = 0; i < WRITERS; i++) {
        struct told last = {kept[i] - 1, 1};
        assert_int_equal(expect_all(place->path, writers[i].id, &last), kept[i]);
        sum += kept[i];
    }
    print_message("%d processes kept %llu messages in %d ms\n", WRITERS, (unsigned long long)sum,
                  WRITING_MS);
}

static void make_new_file_together(void *context)
{
    struct err err;
    char id[37];
    int *start = context;
    char go;
    support_require(read(start[0], &go, 1) == 1, "start", strerror(errno));
    struct store *store = store_open("carat.db", &err);
    support_require(store != NULL, "opening", err.text);
    support_require(store_conversation_create(store, "/w", "nano", id, &err), "making", err.text);
    store_close(store);
}

static void test_eight_processes_make_the_file_at_once(void **state)
{
    enum { PROCESSES = 8, ROUNDS = 20 };
    struct place *place = *state;
    for (int round = 0; round < ROUNDS; round++) {
        int start[2];
        pid_t children[PROCESSES];
        assert_int_equal(pipe(start), 0);
        fflush(NULL);
        for (int i = 0; i < PROCESSES; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                support_require(chdir(place->folder) == 0, "chdir", strerror(errno));
                make_new_file_together(start);
                _exit(0);
            }
        }
        assert_int_equal(write(start[1], "12345678", PROCESSES), PROCESSES);
        for (int i = 0; i < PROCESSES; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        close(start[0]);
        close(start[1]);
        assert_int_equal(support_query(place->path, "SELECT count(*) FROM conversations"),
                         PROCESSES);
        assert_int_equal(support_query(place->path, "SELECT count(*) FROM openings"), 0);
        unlink(place->path);
    }
}

/* ---- leases ---- */

static pid_t hold_lease(const char *path, const char *id)
{
    int ends[2];
    char ready;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err;
        struct store *store = store_open(path, &err);
        support_require(store != NULL && store_conversation_lease(store, id, &err), "lease",
                        err.text);
        support_require(write(ends[1], "r", 1) == 1, "pipe", strerror(errno));
        for (;;) {
            pause();
        }
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    return child;
}

static void test_lease(void **state)
{
    struct place *place = *state;
    struct err err;
    char id[37], other[37], number[32];
    make_conversation(place->path, id);
    make_conversation(place->path, other);
    pid_t child = hold_lease(place->path, id);
    struct store *store = store_open(place->path, &err);
    assert_non_null(store);
    assert_false(store_conversation_lease(store, id, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_non_null(strstr(err.text, id));
    snprintf(number, sizeof number, "process %d", (int)child);
    assert_non_null(strstr(err.text, number));
    assert_true(store_conversation_lease(store, other, &err));

    /* Dead, and not yet waited for: a zombie holds nothing. */
    kill(child, SIGKILL);
    siginfo_t information;
    assert_int_equal(waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT), 0);
    assert_true(store_conversation_lease(store, id, &err));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(store_conversation_lease(store, id, &err));

    /* A second opening in this process is another holder, until the first lets go. */
    struct store *second = store_open(place->path, &err);
    assert_non_null(second);
    assert_false(store_conversation_lease(second, id, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_true(store_conversation_release(store, id, &err));
    assert_true(store_conversation_lease(second, id, &err));
    assert_false(store_conversation_lease(store, id, &err));
    store_close(second);
    assert_true(store_conversation_lease(store, id, &err));
    assert_false(store_conversation_lease(store, "none", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    store_close(store);
}

/* The row of a holder, rewritten: only the same process of the same boot counts. */
static void test_lease_of_the_dead(void **state)
{
    static const struct {
        const char *change;
        bool granted;
    } CASES[] = {
        {"UPDATE openings SET boot = 'another boot' WHERE key = 1", true},
        {"UPDATE openings SET started = started + 1 WHERE key = 1", true},
        {"UPDATE openings SET pid = 999999999 WHERE key = 1", true},
        {"UPDATE openings SET pid = -1 WHERE key = 1", true},
        {"UPDATE openings SET opened_ms = 0 WHERE key = 1", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct place *place;
        struct err err;
        char id[37];
        (void)state;
        set_up((void **)&place);
        struct store *first = store_open(place->path, &err);
        assert_non_null(first);
        assert_true(store_conversation_create(first, "/w", "nano", id, &err));
        assert_true(store_conversation_lease(first, id, &err));
        struct store *second = store_open(place->path, &err);
        assert_non_null(second);
        support_execute(place->path, CASES[i].change);
        assert_int_equal(store_conversation_lease(second, id, &err), CASES[i].granted);
        store_close(second);
        store_close(first);
        tear_down((void **)&place);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        kills_wanted = atoi(argv[1]);
    }
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_kill_loses_nothing_that_was_kept),
        IN_FOLDER(test_four_processes_on_one_store),
        IN_FOLDER(test_eight_processes_make_the_file_at_once),
        IN_FOLDER(test_lease),
        cmocka_unit_test(test_lease_of_the_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
