/* Names from which other programs start code: found, left alone, or moved. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/quarantine.h"
#include "agent/quarantine_agreed.h"
#include "agent/quarantine_folder.h"
#include "base/str.h"

static char root[] = "/tmp/carat-quarantine-XXXXXX";

static const char *at(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

/* Writes a file, with the folders above it. */
static void put(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s", at(name));
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/carat-quarantine-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static void become_oneself(void)
{
    (void)!setresuid(0, 0, 0);
}

static int tear_down(void **state)
{
    (void)state;
    become_oneself(); /* also where a test failed */
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool is_there(const char *name)
{
    struct stat status;
    return lstat(at(name), &status) == 0;
}

/* What is new is moved; the number of paths. */
static size_t apply(struct quarantine_view *before, const char *allowed)
{
    struct quarantine_report report = {0};
    quarantine_apply(before, root, allowed, &report);
    size_t count = report.moved.count;
    assert_int_equal(report.failed.count, 0);
    quarantine_report_finish(&report);
    return count;
}

static int give_away(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return lchown(path, 65534, 65534);
}

/* Root may look into every folder. */
static void become_nobody(void)
{
    if (geteuid() == 0) {
        assert_int_equal(nftw(root, give_away, 8, FTW_PHYS), 0);
        assert_int_equal(setresuid(65534, 65534, 0), 0);
    }
}

static void assert_mode(const char *name, mode_t mode)
{
    struct stat status;
    assert_int_equal(lstat(at(name), &status), 0);
    if ((status.st_mode & 07777) != mode) {
        fail_msg("%s: %o, not %o", name, (unsigned)status.st_mode & 07777, (unsigned)mode);
    }
}

static void new_names_are_moved_and_old_ones_stay(void **state)
{
    (void)state;
    struct quarantine_view before = {0};
    put(".envrc", "old");
    put("a/.vscode/tasks.json", "old");
    quarantine_look(&before, root);
    assert_int_equal(before.names.count, 2);
    put("b/.envrc", "new");
    put("b/c/.mcp.json", "new");
    put("a/b/c/d/.vscode/tasks.json", "new");
    put("a/b/c/d/e/.envrc", "deeper than looked at");
    put(".Carat/config.toml", "another case");
    put("Makefile", "no such name");
    assert_int_equal(symlink("/etc/passwd", at(".bashrc")), 0);
    put("f/.bash_aliases", "of a shell");
    put("f/.bash_login", "of a shell");
    put("f/.bash_logout", "of a shell");
    put("f/.zprofile", "of a shell");
    put("f/.zlogin", "of a shell");
    put("f/.zlogout", "of a shell");
    assert_int_equal(apply(&before, NULL), 11);
    assert_true(is_there(".envrc") && is_there("a/.vscode/tasks.json") && is_there("Makefile"));
    assert_true(is_there("b/.envrc.quarantined") && !is_there("b/.envrc"));
    assert_true(is_there("b/c/.mcp.json.quarantined"));
    assert_true(is_there("a/b/c/d/.vscode.quarantined/tasks.json"));
    assert_true(is_there(".Carat.quarantined") && is_there(".bashrc.quarantined"));
    assert_true(is_there("a/b/c/d/e/.envrc"));
    assert_int_equal(apply(&before, NULL), 0);
    /* A second one of the same name does not replace the first. */
    put("b/.envrc", "newer");
    assert_int_equal(apply(&before, NULL), 1);
    assert_true(is_there("b/.envrc.quarantined.2"));
    quarantine_view_finish(&before);
}

static void what_was_agreed_to_stays(void **state)
{
    (void)state;
    struct quarantine_view before = {0};
    put(".envrc", "new");
    put(".mcp.json", "new");
    assert_int_equal(apply(&before, "cp template .envrc\n"), 1);
    assert_true(is_there(".envrc") && is_there(".mcp.json.quarantined"));
    quarantine_view_finish(&before);
}

/* A yes to one thing is none to what only has letters in common with it. */
static void what_a_text_names(void **state)
{
    (void)state;
    static const struct {
        const char *agreed, *path;
        bool named;
    } rows[] = {
        {"cp template .envrc", "/.envrc", true},
        {"cp template sub/.envrc", "/sub/.envrc", true},
        {"sh make.sh # .envrc", "/.envrc", true},
        {"code '.vscode/tasks.json'", "/a/.vscode", true},
        {"cp template .envrc.example", "/.envrc", false},
        {"cp template my.envrc", "/.envrc", false},
        {"cp template \xc3\xa9.envrc", "/.envrc", false},
        {"curl https://example.org/.envrc", "/.envrc", false},
        {"", "/.envrc", false},
        {"touch reconfigured", "/sub/.git/config", false},
        {"./configure && make", "/sub/.git/config", false},
        {"cat config", "/sub/.git/config", false},
        {"vi .git/config", "/.git/config", true},
        {"vi sub/.git/config\n", "/sub/.git/config", true},
        {"vi .git/config.worktree", "/.git/config", false},
        {"vi my.git/config", "/.git/config", false},
        {"pre-commit run; cat config.py", "/.git/hooks/pre-commit", false},
        {"cp pre-commit .git/hooks/", "/.git/hooks/pre-commit", false},
        {"cp x .git/hooks/pre-commit", "/.git/hooks/pre-commit", true},
        {"cp x .git/hooks/pre-commit.old", "/.git/hooks/pre-commit", false},
        {"git clone https://github.com/x/y.git", "/y/.git", false},
        {"git clone https://github.com/x/.git", "/x/.git", false},
        {"git clone host:.git", "/x/.git", false},
        {"ls sub/.git/", "/sub/.git", false},
        {"git worktree add .gitted", "/sub/.git", false},
        {"cp template sub/.git", "/sub/.git", true},
        {"vi .git/modules/sub/config", "/.git/modules/sub/config", true},
        {"vi .git/modules/sub/config", "/.git/config", false},
        {"vi .git/config", "/.git/modules/sub/config", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (quarantine_agreed(rows[i].agreed, rows[i].path) != rows[i].named) {
            fail_msg("row %zu: %s for %s", i, rows[i].agreed, rows[i].path);
        }
    }
    assert_true(quarantine_agreed_whole("vi .cargo/config.toml", ".cargo/config.toml"));
    assert_false(quarantine_agreed_whole("vi config.toml", ".cargo/config.toml"));
}

/* Steps that are waited for, and what a linked worktree obeys. */
static void states_of_a_repository(void **state)
{
    (void)state;
    static const char *const harmful[][2] = {
        {"rebase-merge/git-rebase-todo", "pick 1234 words\nexec touch x\n"},
        {"rebase-merge/git-rebase-todo", "# words\n \tx touch x"},
        {"rebase-merge/strategy", "a/b\n"},
        {"worktrees/w/rebase-merge/git-rebase-todo", "exec touch x\n"},
        {"sequencer/opts", "[options]\n\tstrategy = a/b\n"},
        {"worktrees/w/sequencer/opts", "[options]\n\tstrategy = a/b\n"},
    };
    struct quarantine_view none = {0};
    put("r/.git/rebase-merge/git-rebase-todo", "pick 1234 exec\nfixup 5678 x\n# exec x\n");
    put("r/.git/rebase-merge/strategy", "ort\n");
    put("r/.git/sequencer/opts", "[options]\n\tstrategy = ort\n");
    put("r/.git/worktrees/w/commondir", "../..\n");
    assert_int_equal(apply(&none, NULL), 0);
    put("r/.git/worktrees/w/config.worktree", "[core]\n");
    assert_int_equal(apply(&none, NULL), 1);
    assert_true(is_there("r/.git/worktrees/w/config.worktree.quarantined"));
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "r/.git/%s", harmful[i][0]);
        put(name, harmful[i][1]);
        if (apply(&none, NULL) != 1) {
            fail_msg("row %zu stayed", i);
        }
        assert_false(is_there(name));
    }
    quarantine_view_finish(&none);
}

static void repositories(void **state)
{
    (void)state;
    static const char plain[] = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n"
                                "\tbare = false\n[user]\n\tname = A\n[remote \"origin\"]\n"
                                "\turl = https://example.org/x.git\n\tfetch = +refs/*:refs/*\n"
                                "[branch \"main\"]\n\tremote = origin\n"
                                "\tmerge = refs/heads/main\n[branch \"b\"]\n\tremote = .\n";
    static const char *const harmful[] = {
        "[core]\n\tfsmonitor = ./x\n",
        "[core]\n\thooksPath = hooks2\n",
        "[core] fsmonitor = ./x\n",
        "[core]\n\tbare = \\\nfalse\n",
        "[include]\n\tpath = x\n",
        "[alias]\n\tst = !sh\n",
        "[filter \"a\"]\n\tclean = sh\n",
        "[remote \"origin\"]\n\turl = ext::sh -c x\n",
        "[remote \"a\\\"]\n\tb\"]\n",
        "[user]\n\tname = A\n[diff]\n\texternal = x\n",
        "bare = false\nfsmonitor = x\n",
        "[branch \"main\"]\n\tremote = ../b.git\n",
        "[branch \"main\"]\n\tremote = b\n[remote \"b\"]\n\tfetch = +refs/*:refs/*\n",
        "[branch \"main\"]\n\tremote = b\n[remote \"a\"]\n\turl = ssh://x/b\n",
    };
    struct quarantine_view none = {0};
    put("r/.git/config", plain);
    put("r/.git/HEAD", "ref: refs/heads/main\n");
    put("r/.git/hooks/pre-commit.sample", "#!/bin/sh\n");
    assert_int_equal(apply(&none, NULL), 0);
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++) {
        put("r/.git/config", harmful[i]);
        if (apply(&none, NULL) != 1) {
            fail_msg("row %zu stayed", i);
        }
        assert_false(is_there("r/.git/config"));
    }
    put("r/.git/config", plain);
    put("r/.git/hooks/pre-commit", "#!/bin/sh\n");
    put("r/.git/commondir", "/elsewhere");
    put("s/.git", "gitdir: /elsewhere");
    put("r/.git/remotes/origin", "URL: ../b.git\n");
    put("r/.git/branches/origin", "../b.git\n");
    assert_int_equal(apply(&none, NULL), 5);
    assert_true(is_there("r/.git/hooks/pre-commit.quarantined"));
    assert_true(is_there("r/.git/remotes/origin.quarantined"));
    assert_true(is_there("r/.git/commondir.quarantined") && is_there("s/.git.quarantined"));
    assert_true(is_there("r/.git/config"));
    quarantine_view_finish(&none);
}

