/* What happens around a write: a file that somebody saves meanwhile, what a write that fails leaves
 * behind, and what its answer says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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
static bool disk_is_full;

int fsync(int fd)
{
    if (disk_is_full) {
        errno = ENOSPC;
        return -1;
    }
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

/* The mode that a file had until it was given another: in place of the C library's. */
static mode_t mode_before;

/* Owners as a test wants them, in place of the C library's calls. */
static struct {
    ino_t inode; /* of the file that has them; 0 = none has */
    uid_t user;
    gid_t group;
    bool not_ours, refused; /* whatever its id says; giving a file away */
    ino_t given;            /* what was given an owner, and whom; before its mode */
    uid_t given_user;
    gid_t given_group;
} owners;

int fchmod(int fd, mode_t mode)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    mode_before = status.st_mode & 0777;
    assert_true(owners.given == 0 || owners.given == status.st_ino);
    return (int)syscall(SYS_fchmod, fd, mode);
}

int __wrap_fstat(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat *status);

int __wrap_fstat(int fd, struct stat *status)
{
    int got = fstatat(fd, "", status, AT_EMPTY_PATH);
    if (got == 0 && owners.inode != 0 && status->st_ino == owners.inode) {
        status->st_uid = owners.user;
        status->st_gid = owners.group;
    }
    return got;
}

int __wrap_fstat64(int fd, struct stat *status)
{
    return __wrap_fstat(fd, status);
}

int __wrap_fchown(int fd, uid_t user, gid_t group);

int __wrap_fchown(int fd, uid_t user, gid_t group)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_not_equal(owners.inode, 0);
    owners.given = status.st_ino;
    owners.given_user = user;
    owners.given_group = group;
    errno = EINVAL;
    return owners.refused ? -1 : 0;
}

static int control(int fd, int command, va_list arguments)
{
    struct stat status;
    long argument = command == F_SETFL ? va_arg(arguments, int) : 0;
    assert_int_equal(fstat(fd, &status), 0);
    if (command == F_SETFL && owners.inode == status.st_ino && owners.not_ours) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);

int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    int got = control(fd, command, arguments);
    va_end(arguments);
    return got;
}

int __wrap_fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    int got = control(fd, command, arguments);
    va_end(arguments);
    return got;
}

/* Extended attributes where the tests' file system has none: by inode, in memory, in place of the C
 * library's. Where it has them the kernel's are used. */
enum { MOST_ATTRIBUTES = 32 };
static struct attribute {
    ino_t inode;
    char name[64];
    unsigned char value[128];
    size_t size;
} attributes[MOST_ATTRIBUTES];
static size_t attribute_count;
static bool stands_in;

static struct attribute *find_attribute(ino_t inode, const char *name)
{
    for (size_t i = 0; i < attribute_count; i++) {
        if (attributes[i].inode == inode && strcmp(attributes[i].name, name) == 0) {
            return &attributes[i];
        }
    }
    return NULL;
}

static ssize_t get_attribute(ino_t inode, const char *name, void *value, size_t size)
{
    const struct attribute *found = find_attribute(inode, name);
    if (found == NULL || found->size > size) {
        errno = found == NULL ? ENODATA : ERANGE;
        return -1;
    }
    memcpy(value, found->value, found->size);
    return (ssize_t)found->size;
}

static void set_attribute(ino_t inode, const char *name, const void *value, size_t size)
{
    struct attribute *found = find_attribute(inode, name);
    if (found == NULL) {
        assert_true(attribute_count < MOST_ATTRIBUTES);
        found = &attributes[attribute_count++];
        found->inode = inode;
        snprintf(found->name, sizeof found->name, "%s", name);
    }
    assert_true(size <= sizeof found->value);
    memcpy(found->value, value, size);
    found->size = size;
}

static ino_t inode_of(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

ssize_t __real_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size);
int __real_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
ssize_t __real_flistxattr(int fd, char *names, size_t size);
ssize_t __wrap_flistxattr(int fd, char *names, size_t size);
int __real_fremovexattr(int fd, const char *name);
int __wrap_fremovexattr(int fd, const char *name);
int __wrap_openat(int directory, const char *path, int flags, mode_t mode);
int __wrap_openat64(int directory, const char *path, int flags, mode_t mode);

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return stands_in ? get_attribute(inode_of(fd), name, value, size)
                     : __real_fgetxattr(fd, name, value, size);
}

