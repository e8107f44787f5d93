/* file: bounds, kinds of files that are refused, replacement that is whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

static char folder[] = "/tmp/carat-test-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(in_folder("text"));
    unlink(in_folder("fifo"));
    rmdir(in_folder("a/b/c"));
    rmdir(in_folder("a/b"));
    rmdir(in_folder("a"));
    return rmdir(folder);
}

static void writes_and_reads(void **state)
{
    (void)state;
    struct err err;
    struct str s;
    str_init(&s);
    assert_true(file_replace(in_folder("text"), "one", 3, &err));
    assert_true(file_replace(in_folder("text"), "second", 6, &err));
    assert_true(file_read(in_folder("text"), 6, &s, &err));
    assert_string_equal(s.data, "second");
    struct stat status;
    assert_int_equal(stat(in_folder("text"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    str_finish(&s);
}

/* A pipe or a device is written to and stays what it is. */
static void writes_into_what_is_no_file(void **state)
{
    (void)state;
    char got[8] = "";
    struct err err;
    struct stat status;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    int reader = open(in_folder("pipe"), O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_true(file_replace(in_folder("pipe"), "lantern", 7, &err));
    assert_int_equal(read(reader, got, sizeof got), 7);
    assert_memory_equal(got, "lantern", 7);
    close(reader);
    assert_int_equal(lstat(in_folder("pipe"), &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_false(file_may_replace(in_folder("pipe")));
    assert_false(file_may_replace("/dev/null"));
    assert_true(file_may_replace(in_folder("absent")));
    /* A link to one, as /dev/stdout is. */
    assert_int_equal(symlink("/dev/null", in_folder("link")), 0);
    assert_true(file_replace(in_folder("link"), "x", 1, &err));
    assert_int_equal(lstat(in_folder("link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_false(file_replace(folder, "x", 1, &err));
    unlink(in_folder("pipe"));
    unlink(in_folder("link"));
}

static void refuses_with_the_name(void **state)
{
    (void)state;
    struct err err;
    struct str s;
    str_init(&s);
    str_append(&s, "kept");
    assert_false(file_read(in_folder("absent"), 10, &s, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "absent"));
    assert_true(file_replace(in_folder("text"), "0123456789", 10, &err));
    assert_false(file_read(in_folder("text"), 9, &s, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_false(file_read(in_folder("fifo"), 10, &s, &err)); /* and does not hang */
    assert_false(file_read(folder, 10, &s, &err));
    assert_string_equal(s.data, "kept");
    str_finish(&s);
}

/* In the place of /dev/null a file would break every program of the machine. */
static void writes_into_pipes(void **state)
{
    (void)state;
    struct err err;
    struct stat status;
    char got[8];
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    int fd = open(in_folder("pipe"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(file_replace(in_folder("pipe"), "words", 5, &err));
    assert_int_equal(stat(in_folder("pipe"), &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(read(fd, got, sizeof got), 5);
    assert_memory_equal(got, "words", 5);
    close(fd);
    unlink(in_folder("pipe"));
}

static int mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(lstat(in_folder(name), &status), 0);
    return (int)(status.st_mode & (S_IFMT | 0777));
}

/* As a shell's '>' would: a link stays one, and a mode what it is. */
static void writes_what_the_user_names(void **state)
{
    (void)state;
    struct err err;
    struct str s;
    mode_t mask = umask(026);
    str_init(&s);
    assert_true(file_write_named(in_folder("text"), NULL, "kept", 4, &err));
    assert_int_equal(mode_of("text"), S_IFREG | 0600);
    unlink(in_folder("text"));
    assert_int_equal(symlink("text", in_folder("link")), 0); /* to what is not there yet */
    assert_int_equal(symlink("link", in_folder("second")), 0);
    assert_true(file_write_named(in_folder("second"), folder, "one", 3, &err));
    umask(mask);
    assert_int_equal(mode_of("text"), S_IFREG | 0640);
    assert_int_equal(chmod(in_folder("text"), 0755), 0);
    assert_true(file_write_named(in_folder("second"), folder, "two", 3, &err));
    assert_int_equal(mode_of("text"), S_IFREG | 0755);
    assert_int_equal(mode_of("link") & S_IFMT, S_IFLNK);
    assert_int_equal(mode_of("second") & S_IFMT, S_IFLNK);
    assert_true(file_read(in_folder("text"), 3, &s, &err));
    assert_string_equal(s.data, "two");
    unlink(in_folder("link"));
    assert_int_equal(symlink("second", in_folder("link")), 0);
    assert_false(file_write_named(in_folder("second"), NULL, "x", 1, &err)); /* round and round */
    assert_non_null(strstr(err.text, "too many links"));
    unlink(in_folder("link"));
    unlink(in_folder("second"));
    str_finish(&s);
}

/* Where tools may write, one of them may have made the link. */
static void follows_no_link_out_of_a_folder(void **state)
{
    (void)state;
    struct err err;
    struct str s;
    str_init(&s);
    unlink(in_folder("text"));
    assert_int_equal(mkdir(in_folder("inner"), 0700), 0);
    assert_int_equal(symlink("../text", in_folder("inner/link")), 0);
    char inner[256];
    strcpy(inner, in_folder("inner"));
    assert_false(file_write_named(in_folder("inner/link"), inner, "x", 1, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_non_null(strstr(err.text, "inner/../text"));
    assert_int_equal(access(in_folder("text"), F_OK), -1);
    assert_true(file_write_named(in_folder("inner/link"), folder, "x", 1, &err));
    assert_int_equal(mode_of("text") & S_IFMT, S_IFREG);
    /* From elsewhere into it, as from anywhere to anywhere else: somebody's own link. */
    assert_int_equal(symlink("inner/made", in_folder("link")), 0);
    assert_true(file_follow(in_folder("link"), inner, &s, &err));
    assert_string_equal(s.data, in_folder("inner/made"));
    unlink(in_folder("link"));
    unlink(in_folder("inner/link"));
    rmdir(in_folder("inner"));
    str_finish(&s);
}

/* A file that is standard output gets it where that stands: nothing said before is lost. */
static void writes_to_standard_output(void **state)
{
    (void)state;
    struct err err;
    struct str s;
    str_init(&s);
    fflush(stdout);
    int before = dup(STDOUT_FILENO);
    int fd = open(in_folder("text"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = dup2(fd, STDOUT_FILENO) >= 0 && write(STDOUT_FILENO, "one ", 4) == 4 &&
              file_write_named("/dev/stdout", ".", "two ", 4, &err) &&
              file_write_named(in_folder("text"), NULL, "three", 5, &err);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(fd);
    assert_true(ok);
    assert_true(file_read(in_folder("text"), 100, &s, &err));
    assert_string_equal(s.data, "one two three");
    str_finish(&s);
}

static void makes_folders(void **state)
{
    (void)state;
    struct err err;
    assert_true(file_make_directories(in_folder("a/b/c"), &err));
    assert_true(file_make_directories(in_folder("a/b/c"), &err));
    assert_false(file_make_directories(in_folder("text/x"), &err));
    assert_false(file_make_directories("", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(writes_into_what_is_no_file),
        cmocka_unit_test(refuses_with_the_name),
        cmocka_unit_test(writes_into_pipes),
        cmocka_unit_test(writes_what_the_user_names),
        cmocka_unit_test(follows_no_link_out_of_a_folder),
        cmocka_unit_test(writes_to_standard_output),
        cmocka_unit_test(makes_folders),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