/* A folder of files in which git finds all that makes a repository. */
static void a_bare_repository(void **state)
{
    (void)state;
    struct quarantine_view none = {0};
    put("a/HEAD", "ref: refs/heads/main\n");
    put("a/objects/info/x", "");
    put("a/refs/heads/x", "");
    put("b/hooks/run", "#!/bin/sh\n");
    assert_int_equal(apply(&none, NULL), 0);
    put("a/config", "[core]\n\tfsmonitor = ./x\n");
    assert_int_equal(symlink("refs/heads/main", at("b/HEAD")), 0);
    assert_false(symlink("../a/objects", at("b/objects")) || symlink("../a/refs", at("b/refs")));
    put("c/HEAD", "ref: refs/heads/main\n");
    put("c/commondir", "../a\n");
    assert_int_equal(apply(&none, NULL), 3);
    assert_false(is_there("a/HEAD") || is_there("b/HEAD") || is_there("c/HEAD"));
    quarantine_view_finish(&none);
}

/* Where git looks for the repository of a submodule, however deep its name is. */
static void repositories_of_submodules(void **state)
{
    (void)state;
    static const char *const harmful[] = {
        ".git/modules/sub/config",
        ".git/modules/lib/a/b/c/d/e/f/g/h/i/j/config",
        ".git/modules/sub/modules/inner/config",
        ".git/modules/sub/hooks/post-checkout",
        ".git/modules/sub/commondir",
        ".git/modules/sub/worktrees/w/config.worktree",
        ".git/worktrees/w/modules/sub/config",
        "a/b/c/d/.git/modules/sub/config",
        /* git takes neither of these for a repository, so one within would count */
        ".git/modules/half/within/config",
        ".git/modules/false/within/config",
    };
    struct quarantine_view none = {0};
    put(".git/modules/sub/HEAD", "ref: refs/heads/main\n");
    put(".git/modules/sub/config", "[core]\n\tbare = false\n");
    put(".git/modules/sub/refs/heads/config", "a branch of that name\n");
    put(".git/modules/sub/objects/info/config", "an object\n");
    put(".git/modules/half/HEAD", "ref: refs/heads/main\n");
    put(".git/modules/false/HEAD", "nothing\n");
    put(".git/modules/false/refs/heads/main", "");
    put(".git/modules/false/objects/info/alternates", "");
    assert_int_equal(apply(&none, NULL), 0);
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++) {
        put(harmful[i], "[core]\n\tfsmonitor = ./x\n");
        if (apply(&none, NULL) != 1 || is_there(harmful[i])) {
            fail_msg("%s stayed", harmful[i]);
        }
    }
    assert_int_equal(symlink("../../evil", at(".git/modules/link")), 0);
    assert_int_equal(symlink("evil", at(".git/worktrees/w/modules/link")), 0);
    assert_int_equal(apply(&none, NULL), 2);
    assert_int_equal(apply(&none, NULL), 0);
    put("r/.git/HEAD", "");
    assert_int_equal(symlink("../evil", at("r/.git/modules")), 0);
    assert_int_equal(symlink("x", at("r/.git/worktrees")), 0);
    assert_int_equal(symlink("x", at("r/.git/rebase-merge")), 0);
    assert_int_equal(symlink("../../x", at(".git/worktrees/link")), 0);
    assert_int_equal(apply(&none, NULL), 4);
    assert_true(is_there("r/.git/worktrees.quarantined"));
    quarantine_view_finish(&none);
}

