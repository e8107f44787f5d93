/* Commands against rules: a table of what a set of rules lets run, and of everything that must ask
 * although it begins as an allowed command does. The rows of the second table are known ways around
 * approvals that look at the beginning of a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "approval/shell_words.h"
#include "base/err.h"
#include "base/str.h"

static const char *const allowed_rules[] = {"shell(git status)",
                                            "shell(git log *)",
                                            "shell(git diff:*)",
                                            "shell(git show *)",
                                            "shell(git grep *)",
                                            "shell(git push fork *)",
                                            "shell(git *)",
                                            "shell(grep *)",
                                            "shell(ls *)",
                                            "shell(cat *)",
                                            "shell(wc *)",
                                            "shell(find *)",
                                            "shell(rg *)",
                                            "shell(make *)",
                                            "shell(python3 *)",
                                            "shell(python3 -m pytest *)",
                                            "shell(npm test)",
                                            "shell(npm run build *)",
                                            "shell(npm *)",
                                            "shell(cargo build *)",
                                            "shell(cargo *)",
                                            "shell(cp *)",
                                            "shell(tar *)",
                                            "shell(sort *)",
                                            "shell(date *)",
                                            "shell(echo *)",
                                            "shell(gcc *)",
                                            "shell(rsync *)",
                                            "shell(awk *)",
                                            "shell(sed *)",
                                            "shell(env *)",
                                            "shell(sh *)",
                                            "shell(bash *)",
                                            "shell(xargs *)",
                                            "shell(sudo *)",
                                            "shell(cd *)",
                                            "shell(eval *)",
                                            "shell(export *)",
                                            "shell(perl *)",
                                            "shell(node *)",
                                            "shell(dd *)",
                                            "shell(sh build.sh)",
                                            "shell(exact thing --with=this)",
                                            "shell([ *)",
                                            "shell(mypy *)",
                                            "shell(ruff *)",
                                            "shell(python3.11 *)",
                                            "shell(timeout 60 *)",
                                            "shell(deno *)",
                                            "shell(deno eval *)",
                                            "shell(bun *)",
                                            "shell(let *)",
                                            "shell(test *)",
                                            "shell(printf *)",
                                            "shell(wait *)",
                                            "shell(mise *)",
                                            "shell(nix *)",
                                            "shell(hyperfine *)",
                                            "shell(uvx *)",
                                            "shell(uv *)",
                                            "shell(bun test *)",
                                            "shell(poetry run *)",
                                            "shell(hatch run test:pytest *)",
                                            "shell(git clone *)",
                                            "shell(git worktree *)",
                                            "shell(git ls-remote *)",
                                            "shell(git notes *)",
                                            "shell(git symbolic-ref *)",
                                            "shell(git sparse-checkout *)",
                                            "shell(git submodule *)",
                                            "shell(git bisect *)",
                                            "shell(git config --get *)",
                                            "shell(git config -l *)",
                                            "shell(git config *)",
                                            "shell(jq *)",
                                            "shell(command -v *)",
                                            "shell(php *)",
                                            "shell(pytest *)",
                                            "shell(python3 -m *)",

                                            "shell(*)",
                                            "shell($X *)",
                                            "shell(rustup run *)",
                                            "shell(python3 -m pydoc *)",
                                            "shell(git log | head *)",
                                            "shell(git -C sub log *)",
                                            "shell(npm --prefix web test *)",
                                            "shell(node --test *)",
                                            "shell(java -jar t.jar *)"};

/* Of those, what lets nothing run, and is refused. */
static const char *const vain_rules[] = {
    "shell(awk *)",
    "shell(sed *)",
    "shell(env *)",
    "shell(sh *)",
    "shell(bash *)",
    "shell(xargs *)",
    "shell(sudo *)",
    "shell(cd *)",
    "shell(eval *)",
    "shell(export *)",
    "shell(deno eval *)",
    "shell(let *)",
    "shell(mise *)",
    "shell(nix *)",
    "shell(hyperfine *)",
    "shell(uvx *)",
    "shell(uv *)",
    "shell(poetry run *)",
    "shell(hatch run test:pytest *)",
    "shell(git submodule *)",
    "shell(git bisect *)",
    "shell(git config *)",
    "shell(python3 -m *)",
    "shell(*)",
    "shell($X *)",
    "shell(timeout 60 *)",
    "shell(rustup run *)",
    "shell(python3 -m pydoc *)",
    "shell(git log | head *)",
    "shell(git -C sub log *)",
    "shell(npm --prefix web test *)",
    "shell(node --test *)",
    "shell(java -jar t.jar *)",
};

