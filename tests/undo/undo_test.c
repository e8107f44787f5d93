/* Undo, from outside: trees and changes by chance, compared byte for byte; kills in the middle;
 * what somebody else changed; what cannot be kept; and that nothing outside is ever touched.
 *
 * The state of a tree is written down by this file's own walk, which shares no line with the one
 * that is tested: path, kind, permissions, content or target.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "undo/undo.h"

enum { FILE_LIMIT = 256 * 1024, TOTAL_LIMIT = 64 * 1024 * 1024 };

struct place {
    char base[64];
    char work[80], state[80], outside[80];
    struct undo *undo;
};

/* --- the world --- */

static void run(const char *folder, const char *command)
{
    struct str line;
    str_init(&line);
    str_append_format(&line, "cd '%s' && %s", folder, command);
    int status = system(line.data);
    if (status != 0) {
        fail_msg("%s", line.data);
    }
    str_finish(&line);
}

static struct undo *open_undo(const struct place *place)
{
    static char *skip[] = {"node_modules"};
    struct err err = {0};
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .skip = skip,
                                   .skip_count = 1,
                                   .file_limit = FILE_LIMIT,
                                   .total_limit = TOTAL_LIMIT};
    struct undo *undo = undo_open(&options, &err);
    if (undo == NULL) {
        fail_msg("%s", err.text);
    }
    return undo;
}

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    strcpy(place->base, "/tmp/carat-undo-test-XXXXXX");
    assert_non_null(mkdtemp(place->base));
    snprintf(place->work, sizeof place->work, "%s/work", place->base);
    snprintf(place->state, sizeof place->state, "%s/state", place->base);
    snprintf(place->outside, sizeof place->outside, "%s/outside", place->base);
    assert_int_equal(mkdir(place->work, 0755) | mkdir(place->outside, 0755), 0);
    run(place->outside, "echo precious > file");
    place->undo = open_undo(place);
    *state = place;
    return 0;
}

/* Root reads everything. The saved user brings it back in tear_down. */
static void become_nobody(const struct place *place)
{
    if (geteuid() == 0) {
        run(place->base, "chown -R 65534 .");
        assert_int_equal(setresuid(65534, 65534, 0), 0);
    }
}

static int tear_down(void **state)
{
    struct place *place = *state;
    (void)!setresuid(0, 0, 0);
    undo_close(place->undo);
    run("/", "true");
    struct str line;
    str_init(&line);
    str_append_format(&line, "chmod -R u+rwx '%s'; rm -rf '%s'", place->base, place->base);
    assert_int_equal(system(line.data), 0);
    str_finish(&line);
    mem_free(place);
    return 0;
}

static void begin(struct place *place)
{
    struct err err = {0};
    if (!undo_begin(place->undo, "c", "words of the turn", &err)) {
        fail_msg("%s", err.text);
    }
}

static struct undo_summary end(struct place *place)
{
    struct err err = {0};
    struct undo_summary summary;
    if (!undo_end(place->undo, &summary, &err)) {
        fail_msg("%s", err.text);
    }
    return summary;
}

/* What was said, also when nothing could be done. */
static char *try_take_back(struct place *place, unsigned turn, bool *ok)
{
    struct err err = {0};
    struct str report;
    str_init(&report);
    *ok = undo_take_back(place->undo, turn, &report, &err);
    if (!*ok) {
        str_append_format(&report, "ERR %s\n", err.text);
    }
    return str_take(&report);
}

static char *take_back(struct place *place, unsigned turn)
{
    bool ok;
    char *report = try_take_back(place, turn, &ok);
    if (!ok) {
        fail_msg("%s", report);
    }
    return report;
}

static char *take_nothing_back(struct place *place, unsigned turn)
{
    bool ok;
    char *report = try_take_back(place, turn, &ok);
    if (ok || strstr(report, "nothing of turn") == NULL) {
        fail_msg("%s", report);
    }
    return report;
}