/* Until the clock of files is later than what was made before. */
static void wait_for_the_clock(struct timespec *later)
{
    struct timespec made;
    clock_gettime(CLOCK_REALTIME, &made);
    do {
        clock_gettime(CLOCK_REALTIME_COARSE, later);
    } while (!quarantine_folder_is_since(later, &made));
}

/* What is looked at ends somewhere; it is said, and what is beside a large folder is seen. */
static void more_than_is_looked_at(void **state)
{
    (void)state;
    char name[64];
    struct quarantine_view before = {0}, later = {0};
    struct quarantine_report report = {0};
    mkdir(at("big"), 0755);
    put("other/deep/.envrc", "old");
    quarantine_look(&before, root);
    for (int i = 0; i <= QUARANTINE_FOLDERS; i++) {
        snprintf(name, sizeof name, "big/f%d", i);
        put(name, "");
    }
    put("z/y/x/.envrc", "new");
    quarantine_apply(&before, root, NULL, &report);
    assert_true(!report.cut && report.moved.count == 1); /* files cost nothing */
    quarantine_report_finish(&report);
    for (int i = 0; i <= QUARANTINE_FOLDERS; i++) {
        snprintf(name, sizeof name, "big/d%d", i);
        mkdir(at(name), 0755);
    }
    put("big/.envrc", "new");
    put("z/y/.envrc", "new");
    put("z/y/.git/config", "[core]\n\tfsmonitor = ./x\n");
    quarantine_apply(&before, root, NULL, &report);
    assert_true(report.cut && report.moved.count == 3);
    quarantine_report_finish(&report);
    /* A look that was cut short: what is old stays, what is new is moved. */
    quarantine_look(&later, root);
    assert_true(later.cut);
    while (later.names.count > 0) { /* as if none had been seen */
        free(later.names.items[--later.names.count]);
    }
    later.begun.tv_sec += 3600;
    quarantine_apply(&later, root, NULL, &report);
    assert_true(report.moved.count == 0 && is_there("other/deep/.envrc"));
    later.begun.tv_sec -= 7200;
    quarantine_apply(&later, root, NULL, &report);
    assert_true(report.moved.count == 1 && !is_there("other/deep/.envrc"));
    quarantine_report_finish(&report);
    /* An old one in a folder that came from where it was not looked: told, once. */
    put("1/2/3/4/5/.envrc", "older than the turn");
    wait_for_the_clock(&later.begun);
    assert_int_equal(rename(at("1/2/3/4/5"), at("z/x")), 0);
    quarantine_apply(&later, root, NULL, &report);
    assert_true(report.moved.count == 0 && report.failed.count == 1);
    assert_string_equal(report.failed.items[0], at("z/x/.envrc"));
    quarantine_report_finish(&report);
    assert_int_equal(apply(&later, NULL), 0);
    quarantine_view_finish(&before);
    quarantine_view_finish(&later);
}