/* With their lengths: one holds a NUL. */
struct row {
    const char *text;
    size_t length;
};
#define ROW(text)             \
    {                         \
        text, sizeof text - 1 \
    }

static const struct row allowed[] = {
    ROW("git status"),
    ROW("git  status"),
    ROW("git status;"),
    ROW(" git status"),
    ROW("git log --oneline -5"),
    ROW("git log -p src/a.c"),
    ROW("git log --oneline && git status"),
    ROW("git status; git log -3"),
    ROW("git status | wc -l"),
    ROW("git log -5 | grep fix | wc -l"),
    ROW("(git status)"),
    ROW("(git status; git log -1) | wc -l"),
    ROW("git status & git log"),
    ROW("git status\n git log -1"),
    ROW("git status # a comment"),
    ROW("# a comment first\ngit status"),
    ROW("git log 'a file' \"another file\""),
    ROW("git log a\\ b"),
    ROW("git log --author=\"A B\" -3"),
    ROW("git log '$HOME'"),
    ROW("git log '*.c'"),
    ROW("git log \"\\$x\""),
    ROW("git log 2>&1"),
    ROW("git log 2>/dev/null"),
    ROW("git log >/dev/null 2>&1"),
    ROW("git log < notes.txt"),
    ROW("LC_ALL=C git log"),
    ROW("TZ=UTC LANG=C git status"),
    ROW("git push"),
    ROW("git push origin main"),
    ROW("git push -u --tags origin main"),
    ROW("git push https://example.org/x.git main"),
    ROW("git push git@example.org:x.git main"),
    ROW("git push fork topic"),
    ROW("git diff --stat"),
    ROW("git show HEAD:README.md"),
    ROW("git grep -n main"),
    ROW("grep -rn main src"),
    ROW("grep -e main"),
    ROW("ls -la"),
    ROW("ls"),
    ROW("cat Makefile"),
    ROW("cat package.json | grep name"),
    ROW("wc -l a b c"),
    ROW("find . -name \"*.c\""),
    ROW("find . -type f -newer x"),
    ROW("find src '(' -name a -o -name b ')'"),
    ROW("rg -n main src"),
    ROW("make all"),
    ROW("make -j4 test"),
    ROW("make -k"),
    ROW("python3 tools/check.py --all"),
    ROW("python3 tools/check.py -c x"),
    ROW("python3 dev/check.py"),
    ROW("python3 ./dev/check.py"),
    ROW("python3 /devel/proc.py"),
    ROW("python3 ../tools/dev/check.py"),
    ROW("python3 /opt/proc/check.py"),
    ROW("cp a .github/README.md"),
    ROW("cp -rt.githubx a"),
    ROW("cp .github/../a b"),
    ROW("python3 -m pytest -q"),
    ROW("npm test"),
    ROW("npm run build --verbose"),
    ROW("cargo build --release"),
    ROW("cp a b"),
    ROW("cp src/a.c src/b.c"),
    ROW("tar -cf out.tar src"),
    ROW("tar tf out.tar"),
    ROW("sort a"),
    ROW("sort -u -k 2 a"),
    ROW("date -u"),
    ROW("echo hello"),
    ROW("echo \"a; b\""),
    ROW("echo 'a && b'"),
    ROW("echo a\\;b"),
    ROW("gcc -c a.c -O2"),
    ROW("gcc -Wall -I include a.c"),
    ROW("exact thing --with=this"),
    ROW("sh build.sh"),
    ROW("rsync -av a b"),
    ROW("git log ''"),
    ROW("git log \"\" x"),
    ROW("echo {}"),
    ROW("test -f a"),
    ROW("printf '%s' a"),
    ROW("bun test a.ts"),
    ROW("grep -E \"a$|b$\" x"),
    ROW("git commit -m \"5$ more\""),
    ROW("git show stash@{0}"),
    ROW("git diff HEAD@{1}"),
    ROW("git clone https://example.org/x.git"),
    ROW("git worktree add ../other side"),
    ROW("git ls-remote origin"),
    ROW("git notes show"),
    ROW("git symbolic-ref HEAD"),
    ROW("git sparse-checkout list"),
    ROW("git config --get user.name"),
    ROW("git config -l --show-origin"),
    ROW("git --no-pager diff"),
    ROW("git --no-pager log -3"),
    ROW("git -P --no-optional-locks status"),
    ROW("git --no-pager --no-optional-locks log --oneline | wc -l"),
    ROW("git rev-parse --git-dir"),
    ROW("git log --patch --text"),
    ROW("jq .scripts package.json"),
    ROW("sort -u Makefile"),
    ROW("python3 --version"),
    ROW("python3 -V"),
    ROW("node -v"),
    ROW("node --version"),
    ROW("npm -v"),
    ROW("npm --version"),
    ROW("cargo -V"),
    ROW("cargo --version"),
    ROW("perl -v"),
    ROW("php -v"),
    ROW("date -Iseconds"),
    ROW("tar --list --file a.tar"),
    ROW("tar --list --file=a.tar"),
    ROW("pytest --co"),
    ROW("command -v git"),
    ROW("timeout 5 git log"),
    ROW("timeout 1.5m nice -n 5 git log -3 | wc -l"),
    ROW("nice git log"),
    ROW("[ -f x ]"),
    ROW("[ -f Makefile ] && git status"),
    ROW("python3 setup.py build"),
    ROW("python3.11 conftest.py"),
    ROW("mypy setup.py"),
    ROW("ruff check pyproject.toml"),
    ROW("git commit -F msg"),
    ROW("git commit --file=msg"),
    ROW("git commit -aC HEAD"),
};

