/* What is found in folders that a shell lays out: as an ordinary user, from whom something can be
 * kept. In the scripts `repository PATH` makes what git needs to be led.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

#include "sandbox_protected.h"

enum { NOBODY = 65534 };

static char base[] = "/tmp/carat-protected-XXXXXX";

static void run(const char *script)
{
    struct str line;
    str_init(&line);
    str_append_format(&line,
                      "set -e; umask 022; repository() { mkdir -p $1/hooks; printf '%%s\\n' "
                      "\"$2\" > $1/config; }; rm -rf %s/work %s/out %s/.git; mkdir %s/work; "
                      "cd %s/work; %s",
                      base, base, base, base, base, script);
    assert_int_equal(system(line.data), 0);
    str_finish(&line);
}

static void open_again(void)
{
    struct str line;
    str_init(&line);
    str_append_format(&line, "chmod -R u+rwx %s", base);
    assert_int_equal(system(line.data), 0);
    str_finish(&line);
}

static void append(struct str *text, const struct policy_list *list)
{
    char resolved[4096];
    assert_non_null(realpath(base, resolved));
    for (size_t i = 0; i < list->count; i++) {
        assert_true(str_starts_with(list->items[i], resolved));
        str_append_format(text, "%s%s", text->length > 0 ? " " : "",
                          list->items[i] + strlen(resolved) + 1);
    }
}

/* The names that are fixed, from the base on, and whether it is limited; else why it is refused. */
static void find(struct str *text, bool *limited)
{
    struct sandbox_protected found;
    struct policy policy = {0};
    struct err err = {0};
    char home[4096], work[sizeof home + 8];
    assert_non_null(realpath(base, home));
    snprintf(work, sizeof work, "%s/work", home);
    policy.workspace = work;
    str_clear(text);
    if (!sandbox_protected_find(&found, &policy, home, &err)) {
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        str_append(text, err.text);
        return;
    }
    append(text, &found.fixed);
    *limited = found.limited;
    sandbox_protected_finish(&found);
}

struct row {
    const char *name, *script, *fixed;
};

static void try_rows(const struct row *rows, size_t count)
{
    struct str text;
    bool limited = false;
    str_init(&text);
    for (size_t i = 0; i < count; i++) {
        print_message("%s\n", rows[i].name);
        run(rows[i].script);
        find(&text, &limited);
        open_again();
        assert_false(limited);
        if (rows[i].fixed[0] == '?') { /* refused, with these words */
            assert_non_null(strstr(text.data, rows[i].fixed + 1));
        } else {
            assert_string_equal(text.data, rows[i].fixed);
        }
    }
    str_finish(&text);
}

#define TRY(rows) try_rows(rows, sizeof(rows) / sizeof(rows)[0])

static void what_cannot_be_looked_at(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nothing", "mkdir -p a/b; ln -s missing link", ""},
        {"the workspace cannot be listed", "chmod 0311 .", "?chmod u+rwx"},
        {"the workspace cannot be searched", "mkdir a; chmod 0644 .", "?chmod u+rwx"},
        {"a folder that cannot be listed",
         "repository sub/.git '[core] hooksPath = ../h'; mkdir -p h sub/a; chmod 0311 sub",
         "work/h work/sub work/sub/.git/config work/sub/.git/hooks"},
        {"a folder that cannot be searched", "repository sub/.git; chmod 0644 sub", "work/sub"},
        {"the fifth level", "repository a/b/c/d/.git; chmod 0644 a/b/c/d", "work/a/b/c/d"},
        {"git's own folder", "repository .git; chmod 0644 .git", "work/.git"},
        {"its worktrees", "repository .git; mkdir -p .git/worktrees/x; chmod 0311 .git/worktrees",
         "work/.git/config work/.git/hooks work/.git/worktrees"},
        {"one of them",
         "repository .git; mkdir -p .git/worktrees/x .git/worktrees/y; echo > "
         ".git/worktrees/y/gitdir; chmod 0644 .git/worktrees/x",
         "work/.git/config work/.git/hooks work/.git/worktrees/x work/.git/worktrees/y/gitdir"},
        {"above what .git leads to",
         "repository far/a/x; mkdir s; echo gitdir: ../far/a/x > s/.git; chmod 0311 far/a; "
         "chmod 0600 far",
         "work/far work/s/.git"},
        {"above what a link leads to", "mkdir -p a/b/x; ln -s a/b/x .vscode; chmod 0644 a/b",
         "work/a/b"},
        {"above hooksPath",
         "repository .git '[core] hooksPath = a/b/h'; mkdir -p a/b/h; chmod 0644 a/b",
         "work/.git/config work/.git/hooks work/a/b"},
        {"beside the workspace", "mkdir -p ../out/x; ln -s ../out/x .vscode; chmod 0 ../out", ""},
    };
    TRY(rows);
}