/* So many that the end of the turn would wait for them. */
static void more_names_than_are_looked_at(void **state)
{
    (void)state;
    static const char *const parts[] = {"hooks", "worktrees"};
    char name[64];
    struct quarantine_view before = {0};
    struct quarantine_report report = {0};
    put("r/.git/hooks/pre-commit", "old");
    quarantine_look(&before, root);
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        for (int i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "r/.git/%s/x%d", parts[part], i);
            put(name, "");
        }
    }
    assert_int_equal(apply(&before, NULL), 2);
    assert_true(is_there("r/.git/hooks.quarantined/x199"));
    assert_true(is_there("r/.git/worktrees.quarantined/x199"));
    for (int i = 0; i < QUARANTINE_NAMES + 7; i++) {
        snprintf(name, sizeof name, "d%d/.envrc", i);
        put(name, "");
    }
    quarantine_apply(&before, root, NULL, &report);
    assert_true(report.cut && report.moved.count == QUARANTINE_NAMES);
    quarantine_report_finish(&report);
    assert_int_equal(apply(&before, NULL), 7);
    assert_int_equal(apply(&before, NULL), 0);
    quarantine_view_finish(&before);
}

/* There, every name that begins with a dot is some program's. */
static void the_home_directory(void **state)
{
    (void)state;
    static const char *const made[] = {".bash_aliases", ".bash_login", ".zprofile",
                                       ".config/autostart/x.desktop", ".some-tool"};
    struct quarantine_view before = {0}, elsewhere = {0};
    char *home = getenv("HOME") != NULL ? strdup(getenv("HOME")) : NULL;
    put(".old/x", "");
    put("sub/x", "");
    quarantine_look(&elsewhere, root);
    setenv("HOME", at("."), 1); /* links and the like are resolved */
    quarantine_look(&before, root);
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        put(made[i], "new");
    }
    put(".old/.some-tool", "of that program");
    put("mise.toml", "a launch point");
    put("sub/.some-tool", "of a project");
    put("sub/mise.toml", "of a project");
    put("plain", "");
    put(".git/config", "[core]\n\tbare = false\n");
    assert_int_equal(apply(&before, "touch .some-tool"), 5);
    for (size_t i = 0; i < sizeof made / sizeof made[0] - 1; i++) {
        assert_false(is_there(made[i]));
    }
    assert_true(is_there(".config.quarantined/autostart/x.desktop"));
    assert_true(is_there("mise.toml.quarantined") && is_there(".some-tool"));
    assert_true(is_there(".old/.some-tool") && is_there("sub/mise.toml"));
    assert_int_equal(apply(&before, "touch .some-tool"), 0);
    setenv("HOME", at("sub"), 1);
    assert_int_equal(apply(&elsewhere, NULL), 2); /* sub is it, and has .some-tool and mise.toml */
    quarantine_view_finish(&before);
    quarantine_view_finish(&elsewhere);
    if (home != NULL) {
        setenv("HOME", home, 1);
        free(home);
    }
}