int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    if (!stands_in) {
        return __real_fsetxattr(fd, name, value, size, flags);
    }
    set_attribute(inode_of(fd), name, value, size);
    return 0;
}

ssize_t __wrap_flistxattr(int fd, char *names, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; stands_in && i < attribute_count; i++) {
        if (attributes[i].inode == inode_of(fd)) {
            assert_true(length + sizeof attributes[i].name <= size);
            length += (size_t)snprintf(names + length, size - length, "%s", attributes[i].name) + 1;
        }
    }
    return stands_in ? (ssize_t)length : __real_flistxattr(fd, names, size);
}

int __wrap_fremovexattr(int fd, const char *name)
{
    if (!stands_in) {
        return __real_fremovexattr(fd, name);
    }
    struct attribute *found = find_attribute(inode_of(fd), name);
    if (found == NULL) {
        errno = ENODATA;
        return -1;
    }
    *found = attributes[--attribute_count];
    return 0;
}

/* A new file takes what its folder gives. */
int __wrap_openat(int directory, const char *path, int flags, mode_t mode)
{
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    const struct attribute *list =
        fd >= 0 && stands_in && (flags & O_CREAT) != 0
            ? find_attribute(inode_of(directory), "system.posix_acl_default")
            : NULL;
    if (list != NULL) {
        set_attribute(inode_of(fd), "system.posix_acl_access", list->value, list->size);
    }
    return fd;
}

int __wrap_openat64(int directory, const char *path, int flags, mode_t mode)
{
    return __wrap_openat(directory, path, flags, mode);
}

/* The test's own calls, which take the same way. The first says whether the kernel's will do. */
static void hang_on(const char *path, const char *name, const void *value, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (fsetxattr(fd, name, value, size, 0) != 0) {
        assert_int_equal(errno, ENOTSUP);
        stands_in = true;
        assert_int_equal(fsetxattr(fd, name, value, size, 0), 0);
    }
    close(fd);
}

static void assert_hangs_on(const char *path, const char *name, const void *value, size_t size)
{
    unsigned char now[128];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fgetxattr(fd, name, now, sizeof now), size);
    assert_memory_equal(now, value, size);
    close(fd);
}

static int forget_attributes(void **state)
{
    attribute_count = 0;
    stands_in = disk_is_full = false;
    memset(&owners, 0, sizeof owners);
    return fixture_setup(state);
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
            "f changed a moment ago; read it again with read_file. Nothing was changed");
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

/* Not for the moment of the write either. */
static void a_private_file_is_never_open_to_others(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/f", fixture->root);
    fixture_write(fixture, "f", "one\n");
    assert_int_equal(chmod(path, 0600), 0);
    mode_t mask = umask(0);
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"secret\\n\"}"),
        "replaced f");
    assert_int_equal(mode_before, 0600);
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"new\", \"content\": \"x\"}"),
        "created new");
    umask(mask);
    struct stat status;
    snprintf(path, sizeof path, "%s/new", fixture->root);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666);
}

/* What the user or a program hung on a file is still there, on one that may not be written too. */
static void extended_attributes_are_kept(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/f", fixture->root);
    fixture_write(fixture, "f", "one\n");
    hang_on(path, "user.tags", "red,blue", 8);
    hang_on(path, "user.empty", "", 0);
    for (mode_t mode = 0444; mode <= 0644; mode += 0200) {
        assert_int_equal(chmod(path, mode), 0);
        fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
        assert_string_equal(
            fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"two\\n\"}"),
            "replaced f");
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, mode);
        assert_hangs_on(path, "user.tags", "red,blue", 8);
        assert_hangs_on(path, "user.empty", "", 0);
    }
}

/* An access list as the kernel writes it: version 2, then tag, permissions and id of each entry. */
static const unsigned char list[] = {
    2,    0, 0, 0,                         /* version */
    0x01, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* the owner: rw */
    0x02, 0, 6, 0, 0x34, 0x12, 0,    0,    /* another user: rw */
    0x04, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* the group: nothing */
    0x10, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* the mask, which the mode shows: rw */
    0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, /* others: nothing */
};