static void repositories_elsewhere(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a worktree of a repository outside",
         "repository ../out/.git '[core] hooksPath = tools/hooks'; mkdir -p tools/hooks "
         "../out/.git/worktrees/x; echo ../.. > ../out/.git/worktrees/x/commondir; "
         "echo gitdir: ../out/.git/worktrees/x > .git",
         "work/.git work/tools/hooks"},
        {"the hooks of one outside are a link",
         "repository ../out; rmdir ../out/hooks; "
         "mkdir mine; ln -s ../work/mine ../out/hooks; echo gitdir: ../out > .git",
         "work/.git work/mine"},
        {"the workspace is a part of one",
         "repository ../.git '[core] hooksPath = work/hooks'; mkdir hooks", "work/hooks"},
        {"two worktrees, a relative folder of hooks",
         "repository r/.git '[core] hooksPath = h'; mkdir -p r/h t/h r/.git/worktrees/t; "
         "echo ../.. > r/.git/worktrees/t/commondir; echo gitdir: ../r/.git/worktrees/t > t/.git",
         "work/r/.git/config work/r/.git/hooks work/r/.git/worktrees/t/commondir work/r/h "
         "work/t/.git work/t/h"},
        {"submodules of a worktree that lies elsewhere",
         "repository .git; mkdir -p .git/worktrees/t/modules",
         "work/.git/config work/.git/hooks work/.git/worktrees/t/modules"},
    };
    TRY(rows);
}

static void links(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"names", "mkdir a a/s; echo > e; ln -s s a/.vscode; ln -s ../e a/.envrc; ln -s . .idea",
         "work/a/s work/e"},
        {".git, to a file",
         "repository r '[core] hooksPath = h'; mkdir s s/h; echo gitdir: ../r > f; "
         "ln -s ../f s/.git",
         "work/f work/r/config work/r/hooks work/s/h"},
        {"the configuration",
         "repository .git; mv .git/config more; ln -s ../more .git/config; mkdir h; "
         "printf '[core] hooksPath = h\\n[include] path = one\\n' > more; echo > .git/one",
         "work/.git work/.git/one work/h work/more"},
        {"the worktrees", "repository .git; mkdir -p trees/x; ln -s ../trees .git/worktrees",
         "work/.git work/trees"},
        {"a worktree's commondir",
         "repository .git; mkdir -p .git/worktrees/x; echo > c; ln -s ../../../c "
         ".git/worktrees/x/commondir",
         "work/.git/config work/.git/hooks work/.git/worktrees/x work/c"},
    };
    TRY(rows);
}

static void where_configurations_lead(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"home, and git's own folder",
         "repository .git '[core] hooksPath = ~/work/h\nhooksPath = %(prefix)/g\nhooksPath = "
         ":(optional)o\nhooksPath = ~nobody-of-that-name/x'; mkdir -p h o '%(prefix)/g' x",
         "work/.git/config work/.git/hooks work/h work/o"},
        {"what is included leads on",
         "repository .git '[include] path = ../../out/one'; mkdir -p ../out h; "
         "echo '[include] path = ../work/two' > ../out/one; echo '[include] path = three' > two; "
         "echo '[core] hooksPath = h' > three",
         "work/.git/config work/.git/hooks work/h work/three work/two"},
        {"a circle", "repository .git '[include] path = ../one'; echo '[include] path = one' > one",
         "work/.git/config work/.git/hooks work/one"},
        {"the same name many times hides nothing",
         "repository .git \"[include] path = $PWD/f\n$(seq -f \"path = $PWD/f #%g\" 200)\"; echo > "
         "f; "
         "repository a/.git",
         "work/.git/config work/.git/hooks work/a/.git/config work/a/.git/hooks work/f"},
        {"too many names",
         "repository .git \"[include] path = $PWD/f\n$(seq -f \"path = $PWD/f #%g\" 751)\"; echo > "
         "f; "
         "repository a/.git",
         "?name more than 256"},
        {"too large", "repository .git; head -c 1100000 /dev/zero | tr '\\0' '#' >> .git/config",
         "?.git/config is too large"},
        {"too many mounts",
         "for i in $(seq 1501); do echo a$i; done | xargs mkdir; for i in $(seq 1501); do "
         "echo > a$i/.envrc; done",
         "?holds more than 1500"},
    };
    TRY(rows);
}

/* Whatever a command makes is younger than what was there. */
static void many_folders(void **state)
{
    (void)state;
    struct str text;
    bool limited = false;
    str_init(&text);
    run("repository zz/in/.git; seq 20100 | xargs mkdir");
    find(&text, &limited);
    assert_true(limited);
    assert_string_equal(text.data, "work/zz/in/.git/config work/zz/in/.git/hooks");
    str_finish(&text);
}

static int make_base(void **state)
{
    (void)state;
    bool made = mkdtemp(base) != NULL;
    if (made && geteuid() == 0) {
        made = chown(base, NOBODY, NOBODY) == 0 && setresgid(NOBODY, NOBODY, 0) == 0 &&
               setresuid(NOBODY, NOBODY, 0) == 0;
    }
    return made ? 0 : -1;
}

static int remove_base(void **state)
{
    (void)state;
    (void)!setresuid(0, 0, 0); /* a sanitizer that looks for leaks needs it */
    struct str line;
    str_init(&line);
    str_append_format(&line, "chmod -R u+rwx %s; rm -rf %s", base, base);
    int status = system(line.data);
    str_finish(&line);
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_looked_at),
        cmocka_unit_test(repositories_elsewhere),
        cmocka_unit_test(links),
        cmocka_unit_test(where_configurations_lead),
        cmocka_unit_test(many_folders),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
