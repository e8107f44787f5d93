/* Control groups without a kernel that delegates one: the calls that would ask the kernel lead to a
 * folder of this test, which answers as the kernel does when a group is delegated, when it is not,
 * when it is read-only, and when its limits cannot be written. What is made, where, and what is
 * left are then compared with a table. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#include "policy.h"
#include "sandbox_layers.h"

/* What mkdir answers in a group, and which files the kernel then puts into the new one. */
struct answer {
    const char *group; /* beneath the tree */
    int error;
    bool processes, memory, frozen; /* pids.max, memory.max; frozen: they cannot be written */
};

struct row {
    const char *name, *mounts, *groups; /* TREE in `mounts` is the folder of the test */
    struct answer answers[3];
    const char *made, *limits; /* NULL: none */
};

#define VERSION_2 "cgroup2 TREE/two cgroup2 rw,nosuid 0 0\n"
#define VERSION_1 \
    "cgroup TREE/one cgroup rw,cpu 0 0\ncgroup TREE/one/pids cgroup rw,nodev,pids 0 0\n"
#define BOTH_LIMITS "256 processes, 4096 MiB"

static const struct row rows[] = {
    {"delegated",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", 0, true, true, false}},
     "two/user/app",
     BOTH_LIMITS},
    {"delegated above",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", EACCES, false, false, false}, {"two/user", 0, true, true, false}},
     "two/user",
     BOTH_LIMITS},
    {"controllers above only",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", 0, false, false, false}, {"two/user", 0, true, true, false}},
     "two/user",
     BOTH_LIMITS},
    {"not delegated",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", EACCES, false, false, false}, {"two/user", EACCES, false, false, false}},
     NULL,
     NULL},
    {"read-only",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", EROFS, false, false, false}, {"two/user", EROFS, false, false, false}},
     NULL,
     NULL},
    {"limits cannot be written",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", 0, true, true, true}, {"two/user", 0, true, true, true}},
     NULL,
     NULL},
    {"no memory controller",
     VERSION_2,
     "0::/user/app\n",
     {{"two/user/app", 0, true, false, false}, {"two/user", 0, true, false, false}},
     NULL,
     NULL},
    {"version 2 without controllers, version 1 with processes",
     VERSION_1 VERSION_2,
     "5:cpu:/x\n4:pids,misc:/user\n0::/user/app\n",
     {{"two/user/app", 0, false, false, false}, {"one/pids/user", 0, true, false, false}},
     "one/pids/user",
     "256 processes"},
    {"the root of a version 2: nothing above it is asked",
     VERSION_2,
     "0::/\n",
     {{"two", EACCES, false, false, false}, {"", 0, true, true, false}},
     NULL,
     NULL},
    {"a group outside of what is mounted",
     VERSION_2,
     "0::/../user\n",
     {{"two/../user", 0, true, true, false}},
     NULL,
     NULL},
    {"version 2 is not mounted",
     "proc /proc proc rw 0 0\n",
     "0::/user/app\n",
     {{"two/user/app", 0, true, true, false}},
     NULL,
     NULL},
    {"nothing", "", "", {{NULL, 0, false, false, false}}, NULL, NULL},
};

static char tree[] = "/tmp/carat-cgroup-XXXXXX";
static const struct row *now;

/* --- the kernel's part --- */

int __real_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
FILE *__real_fopen(const char *path, const char *mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

static const char *const files[] = {"pids.max", "memory.max", "memory.oom.group", "cgroup.procs"};

static void put_file(const char *group, const char *name, bool frozen)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", group, name);
    if (frozen) { /* for root too, whom no permission stops */
        assert_int_equal(__real_mkdir(path, 0755), 0);
        return;
    }
    FILE *file = __real_fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    size_t length = strlen(tree);
    const char *end = strrchr(path, '/');
    assert_int_equal(strncmp(path, tree, length), 0);
    for (const struct answer *answer = now->answers; answer < now->answers + 3; answer++) {
        char parent[PATH_MAX];
        snprintf(parent, sizeof parent, "%s%s%s", tree,
                 answer->group != NULL && *answer->group != '\0' ? "/" : "",
                 answer->group != NULL ? answer->group : "none");
        if (strlen(parent) != (size_t)(end - path) || strncmp(parent, path, strlen(parent)) != 0) {
            continue;
        }
        if (answer->error != 0) {
            errno = answer->error;
            return -1;
        }
        int failed = __real_mkdir(path, mode);
        if (failed == 0) {
            const bool present[] = {answer->processes, answer->memory, answer->memory, true};
            for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
                if (present[i]) {
                    put_file(path, files[i], answer->frozen && i < 2);
                }
            }
        }
        return failed;
    }
    errno = EACCES;
    return -1;
}

/* The kernel removes a group with its files, which nobody else can. */
int __wrap_rmdir(const char *path)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char file[PATH_MAX];
        snprintf(file, sizeof file, "%s/%s", path, files[i]);
        if (unlink(file) != 0 && (errno == EISDIR || errno == EPERM)) {
            __real_rmdir(file);
        }
    }
    return __real_rmdir(path);
}