static void an_access_list_is_kept(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/f", fixture->root);
    fixture_write(fixture, "f", "one\n");
    hang_on(path, "system.posix_acl_access", list, sizeof list);
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"two\\n\"}"),
        "replaced f");
    assert_hangs_on(path, "system.posix_acl_access", list, sizeof list);
}

/* What a folder gives to each new file in it, a file that was there before does not get. */
static void an_access_list_is_not_given(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char path[128], value[128];
    snprintf(path, sizeof path, "%s/f", fixture->root);
    fixture_write(fixture, "f", "one\n");
    assert_int_equal(chmod(path, 0640), 0);
    hang_on(fixture->root, "system.posix_acl_default", list, sizeof list);
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"two\\n\"}"),
        "replaced f");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "system.posix_acl_access", value, sizeof value), -1);
    assert_int_equal(errno, ENODATA);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    close(fd);
    /* A new file does. */
    fixture_call(fixture, "write_file", "{\"path\": \"new\", \"content\": \"x\"}");
    snprintf(path, sizeof path, "%s/new", fixture->root);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fgetxattr(fd, "system.posix_acl_access", value, sizeof value) > 0);
    close(fd);
}

static void an_owner_is_kept(void **state)
{
    enum { SAME = 70000, OTHER, KEPT = -1 };
    static const struct row {
        int user, group;
        bool not_ours, refused;
        int given_user, given_group;
        bool fails;
    } rows[] = {
        {SAME, SAME, false, false, 0, 0, false}, /* nothing is given */
        {OTHER, OTHER, true, false, OTHER, OTHER, false},
        {SAME, OTHER, false, false, KEPT, OTHER, false},
        {OTHER, SAME, false, false, OTHER, KEPT, false}, /* root may act as any owner */
        {OTHER, OTHER, true, true, OTHER, OTHER, true},
        {SAME, OTHER, false, true, KEPT, OTHER, true},
        {SAME, SAME, true, false, 0, 0, true}, /* another unknown one, shown as ours */
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stat status;
        char path[128];
        memset(&owners, 0, sizeof owners);
        fixture_write(fixture, "f", "one\n");
        snprintf(path, sizeof path, "%s/f", fixture->root);
        assert_int_equal(stat(path, &status), 0);
        owners.user = rows[i].user == SAME ? status.st_uid : (uid_t)rows[i].user;
        owners.group = rows[i].group == SAME ? status.st_gid : (gid_t)rows[i].group;
        owners.not_ours = rows[i].not_ours;
        owners.refused = rows[i].refused;
        owners.inode = status.st_ino;
        fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
        const char *said =
            fixture_call(fixture, "write_file", "{\"path\": \"f\", \"content\": \"two\\n\"}");
        if (rows[i].fails) {
            refused(fixture, said,
                    "writing f: its owner or group is one that no file can be given "
                    "here, and would be lost; a command that writes into the file");
        } else {
            assert_string_equal(said, "replaced f");
        }
        assert_string_equal(fixture_content(fixture, "f"), rows[i].fails ? "one\n" : "two\n");
        assert_int_equal(owners.given_user, (uid_t)rows[i].given_user);
        assert_int_equal(owners.given_group, (gid_t)rows[i].given_group);
        assert_int_equal(names(fixture), 1);
    }
}

/* Lines that begin with the mark; each is whole or says that it is not. */
static size_t shown_lines(const char *said, char mark, size_t whole)
{
    size_t count = 0;
    while ((said = strchr(said, '\n')) != NULL) {
        size_t length = strcspn(++said, "\n");
        if (said[0] == mark) {
            count++;
            assert_true(length == whole + 1 || memcmp(said + length - 10, "(line cut)", 10) == 0 ||
                        memcmp(said + length - 12, " more lines)", 12) == 0);
        }
    }
    return count;
}