static const struct row asked[] = {
    /* A folder's own hooks take what is pushed to it. */
    ROW("git push ./far main"),
    ROW("git push ../far main"),
    ROW("git push /srv/far main"),
    ROW("git push sub/far main"),
    ROW("git push sub/far:x main"),
    ROW("git push far main"),
    ROW("git push -q far main"),
    ROW("git push -- far main"),
    ROW("git push -o x far"),
    ROW("git push -ox"),
    ROW("git push file:///srv/far main"),
    ROW("git push --repo=far"),
    ROW("git push --repo far"),
    ROW("git push forked topic"),
    ROW("git status; rm -rf ."),
    ROW("git status && rm x"),
    ROW("git status || rm x"),
    ROW("git status | sh"),
    ROW("git status & rm x"),
    ROW("git status\nrm x"),
    ROW("rm x; git status"),
    ROW("git 'diff show'"), /* neighbours in the list of git's commands */
    ROW("(git status; rm x)"),
    ROW("git log $(id)"),
    ROW("git log `id`"),
    ROW("git log \"$(id)\""),
    ROW("git log \"`id`\""),
    ROW("git log $HOME"),
    ROW("git log \"$HOME\""),
    ROW("git log ${HOME}"),
    ROW("git log $((1+1))"),
    ROW("git log $'\\x2d'"),
    ROW("git log *.c"),
    ROW("git log ?"),
    ROW("git log [ab]"),
    ROW("git log ~/x"),
    ROW("git log {a,b}"),
    ROW("git log <(id)"),
    ROW("git log > out"),
    ROW("git log >> out"),
    ROW("git log >| out"),
    ROW("git log 2> out"),
    ROW("git log <> out"),
    ROW("git log > $OUT"),
    ROW("git log >& out"),
    ROW("git log &> out"),
    ROW("git log |& cat"),
    ROW("git log << EOF\nx\nEOF"),
    ROW("git log <<< x"),
    ROW("git -c core.pager=id log"),
    ROW("git -c alias.x=!id x"),
    ROW("git --exec-path=. log"),
    ROW("git --git-dir=x log"),
    ROW("git -C other log"),
    ROW("git -p log"),
    ROW("git log --output=x"),
    ROW("git log --outp=x"),
    ROW("git log --ext-diff"),
    ROW("git log --textconv"),
    ROW("git diff --ext-d"),
    ROW("git grep -Oid x"),
    ROW("git grep -nO main"),
    ROW("git grep --open-files-in-pager=id x"),
    ROW("git log --exec=id"),
    ROW("git log --upload-pack=id"),
    ROW("git lg"),
    ROW("git st"),
    ROW("git config alias.x !id"),
    ROW("git submodule foreach id"),
    ROW("git bisect run id"),
    ROW("git difftool"),
    ROW("git submodule status"),
    ROW("git bisect log"),
    ROW("git clone -c core.fsmonitor=./evil x"),
    ROW("git clone --template=evil x"),
    ROW("git clone 'ext::sh -c id'"),
    ROW("git clone x .vscode"),
    ROW("git worktree add .husky"),
    ROW("git ls-remote --upload-pack=./evil ."),
    ROW("git config user.name x"),
    ROW("git config --add alias.x !id"),
    ROW("git config --unset x"),
    ROW("git --no-pager -c alias.x=!id x"),
    ROW("git --no-pager lg"),
    ROW("git --no-pager -p log"),
    ROW("git -P -C other log"),
    ROW("git log --no-pager --ext-diff"),
    ROW("git am --patch hg x"),
    ROW("python3 --version x"),
    ROW("python3 -v"),
    ROW("node -V"),
    ROW("perl -V:x"),
    ROW("sort -oMakefile a"),
    ROW("date -Isx"),
    ROW("tar --list=x"),
    ROW("tar --files a"),
    ROW("tar --listed a"),
    ROW("pytest --conf x"),
    ROW("pytest --co=x"),
    ROW("command -p git"),
    ROW("command git -v"),
    ROW("LD_PRELOAD=./x.so git log"),
    ROW("LD_AUDIT=x git log"),
    ROW("GIT_SSH_COMMAND=id git log"),
    ROW("GIT_EXTERNAL_DIFF=id git log"),
    ROW("GIT_PAGER=id git log"),
    ROW("PAGER=id git log"),
    ROW("EDITOR=id git log"),
    ROW("PATH=. git log"),
    ROW("IFS=x git log"),
    ROW("BASH_ENV=x git log"),
    ROW("ENV=x git log"),
    ROW("PYTHONPATH=. python3 tools/check.py"),
    ROW("NODE_OPTIONS=x npm test"),
    ROW("TERMINFO=. ls"),
    ROW("LOCPATH=. ls"),
    ROW("X=1"),
    ROW("X=1 git log"),
    ROW("X+=1 git log"),
    ROW("TZ+=/evil ls"),
    ROW("COLUMNS+=/x npm test"),
    ROW("LANG[0]=/x npm test"),
    ROW("echo \"$\\\n(id)\""),
    ROW("python3 10>/dev/null"),
    ROW("LC_ALL=$X git log"),
    ROW("'LANG'=C git log"),
    ROW("find . -exec id {} ;"),
    ROW("find . -exec id {} \\;"),
    ROW("find . -execdir id {} +"),
    ROW("find . -ok id {} \\;"),
    ROW("find . \"\"{},-exec} ./evil \";\""),
    ROW("find . x{},-exec} ./evil \";\""),
    ROW("find . -delete"),
    ROW("find . -fprint x"),
    ROW("find . -fprintf x y"),
    ROW("rg --pre id x"),
    ROW("rg --pr id x"),
    ROW("env git log"),
    ROW("env -i git log"),
    ROW("sudo git log"),
    ROW("nohup git log"),
    ROW("timeout 5 rm x"),
    ROW("timeout -s KILL 5 git log"),
    ROW("timeout 5x git log"),
    ROW("timeout $X git log"),
    ROW("timeout 5 $X"),
    ROW("timeout 5"),
    ROW("timeout 5 -v git log"),
    ROW("timeout 5 git -c alias.x=!id x"),
    ROW("nice -20 git log"),
    ROW("nice -n x git log"),
    ROW("nice rm x"),
    ROW("nice"),
    ROW("[ -v 'a[$(id)]' ]"),
    ROW("[a] b"),
    ROW("python3 tools/x.py setup.py"),
    ROW("mypy --junit-xml=setup.py a.py"),
    ROW("ruff check --fix pyproject.toml"),
    ROW("ruff format setup.py"),
    ROW("git log --file=x"),
    ROW("xargs git log"),
    ROW("git log | xargs rm"),
    ROW("sh -c 'git log'"),
    ROW("bash -c \"git log\""),
    ROW("bash -lc ls"),
    ROW("sh x.sh"),
    ROW("eval git log"),
    ROW("exec git log"),
    ROW(". ./x"),
    ROW("source x"),
    ROW("command git log"),
    ROW("builtin echo x"),
    ROW("alias git=id"),
    ROW("alias git=id; git status"),
    ROW("git(){ id; }; git status"),
    ROW("function git { id; }"),
    ROW("cd x && git status"),
    ROW("export X=1; git status"),
    ROW("set -e; git status"),
    ROW("trap id EXIT; git status"),
    ROW("hash -p ./git git; git status"),
    ROW("unset x; git status"),
    ROW("time git status"),
    ROW("! git status"),
    ROW("{ git status; }"),
    ROW("if git status; then id; fi"),
    ROW("for x in a; do git status; done"),
    ROW("while git status; do id; done"),
    ROW("case x in x) id;; esac"),
    ROW("[[ -f x ]]"),
    ROW("coproc git status"),
    ROW("python3 -c 'print(1)'"),
    ROW("python3 -"),
    ROW("python3"),
    ROW("python3 -m http.server"),
    ROW("python3 -m pytestx"),
    ROW("python3 -i tools/check.py"),
    ROW("python3.12 -c x"),
    ROW("perl -e x"),
    ROW("node -e x"),
    ROW("echo 'import os' | python3 /dev/stdin"),
    ROW("python3 /proc/self/fd/0"),
    ROW("perl /dev/fd/0"),
    ROW("python3 //dev/stdin"),
    ROW("python3 ./../../../dev/stdin"),
    ROW("python3 /bin/../dev/fd/0"),
    ROW("python3 link/../dev/stdin"), /* to wherever the link leads */
    ROW("python3 ../x/.././/proc/self/fd/0"),
    ROW("python3 a/../../../dev/stdin"),
    ROW("python3 /./proc/self/fd/0"),
    ROW("deno eval x"),
    ROW("deno repl"),
    ROW("bun x y"),
    ROW("bun create y"),
    ROW("poetry run"),
    ROW("poetry run ./evil"),
    ROW("hatch run test:pytest -p evil"),
    ROW("poetry run -C x pytest"),
    ROW("python3 -m"),
    ROW("python3 -m pip list"),
    ROW("python3 -m pydoc ./evil.py"),
    ROW("rustup run nightly ./evil"),
    ROW("git -C sub log -3"),
    ROW("npm --prefix web test x"),
    ROW("node --test a.js"),
    ROW("java -jar t.jar x"),
    ROW("python3 -m pytest -p evil"),
    ROW("npm init y"),
    ROW("let 'a[$(id)]=1'"),
    ROW("test -v 'a[$(id)]'"),
    ROW("printf -v 'a[$(id)]' x"),
    ROW("wait -p 'a[$(id)]'"),
    ROW("mise x id"),
    ROW("nix run x"),
    ROW("hyperfine id"),
    ROW("uvx id"),
    ROW("uv run id"),
    ROW("ruby -e x"),
    ROW("awk '{print}' a"),
    ROW("sed s/a/b/ a"),
    ROW("sed -i s/a/b/ a"),
    ROW("make SHELL=./x"),
    ROW("make CC=./x all"),
    ROW("make -f other"),
    ROW("make -C other"),
    ROW("make --eval=x"),
    ROW("make --ev=x"),
    ROW("make -jf"),
    ROW("npm exec x"),
    ROW("npm x y"),
    ROW("npx y"),
    ROW("npm run build --prefix=x"),
    ROW("npm install"),
    ROW("cargo run --config=x"),
    ROW("cargo install x"),
    ROW("tar -cf x --to-command=id y"),
    ROW("tar --checkpoint-action=exec=id -cf x y"),
    ROW("tar -cIid x y"),
    ROW("tar -xf x -C /tmp"),
    ROW("tar xIf id x"),
    ROW("tar --use-compress=id -cf x y"),
    ROW("sort --compress-program=id a"),
    ROW("sort -o x a"),
    ROW("sort -uo x a"),
    ROW("date -s now"),
    ROW("rsync -e id a b"),
    ROW("rsync -ave id a b"),
    ROW("rsync --rsh=id a b"),
    ROW("cp evil .git/hooks/pre-commit"),
    ROW("cp evil .GIT/config"),
    ROW("cp evil ./.git//hooks/x"),
    ROW("cp evil sub/.git/config"),
    ROW("cp evil .vscode/tasks.json"),
    ROW("cp evil .envrc"),
    ROW("cp evil Makefile"),
    ROW("cp evil package.json"),
    ROW("cp evil .github/workflows/x.yml"),
    ROW("cp evil .github/ISSUE_TEMPLATE/../workflows/ci.yml"),
    ROW("cp -r workflows .github/x/.."),
    ROW("cp -r workflows .github/."),
    ROW("cp -r --target-directory=.github workflows"),
    ROW("cp -r --target-directory=.github/x/.. workflows"),
    ROW("cp -rt.github/workflows x"),
    ROW("cp -rt.vscode tasks.json"),
    ROW("cp -rt.github workflows"),
    ROW("cp -rrrrrrrrrrrrt.github/x/.. workflows"),
    ROW("cp -r bin a/.local"),
    ROW("cp -r workflows .gitea"),
    ROW("cp evil -tx/../.husky"),
    ROW("cp --target-directory=.git/hooks evil"),
    ROW("gcc -wrapper id a.c"),
    ROW("gcc -fplugin=x a.c"),
    ROW("gcc @file"),
    ROW("gcc -Bx a.c"),
    ROW("./git status"),
    ROW("/tmp/git status"),
    ROW("bin/git status"),
    ROW("\"git status\""),
    ROW("g\\it statusx"),
    ROW("git status \\"),
    ROW("git status 'unclosed"),
    ROW("git status \"unclosed"),
    ROW("git status (x)"),
    ROW("(git status"),
    ROW("git status)"),
    ROW("git status ;; git log"),
    ROW("git status &&"),
    ROW("&& git status"),
    ROW("| git status"),
    ROW(";"),
    ROW("()"),
    ROW("((1))"),
    ROW("$X status"),
    ROW("$(id)"),
    ROW("git\302\240status"),
    ROW("git \342\200\256status"),
    ROW("git status\r; id"),
    ROW("git status\000"),
    ROW("git status\007"),
    ROW("exact thing --with=other"),
    ROW("exact thing"),
    ROW("exact thing --with=this more"),
    ROW("sh build.sh x"),
    ROW("sh buildxsh"),
    ROW("GIT STATUS"),
    ROW("Git status"),
    ROW("gi\\\nt status"),
    ROW("git status >\\\nout"),
    ROW("echo {a..b}"),
    ROW("cat <a >b"),
    ROW("ls; curl x"),
    ROW("dd if=a of=b"),
};