/* The names of what is reported as changed, with a blank behind each. */
static void assert_changed(struct quarantine_view *before, const char *allowed, const char *names)
{
    struct quarantine_report report = {0};
    struct str said;
    str_init(&said);
    quarantine_apply(before, root, allowed, &report);
    for (size_t i = 0; i < report.changed.count; i++) {
        str_append_format(&said, "%s ", report.changed.items[i] + strlen(root) + 1);
    }
    assert_string_equal(said.data, names);
    str_finish(&said);
    quarantine_report_finish(&report);
}

/* What is there and may be written is not moved aside; a change of it is told. */
static void changes_are_told(void **state)
{
    (void)state;
    static char large[80 * 1024];
    struct quarantine_view before = {0};
    struct timespec times[2];
    struct stat status;
    memset(large, 'x', sizeof large - 1);
    put(".npmrc", "a = 1\n");
    put(".cargo/config.toml", "a = 1\n");
    put(".github/workflows/a.yml", "a\n");
    put(".yarnrc.yml", large);
    put("plain", "a\n");
    put("Makefile", "a:\n"); /* changed every day */
    put("sub/.npmrc", "not of the first level\n");
    put(".vscode/tasks.json", "read-only\n");
    assert_int_equal(symlink("a", at(".zlogin")), 0);
    quarantine_look(&before, root);
    assert_changed(&before, NULL, "");
    put(".npmrc", "a = 1\n"); /* written, not changed */
    put("plain", "b\n");
    put("Makefile", "b:\n");
    put("sub/.npmrc", "b\n");
    put(".vscode/tasks.json", "b\n");
    put("package.json", "{}\n");
    assert_changed(&before, NULL, "");
    put(".npmrc", "a = 2\n");
    assert_changed(&before, NULL, ".npmrc ");
    assert_changed(&before, NULL, "");
    put(".cargo/config.toml", "a = 2\n");
    assert_changed(&before, "vi .cargo/config.toml", "");
    put(".cargo/config.toml", "a = 3\n");
    assert_changed(&before, "vi config.toml", ".cargo/config.toml ");
    put(".github/workflows/a.yml", "b\n");
    assert_changed(&before, NULL, ".github/workflows/a.yml ");
    put(".claude/settings.json", "{}\n");
    assert_changed(&before, NULL, ".claude/settings.json ");
    unlink(at(".zlogin"));
    assert_int_equal(symlink("b", at(".zlogin")), 0);
    assert_changed(&before, NULL, ".zlogin ");
    unlink(at(".zlogin"));
    assert_changed(&before, NULL, ".zlogin ");
    /* As long as before, and with the old time: a change all the same. */
    assert_int_equal(stat(at(".yarnrc.yml"), &status), 0);
    large[100] = 'y';
    put(".yarnrc.yml", large);
    times[0] = times[1] = status.st_mtim;
    assert_int_equal(utimensat(AT_FDCWD, at(".yarnrc.yml"), times, 0), 0);
    assert_changed(&before, NULL, ".yarnrc.yml ");
    quarantine_view_finish(&before);
}

