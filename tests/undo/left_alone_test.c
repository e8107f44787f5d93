/* What a taking back leaves alone, and what it says then: changes of others, what no snapshot
 * holds, what lies outside; and what a second call does. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place.h"

static void test_conflicts(void **state)
{
    struct place *place = *state;
    run(place->work, "echo one > a; echo two > b; mkdir d");
    begin_turn(place);
    run(place->work, "echo ONE > a; echo TWO > b; echo new > d/new; mkdir made; echo x > made/x");
    assert_int_equal(end_turn(place).changed, 5);
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
    begin_turn(place);
    run(place->work, "echo b > a; echo y > cache/x; echo y > node_modules/x; echo >> large; "
                     "head -c 300000 /dev/zero > large2; head -c 300000 /dev/zero >> log; "
                     "echo ref > .git/HEAD");
    struct undo_summary summary = end_turn(place);
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
    assert_non_null(strstr(report, "turn 1 was taken back in part: 1 of 5 paths (undo 1 tries the "
                                   "others again)\n  restored a\n"));
    mem_free(report);
    run(place->work, "test \"$(cat a)\" = a && test -e large2 && test $(stat -c %s log) = 300004");
    /* Moved away, it can be. */
    run(place->work, "mv log log.away");
    report = take_back(place, 1);
    assert_non_null(strstr(report, "  restored log\n"));
    mem_free(report);
    run(place->work, "test \"$(cat log)\" = one");
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
                     "echo kept > old/kept; echo one > two; ln two twin; echo 1 > solo");
    let_the_clock_tick();
    begin_turn(place);
    run(place->work, "mv node_modules nm.bak; mv target/app dist/app; mv .git g; mv old new; "
                     "mv twin moved; cp moved twin; mv solo gone; cp gone solo; echo made > made; "
                     "echo made > nm.bak/made");
    end_turn(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, "nm.bak: older than the turn, and no snapshot holds where it "
                                   "came from; left as it is, with 3 paths in it\n"));
    assert_non_null(strstr(report, "dist/app: older than the turn"));
    assert_non_null(strstr(report, "/g: older than the turn"));
    mem_free(report);
    run(place->work, "test -e nm.bak/p/x && test -e nm.bak/y && test -e dist/app && test -e g && "
                     "test ! -e new && test -e old/kept && test ! -e made && test ! -e moved && "
                     "test ! -e gone && "
                     "test ! -e nm.bak/made && test -e two && test -e twin");
}

/* Also over something that was kept: it stays, and the way to have the other is said. */
static void test_moved_over_something(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir node_modules; echo precious > node_modules/x; echo a > a; echo b > b");
    let_the_clock_tick();
    begin_turn(place);
    run(place->work, "mv node_modules/x a; mv b b2; echo more >> b2");
    end_turn(place);
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
    begin_turn(place); /* at once: no clock tells that it was there before */
    run(place->work, "chmod 755 d; echo a > a");
    end_turn(place);
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
    begin_turn(place);
    run(place->work,
        "rm d/e/f; mkdir d/e/m; chmod 000 d/e d g; echo 3 > h; chmod 000 h; chmod 500 .");
    end_turn(place);
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
    begin_turn(place);
    run(place->work, "mkdir .git; echo ref > .git/HEAD");
    end_turn(place);
    char *report = take_nothing_back(place, 0);
    assert_non_null(strstr(report, "/.git: its content was not kept, so it is not deleted"));
    mem_free(report);
}

/* A folder that became something else. */
static void test_folder_replaced(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir src lib; echo a > src/a; echo b > lib/b");
    begin_turn(place);
    run(place->work, "rm -r src lib; mkfifo src; head -c 300000 /dev/zero > lib");
    end_turn(place);
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
    begin_turn(place);
    run(place->work, "echo two > a; echo two > b; echo two > c");
    end_turn(place);
    run(place->work, "echo mine > b; echo one > c");
    char *report = take_back(place, 1); /* turn 2 */
    assert_non_null(strstr(report, "turn 1 was taken back in part: 1 of 2 paths (undo 1 tries the "
                                   "others again)\n  restored a\n"));
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
        begin_turn(place);
        run(place->work, i == 0 ? "echo one > a" : "echo two > a");
        end_turn(place);
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
    begin_turn(place);
    run(place->work, "echo new > d/file; echo more > d/more");
    end_turn(place);
    run(place->work, "rm -r d && ln -s ../outside d");
    run(place->outside, "echo more > more");
    char *report = take_nothing_back(place, 0);
    assert_non_null(strstr(report, "opening its folder"));
    mem_free(report);
    check_outside(place);
    run(place->outside, "test -e more && rm more");
}