/* --- a tree as text --- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void write_down(const char *folder, const char *shown, struct str *out)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char path[4096], name[4096], bytes[8192];
        struct stat status;
        if (strcmp(names[i]->d_name, ".") == 0 || strcmp(names[i]->d_name, "..") == 0) {
            free(names[i]);
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        snprintf(name, sizeof name, "%s/%s", shown, names[i]->d_name);
        assert_int_equal(lstat(path, &status), 0);
        str_append_format(out, "%s %o ", name, status.st_mode);
        if (S_ISLNK(status.st_mode)) {
            ssize_t length = readlink(path, bytes, sizeof bytes);
            str_append_bytes(out, bytes, (size_t)length);
        } else if (S_ISREG(status.st_mode)) {
            int fd = open(path, O_RDONLY);
            ssize_t got;
            while ((got = read(fd, bytes, sizeof bytes)) > 0) {
                str_append_bytes(out, bytes, (size_t)got);
            }
            close(fd);
        }
        str_append_char(out, '\n');
        if (S_ISDIR(status.st_mode)) {
            write_down(path, name, out);
        }
        free(names[i]);
    }
    free(names);
}

static struct str state_of(const struct place *place)
{
    struct str out;
    str_init(&out);
    write_down(place->work, "", &out);
    return out;
}

static void check_state(const struct place *place, const struct str *expected)
{
    struct str now = state_of(place);
    if (now.length != expected->length || memcmp(now.data, expected->data, now.length) != 0) {
        print_error("expected:\n%.3000s\nfound:\n%.3000s\n", expected->data, now.data);
        fail();
    }
    str_finish(&now);
}

/* --- chance --- */

static uint64_t seed;

static unsigned chance(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

/* Few names and little depth, so that kinds meet at the same path. */
static void random_path(const struct place *place, char out[256])
{
    static const char *const names[] = {"a", "b", "c d", "-e", "f\nf", "\xC3\xA4", ".h", "\xFF"};
    size_t length = (size_t)snprintf(out, 256, "%s", place->work);
    for (unsigned depth = 1 + chance(3); depth > 0; depth--) {
        length += (size_t)snprintf(out + length, 256 - length, "/%s", names[chance(8)]);
    }
}

static void write_random(const char *path)
{
    char bytes[3000];
    size_t length = chance(4) == 0 ? 0 : chance(sizeof bytes);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)chance(256);
    }
    int fd = open(path, O_WRONLY | O_CREAT | (chance(2) ? O_TRUNC : 0) | O_NOFOLLOW, 0644);
    if (fd >= 0) {
        (void)!write(fd, bytes, length);
        close(fd);
    }
}

static void remove_all(const char *path)
{
    struct str line;
    str_init(&line);
    str_append(&line, "rm -rf -- '");
    str_append(&line, path);
    str_append(&line, "'");
    (void)!system(line.data);
    str_finish(&line);
}

/* Not through a link that leads outside: what comes from there is not the turn's. */
static bool is_inside(const struct place *place, const char *path)
{
    char folder[256], resolved[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    return realpath(folder, resolved) != NULL &&
           strncmp(resolved, place->work, strlen(place->work)) == 0;
}

/* One thing that a tool or a command may do; failing is fine (a file in the way of a folder). */
static void random_change(const struct place *place)
{
    static const mode_t modes[] = {0644, 0600, 0755, 0700, 0444, 0777};
    char path[256], other[256];
    struct stat status;
    random_path(place, path);
    random_path(place, other);
    switch (chance(9)) {
    case 0:
    case 1:
    case 2:
        write_random(path);
        break;
    case 3:
        (void)!mkdir(path, 0755);
        break;
    case 4:
        (void)!symlink(chance(2) ? place->outside : "../nowhere", path);
        break;
    case 5:
        if (is_inside(place, path)) {
            (void)!rename(path, other);
        }
        break;
    case 6:
        if (lstat(path, &status) == 0 && !S_ISLNK(status.st_mode)) {
            (void)!chmod(path,
                         S_ISDIR(status.st_mode) ? (chance(2) ? 0755 : 0750) : modes[chance(6)]);
        }
        break;
    case 7:
        (void)!link(path, other);
        break;
    case 8:
        remove_all(path);
        break;
    }
}

static void check_outside(const struct place *place)
{
    char path[128], text[16] = "";
    snprintf(path, sizeof path, "%s/file", place->outside);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof text), 9);
    close(fd);
    assert_string_equal(text, "precious\n");
}

static void test_random_trees(void **state)
{
    struct place *place = *state;
    for (unsigned round = 0; round < 60; round++) {
        seed = round * 7919 + 1;
        for (unsigned i = chance(30); i > 0; i--) {
            random_change(place);
        }
        struct str before = state_of(place);
        begin(place);
        for (unsigned i = 1 + chance(25); i > 0; i--) {
            random_change(place);
        }
        struct undo_summary summary = end(place);
        struct str after = state_of(place);
        bool differs =
            before.length != after.length || memcmp(before.data, after.data, after.length) != 0;
        assert_int_equal(summary.turn != 0, differs);
        if (differs) {
            mem_free(take_back(place, 0));
            check_state(place, &before);
            mem_free(take_back(place, summary.turn + 1)); /* the taking back itself */
            check_state(place, &after);
        }
        check_outside(place);
        str_finish(&before);
        str_finish(&after);
    }
}