enum { ALLOWED = sizeof allowed / sizeof allowed[0], ASKED = sizeof asked / sizeof asked[0] };

static enum approval_verdict decide(const struct approval_rules *rules, enum approval_mode mode,
                                    const char *text, size_t length, struct str *why)
{
    json_t *arguments = json_pack("{s:o}", "command", json_stringn_nocheck(text, length));
    enum approval_verdict verdict = approval_decide(rules, NULL, mode, "shell", arguments, why);
    json_decref(arguments);
    return verdict;
}

static bool is_vain(const char *rule)
{
    bool vain = false;
    for (size_t i = 0; i < sizeof vain_rules / sizeof vain_rules[0]; i++) {
        vain = vain || strcmp(vain_rules[i], rule) == 0;
    }
    return vain;
}

/* Those that are refused stand there as if they had been taken: they must not hold all the same. */
static void fill(struct approval_rules *rules)
{
    approval_rules_init(rules);
    for (size_t i = 0; i < sizeof allowed_rules / sizeof allowed_rules[0]; i++) {
        const char *rule = allowed_rules[i];
        struct err err = {0};
        bool vain = is_vain(rule);
        if (approval_rules_add(rules, rule, APPROVAL_ALLOW, &err) == vain) {
            fail_msg("%s: %s", rule, err.text);
        }
        if (vain) {
            assert_non_null(strstr(err.text, rule));
            assert_true(approval_rules_add(rules, rule, APPROVAL_DENY, NULL));
            rules->items[rules->count - 1].verdict = APPROVAL_ALLOW;
        }
    }
}

