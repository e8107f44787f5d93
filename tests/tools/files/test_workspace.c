/* The attacks on the file tools' walls: every way out of the root that a path can try, files that
 * are no files, and links that change while we look. Each attack is checked by its effect, a file
 * outside that must stay unread and unwritten, not by the words of the refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#include "fixture.h"
#include "workspace.h"

static const char secret[] = "the secret outside\n";

static void plant(struct fixture *fixture)
{
    char path[128];
    snprintf(path, sizeof path, "%s/secret.txt", fixture->outside);
    fixture_write(fixture, path, secret);
    fixture_write(fixture, "inside.txt", "inside\n");
    fixture_directory(fixture, "directory");
    fixture_link(fixture, "../secret.txt", "link-out");
    fixture_link(fixture, "..", "directory-out");
    fixture_link(fixture, "inside.txt", "link-in");
    fixture_link(fixture, "directory", "directory-in");
    fixture_link(fixture, path, "link-absolute");
    fixture_link(fixture, "loop", "loop");
    fixture_link(fixture, "/proc/self/root", "magic");
    fixture_link(fixture, "../created-by-a-link.txt", "dangling");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", fixture->root);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    char other[128];
    snprintf(other, sizeof other, "%s/fifo", fixture->root);
    assert_int_equal(mkfifo(other, 0644), 0);
    snprintf(other, sizeof other, "%s/hard.txt", fixture->root);
    assert_int_equal(link(path, other), 0);
}

static void assert_secret_untouched(struct fixture *fixture)
{
    char path[128];
    snprintf(path, sizeof path, "%s/secret.txt", fixture->outside);
    assert_string_equal(fixture_content(fixture, path), secret);
    snprintf(path, sizeof path, "%s/created-by-a-link.txt", fixture->outside);
    assert_false(fixture_exists(fixture, path));
    snprintf(path, sizeof path, "%s/new.txt", fixture->outside);
    assert_false(fixture_exists(fixture, path));
}

/* Paths that must open nothing. "%" stands for the root. */
static const char *const attacks[] = {
    "../secret.txt",
    "../../../../../../etc/passwd",
    "directory/../../secret.txt",
    "./../secret.txt",
    "..",
    "%/../secret.txt",
    "%2/secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "~/secret.txt",
    "~",
    "link-out",
    "link-absolute",
    "directory-out/secret.txt",
    "directory-in/../../secret.txt",
    "loop",
    "magic/etc/passwd",
    "dangling",
    "/proc/self/environ",
    "/proc/self/fd/0",
    "/proc/self/root/etc/passwd",
    "/dev/fd/0",
    "/dev/null",
    "/dev/tty",
    "fifo",
    "socket",
    "directory",
    "inside.txt/x",
    "inside.txt/",
    "",
    "a\nb",
};

static void spell(struct fixture *fixture, const char *attack, char out[256])
{
    snprintf(out, 256, "%s%s", attack[0] == '%' ? fixture->root : "", attack + (attack[0] == '%'));
}

static void no_attack_reads_outside(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char path[256];
    plant(fixture);
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        spell(fixture, attacks[i], path);
        err_clear(&err);
        int fd = workspace_open_file(fixture->context.workspace, path, &err);
        if (fd >= 0) {
            fail_msg("\"%s\" was opened", path);
        }
        assert_true(err.code != ERR_NONE && err.text[0] != '\0');
        const char *output = fixture_pack(fixture, "read_file", "{s:s}", "path", path);
        assert_true(fixture->last.failed);
        assert_null(strstr(output, "the secret outside"));
        assert_null(strstr(output, "root:"));
    }
    assert_secret_untouched(fixture);
}