/* --- words --- */

static void test_conflicts(void **state)
{
    struct place *place = *state;
    run(place->work, "echo one > a; echo two > b; mkdir d");
    begin(place);
    run(place->work, "echo ONE > a; echo TWO > b; echo new > d/new; mkdir made; echo x > made/x");
    assert_int_equal(end(place).changed, 5);
    run(place->work, "echo mine > b; echo mine > made/mine");
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "b: changed since by somebody else; left as it is"));
    assert_non_null(strstr(report, "made: the folder is not empty"));
    assert_non_null(strstr(report, "restored a\n"));
    mem_free(report);
    run(place->work, "test \"$(cat a)\" = one && test \"$(cat b)\" = mine && test ! -e d/new && "
                     "test ! -e made/x && test -e made/mine");
}

static void test_what_is_left_out(void **state)
{
    struct place *place = *state;
    run(place->work, "git init -q . 2>/dev/null || mkdir .git; mkfifo pipe; echo a > a; "
                     "mkdir cache node_modules; echo x > node_modules/x; "
                     "echo 'Signature: 8a477f597d28d172789f06886806bc55' > cache/CACHEDIR.TAG; "
                     "echo x > cache/x; head -c 300000 /dev/zero > large; echo one > log");
    begin(place);
    run(place->work, "echo b > a; echo y > cache/x; echo y > node_modules/x; echo >> large; "
                     "head -c 300000 /dev/zero > large2; head -c 300000 /dev/zero >> log; "
                     "echo ref > .git/HEAD");
    struct undo_summary summary = end(place);
    assert_int_equal(summary.changed, 5); /* a, large, large2, log, .git */
    assert_int_equal(summary.unkept, 3);
    struct str list;
    str_init(&list);
    assert_true(undo_list(place->undo, &list, NULL));
    assert_non_null(strstr(list.data, "words of the turn"));
    assert_non_null(strstr(list.data, "pipe: no regular file"));
    assert_non_null(strstr(list.data, "cache: marked as a cache"));
    assert_non_null(strstr(list.data, "node_modules: named in undo.skip"));
    assert_non_null(strstr(list.data, "large: larger than undo.file_megabytes"));
    str_finish(&list);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "large2: its content was not kept, so it is not deleted"));
    assert_non_null(strstr(report, ".git: git keeps its own history"));
    assert_non_null(strstr(report, "log: its content was not kept, so it is not replaced"));
    assert_non_null(strstr(report, "turn 1 was taken back in part: 1 of 5 paths\n  restored a\n"));
    mem_free(report);
    run(place->work, "test \"$(cat a)\" = a && test -e large2 && test $(stat -c %s log) = 300004");
    /* Moved away, it can be. */
    run(place->work, "mv log log.away");
    report = take_back(place, 1);
    assert_non_null(strstr(report, "1 of 4 paths\n  restored log\n"));
    mem_free(report);
    run(place->work, "test \"$(cat log)\" = one");
}

/* A tag or a name put into a folder that was kept does not take it out of the snapshots. */
static void test_hiding_a_folder(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir src; echo precious > src/a");
    begin(place);
    run(place->work, "echo tag > src/CACHEDIR.TAG; echo gone > src/a");
    end(place);
    mem_free(take_back(place, 0));
    run(place->work, "test \"$(cat src/a)\" = precious && test ! -e src/CACHEDIR.TAG");
}

/* The same size and the same times, the oldest trick: the change time tells. */
static void test_times_that_lie(void **state)
{
    struct place *place = *state;
    run(place->work, "echo aaaa > a; touch -d '2020-01-01' a; sleep 0.05");
    begin(place);
    run(place->work, "echo bbbb > a; touch -d '2020-01-01' a");
    struct undo_summary changed = end(place);
    assert_int_equal(changed.changed, 1);
    assert_string_equal(changed.first, "a");
    mem_free(take_back(place, 0));
    run(place->work, "test \"$(cat a)\" = aaaa");
}

/* The clock of files is coarse: what is made after this is newer than what was before. */
static void let_the_clock_tick(void)
{
    int64_t start = clock_wall_ms();
    while (clock_wall_ms() < start + 50) {
    }
}