/* Both sides share the room that there is, and what has none is counted. */
static void an_edit_cuts_nothing_in_silence(void **state)
{
    enum { LINE = 190, LINES = 8 };
    static const struct row {
        int tokens;
        size_t went, came; /* lines, with the one that counts the others */
    } rows[] = {{800, 8, 8}, {400, 8, 8}, {160, 3, 3}};
    struct fixture *fixture = *state;
    char old_text[LINES * (LINE + 1) + 1], new_text[sizeof old_text];
    memset(old_text, 'x', sizeof old_text);
    memset(new_text, 'o', sizeof new_text);
    for (size_t i = 1; i <= LINES; i++) {
        old_text[i * (LINE + 1) - 1] = new_text[i * (LINE + 1) - 1] = '\n';
    }
    old_text[sizeof old_text - 1] = new_text[sizeof old_text - 1] = '\0';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture->policy.result_tokens = rows[i].tokens;
        fixture_write(fixture, "f.txt", old_text);
        fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
        const char *said = fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", "f.txt",
                                        "old_text", old_text, "new_text", new_text);
        assert_int_equal(shown_lines(said, '-', LINE), rows[i].went);
        assert_int_equal(shown_lines(said, '+', LINE), rows[i].came);
        assert_true(strlen(said) <= (size_t)rows[i].tokens * 4);
    }
    assert_string_equal(fixture_content(fixture, "f.txt"), new_text);
    /* Bytes that become three each, and paths that leave no room. */
    memset(old_text + 1, '\xFF', 40);
    old_text[0] = 'q';
    fixture_write(fixture, "f.txt", old_text);
    fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
    const char *said = fixture_call(
        fixture, "edit_file", "{\"path\": \"f.txt\", \"old_text\": \"q\", \"new_text\": \"z\"}");
    assert_int_equal(shown_lines(said, '-', 0) + shown_lines(said, '+', 0), 2);
    for (size_t length = 190; length <= 250; length += 60) {
        char path[512];
        memset(path, 'n', sizeof path);
        path[length] = '/';
        path[2 * length + 1] = '\0';
        fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "x");
        said = fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", path, "old_text", "x",
                            "new_text", "y");
        assert_non_null(strstr(
            said, length == 190 ? path : "changed the file; its path is too long to be shown"));
        assert_non_null(
            strstr(said, length == 190 ? "\n(no room for the lines that changed)" : "\n-x\n+y"));
    }
}

/* The arguments that an answer gives as an example, to be given back; NULL = it gives none. */
static json_t *example_in(const char *said)
{
    const char *at = strstr(said, "for example {");
    at = at != NULL ? at + strlen("for example ") : strstr(said, "read_file {");
    at = at != NULL ? strchr(at, '{') : NULL;
    json_t *arguments = at != NULL ? json_loads(at, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    assert_true(at == NULL || arguments != NULL);
    return arguments;
}

static void assert_example(const char *said, const char *path, const char *key, const char *text)
{
    json_t *arguments = example_in(said);
    assert_non_null(arguments);
    assert_string_equal(json_string_value(json_object_get(arguments, "path")), path);
    if (key != NULL) {
        assert_string_equal(json_string_value(json_object_get(arguments, key)), text);
    }
    json_decref(arguments);
}

/* What an answer says to copy is a call that works; else it says none. */
static void an_example_is_one(void **state)
{
    static const char line[] = "\tprintf(\"hi %d\\n\", x);";
    static const char longer[] = "printf(\"hi %d\\n\", x, and much more that follows, so that "
                                 "the line is too long to be shown as a whole, and so to be given "
                                 "as an example: it goes on and on and on and on)";
    static const char *const rows[][2] = {
        {line, "one more"}, {line, line}, {longer, "one more"}}; /* the first alone may be given */
    struct fixture *fixture = *state;
    char path[601], text[512];
    memset(path, 'n', sizeof path);
    path[200] = path[400] = '/';
    path[590] = '"';
    path[600] = '\0';
    fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "one\n");
    assert_false(fixture->last.failed);
    assert_example(fixture_pack(fixture, "read_file", "{s:s, s:i}", "path", path, "start_line", 9),
                   path, NULL, NULL);
    fixture_write(fixture, path, "two\n");
    assert_example(
        fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "three"), path,
        NULL, NULL);
    assert_example(fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", path, "old_text",
                                "x", "new_text", "x"),
                   path, "old_text", "colour");
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%s\n%s\n", rows[i][0], rows[i][1]);
        fixture_write(fixture, "f", text);
        fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
        snprintf(text, sizeof text, "  %s", rows[i][0]);
        const char *said = fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", "f",
                                        "old_text", text, "new_text", "");
        refused(fixture, said, "the nearest is line 1");
        if (i == 0) {
            assert_example(said, "f", "old_text", line);
        } else {
            assert_null(example_in(said));
        }
    }
}