/* A forge's own folder, a cache of packages, and more than is looked at. */
static void changes_among_many(void **state)
{
    (void)state;
    char name[64];
    struct quarantine_view before = {0};
    struct quarantine_report report = {0};
    put(".gitea/workflows/a.yml", "a\n");
    put(".forgejo/workflows/a.yml", "a\n");
    for (int i = 0; i < 1100; i++) {
        snprintf(name, sizeof name, ".yarn/cache/p%d.zip", i);
        put(name, "");
    }
    quarantine_look(&before, root);
    assert_false(before.cut);
    put(".gitea/workflows/a.yml", "b\n");
    assert_changed(&before, NULL, ".gitea/workflows/a.yml ");
    put(".forgejo/workflows/b.yml", "b\n");
    put(".yarn/cache/p0.zip", "b\n");
    assert_changed(&before, NULL, ".forgejo/workflows/b.yml ");
    for (int i = 0; i < 1100; i++) {
        snprintf(name, sizeof name, ".husky/h%d", i);
        put(name, "");
    }
    quarantine_apply(&before, root, NULL, &report);
    assert_true(report.cut && report.changed.count > 900);
    quarantine_report_finish(&report);
    /* Which of them are looked at is chance: one that is seen now and was not is not new for that,
     * and one that is not seen is not gone. */
    wait_for_the_clock(&before.begun);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, ".husky/h%d", i);
        unlink(at(name));
    }
    quarantine_apply(&before, root, NULL, &report);
    for (size_t i = 0; i < report.changed.count; i++) {
        assert_false(is_there(report.changed.items[i] + strlen(root) + 1));
    }
    quarantine_report_finish(&report);
    put(".npmrc", "new");
    assert_changed(&before, NULL, ".npmrc ");
    quarantine_view_finish(&before);
}