/* What was there before the turn, in what no snapshot holds, looks as if the turn had made it. */
static void test_moved_out_of_what_is_left_out(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir -p node_modules/p target dist .git old; echo x > node_modules/p/x; "
                     "echo x > node_modules/y; echo 'app' > target/app; touch target/CACHEDIR.TAG; "
                     "echo kept > old/kept; echo one > two; ln two twin");
    let_the_clock_tick();
    begin(place);
    run(place->work, "mv node_modules nm.bak; mv target/app dist/app; mv .git g; mv old new; "
                     "mv twin moved; cp moved twin; echo made > made; echo made > nm.bak/made");
    end(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "nm.bak: older than the turn, and no snapshot holds where it "
                                   "came from; left as it is, with 3 paths in it\n"));
    assert_non_null(strstr(report, "dist/app: older than the turn"));
    assert_non_null(strstr(report, "/g: older than the turn"));
    mem_free(report);
    run(place->work, "test -e nm.bak/p/x && test -e nm.bak/y && test -e dist/app && test -e g && "
                     "test ! -e new && test -e old/kept && test ! -e made && test ! -e moved && "
                     "test ! -e nm.bak/made && test -e two && test -e twin");
}

/* Also over something that was kept: it stays, and the way to have the other is said. */
static void test_moved_over_something(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir node_modules; echo precious > node_modules/x; echo a > a; echo b > b");
    let_the_clock_tick();
    begin(place);
    run(place->work, "mv node_modules/x a; mv b b2; echo more >> b2");
    end(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "/a: older than the turn"));
    mem_free(report);
    run(place->work, "test \"$(cat a)\" = precious && test \"$(cat b)\" = b && test ! -e b2");
}

static void test_opened_by_the_turn(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir d; echo precious > d/f; chmod 000 d");
    become_nobody(place);
    let_the_clock_tick();
    begin(place);
    run(place->work, "chmod 755 d; echo a > a");
    end(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "/d: cannot be read"));
    mem_free(report);
    run(place->work, "test \"$(cat d/f)\" = precious && test ! -e a");
}

static void test_shut_by_the_turn(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir -p d/e; echo one > d/e/f; echo two > g; echo three > h; mkdir r");
    become_nobody(place);
    struct str before = state_of(place);
    begin(place);
    run(place->work,
        "rm d/e/f; mkdir d/e/m; chmod 000 d/e d g; echo 3 > h; chmod 000 h; chmod 500 .");
    end(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "/h: its content was not kept, so it is not replaced"));
    mem_free(report);
    run(place->work, "test $(stat -c %a .) = 755");
    run(place->work, "chmod 644 h; echo three > h; rmdir d/e/m"); /* m was never seen */
    check_state(place, &before);
    str_finish(&before);
}

/* Its stamp is no size of a folder. */
static void test_new_repository(void **state)
{
    struct place *place = *state;
    begin(place);
    run(place->work, "mkdir .git; echo ref > .git/HEAD");
    end(place);
    char *report = take_nothing_back(place, 0);
    assert_non_null(strstr(report, "/.git: its content was not kept, so it is not deleted"));
    mem_free(report);
}

/* The words that a turn began with are cut between characters. */
static void test_long_title(void **state)
{
    struct place *place = *state;
    struct str list;
    struct undo_summary summary;
    str_init(&list);
    assert_true(undo_begin(place->undo, "c",
                           "123456789 123456789 123456789 123456789 123456789 12345678\xE2\x82\xAC"
                           "x",
                           NULL));
    run(place->work, "echo one > a");
    assert_true(undo_end(place->undo, &summary, NULL));
    assert_true(undo_list(place->undo, &list, NULL));
    assert_non_null(strstr(list.data, " 12345678\n"));
    str_finish(&list);
}

/* A folder that became something else. */
static void test_folder_replaced(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir src lib; echo a > src/a; echo b > lib/b");
    begin(place);
    run(place->work, "rm -r src lib; mkfifo src; head -c 300000 /dev/zero > lib");
    end(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "/lib: its content was not kept, so it is not replaced"));
    mem_free(report);
    run(place->work, "test \"$(cat src/a)\" = a && test $(stat -c %s lib) = 300000 && mv lib away");
    mem_free(take_back(place, 1));
    run(place->work, "test \"$(cat lib/b)\" = b");
}

