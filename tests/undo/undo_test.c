/* Undo, from outside: trees and changes by chance, compared byte for byte; kills in the middle; two
 * processes; what is shown; how much is kept. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "place.h"

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

static void test_random_trees(void **state)
{
    struct place *place = *state;
    for (unsigned round = 0; round < 60; round++) {
        seed = round * 7919 + 1;
        for (unsigned i = chance(30); i > 0; i--) {
            random_change(place);
        }
        struct str before = state_of(place);
        begin_turn(place);
        for (unsigned i = 1 + chance(25); i > 0; i--) {
            random_change(place);
        }
        struct undo_summary summary = end_turn(place);
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

/* A tag or a name put into a folder that was kept does not take it out of the snapshots. */
static void test_hiding_a_folder(void **state)
{
    struct place *place = *state;
    run(place->work, "mkdir src; echo precious > src/a");
    begin_turn(place);
    run(place->work, "echo tag > src/CACHEDIR.TAG; echo gone > src/a");
    end_turn(place);
    mem_free(take_back(place, 0));
    run(place->work, "test \"$(cat src/a)\" = precious && test ! -e src/CACHEDIR.TAG");
}

/* The same size and the same times, the oldest trick: the change time tells. */
static void test_times_that_lie(void **state)
{
    struct place *place = *state;
    run(place->work, "echo aaaa > a; touch -d '2020-01-01' a; sleep 0.05");
    begin_turn(place);
    run(place->work, "echo bbbb > a; touch -d '2020-01-01' a");
    struct undo_summary changed = end_turn(place);
    assert_int_equal(changed.changed, 1);
    assert_string_equal(changed.first, "a");
    mem_free(take_back(place, 0));
    run(place->work, "test \"$(cat a)\" = aaaa");
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

static void test_show(void **state)
{
    struct place *place = *state;
    run(place->work, "printf 'one\\ntwo\\nthree\\n' > a; ln -s a l; printf 'b\\0b' > bin");
    begin_turn(place);
    run(place->work, "printf 'one\\n2\\nthree\\n' > a; ln -sfn b l; printf 'c\\0b' > bin; "
                     "chmod 600 a");
    end_turn(place);
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
    begin_turn(place);
    run(place->work, "printf x > \"$(printf 'e\\033[2J\\n  restored all\\342\\200\\256x')\"");
    struct undo_summary summary = end_turn(place);
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
    begin_turn(place);
    run(place->work, "rm d; mkdir d; echo new > d/f");
    end_turn(place);
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
    begin_turn(place);
    assert_false(undo_begin(other, "c", "t", &err));
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    end_turn(place);
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
    begin_turn(place);
    run(place->work, "echo two > a");
    end_turn(place);
    run(place->work, "echo 'by the user' > mine");
    struct undo *other = open_undo(place);
    assert_true(undo_begin(other, "c", "t", &err));
    run(place->work, "echo two > b");
    assert_true(undo_end(other, &summary, &err));
    assert_true(undo_begin(other, "c", "t", &err));
    run(place->work, "echo two > c");
    undo_close(other); /* in its turn */
    begin_turn(place);
    run(place->work, "echo three > a");
    assert_int_equal(end_turn(place).changed, 1);
    mem_free(take_back(place, 3));
    run(place->work,
        "test \"$(cat a b c mine)\" = \"$(printf 'three\\ntwo\\none\\nby the user')\"");
}

/* A turn with a further folder, closed by a carat that has none, and the other way around. */
static void test_stopped_with_other_folders(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    const char *further[] = {place->outside};
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
    begin_turn(place);
    run(place->work, "echo three > a");
    undo_close(place->undo);
    place->undo = undo_open(&options, &err);
    begin_turn(place);
    assert_int_equal(end_turn(place).changed, 0);
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
    begin_turn(place);
    end_turn(place);
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
        begin_turn(place);
        run(place->work, "head -c 200000 /dev/urandom > a");
        end_turn(place);
    }
    begin_turn(place);
    end_turn(place);
    char command[256];
    snprintf(command, sizeof command,
             "test $(du -sk '%s' | cut -f1) -lt 1500 && test $(ls */turns | wc -l) -lt 8",
             place->state);
    run(place->state, command);
    run(place->work, "cp a ../kept");
    begin_turn(place);
    run(place->work, "echo small > a");
    end_turn(place);
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
                                   .total_limit = 1300000};
    place->undo = undo_open(&options, NULL);
    run(place->work, "head -c 600000 /dev/urandom > a; echo one > b");
    for (int i = 0; i < 2; i++) {
        begin_turn(place);
        run(place->work, "echo again >> b");
        end_turn(place);
    }
    run(place->state, "echo > $(echo */turns)/000009");
    for (int i = 0; i < 2; i++) {
        run(place->work, "head -c 600000 /dev/urandom > a");
        begin_turn(place);
        end_turn(place);
    }
    run(place->state, "test $(du -sk . | cut -f1) -lt 900");
    mem_free(take_back(place, 2));
    mem_free(take_back(place, 1));
    run(place->work, "test \"$(cat b)\" = one");
}

/* The power went before the contents were on the disk: the right size, and zeros in it. */
static void test_damaged_content_is_not_believed(void **state)
{
    struct place *place = *state;
    run(place->work, "echo one > a; echo two > b");
    begin_turn(place);
    end_turn(place);
    run(place->state, "test ! -e */objects/unsynced");
    undo_close(place->undo);
    run(place->state, "cd */objects && touch unsynced && rm ../index && for f in */*; do "
                      "printf '\\0\\0\\0\\0' > $f; done");
    place->undo = open_undo(place);
    begin_turn(place);
    run(place->work, "echo 1 > a; rm b");
    end_turn(place);
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
    begin_turn(place);
    int64_t first = clock_monotonic_us();
    run(place->work, "echo changed > d7/f7");
    int64_t changed = clock_monotonic_us();
    assert_int_equal(end_turn(place).changed, 1);
    int64_t second = clock_monotonic_us();
    begin_turn(place);
    int64_t third = clock_monotonic_us();
    end_turn(place);
    mem_free(take_back(place, 0));
    int64_t back = clock_monotonic_us();
    print_message("10,000 files: first snapshot %lld ms, after a turn %lld ms, before the next "
                  "%lld ms, its end and taking back %lld ms\n",
                  (long long)(first - start) / 1000, (long long)(second - changed) / 1000,
                  (long long)(third - second) / 1000, (long long)(back - third) / 1000);
    run(place->work, "test \"$(cat d7/f7)\" = '7 7'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_random_trees),
        TEST(test_hiding_a_folder),
        TEST(test_times_that_lie),
        TEST(test_long_title),
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