static void test_allowed(void **state)
{
    (void)state;
    struct approval_rules rules;
    int wrong = 0;
    fill(&rules);
    for (size_t i = 0; i < ALLOWED; i++) {
        struct str why;
        str_init(&why);
        if (decide(&rules, APPROVAL_ASK, allowed[i].text, allowed[i].length, &why) !=
            APPROVAL_ALLOW) {
            print_error("\"%s\" must run: %s\n", allowed[i].text, why.data);
            wrong++;
        }
        str_finish(&why);
    }
    assert_int_equal(wrong, 0);
    approval_rules_finish(&rules);
}

static void test_asked(void **state)
{
    (void)state;
    struct approval_rules rules;
    int wrong = 0;
    fill(&rules);
    for (size_t i = 0; i < ASKED; i++) {
        struct str why;
        str_init(&why);
        if (decide(&rules, APPROVAL_ASK, asked[i].text, asked[i].length, &why) !=
            APPROVAL_ASK_USER) {
            print_error("\"%s\" must ask: %s\n", asked[i].text, why.data);
            wrong++;
        }
        str_finish(&why);
    }
    assert_int_equal(wrong, 0);
    printf("%d commands ran by rule, %d that begin alike asked\n", ALLOWED, ASKED);
    approval_rules_finish(&rules);
}