/* A second time there is nothing to do, and nothing is noted; taken back again it can be. */
static void test_twice(void **state)
{
    struct place *place = *state;
    bool ok;
    run(place->work, "echo one > a; echo one > b; echo one > c");
    begin(place);
    run(place->work, "echo two > a; echo two > b; echo two > c");
    end(place);
    run(place->work, "echo mine > b; echo one > c");
    char *report = take_back(place, 1); /* turn 2 */
    assert_non_null(strstr(report, "turn 1 was taken back in part: 1 of 2 paths\n  restored a\n"));
    mem_free(report);
    report = try_take_back(place, 0, &ok);
    assert_string_equal(report, "ERR there is no turn to take back in this directory\n");
    mem_free(report);
    mem_free(take_nothing_back(place, 1));
    run(place->work, "echo two > b");
    mem_free(take_back(place, 1)); /* turn 3: b */
    report = try_take_back(place, 1, &ok);
    assert_false(ok);
    mem_free(report);
    run(place->work, "test \"$(cat a b c)\" = \"$(printf 'one\\none\\none')\"");
    mem_free(take_back(place, 2)); /* turn 4: a is back */
    report = try_take_back(place, 2, &ok);
    assert_string_equal(report, "ERR turn 2 was taken back already (undo --list)\n");
    mem_free(report);
    mem_free(take_back(place, 4));
    run(place->work, "test \"$(cat a b c)\" = \"$(printf 'one\\none\\none')\"");
}

/* By hand everything is as before: said, and the turn before is next. */
static void test_as_it_was_already(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 2; i++) {
        begin(place);
        run(place->work, i == 0 ? "echo one > a" : "echo two > a");
        end(place);
    }
    run(place->work, "echo one > a");
    char *report = take_back(place, 0);
    assert_string_equal(report, "turn 2: everything is as it was before it already\n");
    mem_free(report);
    mem_free(take_back(place, 0));
    run(place->work, "test ! -e a");
}

/* A folder on the way became a link that leads outside: nothing is written or removed there. */
static void test_links_that_lead_outside(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir d; echo old > d/file");
    begin(place);
    run(place->work, "echo new > d/file; echo more > d/more");
    end(place);
    run(place->work, "rm -r d && ln -s ../outside d");
    run(place->outside, "echo more > more");
    char *report = take_nothing_back(place, 0);
    assert_non_null(strstr(report, "opening its folder"));
    mem_free(report);
    check_outside(place);
    run(place->outside, "test -e more && rm more");
}

/* Another process puts a link in the file's place when the file is opened for the `opening`th time.
 * It hears of that by inotify; the file is large enough for it to be done before the hash is. */
static pid_t swap_when_opened(const struct place *place, unsigned opening)
{
    char path[128], away[128], victim[128];
    snprintf(path, sizeof path, "%s/big", place->work);
    snprintf(away, sizeof away, "%s/away", place->work);
    snprintf(victim, sizeof victim, "%s/file", place->outside);
    int fd = inotify_init1(IN_CLOEXEC);
    assert_true(inotify_add_watch(fd, path, IN_OPEN | IN_CLOSE_NOWRITE) >= 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        for (unsigned seen = 0;;) {
            struct inotify_event event;
            if (read(fd, &event, sizeof event) < 0) {
                _exit(1);
            }
            seen += (event.mask & IN_OPEN) != 0;
            if (seen == opening) {
                _exit(rename(path, away) == 0 && symlink(victim, path) == 0 ? 0 : 1);
            }
        }
    }
    close(fd);
    return child;
}

/* Permissions are never set through a link that came after the look. */
static void test_link_put_in_while_looking(void **state)
{
    struct place *place = *state;
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .file_limit = INT64_C(1) << 30,
                                   .total_limit = INT64_C(1) << 30};
    undo_close(place->undo);
    place->undo = undo_open(&options, NULL);
    run(place->outside, "chmod 640 file");
    for (unsigned opening = 1; opening <= 3; opening++) {
        struct str report;
        run(place->work, "rm -f big away; truncate -s 48M big; chmod 666 big");
        begin(place);
        run(place->work, "chmod 600 big");
        end(place);
        pid_t child = swap_when_opened(place, opening);
        str_init(&report);
        (void)undo_take_back(place->undo, 0, &report, NULL);
        str_finish(&report);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        run(place->outside, "test \"$(stat -c %a file)\" = 640");
    }
}

