/* What is more than a snapshot takes, and what it may not look at: the rest goes on, with words. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "broken_folder.h"
#include "place.h"
#include "undo/objects.h"

static void open_again(struct place *place, const struct undo_options *options)
{
    struct err err = {0};
    undo_close(place->undo);
    place->undo = undo_open(options, &err);
    if (place->undo == NULL) {
        fail_msg("%s", err.text);
    }
}

static void open_with_limit(struct place *place, int64_t limit)
{
    open_again(place, &(struct undo_options){.folder = place->state,
                                             .workspace = place->work,
                                             .file_limit = limit,
                                             .total_limit = limit});
}

static char *list_of(struct place *place)
{
    struct str list;
    struct err err = {0};
    str_init(&list);
    if (!undo_list(place->undo, &list, &err)) {
        fail_msg("%s", err.text);
    }
    return str_take(&list);
}

static void assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%.2000s\"", part, text);
    }
}

/* --- what may not be looked at --- */

/* Its names can be read, and nothing about them. */
static void test_folder_of_bare_names(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir d e; echo one > d/f; echo one > e/f; echo one > a");
    become_nobody(place);
    struct str before = state_of(place);
    begin_turn(place);
    run(place->work, "echo two > a; chmod 444 d; echo two > e/f; chmod 444 e");
    end_turn(place);
    begin_turn(place);
    run(place->work, "echo three > a");
    assert_int_equal(end_turn(place).changed, 1);
    char *list = list_of(place);
    assert_says(list, "d/f: cannot be read");
    mem_free(list);
    mem_free(take_back(place, 2));
    char *report = take_back(place, 1);
    assert_says(report, "e/f: its content was not kept, so it is not replaced");
    mem_free(report);
    run(place->work, "echo one > e/f");
    check_state(place, &before);
    str_finish(&before);
}

/* The same for the workspace itself, and for one that cannot even be opened. */
static void test_shut_workspace(void **state)
{
    static const char *const modes[] = {"444", "000"};
    struct place *place = *state;
    run(place->work, "echo one > a");
    become_nobody(place);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct str before = state_of(place), command;
        str_init(&command);
        str_append_format(&command, "chmod %s .", modes[i]);
        begin_turn(place);
        run(place->work, command.data);
        end_turn(place);
        begin_turn(place);
        end_turn(place);
        mem_free(take_back(place, 0));
        check_state(place, &before);
        str_finish(&before);
        str_finish(&command);
    }
}

/* What was changed in a workspace that nobody may list is not known, but that it was is said. */
static void test_workspace_that_cannot_be_listed(void **state)
{
    struct place *place = *state;
    become_nobody(place);
    run(place->work, "chmod 300 .");
    begin_turn(place);
    run(place->work, "echo one > new");
    struct undo_summary summary = end_turn(place);
    run(place->work, "chmod 700 .");
    assert_int_equal(summary.changed, 1);
    assert_int_equal(summary.unkept, 1);
    char *list = list_of(place);
    assert_says(list, "work: cannot be read");
    mem_free(list);
}

/* A further folder may go while carat runs. */
static void test_root_that_is_gone(void **state)
{
    struct place *place = *state;
    const char *further[] = {place->outside, "/no/such\033folder"};
    open_again(place, &(struct undo_options){.folder = place->state,
                                             .workspace = place->work,
                                             .writable = further,
                                             .writable_count = 2,
                                             .file_limit = FILE_LIMIT,
                                             .total_limit = TOTAL_LIMIT});
    struct str notes;
    str_init(&notes);
    undo_take_notes(place->undo, &notes);
    assert_string_equal(notes.data, "/no/such\\x1Bfolder: what tools change in it cannot be taken "
                                    "back: No such file or directory\n");
    str_finish(&notes);
    run(place->work, "echo one > a");
    begin_turn(place);
    run(place->work, "echo two > a; rm -r ../outside");
    end_turn(place);
    char *report = take_back(place, 0);
    assert_says(report, "restored a\n");
    assert_says(report, "outside/file: opening its folder");
    mem_free(report);
}

/* What was not read of it looks as if it were gone, or new; nothing happens to it. */
static void test_folder_read_in_part(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir -p d/broken; touch d/a d/b d/c d/y d/z; echo one > a");
    struct str before = state_of(place);
    begin_turn(place);
    run(place->work, "echo two > a");
    is_broken = true;
    end_turn(place);
    is_broken = false;
    char *list = list_of(place);
    assert_says(list, "work/d: cannot be read");
    mem_free(list);
    mem_free(take_back(place, 0));
    check_state(place, &before);
    is_broken = true;
    begin_turn(place);
    is_broken = false;
    run(place->work, "echo two > a");
    end_turn(place);
    char *report = take_back(place, 0);
    assert_says(report, "work/d: cannot be read");
    mem_free(report);
    check_state(place, &before);
    str_finish(&before);
}