/* The name of a folder above a root leads elsewhere now, to something that looks the same. */
static void test_root_behind_a_link(void **state)
{
    struct place *place = *state;
    char further[128];
    const char *list[] = {further};
    snprintf(further, sizeof further, "%s/up/more", place->base);
    run(place->base, "mkdir -p up/more other/more; echo one > up/more/a; echo two > other/more/a");
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .writable = list,
                                   .writable_count = 1,
                                   .file_limit = FILE_LIMIT,
                                   .total_limit = TOTAL_LIMIT};
    undo_close(place->undo);
    place->undo = undo_open(&options, NULL);
    begin_turn(place);
    run(place->base, "echo two > up/more/a");
    end_turn(place);
    run(place->base, "mv up real; ln -s other up");
    char *report = take_nothing_back(place, 0);
    assert_non_null(strstr(report, "opening its folder: Not a directory"));
    mem_free(report);
    begin_turn(place);
    end_turn(place);
    run(place->base, "test \"$(cat other/more/a)\" = two; rm up; mv real up");
    mem_free(take_back(place, 1));
    run(place->base, "test \"$(cat up/more/a)\" = one");
}

/* What is written beside a file bears no name that a command could have given to something. */
static void test_name_of_what_is_written(void **state)
{
    struct place *place = *state;
    run(place->work, "echo one > a; head -c 300000 /dev/zero > large");
    begin_turn(place);
    run(place->work, "echo two > a; mv large .carat-undo-000002; "
                     "echo mine > .carat-undo-0000000000000000");
    end_turn(place);
    char *report = take_back(place, 0);
    assert_non_null(strstr(report, ".carat-undo-000002: its content was not kept"));
    mem_free(report);
    run(place->work, "test \"$(cat a)\" = one && test $(stat -c %s .carat-undo-000002) = 300000");
}

/* Somebody is just as fast: in place of the C library's. */
static const char *intruder;

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    if (intruder != NULL) {
        close(openat(to, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        assert_string_equal(new, intruder);
        intruder = NULL;
    }
    return (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

static void test_file_put_in_at_the_last_moment(void **state)
{
    static const char *const rows[][2] = {{"file", "echo one > file"}, {"link", "ln -s a link"}};
    for (size_t i = 0; i < 2; i++) {
        struct place *place = *state;
        run(place->work, rows[i][1]);
        begin_turn(place);
        run(place->work, "rm file link 2>&1 || true");
        end_turn(place);
        intruder = rows[i][0];
        char *report = take_nothing_back(place, 0);
        assert_non_null(strstr(report, "File exists"));
        mem_free(report);
        run(place->work, "test ! -s file && test ! -L link && rm -f file link && ! ls -A | grep .");
    }
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
        begin_turn(place);
        run(place->work, "chmod 600 big");
        end_turn(place);
        pid_t child = swap_when_opened(place, opening);
        str_init(&report);
        (void)undo_take_back(place->undo, 0, &report, NULL);
        str_finish(&report);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        run(place->outside, "test \"$(stat -c %a file)\" = 640");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_conflicts),
        TEST(test_what_is_left_out),
        TEST(test_moved_out_of_what_is_left_out),
        TEST(test_moved_over_something),
        TEST(test_opened_by_the_turn),
        TEST(test_shut_by_the_turn),
        TEST(test_new_repository),
        TEST(test_folder_replaced),
        TEST(test_twice),
        TEST(test_as_it_was_already),
        TEST(test_links_that_lead_outside),
        TEST(test_root_behind_a_link),
        TEST(test_name_of_what_is_written),
        TEST(test_file_put_in_at_the_last_moment),
        TEST(test_link_put_in_while_looking),
    };
    return cmocka_run_group_tests_name("undo_left_alone", tests, NULL, NULL);
}