static void test_show(void **state)
{
    struct place *place = *state;
    run(place->work, "printf 'one\\ntwo\\nthree\\n' > a; ln -s a l; printf 'b\\0b' > bin");
    begin(place);
    run(place->work, "printf 'one\\n2\\nthree\\n' > a; ln -sfn b l; printf 'c\\0b' > bin; "
                     "chmod 600 a");
    end(place);
    struct str out;
    str_init(&out);
    assert_true(undo_show(place->undo, 0, &out, NULL));
    assert_string_equal(out.data, "a: permissions 644 to 600\n--- a\n+++ a\n@@ -1,3 +1,3 @@\n one\n"
                                  "-two\n+2\n three\nbin: binary, 3 bytes to 3\n"
                                  "l: link (a) to link (b)\n");
    str_finish(&out);
}

/* A name cannot write a line of its own, nor turn the letters of one around. */
static void test_deceptive_names(void **state)
{
    struct place *place = *state;
    begin(place);
    run(place->work, "printf x > \"$(printf 'e\\033[2J\\n  restored all\\342\\200\\256x')\"");
    struct undo_summary summary = end(place);
    const char *spelled = "e\\x1B[2J\\n  restored all\\u{202E}x";
    assert_string_equal(summary.first, spelled);
    struct str out, expected;
    str_init(&out);
    str_init(&expected);
    assert_true(undo_show(place->undo, 0, &out, NULL));
    str_append_format(&expected, "--- (nothing)\n+++ %s\n@@", spelled);
    assert_true(str_starts_with(out.data, expected.data));
    char *report = take_back(place, 0);
    str_clear(&expected);
    str_append_format(&expected, "turn 1 was taken back: 1 path\n  removed  %s\n", spelled);
    assert_string_equal(report, expected.data);
    mem_free(report);
    str_finish(&expected);
    str_finish(&out);
}

/* --- kills --- */

/* A child begins a turn, changes, ends, takes back, over and over, until it is killed. */
static void child_works(const struct place *place, int ready)
{
    struct undo *undo = open_undo(place);
    (void)!write(ready, "x", 1);
    for (;;) {
        struct undo_summary summary;
        struct str report;
        str_init(&report);
        char path[160];
        if (!undo_begin(undo, "c", "t", NULL)) {
            _exit(1);
        }
        for (int i = 0; i < 40; i++) {
            snprintf(path, sizeof path, "%s/f%d", place->work, i);
            int fd = open(path, O_WRONLY | O_TRUNC);
            (void)!write(fd, "changed", 7);
            close(fd);
        }
        if (!undo_end(undo, &summary, NULL) || !undo_take_back(undo, 0, &report, NULL)) {
            _exit(1);
        }
        str_finish(&report);
    }
}

static void check_after_kill(struct place *place)
{
    struct str list;
    struct err err = {0};
    str_init(&list);
    place->undo = open_undo(place);
    if (!undo_list(place->undo, &list, &err)) {
        fail_msg("%s", err.text);
    }
    /* An interrupted turn is there by its number; take it back, and all is as it was. */
    const char *cut = strstr(list.data, "(carat was stopped in it)\n");
    if (cut != NULL) {
        const char *line = cut;
        while (line > list.data && line[-1] != '\n') {
            line--;
        }
        mem_free(take_back(place, (unsigned)strtoul(line, NULL, 10)));
    }
    str_finish(&list);
    for (int i = 0; i < 40; i++) {
        char path[160], text[16] = "";
        snprintf(path, sizeof path, "%s/f%d", place->work, i);
        int fd = open(path, O_RDONLY);
        ssize_t got = read(fd, text, sizeof text - 1);
        close(fd);
        bool original = got == 8 && memcmp(text, "original", 8) == 0;
        bool changed = got == 7 && memcmp(text, "changed", 7) == 0;
        assert_true(original || changed || got == 0); /* 0: the child itself was in between */
        if (!original) {
            mem_free(take_back(place, 0)); /* a turn that ended, not yet taken back */
            i = -1;
        }
    }
    run(place->work, "test -z \"$(ls -A | grep carat-undo)\"");
}

static void test_kill_in_the_middle(void **state)
{
    struct place *place = *state;
    run(place->work, "for i in $(seq 0 39); do printf original > f$i; done");
    undo_close(place->undo);
    place->undo = NULL;
    for (unsigned round = 0; round < 25; round++) {
        int ends[2];
        char byte;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            child_works(place, ends[1]);
        }
        assert_int_equal(read(ends[0], &byte, 1), 1);
        seed = round;
        chance(2);
        struct timespec wait = {0, 1000000 + (long)chance(30000000)};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        close(ends[0]);
        close(ends[1]);
        check_after_kill(place);
        undo_close(place->undo);
        place->undo = NULL;
        run(place->work, "cat f* | tr -d '\\n' | grep -q '^\\(original\\)\\{40\\}$'");
    }
}

