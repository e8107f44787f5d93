/* store_bench: what a large store costs. Prints numbers, judges nothing; not part of the tests.
 *
 *     tests/store/store_bench [MESSAGES [CONVERSATIONS [EACH [HOME
 * [RESULT [PLAIN]]]]]]
 *
 * MESSAGES (100,000) in one conversation, of about 1 KB each, and CONVERSATIONS (100,000) with EACH
 * (0) messages, which with 0 are rows without messages, written in one statement; then what a user
 * waits for, through the store: appending, opening, opening after a crash, the list, the last
 * conversation, loading, searching. With HOME the store is made in that CARAT_HOME, if there is
 * none, and stays there, for `tests/bench/screen.py --home HOME`, which measures the start of carat
 * itself. With RESULT (0) each of those conversations keeps a tool's output of so many bytes:
 * `1000 100000 1 HOME 94000` makes a store of 10 GB. With PLAIN (0) the messages of the one
 * conversation are questions and answers of so many bytes: `100000 100 0 HOME 0 700`, and
 * `tests/bench/screen.py --home HOME --resume ID` measures how long it takes to be taken up again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/rows.h"
#include "store/store.h"

#include "../store/support.h"

static int64_t started;

static void start(void)
{
    started = clock_monotonic_us();
}

static double elapsed_ms(void)
{
    return (double)(clock_monotonic_us() - started) / 1000.0;
}

static void line(const char *what, double milliseconds)
{
    printf("%-46s %10.3f ms\n", what, milliseconds);
}

static struct store *open_or_die(const char *path)
{
    struct err err;
    struct store *store = store_open(path, &err);
    support_require(store != NULL, "opening", err.text);
    return store;
}

/* A question or its answer: words and nothing else. */
static void make_plain(struct chat_message *message, uint64_t number, size_t bytes)
{
    struct str text;
    uint64_t random = number + 1;
    str_init(&text);
    str_append_format(&text, "marker %llu", (unsigned long long)number);
    while (text.length < bytes) {
        str_append_format(&text, " %llx", (unsigned long long)(support_random(&random) & 0xFFFFFF));
    }
    chat_message_init(message, number % 2 == 0 ? CHAT_USER : CHAT_MODEL);
    chat_message_set_text(message, text.data, text.length);
    str_finish(&text);
}

/* `plain`: of how many bytes; 0 = messages of all kinds. */
static void append_or_die(struct store *store, const char *id, uint64_t number, size_t plain)
{
    struct err err;
    struct chat_message message;
    int64_t row;
    if (plain > 0) {
        make_plain(&message, number, plain);
    } else {
        support_make_message(&message, number);
    }
    support_require(store_message_append(store, id, &message, &row, &err), "append", err.text);
    chat_message_finish(&message);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure_appends(struct store *store, const char *id, uint64_t from, size_t plain)
{
    enum { COUNT = 1000 };
    double *times = mem_alloc(COUNT, sizeof *times);
    for (uint64_t i = 0; i < COUNT; i++) {
        start();
        append_or_die(store, id, from + i, plain);
        times[i] = elapsed_ms();
    }
    qsort(times, COUNT, sizeof *times, compare_doubles);
    line("append, median of 1,000", times[COUNT / 2]);
    line("append, 99th percentile", times[COUNT * 99 / 100]);
    mem_free(times);
}

/* Through the store but in one transaction: a commit for each would measure the disk. */
static void write_messages(struct store *store, const char *id, uint64_t count, size_t plain)
{
    sqlite3 *handle = db_handle(store->db);
    sqlite3_exec(handle, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    start();
    for (uint64_t i = 0; i < count; i++) {
        append_or_die(store, id, i, plain);
    }
    sqlite3_exec(handle, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    line("writing the messages, without syncing", elapsed_ms());
}

static void write_conversations(const char *path, uint64_t count)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %llu) "
             "INSERT INTO conversations (id, title, workspace, model, created_ms, updated_ms, "
             "message_count) SELECT printf('00000000-0000-7000-8000-%%012d', i), 'title ' || i, "
             "'/w/' || (i %% 100), 'nano', i, (i * 7919) %% 1000003, 1 FROM n",
             (unsigned long long)count);
    support_execute(path, sql);
}