static void no_attack_writes_outside(void **state)
{
    struct fixture *fixture = *state;
    static const char *const more[] = {"../new.txt", "directory-out/new.txt", "hard.txt",
                                       "link-in",    "directory-in/new.txt",  ".",
                                       "new/"};
    char path[256];
    plant(fixture);
    /* Even what was read may not be written through a link. */
    fixture_call(fixture, "read_file", "{\"path\": \"link-in\"}");
    assert_false(fixture->last.failed);
    fixture_call(fixture, "read_file", "{\"path\": \"hard.txt\"}");
    assert_false(fixture->last.failed);
    size_t attack_count = sizeof attacks / sizeof attacks[0];
    for (size_t i = 0; i < attack_count + sizeof more / sizeof more[0]; i++) {
        spell(fixture, i < attack_count ? attacks[i] : more[i - attack_count], path);
        fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "owned\n");
        if (!fixture->last.failed) {
            fail_msg("\"%s\" was written", path);
        }
        fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", path, "old_text", "secret",
                     "new_text", "owned");
        if (!fixture->last.failed) {
            fail_msg("\"%s\" was edited", path);
        }
    }
    assert_secret_untouched(fixture);
    assert_string_equal(fixture_content(fixture, "inside.txt"), "inside\n");
    assert_false(fixture_exists(fixture, "directory/new.txt"));
    assert_false(fixture_exists(fixture, "~"));
}

static void a_refused_link_is_named(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    const char *output = fixture_call(fixture, "write_file",
                                      "{\"path\": \"directory-in/new.txt\", \"content\": \"x\"}");
    assert_non_null(strstr(output, "\"directory-in\""));
    assert_non_null(strstr(output, "symbolic link to \"directory\""));
    output = fixture_call(fixture, "write_file", "{\"path\": \"hard.txt\", \"content\": \"x\"}");
    assert_non_null(strstr(output, "was not read"));
    fixture_call(fixture, "read_file", "{\"path\": \"hard.txt\"}");
    output = fixture_call(fixture, "write_file", "{\"path\": \"hard.txt\", \"content\": \"x\"}");
    assert_non_null(strstr(output, "hard links"));
}

static void links_that_stay_inside_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    fixture_write(fixture, "directory/deep.txt", "deep\n");
    assert_string_equal(fixture_call(fixture, "read_file", "{\"path\": \"link-in\"}"), "1: inside");
    assert_string_equal(fixture_call(fixture, "read_file", "{\"path\": \"directory-in/deep.txt\"}"),
                        "1: deep");
}

static void a_path_is_normalised(void **state)
{
    static const struct row {
        const char *path, *expected; /* "%": the root; NULL: refused */
    } rows[] = {
        {"a", "a"},      {"./a", "a"},         {"a//b", "a/b"},   {"a/./b/", "a/b"},
        {"a/../b", "b"}, {"a/b/../../c", "c"}, {"a/..", "."},     {".", "."},
        {"%", "."},      {"%/", "."},          {"%/a/b", "a/b"},  {"%//a", "a"},
        {"./~", "~"},    {"a/~", "a/~"},       {"...", "..."},    {"..a/b..", "..a/b.."},
        {"%x", NULL},    {"/", NULL},          {"a/../..", NULL}, {"~/a", NULL},
        {"\x7F", NULL},
    };
    struct fixture *fixture = *state;
    char path[256], out[WORKSPACE_PATH_LIMIT];
    struct err err;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        spell(fixture, rows[i].path, path);
        bool ok = workspace_relative(fixture->context.workspace, path, out, &err);
        assert_int_equal(ok, rows[i].expected != NULL);
        if (ok) {
            assert_string_equal(out, rows[i].expected);
        }
    }
}

static void the_root_of_the_file_system_can_be_a_workspace(void **state)
{
    struct err err;
    char out[WORKSPACE_PATH_LIMIT];
    (void)state;
    struct workspace *workspace = workspace_open("/", &err);
    assert_non_null(workspace);
    assert_true(workspace_relative(workspace, "/etc/passwd", out, &err));
    assert_string_equal(out, "etc/passwd");
    workspace_close(workspace);
    assert_null(workspace_open("relative", &err));
    assert_null(workspace_open("/no/such/place", &err));
    workspace_close(NULL);
}