/* Killed when all but the last step was done. The next start finishes and says it, and nothing of
 * it is lost to a taking back of the taking back. */
static void test_kill_before_the_end(void **state)
{
    struct place *place = *state;
    struct str notes;
    run(place->work, "echo old > d");
    begin(place);
    run(place->work, "rm d; mkdir d; echo new > d/f");
    end(place);
    mem_free(take_back(place, 0));
    undo_close(place->undo);
    run(place->state, "mv */turns/000002 $(echo */)apply");
    place->undo = open_undo(place);
    run(place->state, "test ! -e */apply");
    str_init(&notes);
    undo_take_notes(place->undo, &notes);
    assert_string_equal(notes.data,
                        "carat was stopped while it took turn 1 back; that is finished now, "
                        "2 of 2 paths (undo --list)\n");
    str_clear(&notes);
    undo_take_notes(place->undo, &notes);
    assert_int_equal(notes.length, 0);
    str_finish(&notes);
    mem_free(take_back(place, 2));
    run(place->work, "test \"$(cat d/f)\" = new");
}

static void test_two_processes(void **state)
{
    struct place *place = *state;
    struct undo *other = open_undo(place);
    struct err err = {0};
    begin(place);
    assert_false(undo_begin(other, "c", "t", &err));
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    end(place);
    assert_true(undo_begin(other, "c", "t", &err));
    undo_close(other);
}

/* Two carats in one folder by turns: what one remembers of its last turn is not what lies there
 * now, and a turn in which the other was stopped is compared with the beginning of that turn. */
static void test_two_by_turns(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct undo_summary summary;
    run(place->work, "for f in a b c mine; do echo one > $f; done");
    begin(place);
    run(place->work, "echo two > a");
    end(place);
    run(place->work, "echo 'by the user' > mine");
    struct undo *other = open_undo(place);
    assert_true(undo_begin(other, "c", "t", &err));
    run(place->work, "echo two > b");
    assert_true(undo_end(other, &summary, &err));
    assert_true(undo_begin(other, "c", "t", &err));
    run(place->work, "echo two > c");
    undo_close(other); /* in its turn */
    begin(place);
    run(place->work, "echo three > a");
    assert_int_equal(end(place).changed, 1);
    mem_free(take_back(place, 3));
    run(place->work,
        "test \"$(cat a b c mine)\" = \"$(printf 'three\\ntwo\\none\\nby the user')\"");
}

/* A turn with a further folder, closed by a carat that has none, and the other way around. */
static void test_stopped_with_other_folders(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *further[] = {place->outside};
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .writable = further,
                                   .writable_count = 1,
                                   .file_limit = FILE_LIMIT,
                                   .total_limit = TOTAL_LIMIT};
    struct undo *wide = undo_open(&options, &err);
    run(place->work, "echo one > a");
    assert_true(undo_begin(wide, "c", "t", &err));
    run(place->work, "echo two > a");
    undo_close(wide);
    begin(place);
    run(place->work, "echo three > a");
    undo_close(place->undo);
    place->undo = undo_open(&options, &err);
    begin(place);
    assert_int_equal(end(place).changed, 0);
    char *report = take_back(place, 2);
    assert_string_equal(report, "turn 2 was taken back: 1 path\n  restored a\n");
    mem_free(report);
    report = take_back(place, 1);
    assert_string_equal(report, "turn 1 was taken back: 1 path\n  restored a\n");
    mem_free(report);
    check_outside(place);
}

/* A process that only looks knows what is left out, too. */
static void test_list_of_a_new_process(void **state)
{
    struct place *place = *state;
    struct str list;
    run(place->work, "mkfifo pipe");
    begin(place);
    end(place);
    undo_close(place->undo);
    place->undo = open_undo(place);
    str_init(&list);
    assert_true(undo_list(place->undo, &list, NULL));
    assert_non_null(strstr(list.data, "pipe: no regular file"));
    str_finish(&list);
}

/* --- size and time --- */