/* A rebase that waits is the user's; a command that was added to it is not. */
static void more_steps_are_told(void **state)
{
    (void)state;
    static const char todo[] = "r/.git/rebase-merge/git-rebase-todo";
    static const char opts[] = "r/.git/worktrees/w/sequencer/opts";
    struct quarantine_view before = {0};
    put(todo, "exec make\npick 1234 words\nexec make check\n");
    put(opts, "[options]\n\tstrategy = a/b\n");
    quarantine_look(&before, root);
    assert_int_equal(before.names.count, 2);
    put(todo, "pick 1234 words\n  exec make check\n"); /* it goes on */
    assert_changed(&before, NULL, "");
    put(todo, "pick 1234 words\nexec make check\nx evil\n");
    assert_changed(&before, "vi .git/rebase-merge", "");
    assert_changed(&before, NULL, "");
    put(todo, "x evil\nx worse\nexec still worse\n");
    assert_changed(&before, NULL, "r/.git/rebase-merge ");
    assert_changed(&before, NULL, "");
    put("r/.git/rebase-merge/strategy", "a/b\n");
    put(opts, "[options]\n\tstrategy = a/evil\n");
    assert_changed(&before, NULL, "r/.git/rebase-merge r/.git/worktrees/w/sequencer ");
    unlink(at(todo));
    assert_int_equal(symlink("x", at(todo)), 0);
    assert_changed(&before, NULL, "r/.git/rebase-merge ");
    assert_changed(&before, NULL, "");
    assert_true(is_there(todo));
    quarantine_view_finish(&before);
}

static void hear(void *context, const char *sentence)
{
    str_append_format(context, "%s\n", sentence);
}

/* Names are foreign text, and there can be many. */
static void what_is_said(void **state)
{
    (void)state;
    struct quarantine_report report = {.cut = true};
    struct str said;
    str_init(&said);
    quarantine_report_say(&(struct quarantine_report){0}, hear, &said);
    assert_string_equal(said.data, "");
    quarantine_list_add(&report.failed, "/w/\x1b[2J/.envrc");
    for (int i = 0; i < 21; i++) {
        quarantine_list_add(&report.moved, "/w/.envrc");
    }
    quarantine_report_say(&report, hear, &said);
    assert_null(strchr(said.data, '\x1b'));
    assert_non_null(strstr(said.data, "/w/.envrc (direnv runs it), /w"));
    assert_non_null(strstr(said.data, " and 1 more\n"));
    assert_non_null(strstr(said.data, "it was not moved aside: /w/"));
    assert_non_null(strstr(said.data, "more than 20000 folders"));
    str_finish(&said);
    quarantine_report_finish(&report);
}

/* A link on the way is not followed, so nothing outside is touched. */
static void links_lead_nowhere(void **state)
{
    (void)state;
    struct quarantine_view none = {0};
    char outside[] = "/tmp/carat-quarantine-outside-XXXXXX", path[128];
    assert_non_null(mkdtemp(outside));
    snprintf(path, sizeof path, "%s/.envrc", outside);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(symlink(outside, at("link")), 0);
    assert_int_equal(apply(&none, NULL), 0);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    rmdir(outside);
    quarantine_view_finish(&none);
}