/* The directories of policy.writable are there by their absolute paths, and nothing beside them. */
static void further_directories_are_open_to_file_tools(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char other[] = "/tmp/carat-further-XXXXXX", path[128], out[WORKSPACE_PATH_LIMIT];
    assert_non_null(mkdtemp(other));
    snprintf(path, sizeof path, "%s/new/a.txt", other);
    fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "one\n");
    assert_true(fixture->last.failed);
    assert_true(workspace_add(fixture->context.workspace, other, false, &err));
    assert_false(workspace_add(fixture->context.workspace, "relative", false, &err));
    fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "one\n");
    assert_false(fixture->last.failed);
    assert_non_null(strstr(fixture_pack(fixture, "read_file", "{s:s}", "path", path), "one"));
    fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", path, "old_text", "one",
                 "new_text", "two");
    assert_false(fixture->last.failed);
    assert_non_null(strstr(fixture_pack(fixture, "list_files", "{s:s}", "path", other), "new/"));
    assert_non_null(
        strstr(fixture_pack(fixture, "search_files", "{s:s, s:s}", "pattern", "tw.", "path", other),
               "two"));
    snprintf(path, sizeof path, "%s/../passwd", other);
    assert_false(workspace_relative(fixture->context.workspace, path, out, &err));
    snprintf(path, sizeof path, "%sx/file", other);
    assert_false(workspace_relative(fixture->context.workspace, path, out, &err));
    static const char *const protected_names[] = {".git/config", ".bashrc", ".ssh/authorized_keys"};
    for (size_t i = 0; i < sizeof protected_names / sizeof protected_names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", other, protected_names[i]);
        assert_non_null(strstr(
            fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "evil"),
            "is protected"));
        assert_true(fixture->last.failed);
        assert_false(workspace_write_file(fixture->context.workspace, path, "x", 1, NULL, &err));
        assert_int_equal(err.code, ERR_DENIED);
    }
    snprintf(path, sizeof path, "%s/link", other);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    fixture_pack(fixture, "read_file", "{s:s}", "path", path);
    assert_true(fixture->last.failed);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/new/a.txt", other);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/new", other);
    assert_int_equal(rmdir(path) | rmdir(other), 0);
}

static void a_path_that_is_too_long_is_refused_in_words(void **state)
{
    struct fixture *fixture = *state;
    char path[5001];
    memset(path, 'a', 5000);
    path[5000] = '\0';
    const char *output = fixture_pack(fixture, "read_file", "{s:s}", "path", path);
    assert_true(fixture->last.failed);
    assert_non_null(strstr(output, "5000 bytes"));
    assert_non_null(strstr(output, "4095"));
    path[300] = '\0'; /* one name over NAME_MAX */
    fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "x");
    assert_true(fixture->last.failed);
    path[299] = '/';
    path[300] = 'b';
    path[301] = '\0';
    fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "x");
    assert_true(fixture->last.failed);
}

static void protected_names_cannot_be_written(void **state)
{
    static const struct row {
        const char *path;
        bool is_protected;
    } rows[] = {
        {".git/hooks/pre-commit", true},
        {".git/config", true},
        {".git", true},
        {".GIT/config", true},
        {"sub/.git/config", true},
        {"x/../.git/config", true},
        {".//.git/config", true},
        {".carat/config.toml", true},
        {"sub/.carat/config.toml", true},
        {".envrc", true},
        {"sub/.vscode/tasks.json", true},
        {".bashrc", true},
        {"dotfiles/.bashrc", false},
        {".gitignore", false},
        {".github/ci.yml", false},
        {"git/config", false},
        {".git2", false},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *output =
            fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", rows[i].path, "content", "x");
        if ((strstr(output, "protected") != NULL) != rows[i].is_protected ||
            fixture->last.failed != rows[i].is_protected) {
            fail_msg("%s: %s", rows[i].path, output);
        }
        /* The function that writes refuses too, whoever calls it. */
        struct err err;
        if (rows[i].is_protected) {
            assert_false(
                workspace_write_file(fixture->context.workspace, rows[i].path, "x", 1, NULL, &err));
            assert_int_equal(err.code, ERR_DENIED);
        }
    }
    assert_false(fixture_exists(fixture, ".git"));
}

/* What the racing thread swaps, until told to stop. */
struct race {
    struct fixture *fixture;
    atomic_bool stop;
    const char *name, *target, *spare;
};