/* Why a rule that seems to fit does not hold, although others that do not fit come after it. */
static void test_doubt_is_told(void **state)
{
    (void)state;
    static const char command[] = "git -C x status";
    struct approval_rules rules;
    struct str why;
    fill(&rules);
    str_init(&why);
    assert_int_equal(decide(&rules, APPROVAL_ASK, command, strlen(command), &why),
                     APPROVAL_ASK_USER);
    assert_non_null(strstr(why.data, "git obeys options before its command's name"));
    str_finish(&why);
    approval_rules_finish(&rules);
}

/* Tools of foreign servers ask, whatever they say of themselves. */
static void test_foreign(void **state)
{
    (void)state;
    struct approval_rules rules;
    json_t *none = json_object();
    approval_rules_init(&rules);
    assert_int_equal(approval_decide(NULL, NULL, APPROVAL_AUTO_EDIT, "mcp__x__read", none, NULL),
                     APPROVAL_ASK_USER);
    assert_int_equal(approval_decide(NULL, NULL, APPROVAL_READ_ONLY, "mcp__x__read", none, NULL),
                     APPROVAL_DENY);
    assert_true(approval_rules_add(&rules, "mcp__x__read", APPROVAL_ALLOW, NULL));
    assert_int_equal(approval_decide(&rules, NULL, APPROVAL_ASK, "mcp__x__read", none, NULL),
                     APPROVAL_ALLOW);
    assert_int_equal(approval_decide(&rules, NULL, APPROVAL_ASK, "mcp__x__write", none, NULL),
                     APPROVAL_ASK_USER);
    json_decref(none);
    approval_rules_finish(&rules);
}

/* Limits: what is too long or has too many parts is not read, and costs no more than reading. */
static void test_limits(void **state)
{
    (void)state;
    struct str text;
    struct shell_script script;
    const char *why = NULL;
    str_init(&text);
    for (int i = 0; i < 60; i++) {
        str_append(&text, "git status;");
    }
    assert_false(shell_words_read(&script, text.data, text.length, &why));
    assert_string_equal(why, "it has too many commands");
    str_clear(&text);
    for (int i = 0; i < 2000; i++) {
        str_append(&text, "a ");
    }
    assert_false(shell_words_read(&script, text.data, text.length, &why));
    assert_string_equal(why, "it has too many words");
    for (int i = 0; i < 100000; i++) {
        str_append(&text, "(a ");
    }
    assert_false(shell_words_read(&script, text.data, text.length, &why));
    assert_string_equal(why, "it is too long");
    str_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),       cmocka_unit_test(test_asked),
        cmocka_unit_test(test_doubt_is_told), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("approval_commands", tests, NULL, NULL);
}