static FILE *open_fake(const char *path, const char *mode)
{
    char fake[PATH_MAX];
    const char *name = strncmp(path, "/proc/self/", 11) == 0 ? path + 11 : NULL;
    snprintf(fake, sizeof fake, "%s/%s", tree, name != NULL ? name : "");
    return __real_fopen(name != NULL ? fake : path, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return open_fake(path, mode);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    return open_fake(path, mode);
}

/* --- the tests --- */

static void put_text(const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", tree, name);
    FILE *file = __real_fopen(path, "w");
    assert_non_null(file);
    for (const char *at = text, *next; *at != '\0'; at = next) {
        next = strstr(at, "TREE");
        next = next == NULL ? at + strlen(at) : next;
        fwrite(at, 1, (size_t)(next - at), file);
        if (*next != '\0') {
            fputs(tree, file);
            next += 4;
        }
    }
    fclose(file);
}

static void lay(const struct row *row)
{
    now = row;
    put_text("mounts", row->mounts);
    put_text("cgroup", row->groups);
}

static bool is_there(const char *group, long pid)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s%scarat-%ld", tree, group, *group != '\0' ? "/" : "", pid);
    return stat(path, &status) == 0;
}

static void value_of(const char *group, const char *file, char value[64])
{
    char path[PATH_MAX + 80];
    snprintf(path, sizeof path, "%s/%s", group, file);
    FILE *from = __real_fopen(path, "r");
    assert_non_null(from);
    size_t length = fread(value, 1, 63, from);
    value[length] = '\0';
    fclose(from);
}

/* In a process of its own, as in the program: what it leaves is looked at when it is gone. */
static void make_one(const struct row *row)
{
    struct policy policy;
    struct err err;
    struct sandbox_cgroup cgroup;
    const char *limits = "{\"limits\": {\"processes\": 256, \"memory_bytes\": 4294967296}}";
    char value[64], expected[PATH_MAX];
    assert_true(policy_parse(&policy, limits, strlen(limits), "/", &err));
    sandbox_cgroup_make(&cgroup, &policy);
    assert_int_equal(cgroup.path[0] != '\0', row->made != NULL);
    assert_true(sandbox_cgroup_join(&cgroup));
    if (row->made == NULL) {
        assert_string_equal(cgroup.path, "");
        return;
    }
    snprintf(expected, sizeof expected, "%s/%s/carat-%d", tree, row->made, (int)getpid());
    assert_string_equal(cgroup.path, expected);
    assert_string_equal(cgroup.limits, row->limits);
    assert_int_equal(cgroup.memory, strcmp(row->limits, BOTH_LIMITS) == 0);
    value_of(cgroup.path, "pids.max", value);
    assert_string_equal(value, "256");
    if (strcmp(row->limits, BOTH_LIMITS) == 0) {
        value_of(cgroup.path, "memory.max", value);
        assert_string_equal(value, "4294967296");
        value_of(cgroup.path, "memory.oom.group", value);
        assert_string_equal(value, ""); /* the tool itself would be ended with the command */
    }
    value_of(cgroup.path, "cgroup.procs", value);
    assert_string_equal(value, "0");
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        lay(row);
        pid_t child = fork();
        if (child == 0) {
            make_one(row);
            _exit(0); /* a failed assertion ends it by a signal or another status */
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fail_msg("%s: status %d", row->name, status);
        }
        for (const struct answer *answer = row->answers; answer < row->answers + 3; answer++) {
            bool left = answer->group != NULL;
            for (int tries = 0; left && tries < 1000;
                 tries++) { /* who removes it is another process */
                struct timespec pause = {.tv_nsec = 5000000};
                left = is_there(answer->group, child);
                if (left) {
                    nanosleep(&pause, NULL);
                }
            }
            if (left) {
                fail_msg("%s: a group is left in %s", row->name, answer->group);
            }
        }
    }
}

/* A group whose process is gone is removed by the next call; those of others stay. */
static void test_sweep(void **state)
{
    (void)state;
    lay(&rows[0]);
    pid_t gone = fork();
    if (gone == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    const long pids[] = {gone, getppid()};
    char path[PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/two/user/app/carat-%ld", tree, pids[i]);
        assert_int_equal(__real_mkdir(path, 0755), 0);
    }
    pid_t child = fork();
    if (child == 0) {
        make_one(&rows[0]);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(is_there("two/user/app", pids[0]));
    assert_true(is_there("two/user/app", pids[1]));
    snprintf(path, sizeof path, "%s/two/user/app/carat-%ld", tree, pids[1]);
    assert_int_equal(__real_rmdir(path), 0);
}

/* What the kernel counts in a group of version 2. */
static void test_kills(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(sandbox_cgroup_kills(), 0);
    snprintf(path, sizeof path, "%s/memory.events", tree);
    setenv(SANDBOX_CGROUP_EVENTS_VARIABLE, path, 1);
    assert_int_equal(sandbox_cgroup_kills(), 0); /* the group is gone */
    assert_null(getenv(SANDBOX_CGROUP_EVENTS_VARIABLE));
    put_text("memory.events", "low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 0\n");
    assert_int_equal(sandbox_cgroup_kills(), 3);
}

static int make_tree(void **state)
{
    (void)state;
    static const char *const folders[] = {"two",      "two/user",      "two/user/app", "one",
                                          "one/pids", "one/pids/user", "user"};
    if (mkdtemp(tree) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", tree, folders[i]);
        if (__real_mkdir(path, 0755) != 0) {
            return -1;
        }
    }
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    char command[PATH_MAX + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", tree);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_kills),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
