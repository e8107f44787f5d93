/* map_guard: mapped files that are cut short are read as zeros and reported, in any thread, and
 * every other SIGBUS does what it did before. What ends a process is tried in a child of its own.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/err.h"
#include "load/file_map.h"
#include "load/map_guard.h"

enum { PAGES = 8, PAGE = 4096, BYTES = PAGES * PAGE - 96 };

static char path[64];

/* A new file of BYTES times 'x'; its descriptor. */
static int make_file(void)
{
    static char bytes[BYTES];
    memset(bytes, 'x', sizeof bytes);
    snprintf(path, sizeof path, "/tmp/carat-test-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes) {
        abort();
    }
    return fd;
}

static void check_changed(const struct file_map *map)
{
    struct err err;
    assert_false(file_map_check(map, "shown", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.text, "shown: the file changed while it was in use");
}

/* --- in a child --- */

enum { HANDLED = 7 };

static void handle(int number)
{
    (void)number;
    _exit(HANDLED);
}

/* Set between two maps: from then on ours and this one each have the other before them. */
static struct sigaction guard_of_maps;

static void pass_back(int number)
{
    static siginfo_t sent = {.si_code = 0};
    guard_of_maps.sa_sigaction(number, &sent, NULL);
}

static bool set_between(void)
{
    struct file_map map;
    const struct sigaction mine = {.sa_handler = pass_back};
    close(make_file());
    bool ok = file_map_open(&map, path, "shown", NULL) &&
              sigaction(SIGBUS, &mine, &guard_of_maps) == 0 &&
              (guard_of_maps.sa_flags & SA_SIGINFO) != 0;
    unlink(path);
    return ok;
}

/* Loses the pages of two mappings, a guarded one and one of its own. */
static void fault_outside(void)
{
    struct file_map map = {0};
    int fd = make_file();
    volatile const char *own = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, fd, 0);
    bool ok = file_map_open(&map, path, "shown", NULL) && ftruncate(fd, 0) == 0;
    unlink(path);
    if (!ok || own == MAP_FAILED || ((volatile const unsigned char *)map.bytes)[0] != 0 ||
        !file_map_is_broken(&map)) {
        _exit(1);
    }
    _exit(own[0] == 0 ? 2 : 3);
}

static void signal_sent(void)
{
    struct file_map map = {0};
    close(make_file());
    bool ok = file_map_open(&map, path, "shown", NULL);
    unlink(path);
    if (ok) {
        raise(SIGBUS);
    }
    _exit(1);
}

static int run_child(void (*run)(void), void (*before)(int))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGBUS, before == pass_back ? SIG_DFL : before); /* also instead of a sanitizer's */
        if (before == pass_back && !set_between()) {
            _exit(1);
        }
        run();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_others_are_passed_on(void **state)
{
    (void)state;
    int status = run_child(fault_outside, SIG_DFL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    status = run_child(fault_outside, SIG_IGN); /* a fault cannot be ignored */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    status = run_child(signal_sent, SIG_DFL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    status = run_child(signal_sent, SIG_IGN);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    status = run_child(fault_outside, pass_back); /* one that was set later, and passes back */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    status = run_child(fault_outside, handle);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == HANDLED);
    status = run_child(signal_sent, handle);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == HANDLED);
}

/* --- in this process --- */

static unsigned sum_of(const struct file_map *map)
{
    unsigned sum = 0;
    for (size_t i = 0; i < map->size; i++) {
        sum += ((volatile const unsigned char *)map->bytes)[i];
    }
    return sum;
}

static void *read_all(void *context)
{
    return (void *)(uintptr_t)sum_of(context);
}

/* Four threads find the pages missing at once; what the file still has is read as it is. */
static void test_missing_pages_are_zeros(void **state)
{
    (void)state;
    struct file_map map, other;
    struct err err;
    pthread_t threads[4];
    int fd = make_file();
    assert_true(file_map_open(&map, path, "shown", &err));
    assert_true(file_map_open(&other, path, "shown", &err));
    assert_int_equal(sum_of(&map), BYTES * 'x');
    assert_true(file_map_check(&map, "shown", &err));
    assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
    assert_false(file_map_is_broken(&map)); /* nobody has looked yet */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &map), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        assert_int_equal((uintptr_t)sum, 2 * PAGE * 'x');
    }
    assert_true(file_map_is_broken(&map));
    assert_false(file_map_is_broken(&other));
    check_changed(&map);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(sum_of(&map), 0); /* the first pages fault of their own */
    assert_int_equal(ftruncate(fd, BYTES), 0);
    check_changed(&map); /* for good */
    file_map_close(&map);
    check_changed(&other);
    file_map_close(&other);
    close(fd);
    unlink(path);
}

/* Inside of the last page nothing faults, and bytes written anew fault nowhere. */
static void test_changes_that_do_not_fault(void **state)
{
    (void)state;
    struct file_map map;
    struct err err;
    int fd = make_file();
    assert_true(file_map_open(&map, path, "shown", &err));
    assert_int_equal(ftruncate(fd, BYTES - 1), 0);
    assert_false(file_map_is_broken(&map));
    check_changed(&map);
    file_map_close(&map);
    assert_true(file_map_open(&map, path, "shown", &err));
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    assert_int_equal(futimens(fd, times), 0);
    check_changed(&map);
    file_map_close(&map);
    assert_true(file_map_open(&map, path, "shown", &err));
    assert_int_equal(unlink(path), 0); /* as when another one is renamed over it */
    assert_int_equal(sum_of(&map), (BYTES - 1) * 'x');
    assert_true(file_map_check(&map, "shown", &err));
    file_map_close(&map);
    close(fd);
}

static void test_the_table(void **state)
{
    (void)state;
    static int guards[MAP_GUARD_MAX];
    static char bytes[PAGE];
    struct err err;
    int other;
    for (int round = 0; round < 2; round++) { /* entries are used again */
        for (size_t i = 0; i < MAP_GUARD_MAX; i++) {
            assert_true(map_guard_add(bytes, sizeof bytes, &guards[i], &err));
            assert_false(map_guard_is_broken(guards[i]));
        }
        assert_false(map_guard_add(bytes, sizeof bytes, &other, &err));
        assert_int_equal(err.code, ERR_LIMIT);
        for (size_t i = 0; i < MAP_GUARD_MAX; i++) {
            map_guard_remove(guards[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_are_passed_on),
        cmocka_unit_test(test_missing_pages_are_zeros),
        cmocka_unit_test(test_changes_that_do_not_fault),
        cmocka_unit_test(test_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
