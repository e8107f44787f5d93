/* What happens around a write: a file that somebody saves meanwhile, and what a write that fails
 * leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

/* The moment at which the tool waits for the disk: in place of the C library's. */
static struct {
    struct fixture *fixture;
    const char *path, *text; /* what the user saves then; NULL = nothing */
} meanwhile;

int fsync(int fd)
{
    if (meanwhile.path != NULL) {
        fixture_write(meanwhile.fixture, meanwhile.path, meanwhile.text);
        meanwhile.path = NULL;
    }
    return (int)syscall(SYS_fsync, fd);
}

static void save_meanwhile(struct fixture *fixture, const char *path, const char *text)
{
    meanwhile.fixture = fixture;
    meanwhile.path = path;
    meanwhile.text = text;
}

static void refused(struct fixture *fixture, const char *output, const char *part)
{
    assert_true(fixture->last.failed);
    if (strstr(output, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, output);
    }
}

/* Names in the workspace, with what a write may have left. */
static size_t names(struct fixture *fixture)
{
    size_t count = 0;
    DIR *directory = opendir(fixture->root);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(directory);
    return count;
}

static void a_save_while_the_disk_is_awaited_is_kept(void **state)
{
    struct fixture *fixture = *state;
    fixture_write(fixture, "f", "one\n");
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    save_meanwhile(fixture, "f", "the user saved this\n");
    refused(fixture,
            fixture_call(fixture, "edit_file",
                         "{\"path\": \"f\", \"old_text\": \"one\", \"new_text\": \"two\"}"),
            "f changed a moment ago");
    assert_string_equal(fixture_content(fixture, "f"), "the user saved this\n");
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    save_meanwhile(fixture, "f", "and this\n");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"three\\n\"}"),
            "f changed a moment ago");
    assert_string_equal(fixture_content(fixture, "f"), "and this\n");
    save_meanwhile(fixture, "new", "the user made this\n");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"new\", \"content\": \"mine\\n\"}"),
            "new exists already");
    assert_string_equal(fixture_content(fixture, "new"), "the user made this\n");
    assert_int_equal(names(fixture), 2);
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"three\\n\"}"),
        "replaced f");
    assert_string_equal(fixture_content(fixture, "f"), "three\n");
}

/* Also where folders were made on the way. */
static void a_write_that_fails_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const rows[][2] = {
        {"", ""}, {"a/", ""}, {"a/b/c/", ""}, {"a/", "/c"}, {"there/a/b/", ""}};
    char path[600], name[301];
    memset(name, 'n', 300);
    name[300] = '\0';
    fixture_directory(fixture, "there");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(path, sizeof path, "%s%s%s", rows[i][0], name, rows[i][1]);
        fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "x");
        assert_true(fixture->last.failed);
        assert_int_equal(names(fixture), 1);
        assert_false(fixture_exists(fixture, "there/a"));
    }
    /* What somebody puts there meanwhile stays. */
    save_meanwhile(fixture, "a/new", "the user made this\n");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"a/new\", \"content\": \"x\"}"),
            "exists already");
    assert_string_equal(fixture_content(fixture, "a/new"), "the user made this\n");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"c/d/e\", \"content\": \"x\"}"),
        "created c/d/e");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"c/d\\n\", \"content\": \"x\"}"),
            "the path that begins \"c/d\" holds the control character 0x0a");
}

/* What the user or a program hung on a file is still there, on one that may not be written too. */
static void extended_attributes_are_kept(void **state)
{
    struct fixture *fixture = *state;
    char path[128], value[32];
    snprintf(path, sizeof path, "%s/f", fixture->root);
    fixture_write(fixture, "f", "one\n");
    if (setxattr(path, "user.tags", "red,blue", 8, 0) != 0) {
        skip(); /* not on this file system */
    }
    assert_int_equal(setxattr(path, "user.empty", "", 0, 0), 0);
    for (mode_t mode = 0444; mode <= 0644; mode += 0200) {
        assert_int_equal(chmod(path, mode), 0);
        fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
        assert_string_equal(
            fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"two\\n\"}"),
            "replaced f");
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, mode);
        assert_int_equal(getxattr(path, "user.tags", value, sizeof value), 8);
        assert_memory_equal(value, "red,blue", 8);
        assert_int_equal(getxattr(path, "user.empty", value, sizeof value), 0);
    }
}

/* An access list as the kernel writes it: version 2, then tag, permissions and id of each entry. */
static void an_access_list_is_kept(void **state)
{
    static const unsigned char list[] = {
        2,    0, 0, 0,                         /* version */
        0x01, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* the owner: rw */
        0x02, 0, 6, 0, 0x34, 0x12, 0,    0,    /* another user: rw */
        0x04, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* the group: nothing */
        0x10, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* the mask, which the mode shows: rw */
        0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* others: nothing */
    };
    struct fixture *fixture = *state;
    char path[128];
    unsigned char now[128];
    snprintf(path, sizeof path, "%s/f", fixture->root);
    fixture_write(fixture, "f", "one\n");
    if (setxattr(path, "system.posix_acl_access", list, sizeof list, 0) != 0) {
        skip(); /* not on this file system */
    }
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"two\\n\"}"),
        "replaced f");
    assert_int_equal(getxattr(path, "system.posix_acl_access", now, sizeof now), sizeof list);
    assert_memory_equal(now, list, sizeof list);
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(a_save_while_the_disk_is_awaited_is_kept),
        WITH_WORKSPACE(a_write_that_fails_leaves_nothing),
        WITH_WORKSPACE(extended_attributes_are_kept),
        WITH_WORKSPACE(an_access_list_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