static void test_old_turns_go(void **state)
{
    struct place *place = *state;
    undo_close(place->undo);
    struct err err = {0};
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .file_limit = FILE_LIMIT,
                                   .total_limit = 1024 * 1024};
    place->undo = undo_open(&options, &err);
    for (int i = 0; i < 20; i++) {
        begin(place);
        run(place->work, "head -c 200000 /dev/urandom > a");
        end(place);
    }
    begin(place);
    end(place);
    char command[256];
    snprintf(command, sizeof command,
             "test $(du -sk '%s' | cut -f1) -lt 1500 && test $(ls */turns | wc -l) -lt 8",
             place->state);
    run(place->state, command);
    run(place->work, "cp a ../kept");
    begin(place);
    run(place->work, "echo small > a");
    end(place);
    mem_free(take_back(place, 0));
    run(place->work, "cmp a ../kept");
}

/* What nothing refers to goes before a turn does; a damaged record keeps nothing from going. */
static void test_garbage_goes_first(void **state)
{
    struct place *place = *state;
    undo_close(place->undo);
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .file_limit = INT64_C(1) << 20,
                                   .total_limit = INT64_C(1) << 20};
    place->undo = undo_open(&options, NULL);
    run(place->work, "head -c 600000 /dev/urandom > a; echo one > b");
    for (int i = 0; i < 2; i++) {
        begin(place);
        run(place->work, "echo again >> b");
        end(place);
    }
    run(place->work, "head -c 600000 /dev/urandom > a");
    run(place->state, "echo > $(echo */turns)/000001");
    begin(place);
    end(place);
    run(place->state, "test $(du -sk . | cut -f1) -lt 900");
    mem_free(take_back(place, 2));
    run(place->work, "test \"$(cat b)\" = \"$(printf 'one\\nagain')\"");
}

/* The power went before the contents were on the disk: the right size, and zeros in it. */
static void test_damaged_content_is_not_believed(void **state)
{
    struct place *place = *state;
    run(place->work, "echo one > a; echo two > b");
    begin(place);
    end(place);
    run(place->state, "test ! -e */objects/unsynced");
    undo_close(place->undo);
    run(place->state, "cd */objects && touch unsynced && rm ../index && for f in */*; do "
                      "printf '\\0\\0\\0\\0' > $f; done");
    place->undo = open_undo(place);
    begin(place);
    run(place->work, "echo 1 > a; rm b");
    end(place);
    run(place->state, "test ! -e */objects/unsynced");
    mem_free(take_back(place, 0));
    run(place->work, "test \"$(cat a b)\" = \"$(printf 'one\\ntwo')\"");
}

static void test_ten_thousand_files(void **state)
{
    struct place *place = *state;
    run(place->work, "for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do "
                     "echo $d $f > d$d/f$f; done; done; sleep 0.05");
    int64_t start = clock_monotonic_us();
    begin(place);
    int64_t first = clock_monotonic_us();
    run(place->work, "echo changed > d7/f7");
    int64_t changed = clock_monotonic_us();
    assert_int_equal(end(place).changed, 1);
    int64_t second = clock_monotonic_us();
    begin(place);
    int64_t third = clock_monotonic_us();
    end(place);
    mem_free(take_back(place, 0));
    int64_t back = clock_monotonic_us();
    print_message("10,000 files: first snapshot %lld ms, after a turn %lld ms, before the next "
                  "%lld ms, its end and taking back %lld ms\n",
                  (long long)(first - start) / 1000, (long long)(second - changed) / 1000,
                  (long long)(third - second) / 1000, (long long)(back - third) / 1000);
    assert_true(second - changed < 2000000);
    run(place->work, "test \"$(cat d7/f7)\" = '7 7'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_random_trees),
        TEST(test_conflicts),
        TEST(test_what_is_left_out),
        TEST(test_hiding_a_folder),
        TEST(test_times_that_lie),
        TEST(test_moved_out_of_what_is_left_out),
        TEST(test_moved_over_something),
        TEST(test_opened_by_the_turn),
        TEST(test_shut_by_the_turn),
        TEST(test_folder_replaced),
        TEST(test_new_repository),
        TEST(test_long_title),
        TEST(test_twice),
        TEST(test_as_it_was_already),
        TEST(test_links_that_lead_outside),
        TEST(test_link_put_in_while_looking),
        TEST(test_show),
        TEST(test_deceptive_names),
        TEST(test_kill_in_the_middle),
        TEST(test_kill_before_the_end),
        TEST(test_two_processes),
        TEST(test_two_by_turns),
        TEST(test_stopped_with_other_folders),
        TEST(test_list_of_a_new_process),
        TEST(test_old_turns_go),
        TEST(test_garbage_goes_first),
        TEST(test_damaged_content_is_not_believed),
        TEST(test_ten_thousand_files),
    };
    return cmocka_run_group_tests_name("undo_undo", tests, NULL, NULL);
}
