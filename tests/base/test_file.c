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
        cmocka_unit_test(refuses_with_the_name),
        cmocka_unit_test(writes_into_pipes),
        cmocka_unit_test(makes_folders),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