static void *swap_for_ever(void *context)
{
    struct race *race = context;
    int root = open(race->fixture->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (!atomic_load(&race->stop)) {
        renameat2(root, race->name, root, race->spare, RENAME_EXCHANGE);
    }
    close(root);
    return NULL;
}

enum { TRIES = 2000 };

static void a_link_swapped_in_while_we_look_leads_nowhere(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    size_t read_inside = 0, refused = 0;
    plant(fixture);
    fixture_write(fixture, "directory/secret.txt", "harmless\n");
    struct race race = {.fixture = fixture, .name = "directory", .spare = "directory-out"};
    assert_int_equal(pthread_create(&thread, NULL, swap_for_ever, &race), 0);
    for (int i = 0; i < TRIES || (i < 50 * TRIES && (read_inside == 0 || refused == 0)); i++) {
        const char *output =
            fixture_call(fixture, "read_file", "{\"path\": \"directory/secret.txt\"}");
        assert_null(strstr(output, "the secret outside"));
        read_inside += !fixture->last.failed;
        refused += fixture->last.failed;
        char path[64];
        snprintf(path, sizeof path, "directory/n%d/new.txt", i % 50);
        fixture_pack(fixture, "write_file", "{s:s, s:s}", "path", path, "content", "owned\n");
    }
    atomic_store(&race.stop, true);
    pthread_join(thread, NULL);
    /* Both sides of the race were seen, or the test tested nothing. */
    assert_true(read_inside > 0);
    assert_true(refused > 0);
    for (int i = 0; i < 50; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/n%d", fixture->outside, i);
        assert_false(fixture_exists(fixture, path));
    }
    assert_secret_untouched(fixture);
}

static void a_file_swapped_for_a_link_is_not_written_through(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    pthread_t thread;
    size_t written = 0, refused = 0;
    plant(fixture);
    struct race race = {.fixture = fixture, .name = "victim", .spare = "link-out"};
    fixture_write(fixture, "victim", "inside\n");
    assert_int_equal(pthread_create(&thread, NULL, swap_for_ever, &race), 0);
    for (int i = 0; i < TRIES; i++) {
        struct workspace_state known;
        int fd = workspace_open_file(workspace, "victim", NULL);
        if (fd < 0) {
            refused++;
            continue;
        }
        assert_true(workspace_state_of(fd, &known, NULL));
        close(fd);
        written += workspace_write_file(workspace, "victim", "again\n", 6, &known, NULL);
    }
    atomic_store(&race.stop, true);
    pthread_join(thread, NULL);
    assert_true(written + refused > 0);
    assert_secret_untouched(fixture);
}

static void a_write_keeps_the_mode_and_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s/run.sh", fixture->root);
    fixture_write(fixture, "run.sh", "#!/bin/sh\n");
    assert_int_equal(chmod(path, 06755), 0);
    fixture_call(fixture, "read_file", "{\"path\": \"run.sh\"}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"run.sh\", \"content\": \"new\\n\"}"),
        "replaced run.sh");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755); /* and never the set-user-id bit */
    assert_string_equal(fixture_call(fixture, "list_files", "{}"), "run.sh");
    if (geteuid() != 0) {
        assert_int_equal(chmod(fixture->root, 0555), 0);
        fixture_call(fixture, "write_file", "{\"path\": \"run.sh\", \"content\": \"x\"}");
        assert_true(fixture->last.failed);
        assert_int_equal(chmod(fixture->root, 0755), 0);
        assert_string_equal(fixture_content(fixture, "run.sh"), "new\n");
    }
}