/* Who knows the names runs what is in a folder that cannot be listed. */
static void folders_that_forbid_it(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *file;
        mode_t mode;
    } rows[] = {
        {".", ".mcp.json", 01311},
        {"sub", "sub/.envrc", 0311},
        {"git", "git/.git/config", 0311},
        {"plain/.git", "plain/.git/commondir", 0311},
        {".git/hooks", ".git/hooks/pre-commit", 0311},
        {".git/modules", ".git/modules/a/config", 0311},
        {".git/modules/b", ".git/modules/b/config", 0111},
        {".git/worktrees", ".git/worktrees/v/config.worktree", 0311},
        {".git/worktrees/w", ".git/worktrees/w/rebase-merge/git-rebase-todo", 0},
        {"named", "named/.envrc", 0611},
        {"fixed", "fixed/.envrc", 0555},
        {"deep", "deep/er/.envrc", 0},
        {".cargo", ".cargo/config.toml", 0311},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct quarantine_view before = {0};
    struct quarantine_report report = {0};
    put("old/.envrc", "old");
    chmod(at("old"), 0111);
    become_nobody();
    quarantine_look(&before, root);
    assert_int_equal(before.names.count, 1);
    for (size_t i = 0; i < ROWS; i++) {
        put(rows[i].file, "exec = 1\nexec x\n");
    }
    for (size_t i = ROWS; i-- > 0;) {
        assert_int_equal(chmod(at(rows[i].folder), rows[i].mode), 0);
    }
    quarantine_apply(&before, root, NULL, &report);
    for (size_t i = 0; i < ROWS; i++) {
        assert_mode(rows[i].folder, rows[i].mode);
        chmod(at(rows[i].folder), 0755);
        if (is_there(rows[i].file) != (strcmp(rows[i].folder, ".cargo") == 0)) {
            fail_msg("%s", rows[i].file);
        }
    }
    assert_int_equal(report.moved.count, ROWS - 1);
    assert_int_equal(report.changed.count, 1);
    assert_int_equal(report.failed.count + report.unseen.count, 0);
    assert_mode("old", 0111);
    chmod(at("old"), 0755);
    assert_true(is_there("old/.envrc"));
    become_oneself();
    quarantine_report_finish(&report);
    quarantine_view_finish(&before);
}

/* The number of folders that are said to be closed to the look. */
static size_t unseen(struct quarantine_view *before)
{
    struct quarantine_report report = {0};
    quarantine_apply(before, root, NULL, &report);
    size_t count = report.unseen.count;
    assert_int_equal(report.moved.count + report.failed.count, 0);
    quarantine_report_finish(&report);
    return count;
}

/* What nothing opens is told, once. */
static void folders_that_stay_shut(void **state)
{
    (void)state;
    struct quarantine_view before = {0}, later = {0};
    struct rlimit files, none;
    put("a/.envrc", "old");
    quarantine_look(&before, root);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    none = files;
    none.rlim_cur = 0;
    put("b/.envrc", "new");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    size_t first = unseen(&before), second = unseen(&before);
    quarantine_look(&later, root);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_true(first == 1 && second == 0);
    assert_int_equal(apply(&before, NULL), 1);
    /* What was not seen, and is not younger, is not taken for new. */
    put("c/.envrc", "new");
    later.begun.tv_sec += 3600;
    assert_int_equal(apply(&later, NULL), 0);
    quarantine_view_finish(&before);
    quarantine_view_finish(&later);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_names_are_moved_and_old_ones_stay),
        TEST(what_was_agreed_to_stays),
        cmocka_unit_test(what_a_text_names),
        TEST(repositories),
        TEST(a_bare_repository),
        TEST(states_of_a_repository),
        TEST(repositories_of_submodules),
        TEST(more_than_is_looked_at),
        TEST(more_names_than_are_looked_at),
        TEST(the_home_directory),
        TEST(changes_are_told),
        TEST(changes_among_many),
        TEST(more_steps_are_told),
        cmocka_unit_test(what_is_said),
        TEST(links_lead_nowhere),
        TEST(folders_that_forbid_it),
        TEST(folders_that_stay_shut),
    };
    return cmocka_run_group_tests_name("agent_quarantine", tests, NULL, NULL);
}