/* Carat's own, by whatever way it is named. */
static void test_hidden_behind_a_link(void **state)
{
    struct place *place = *state;
    char hidden[128];
    const char *list[] = {hidden};
    snprintf(hidden, sizeof hidden, "%s/link/own", place->work);
    run(place->work, "mkdir -p real/own; ln -s real link");
    open_again(place, &(struct undo_options){.folder = place->state,
                                             .workspace = place->work,
                                             .hidden = list,
                                             .hidden_count = 1,
                                             .file_limit = FILE_LIMIT,
                                             .total_limit = TOTAL_LIMIT});
    begin_turn(place);
    run(place->work, "echo kept > real/own/file");
    assert_int_equal(end_turn(place).changed, 0);
}

/* --- more than is taken --- */

enum { DEEP_FOLDERS = 125, DEEP_FILES = 2200, NAME = 255 };

/* Few files with paths that are together over the limit. */
static void make_deep(const struct place *place)
{
    char name[NAME + 1];
    memset(name, 'n', NAME);
    name[NAME] = '\0';
    int folder = open(place->work, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < DEEP_FOLDERS; i++) {
        assert_int_equal(mkdirat(folder, name, 0755), 0);
        int next = openat(folder, name, O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(folder);
        folder = next;
    }
    for (int i = 0; i < DEEP_FILES; i++) {
        snprintf(name, sizeof name, "%0*d", NAME, i);
        close(openat(folder, name, O_WRONLY | O_CREAT, 0644));
    }
    close(folder);
}

/* The turn that made them waits; those before it can be listed and taken back. */
static void test_paths_without_end(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct undo_summary summary;
    run(place->work, "echo one > a");
    begin_turn(place);
    run(place->work, "echo two > a");
    end_turn(place);
    begin_turn(place);
    run(place->work, "echo new > b");
    make_deep(place);
    assert_false(undo_end(place->undo, &summary, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_says(err.text, "longer than 64 MiB together");
    assert_false(undo_begin(place->undo, "c", "t", &err));
    char *list = list_of(place);
    assert_says(list, "a turn that was cut short cannot be closed yet: the paths of all files");
    assert_says(list, "words of the turn\n");
    mem_free(list);
    mem_free(take_back(place, 1));
    run(place->work, "test \"$(cat a)\" = one; rm -r n*");
    begin_turn(place);
    end_turn(place);
    list = list_of(place);
    assert_says(list, "   2 ");
    assert_says(list, "carat was stopped in it");
    assert_says(list, "   3 "); /* the taking back has a number of its own */
    mem_free(list);
}

/* As if it were damaged: made anew, ignored, in nobody's way. */
static void test_files_of_ours_that_are_too_large(void **state)
{
    struct place *place = *state;
    begin_turn(place);
    run(place->work, "echo one > a");
    end_turn(place);
    undo_close(place->undo);
    run(place->state, "truncate -s 600M */index */turns/000001 $(echo */)open $(echo */)apply");
    place->undo = open_undo(place);
    begin_turn(place);
    run(place->work, "echo two > a");
    assert_int_equal(end_turn(place).turn, 2);
    char *list = list_of(place);
    assert_says(list, "turn 1: ");
    assert_says(list, "is damaged");
    mem_free(list);
    mem_free(take_back(place, 2));
    run(place->work, "test \"$(cat a)\" = one");
}

/* A turn that ruins a file and writes as much as it can. */
static void test_the_last_turn_stays(void **state)
{
    struct place *place = *state;
    open_with_limit(place, 1024 * 1024);
    run(place->work, "head -c 100000 /dev/urandom > precious; cp precious ../kept");
    for (int i = 0; i < 3; i++) {
        begin_turn(place);
        run(place->work, "head -c 300000 /dev/urandom > other");
        end_turn(place);
    }
    begin_turn(place);
    run(place->work, "head -c 100000 /dev/urandom > precious; for i in 1 2 3 4 5 6 7 8 9; do "
                     "head -c 120000 /dev/urandom > big$i; done");
    end_turn(place);
    begin_turn(place);
    struct undo_summary summary = end_turn(place);
    assert_int_equal(summary.forgotten, 2);
    char *list = list_of(place);
    assert_says(list, "the snapshot is full (undo.megabytes)");
    mem_free(list);
    char *report = take_back(place, 0);
    assert_says(report, "restored precious\n");
    mem_free(report);
    run(place->work, "cmp precious ../kept");
}

/* What was kept before is not pushed out by what comes first in a folder. What is moved takes the
 * room that it had. */
static void test_what_is_known_comes_first(void **state)
{
    struct place *place = *state;
    open_with_limit(place, 2000000);
    run(place->work, "head -c 600000 /dev/urandom > m; cp m ../kept; mkdir d");
    begin_turn(place);
    run(place->work, "for i in $(seq 40); do head -c 100000 /dev/urandom > $i; done");
    end_turn(place);
    begin_turn(place);
    run(place->work, "echo > m");
    end_turn(place);
    mem_free(take_back(place, 0));
    run(place->work, "cmp m ../kept; rm [0-9]* && mv ../kept m");
    begin_turn(place);
    run(place->work, "mv m d/m");
    struct undo_summary summary = end_turn(place);
    assert_int_equal(summary.changed, 2);
    assert_int_equal(summary.unkept, 0);
}

/* The notes of what changed are part of the limit. */
static void test_records_count(void **state)
{
    struct place *place = *state;
    open_with_limit(place, 1024 * 1024);
    run(place->work, "mkdir d; cd d; touch $(seq 1500)");
    for (int i = 0; i < 4; i++) {
        begin_turn(place);
        run(place->work, i % 2 == 0 ? "chmod 600 d/*" : "chmod 644 d/*");
        end_turn(place);
    }
    begin_turn(place);
    end_turn(place);
    run(place->state, "test $(ls */turns | wc -l) = 1");
    mem_free(take_back(place, 4));
}

static void test_many_folders(void **state)
{
    enum { COUNT = 70 };
    struct place *place = *state;
    char names[COUNT][96];
    const char *further[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%s/more%d", place->base, i);
        assert_int_equal(mkdir(names[i], 0755), 0);
        further[i] = names[i];
    }
    open_again(place, &(struct undo_options){.folder = place->state,
                                             .workspace = place->work,
                                             .writable = further,
                                             .writable_count = COUNT,
                                             .file_limit = FILE_LIMIT,
                                             .total_limit = TOTAL_LIMIT});
    begin_turn(place);
    run(place->base, "echo one > more69/a");
    end_turn(place);
    mem_free(take_back(place, 0));
    run(place->base, "test ! -e more69/a");
}

/* It is shown up to a bound, and the rest counted. */
static void test_much_is_counted(void **state)
{
    struct place *place = *state;
    struct str out;
    begin_turn(place);
    run(place->work, "for i in $(seq 30); do head -c 240000 /dev/zero | tr '\\0' x > $i; done");
    end_turn(place);
    str_init(&out);
    assert_true(undo_show(place->undo, 0, &out, NULL));
    assert_true(out.length < 6 * 1024 * 1024);
    assert_says(out.data + out.length - 40, "and ");
    assert_says(out.data + out.length - 40, " more paths\n");
    str_finish(&out);
}

/* --- contents --- */

static void test_a_content_is_checked_before_it_is_shown(void **state)
{
    struct place *place = *state;
    struct str out;
    begin_turn(place);
    run(place->work, "echo one > a");
    end_turn(place);
    run(place->state, "for f in */objects/*/*; do printf 'two\\n' > $f; done");
    str_init(&out);
    assert_true(undo_show(place->undo, 0, &out, NULL));
    assert_string_equal(out.data, "a: its content is no longer kept, 0 bytes to 4\n");
    str_finish(&out);
}

/* A program that goes on writing holds nobody. */
static void test_a_file_that_grows(void **state)
{
    struct place *place = *state;
    unsigned char hash[HASH_BYTES];
    int64_t size = 0;
    struct err err = {0};
    char path[128];
    run(place->work, "head -c 100000 /dev/zero > a");
    snprintf(path, sizeof path, "%s/a", place->work);
    int fd = open(path, O_RDONLY);
    assert_false(objects_hash(fd, 99999, hash, &size, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(objects_hash(fd, 100000, hash, &size, &err));
    assert_int_equal(size, 100000);
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_folder_of_bare_names),
        TEST(test_shut_workspace),
        TEST(test_workspace_that_cannot_be_listed),
        TEST(test_folder_read_in_part),
        TEST(test_root_that_is_gone),
        TEST(test_hidden_behind_a_link),
        TEST(test_paths_without_end),
        TEST(test_files_of_ours_that_are_too_large),
        TEST(test_the_last_turn_stays),
        TEST(test_what_is_known_comes_first),
        TEST(test_records_count),
        TEST(test_many_folders),
        TEST(test_much_is_counted),
        TEST(test_a_content_is_checked_before_it_is_shown),
        TEST(test_a_file_that_grows),
    };
    return cmocka_run_group_tests_name("undo_bounds", tests, NULL, NULL);
}
