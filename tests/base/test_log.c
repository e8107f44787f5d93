/* log: foreign text is made visible; the file is capped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

static void is_visible_and_capped(void **state)
{
    (void)state;
    char path[] = "/tmp/carat-test-log-XXXXXX", old[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct err err;
    assert_true(log_open(path, &err));
    log_write("test", "hello %s", "\x1b[31m\nforged: line");
    struct str s;
    str_init(&s);
    assert_true(file_read(path, 4096, &s, &err));
    assert_null(strchr(s.data, 0x1b));
    assert_ptr_equal(strchr(s.data, '\n'), s.data + s.length - 1);
    char filler[1000];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    for (int i = 0; i < LOG_LIMIT / 1000 + 10; i++) {
        log_write("test", "%s", filler);
    }
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < LOG_LIMIT);
    snprintf(old, sizeof old, "%s.1", path);
    assert_int_equal(stat(old, &status), 0);
    assert_true(status.st_size <= LOG_LIMIT);
    log_close();
    log_write("test", "into nothing");
    unlink(old);
    unlink(path);
    str_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_visible_and_capped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