static void a_change_between_look_and_write_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    struct workspace_state known;
    struct err err;
    fixture_write(fixture, "a.txt", "one\n");
    int fd = workspace_open_file(workspace, "a.txt", &err);
    assert_true(workspace_state_of(fd, &known, &err));
    close(fd);
    fixture_write(fixture, "a.txt", "changed by somebody\n");
    assert_false(workspace_write_file(workspace, "a.txt", "two\n", 4, &known, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_string_equal(fixture_content(fixture, "a.txt"), "changed by somebody\n");
    /* A new file must not bury one that appeared. */
    assert_false(workspace_write_file(workspace, "a.txt", "two\n", 4, NULL, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_true(workspace_write_file(workspace, "new/deep/b.txt", "two\n", 4, NULL, &err));
    assert_string_equal(fixture_content(fixture, "new/deep/b.txt"), "two\n");
}

static void what_was_seen_is_bounded_and_exact(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    struct workspace_state one, two;
    char name[32];
    workspace_state_of_bytes("one", 3, &one);
    workspace_state_of_bytes("two", 3, &two);
    assert_int_equal(workspace_seen(workspace, "f", &one), WORKSPACE_UNSEEN);
    workspace_remember(workspace, "f", &one);
    assert_int_equal(workspace_seen(workspace, "f", &one), WORKSPACE_FRESH);
    assert_int_equal(workspace_seen(workspace, "f", &two), WORKSPACE_STALE);
    workspace_remember(workspace, "f", &two);
    assert_int_equal(workspace_seen(workspace, "f", &two), WORKSPACE_FRESH);
    for (int i = 0; i < WORKSPACE_SEEN_LIMIT; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        workspace_remember(workspace, name, &one);
    }
    assert_int_equal(workspace_seen(workspace, "f", &two), WORKSPACE_UNSEEN);
    assert_int_equal(workspace_seen(workspace, name, &one), WORKSPACE_FRESH);
    /* The oldest goes, and only that one; then the next. */
    assert_int_equal(workspace_seen(workspace, "file-0", &one), WORKSPACE_FRESH);
    workspace_remember(workspace, "one more", &one);
    assert_int_equal(workspace_seen(workspace, "file-0", &one), WORKSPACE_UNSEEN);
    assert_int_equal(workspace_seen(workspace, "file-1", &one), WORKSPACE_FRESH);
    assert_int_equal(workspace_seen(workspace, "one more", &one), WORKSPACE_FRESH);
    mem_fail_at(1, 1);
    workspace_remember(workspace, "unlucky", &one);
    mem_fail_at(0, 0);
    assert_int_equal(workspace_seen(workspace, "unlucky", &one), WORKSPACE_UNSEEN);
}

/* Any part of what a file was known to be that is another now: it is left alone. */
static void each_difference_stops_a_write(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    struct workspace_state known, other;
    struct err err;
    fixture_write(fixture, "a.txt", "one\n");
    int fd = workspace_open_file(workspace, "a.txt", &err);
    assert_true(workspace_state_of(fd, &known, &err));
    assert_int_equal(known.size, 4);
    assert_true(known.hash != 0 && known.inode != 0 && known.modified_ns > 0);
    close(fd);
    for (int part = 0; part < 4; part++) {
        other = known;
        other.inode += part == 0;
        other.device += part == 1;
        other.size += part == 2;
        other.modified_ns += part == 3;
        assert_false(workspace_write_file(workspace, "a.txt", "two\n", 4, &other, &err));
        assert_int_equal(err.code, ERR_DENIED);
        assert_string_equal(fixture_content(fixture, "a.txt"), "one\n");
    }
    assert_true(workspace_write_file(workspace, "a.txt", "two\n", 4, &known, &err));
    assert_string_equal(fixture_content(fixture, "a.txt"), "two\n");
    assert_false(workspace_write_file(workspace, "gone.txt", "x", 1, &known, &err));
    assert_non_null(strstr(err.text, "gone.txt is gone"));
    /* Nor is a folder made for a file that should have been there. */
    assert_false(workspace_write_file(workspace, "no/such/gone.txt", "x", 1, &known, &err));
    assert_false(fixture_exists(fixture, "no"));
    assert_false(workspace_state_of(-1, &other, &err));
    assert_int_equal(err.code, ERR_IO);
}

/* A file over the limit is known by its inode and time, one up to it by its content. */
static void large_files_are_known_by_their_time(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    struct workspace_state at_limit, over;
    struct err err;
    char path[128];
    fixture_write(fixture, "large", "");
    snprintf(path, sizeof path, "%s/large", fixture->root);
    assert_int_equal(truncate(path, WORKSPACE_HASH_LIMIT), 0);
    int fd = workspace_open_file(workspace, "large", &err);
    assert_true(workspace_state_of(fd, &at_limit, &err));
    assert_true(at_limit.hash != 0 && at_limit.size == WORKSPACE_HASH_LIMIT);
    assert_int_equal(truncate(path, WORKSPACE_HASH_LIMIT + 1), 0);
    assert_true(workspace_state_of(fd, &over, &err));
    assert_true(over.hash == 0 && over.size == WORKSPACE_HASH_LIMIT + 1);
    close(fd);
    for (int part = 0; part < 4; part++) {
        struct workspace_state small = at_limit, large = over;
        small.inode += part == 1, large.inode += part == 1;
        small.device += part == 2, large.device += part == 2;
        small.modified_ns += part == 3, large.modified_ns += part == 3;
        workspace_remember(workspace, "small", &small);
        workspace_remember(workspace, "large", &large);
        assert_int_equal(workspace_seen(workspace, "small", &at_limit), WORKSPACE_FRESH);
        assert_int_equal(workspace_seen(workspace, "large", &over),
                         part == 0 ? WORKSPACE_FRESH : WORKSPACE_STALE);
    }
    struct workspace_state longer = at_limit;
    longer.size--;
    workspace_remember(workspace, "small", &longer);
    assert_int_equal(workspace_seen(workspace, "small", &at_limit), WORKSPACE_STALE);
    longer = at_limit;
    longer.hash++;
    workspace_remember(workspace, "small", &longer);
    assert_int_equal(workspace_seen(workspace, "small", &at_limit), WORKSPACE_STALE);
}

static void paths_and_names_have_ends(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    char path[WORKSPACE_PATH_LIMIT + 1], out[WORKSPACE_PATH_LIMIT];
    struct err err;
    memset(path, 'a', sizeof path);
    for (size_t i = 1; i < sizeof path; i += 2) {
        path[i] = '/';
    }
    path[WORKSPACE_PATH_LIMIT - 1] = '\0';
    assert_true(workspace_relative(workspace, path, out, &err));
    path[WORKSPACE_PATH_LIMIT - 1] = 'a';
    path[WORKSPACE_PATH_LIMIT] = '\0';
    assert_false(workspace_relative(workspace, path, out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    path[0] = '/';
    assert_null(workspace_open(path, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    /* A folder's name of 255 bytes is the longest; of 256 it is told as what it is. */
    for (size_t length = 255; length <= 256; length++) {
        memset(path, 'n', length);
        memcpy(path + length, "/x", 3);
        assert_int_equal(workspace_write_file(workspace, path, "x", 1, NULL, &err), length == 255);
    }
    assert_int_equal(err.code, ERR_LIMIT);
    for (int c = 1; c < 0x80; c++) {
        const char name[] = {'a', (char)c, 'b', '\0'};
        assert_int_equal(workspace_relative(workspace, name, out, &err), c >= 0x20 && c != 0x7F);
    }
    assert_true(workspace_relative(workspace, "a\xC3\xA9", out, &err));
    assert_true(workspace_relative(workspace, "~a", out, &err));
    assert_true(workspace_relative(workspace, "a~/b", out, &err));
    assert_true(workspace_relative(workspace, ".a", out, &err));
    assert_string_equal(out, ".a");
    assert_true(workspace_relative(workspace, "a.", out, &err));
    assert_string_equal(out, "a.");
    assert_true(workspace_relative(workspace, ".x/y", out, &err));
    assert_string_equal(out, ".x/y");
    assert_true(workspace_relative(workspace, "x./y", out, &err));
    assert_string_equal(out, "x./y");
}

static void folders_are_opened_as_folders(void **state)
{
    struct fixture *fixture = *state;
    struct workspace *workspace = fixture->context.workspace;
    struct err err;
    plant(fixture);
    static const struct row {
        const char *path;
        enum err_code code; /* ERR_NONE: opened */
    } rows[] = {
        {"directory", ERR_NONE},       {"directory/", ERR_NONE},     {".", ERR_NONE},
        {"directory-in", ERR_NONE},    {"inside.txt", ERR_ARGUMENT}, {"missing", ERR_NOT_FOUND},
        {"directory-out", ERR_DENIED}, {"loop", ERR_DENIED},         {"..", ERR_DENIED},
        {"inside.txt/..", ERR_NONE},   {"fifo", ERR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err_clear(&err);
        int fd = workspace_open_directory(workspace, rows[i].path, &err);
        if ((fd >= 0) != (rows[i].code == ERR_NONE) || err.code != rows[i].code) {
            fail_msg("%s: %d, %s", rows[i].path, (int)err.code, err.text);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    /* What a file is, a path with a slash at its end is not; and "/" alone is the folder. */
    assert_int_equal(workspace_open_file(workspace, "inside.txt/", &err), -1);
    assert_non_null(strstr(err.text, "not a directory"));
    assert_false(workspace_write_file(workspace, "new.txt/", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_false(workspace_write_file(workspace, "directory", "x", 1, NULL, &err));
    assert_non_null(strstr(err.text, "is a directory"));
    assert_false(workspace_write_file(workspace, "fifo", "x", 1, NULL, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_false(workspace_write_file(workspace, "inside.txt/x", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
}

/* Slashes at the end of a root are no part of it, and the innermost rule is the workspace's own. */
static void roots_end_without_a_slash(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char path[128], other[96], out[WORKSPACE_PATH_LIMIT];
    snprintf(path, sizeof path, "%s//", fixture->root);
    struct workspace *workspace = workspace_open(path, &err);
    assert_non_null(workspace);
    snprintf(other, sizeof other, "%s/other", fixture->outside);
    assert_int_equal(mkdir(other, 0755), 0);
    snprintf(path, sizeof path, "%s/other//", fixture->outside);
    assert_true(workspace_add(workspace, path, false, &err));
    assert_false(workspace_add(workspace, "/no/such/place", false, &err));
    snprintf(path, sizeof path, "%s/other/x/../y", fixture->outside);
    assert_true(workspace_relative(workspace, path, out, &err));
    snprintf(path, sizeof path, "%s/y", other);
    assert_string_equal(out, path);
    assert_true(workspace_write_file(workspace, path, "y\n", 2, NULL, &err));
    assert_string_equal(fixture_content(fixture, path), "y\n");
    assert_true(workspace_relative(workspace, other, out, &err));
    assert_string_equal(out, other);
    assert_false(workspace_write_file(workspace, other, "y", 1, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    int fd = workspace_open_directory(workspace, other, &err);
    assert_true(fd >= 0);
    close(fd);
    snprintf(path, sizeof path, "%s/..", other);
    assert_false(workspace_relative(workspace, path, out, &err));
    assert_false(workspace_relative(workspace, fixture->outside, out, &err));
    workspace_close(workspace);
    mem_fail_at(1, 0);
    assert_null(workspace_open(fixture->root, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    for (unsigned long failing = 1; failing <= 2; failing++) {
        workspace = workspace_open(fixture->root, &err);
        mem_fail_at(failing, 0);
        assert_false(workspace_add(workspace, other, false, &err));
        mem_fail_at(0, 0);
        assert_int_equal(err.code, ERR_MEMORY);
        workspace_remember(workspace, "a", &(struct workspace_state){.size = 1});
        mem_fail_at(failing, 0);
        workspace_remember(workspace, "b", &(struct workspace_state){.size = 1});
        mem_fail_at(0, 0);
        workspace_close(workspace);
    }
}

/* A kernel, or a filter, without openat2: nothing of a workspace, instead of one that has no walls.
 */
static void without_openat2_there_is_no_workspace(void **state)
{
    struct fixture *fixture = *state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sock_filter rows[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {sizeof rows / sizeof rows[0], rows};
        struct err err = {0};
        struct workspace *with = workspace_open(fixture->root, &err);
        bool filtered = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
        struct workspace *without = workspace_open(fixture->root, &err);
        _exit(with != NULL && filtered && without == NULL && err.code == ERR_UNAVAILABLE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    alarm(100); /* a FIFO that hangs is a failure, not a long wait */
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(no_attack_reads_outside),
        WITH_WORKSPACE(no_attack_writes_outside),
        WITH_WORKSPACE(a_refused_link_is_named),
        WITH_WORKSPACE(links_that_stay_inside_can_be_read),
        WITH_WORKSPACE(a_path_is_normalised),
        cmocka_unit_test(the_root_of_the_file_system_can_be_a_workspace),
        WITH_WORKSPACE(further_directories_are_open_to_file_tools),
        WITH_WORKSPACE(a_path_that_is_too_long_is_refused_in_words),
        WITH_WORKSPACE(protected_names_cannot_be_written),
        WITH_WORKSPACE(a_link_swapped_in_while_we_look_leads_nowhere),
        WITH_WORKSPACE(a_file_swapped_for_a_link_is_not_written_through),
        WITH_WORKSPACE(a_write_keeps_the_mode_and_leaves_nothing_behind),
        WITH_WORKSPACE(a_change_between_look_and_write_is_noticed),
        WITH_WORKSPACE(what_was_seen_is_bounded_and_exact),
        WITH_WORKSPACE(each_difference_stops_a_write),
        WITH_WORKSPACE(large_files_are_known_by_their_time),
        WITH_WORKSPACE(paths_and_names_have_ends),
        WITH_WORKSPACE(folders_are_opened_as_folders),
        WITH_WORKSPACE(roots_end_without_a_slash),
        WITH_WORKSPACE(without_openat2_there_is_no_workspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