/* With messages; through the store as well. */
static void write_whole_conversations(struct store *store, uint64_t count, uint64_t each,
                                      size_t result_bytes)
{
    sqlite3 *handle = db_handle(store->db);
    struct err err;
    char id[37], workspace[32], title[32], handle_of_result[16];
    char *result = mem_alloc(result_bytes + 1, 1);
    for (size_t i = 0; i < result_bytes; i++) {
        result[i] = (char)('a' + i % 23);
    }
    sqlite3_exec(handle, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    start();
    for (uint64_t i = 0; i < count; i++) {
        snprintf(workspace, sizeof workspace, "/w/%d", (int)(i % 100));
        snprintf(title, sizeof title, "title %d", (int)i);
        support_require(store_conversation_create(store, workspace, "nano", id, &err) &&
                            store_conversation_suggest_title(store, id, title, &err),
                        "making", err.text);
        for (uint64_t j = 0; j < each; j++) {
            append_or_die(store, id, i * each + j, 0);
        }
        support_require(result_bytes == 0 || store_result_put(store, id, result, result_bytes,
                                                              handle_of_result, &err),
                        "result", err.text);
    }
    mem_free(result);
    sqlite3_exec(handle, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    line("writing whole conversations, without syncing", elapsed_ms());
}

static void measure_lists(struct store *store, const char *some)
{
    struct err err;
    struct store_conversation *list, last;
    size_t count;
    start();
    support_require(store_conversation_list(store, STORE_ALL, 50, &list, &count, &err), "list",
                    err.text);
    line("list of the newest 50", elapsed_ms());
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    start();
    support_require(store_conversation_last(store, "/w/42", &last, &err), "last", err.text);
    line("the last one of a workspace", elapsed_ms());
    store_conversation_finish(&last);
    start();
    support_require(store_conversation_find(store, some, &last, &err), "find", err.text);
    line("one by its id", elapsed_ms());
    store_conversation_finish(&last);
}

static void measure_search(struct store *store)
{
    struct err err;
    struct store_hit *hits;
    size_t count;
    bool left = true;
    start();
    while (left) {
        support_require(store_search_work(store, &left, &err), "indexing", err.text);
    }
    line("indexing all of it, in steps of 15 ms", elapsed_ms());
    static const char *const WORDS[] = {"4242", "marker", "\"marker 4242\"", "mark*", "nothere"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        char what[64];
        start();
        support_require(store_search(store, WORDS[i], 20, &hits, &count, &err), "search", err.text);
        snprintf(what, sizeof what, "search for %s, %zu hits", WORDS[i], count);
        line(what, elapsed_ms());
        for (size_t j = 0; j < count; j++) {
            store_hit_finish(&hits[j]);
        }
        mem_free(hits);
    }
}

/* What people look for: a rare word, a common one with it, a phrase, a beginning, a title. */
static void measure_many_searches(struct store *store, uint64_t numbers)
{
    enum { COUNT = 500 };
    static const char *const FORMS[][2] = {
        {"", ""}, {"marker ", ""}, {"\"marker ", "\""}, {"", "*"}, {"title ", ""}};
    double *times = mem_alloc(COUNT, sizeof *times);
    struct err err;
    for (int i = 0; i < COUNT; i++) {
        struct store_hit *hits;
        size_t count;
        char words[64];
        int number = (int)((uint64_t)i * 7919 % (numbers > 0 ? numbers : 1));
        snprintf(words, sizeof words, "%s%d%s", FORMS[i % 5][0], number, FORMS[i % 5][1]);
        start();
        support_require(store_search(store, words, 20, &hits, &count, &err), "search", err.text);
        times[i] = elapsed_ms();
        for (size_t j = 0; j < count; j++) {
            store_hit_finish(&hits[j]);
        }
        mem_free(hits);
    }
    qsort(times, COUNT, sizeof *times, compare_doubles);
    line("search, median of 500 of five kinds", times[COUNT / 2]);
    line("search, 99th percentile", times[COUNT * 99 / 100]);
    line("search, slowest", times[COUNT - 1]);
    mem_free(times);
}

static void measure_load(struct store *store, const char *id)
{
    struct err err;
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    start();
    support_require(store_messages_load(store, id, &loaded, NULL, &err), "load", err.text);
    line("loading the conversation, hashes checked", elapsed_ms());
    printf("%-46s %10zu of %s\n", "messages loaded", loaded.count, id);
    chat_conversation_finish(&loaded);
}

/* What a user waits for. */
static void measure_reading(const char *path, uint64_t numbers)
{
    struct err err;
    struct stat status;
    struct store_conversation last;
    stat(path, &status);
    printf("%-46s %10.1f MB\n", "size of the file", (double)status.st_size / 1e6);
    start();
    struct store *store = open_or_die(path);
    line("opening", elapsed_ms());
    support_require(store_conversation_last(store, NULL, &last, &err), "last", err.text);
    measure_lists(store, last.id);
    measure_load(store, last.id);
    store_conversation_finish(&last);
    measure_search(store);
    measure_many_searches(store, numbers);
    store_close(store);

    support_execute(path, "INSERT INTO openings (pid, started, boot, opened_ms) "
                          "VALUES (1, 1, 'another boot', 1)");
    start();
    store = open_or_die(path);
    line("opening after a crash", elapsed_ms());
    store_close(store);
}

static void make(const char *path, uint64_t messages, uint64_t conversations, uint64_t each,
                 size_t result_bytes, size_t plain)
{
    struct err err;
    char id[37];
    struct store *store = open_or_die(path);
    support_require(store_conversation_create(store, "/w", "nano", id, &err), "making", err.text);
    write_messages(store, id, messages, plain);
    measure_appends(store, id, messages, plain);
    if (each > 0) {
        write_whole_conversations(store, conversations, each, result_bytes);
    }
    start();
    store_close(store);
    line("closing, with the last checkpoint", elapsed_ms());
    if (each == 0) {
        write_conversations(path, conversations);
    }
}

int main(int argc, char **argv)
{
    uint64_t messages = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t conversations = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    uint64_t each = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    const char *home = argc > 4 ? argv[4] : NULL;
    size_t result_bytes = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
    size_t plain = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
    struct err err;
    char *folder = home == NULL ? support_make_folder() : support_path(home, "data");
    char *path = support_path(folder, "conversations.db");
    support_require(file_make_directories(folder, &err), "making a folder", err.text);
    if (access(path, F_OK) != 0) {
        make(path, messages, conversations, each, result_bytes, plain);
    }
    measure_reading(path, messages + conversations * each);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-46s %10.1f MB\n", "largest resident size", (double)usage.ru_maxrss / 1024);
    mem_free(path);
    if (home == NULL) {
        support_remove_folder(folder);
    } else {
        mem_free(folder);
    }
    return 0;
}