/* What another call cannot mend is not said to be mended by one. */
static void advice_fits_the_cause(void **state)
{
    struct fixture *fixture = *state;
    char path[128], other[128];
    fixture_write(fixture, "f", "one\n");
    fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
    disk_is_full = true;
    static const char *const calls[][2] = {
        {"write_file", "{\"path\": \"f\", \"content\": \"x\"}"},
        {"edit_file", "{\"path\": \"f\", \"old_text\": \"one\", \"new_text\": \"x\"}"}};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(fixture_call(fixture, calls[i][0], calls[i][1]),
                            "error: writing f: No space left on device. If the path is right, only "
                            "the user can mend that");
    }
    disk_is_full = false;
    snprintf(path, sizeof path, "%s/f", fixture->root);
    snprintf(other, sizeof other, "%s/g", fixture->root);
    assert_int_equal(link(path, other), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(fixture_call(fixture, calls[i][0], calls[i][1]),
                            "error: f is one of 2 hard links to the same file and is left alone; a "
                            "command that writes into it changes it under each name. Nothing was "
                            "changed");
    }
}

/* What read_file does not show, and so no model can write, is kept or said to be gone. */
static void what_is_not_shown_is_kept(void **state)
{
#define MARK "\xEF\xBB\xBF"
    static const struct row {
        const char *before, *given, *after, *said;
    } rows[] = {
        {MARK "one\r\ntwo\r\n", "1\n2\n", MARK "1\r\n2\r\n",
         "\n(line ends kept as CRLF; BOM kept)"},
        {"one\r\ntwo", "1\n2\n3", "1\r\n2\r\n3", "\n(line ends kept as CRLF)"},
        {"one\r\n", "1\r\n2\n", "1\r\n2\n", ""}, /* as given */
        {"one\r\n", "1\r2\n", "1\r2\n", "\n(line ends are LF now, they were CRLF)"},
        {"one\r\ntwo\n", "1\n2\n", "1\n2\n", "\n(line ends are LF now, some were CRLF)"},
        {"one\r\n", "1", "1", ""},
        {"one\n", "1\r\n", "1\r\n", ""},
        {MARK "one\n", MARK "1\n", MARK "1\n", ""},
        {MARK "one\n", "1\n", MARK "1\n", "\n(BOM kept)"},
        {MARK "one\r\n", "", "", ""},
        {"", "1\n", "1\n", ""},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[128];
        fixture_write(fixture, "f", rows[i].before);
        fixture_call(fixture, "read_file", "{\"path\": \"f\"}");
        snprintf(expected, sizeof expected, "replaced f%s", rows[i].said);
        /* What was written counts as read as it is. */
        for (int again = 0; again < 2; again++) {
            const char *said = fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", "f",
                                            "content", rows[i].given);
            assert_false(fixture->last.failed);
            assert_true(again == 1 || strcmp(said, expected) == 0);
        }
        assert_string_equal(fixture_content(fixture, "f"), rows[i].after);
    }
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(a_save_while_the_disk_is_awaited_is_kept),
        WITH_WORKSPACE(a_write_that_fails_leaves_nothing),
        WITH_WORKSPACE(a_private_file_is_never_open_to_others),
        WITH_WORKSPACE(an_edit_cuts_nothing_in_silence),
        WITH_WORKSPACE(an_example_is_one),
        WITH_WORKSPACE(advice_fits_the_cause),
        WITH_WORKSPACE(what_is_not_shown_is_kept),
        cmocka_unit_test_setup_teardown(extended_attributes_are_kept, forget_attributes,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_access_list_is_kept, forget_attributes,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_access_list_is_not_given, forget_attributes,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_owner_is_kept, forget_attributes, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
