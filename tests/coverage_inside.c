/* coverage_inside: what ran in a place from where no file can be written is counted all the same.
 *
 * Linked into the programs of a coverage build by tests/coverage.py, and into no other; the product
 * knows nothing of it. gcov writes a file when a program ends, which the sandbox rightly refuses.
 * But a mapping that was made before the sandbox shut stays: a table with one word for each counter
 * of carat-tool lies in a file, whose descriptor every program hands on under a fixed number (the
 * environment does not reach the inside). carat-tool maps it before main, and marks there, when it
 * ends or becomes another program, what ran.
 *
 * Which counter is which only carat-tool knows, so it is carat-tool, too, that turns the table into
 * gcov's files: started outside with CARAT_COVERAGE_TAKE it counts what is marked as if it had run,
 * and ends. The layout of gcov's own tables is that of gcc 12 to 14; another one does not compile.
 *
 *     CARAT_COVERAGE       the file of the table
 *     CARAT_COVERAGE_TAKE  set: turn it into gcov's files
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

_Static_assert(__GNUC__ >= 12 && __GNUC__ <= 14, "gcov's tables have another layout here");

enum { HANDED_ON = 200, COUNTERS = 1 << 19, KINDS = __GNUC__ >= 14 ? 9 : 8 };

struct gcov_counters {
    unsigned count;
    int64_t *values;
};

struct gcov_function {
    const void *key;
    unsigned identity, line_checksum, flow_checksum;
    struct gcov_counters arcs;
};

struct gcov_info {
    unsigned version;
    struct gcov_info *next;
    unsigned stamp, checksum;
    const char *filename;
    void *merge[KINDS];
    unsigned function_count;
    const struct gcov_function *const *functions;
};

extern struct {
    struct gcov_info *list;
} __gcov_root;

static uint8_t *table;
static bool inside;

static void each_counter(void (*visit)(uint8_t *mark, int64_t *counter))
{
    size_t at = 0;
    for (const struct gcov_info *info = __gcov_root.list; info != NULL; info = info->next) {
        for (unsigned i = 0; i < info->function_count; i++) {
            const struct gcov_function *function = info->functions[i];
            /* A function that the linker took from another file is counted there. */
            unsigned count = function != NULL && function->key == info ? function->arcs.count : 0;
            for (unsigned k = 0; k < count; k++, at++) {
                if (at >= COUNTERS) {
                    abort();
                }
                visit(&table[at], &function->arcs.values[k]);
            }
        }
    }
}

static void mark(uint8_t *mark, int64_t *counter)
{
    if (*counter != 0) {
        *mark = 1;
    }
}

static void take(uint8_t *mark, int64_t *counter)
{
    *counter += *mark;
}

static void mark_all(void)
{
    if (table != NULL) {
        each_counter(mark);
    }
}

/* Where gcov would complain, on standard error, where tests read. */
static bool can_write(void)
{
    bool counts = __gcov_root.list != NULL;
    const char *path = counts ? __gcov_root.list->filename : "";
    const char *end = strrchr(path, '/');
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s", end != NULL ? (int)(end - path) : 0, path);
    return access(folder, W_OK) == 0;
}

void __gcov_dump(void);

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status)
{
    mark_all();
    if (table == NULL && can_write()) {
        __gcov_dump();
    }
    __real__exit(status);
}

int __real_execv(const char *path, char *const words[]);
int __wrap_execv(const char *path, char *const words[])
{
    mark_all();
    return __real_execv(path, words);
}

int __real_execvp(const char *path, char *const words[]);
int __wrap_execvp(const char *path, char *const words[])
{
    mark_all();
    return __real_execvp(path, words);
}

static void at_end(int status, void *unused)
{
    (void)unused;
    mark_all();
    if (inside || !can_write()) {
        fflush(NULL);
        __real__exit(status);
    }
}

__attribute__((constructor)) static void start(int count, char **words, char **environment)
{
    (void)environment;
    const char *path = getenv("CARAT_COVERAGE");
    const char *name = count > 0 ? strrchr(words[0], '/') : NULL;
    if (fcntl(HANDED_ON, F_GETFD) < 0 && path != NULL) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || dup2(fd, HANDED_ON) < 0) {
            perror(path);
            abort();
        }
        close(fd);
    }
    on_exit(at_end, NULL);
    if (name == NULL || strcmp(name, "/carat-tool") != 0) {
        return;
    }
    inside = count > 1 && strcmp(words[1], "--inside") == 0;
    void *map = mmap(NULL, COUNTERS, PROT_READ | PROT_WRITE, MAP_SHARED, HANDED_ON, 0);
    if (map == MAP_FAILED) {
        return; /* nobody counts */
    }
    table = map;
    if (getenv("CARAT_COVERAGE_TAKE") != NULL) {
        each_counter(take);
        table = NULL;
        exit(0);
    }
}
