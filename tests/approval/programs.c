/* Programs that run or write what their arguments name, each beside its harmless form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "base/str.h"

/* Programs that only a rule of their own lets run: "PROGRAM *" covers the first command of a row,
 * the second asks all the same. */
static void test_programs(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"shuf *", "shuf a", "shuf a -o b"},
        {"tree *", "tree src", "tree -o Makefile"},
        {"xxd *", "xxd a", "xxd -r -p a b"},
        {"xxd *", "xxd a", "xxd a Makefile"},
        {"xxd *", "xxd -l 64 -g 1 a", "xxd -l 64 a b"},
        {"uniq *", "uniq -f 1 a", "uniq a b"},
        {"install *", "install -m 644 a b", "install -s --strip-prog=./evil a b"},
        {"diff3 *", "diff3 a b c", "diff3 --diff-program=./evil a b c"},
        {"sdiff *", "sdiff a b", "sdiff --diff-program ./evil a b"},
        {"cpp *", "cpp a.c", "cpp -wrapper ./evil a.c"},
        {"gfortran *", "gfortran a.f", "gfortran -B. a.f"},
        {"cppcheck *", "cppcheck a.c", "cppcheck --addon=./evil.py a.c"},
        {"clang-tidy *", "clang-tidy a.c", "clang-tidy-14 -load=./evil.so a.c"},
        {"ranlib *", "ranlib a.a", "ranlib --plugin ./evil.so a.a"},
        {"gcc-nm *", "gcc-nm a.o", "gcc-nm --plugin ./evil.so a.o"},
        {"ld.gold *", "ld.gold a.o", "ld.gold -plugin ./evil.so a.o"},
        {"openssl *", "openssl dgst a", "openssl req -config evil.cnf"},
        {"apt list *", "apt list --installed", "apt list -o Dir::Bin::dpkg=./evil"},
        {"apt-cache *", "apt-cache policy a", "apt-cache policy --option=x"},
        {"helm template *", "helm template x", "helm template x --post-renderer ./evil"},
        {"javac *", "javac A.java", "javac -cp evil.jar A.java"},
        {"ack *", "ack a", "ack --pager=./evil a"},
        {"cloc *", "cloc .", "cloc --vcs=./evil ."},
        {"ctest *", "ctest --verbose", "ctest --test-dir evil"},
        {"ssh-keygen *", "ssh-keygen -l", "ssh-keygen -w ./evil.so"},
        {"git *", "git cherry-pick -s a", "git cherry-pick --strategy=a/evil b"},
        {"git *", "git merge --strategy-option=ours b", "git rebase -s a/evil b"},
        {"git *", "git pull --rebase", "git pull --rebase -s a/evil . b"},
        {"cp *", "cp -t out a", "cp -t.github/workflows a"},
        {"mv *", "mv a b", "mv a .github"},
        {"ls *", "ls a", "ccache ./evil"},
        {"go vet *", "go vet ./...", "go vet --vettool=./evil"},
        {"go build *", "go build ./...", "go build -ldflags=-extld=./evil"},
        {"pylint *", "pylint a.py", "pylint --init-hook=x a.py"},
        {"eslint *", "eslint src", "eslint --rulesdir ./evil src"},
        {"mypy *", "mypy --strict src", "mypy @evil"},
        {"mypy *", "mypy --strict src", "mypy --junit-xml b src"},
        {"rspec *", "rspec spec", "rspec -r ./evil"},
        {"phpunit *", "phpunit tests", "phpunit --bootstrap evil.php"},
        {"pnpm test *", "pnpm test x", "pnpm test --dir ./other"},
        {"mvn test *", "mvn test -q", "mvn test -f other"},
        {"gradle test *", "gradle test x", "gradle test -I evil"},
        {"ctest *", "ctest --verbose", "ctest --test-command ./evil"},
        {"ctest *", "ctest --verbose", "ctest -S evil"},
        {"meson *", "meson test", "meson devenv ./evil"},
        {"c++ *", "c++ a.cc", "c++ -wrapper ./evil a.cc"},
        {"gcc *", "gcc a.c", "gcc -Wp,-fplugin=./evil.so a.c"},
        {"clang *", "clang a.c", "clang -fuse-ld=./evil a.c"},
        {"rustc *", "rustc a.rs", "rustc -Clinker=./evil a.rs"},
        {"javac *", "javac A.java", "javac -processorpath evil A.java"},
        {"java *", "java A.java", "java -jar evil.jar"},
        {"patch *", "patch a b", "patch -e a b"},
        {"curl *", "curl http://a.example", "curl --etag-save b http://a.example"},
        {"tar *", "tar -tf a", "tar --index-file=b -tf a"},
        {"ssh-keygen *", "ssh-keygen -l", "ssh-keygen -D ./evil.so"},
        {"git *", "git mv a b", "git mv a Makefile"},
        {"git *", "git format-patch -1", "git format-patch --output-directory=b"},
        /* by a name with a version, or another machine's */
        {"gcc-12 *", "gcc-12 a.c", "gcc-12 -wrapper ./evil a.c"},
        {"aarch64-linux-gnu-gcc *", "aarch64-linux-gnu-gcc a.c",
         "aarch64-linux-gnu-gcc -wrapper ./evil a.c"},
        {"perl5.36.0 *", "perl5.36.0 a.pl", "perl5.36.0 -e x"},
        {"lua5.4 *", "lua5.4 a.lua", "lua5.4 -e x"},
        {"git push -q *", "git push -q origin HEAD", "git push --push-option origin ./far HEAD"},
        {"npm test *", "npm test --silent", "npm test ---script-shell=./evil.sh"},
        {"npm test *", "npm test -s", "npm test -prefix ./other"},
        {"npm test *", "npm test x", "npm test -script-sh ./evil.sh"},
        {"pnpm test *", "pnpm test ./dir", "pnpm test ---dir=./other"},
        {"gcc *", "gcc a.c --param=x", "gcc --prefix=./evil a.c"},
        {"g++ *", "g++ a.cc", "g++ --for-linker=-plugin=./evil.so a.cc"},
        {"clang *", "clang a.c", "clang --prefix=./evil a.c"},
        {"clang *", "clang a.c", "clang --gcc-toolchain=./evil a.c"},
        {"cc *", "cc a.c", "cc --pref=./evil a.c"},
        {"hg log *", "hg log -r tip", "hg log --config alias.log=!./evil"},
        {"hg log *", "hg log -v", "hg log -vR evil"},
        {"hg log *", "hg log -v", "hg log --cwd evil"},
        {"svn diff *", "svn diff -r 1", "svn diff --diff-cmd ./evil"},
        {"svn log *", "svn log -r 1", "svn log --config-option=config:tunnels:x=./evil"},
        {"jj diff *", "jj diff -r x", "jj diff --tool ./evil"},
        {"jj log *", "jj log -r x", "jj log --config=ui.pager=./evil"},
        {"meson *", "meson test", "meson runpython ./evil.py"},
        {"meson *", "meson test", "meson --internal exe -- ./evil"},
        {"meson *", "meson compile", "meson compile --ninja-args=-C,evil"},
        {"meson *", "meson test", "meson test --gdb-path ./evil"},
        {"pytest *", "pytest -q", "pytest --config-file=evil.ini"},
        {"pytest *", "pytest -q", "pytest --basetemp src"},
        {"pytest *", "pytest -q", "pytest --pdbcls=evil:Evil"},
        {"py.test *", "py.test -q", "py.test -p evil"},
        {"./gradlew test *", "./gradlew test x", "./gradlew test -I evil.gradle"},
        {"./mvnw test *", "./mvnw test -q", "./mvnw test -f other"},
        {"openssl *", "openssl dgst a", "openssl req --config evil.cnf"},
        {"openssl *", "openssl dgst a", "openssl dgst --engine ./evil.so a"},
        {"go build *", "go build ./...", "go build --C=other ./..."},
        {"pdflatex *", "pdflatex a.tex", "pdflatex -shell-e a.tex"},
        {"pdflatex *", "pdflatex a.tex", "pdflatex --enable-w a.tex"},
        {"pdflatex *", "pdflatex a.tex", "pdflatex -cnf-line=shell_escape=t a.tex"},
        {"pdflatex *", "pdflatex a.tex", "pdflatex -output-dir=/x a.tex"},
        {"protoc *", "protoc --cpp_out=out a.proto", "protoc --plugin=protoc-gen-x=./evil a.proto"},
        {"protoc *", "protoc a.proto", "protoc @args"},
        /* a command within the command */
        {"python3 -m pytest *", "python3 -m pytest -q", "python3 -m pytest -p evilplug"},
        {"python3 -m pip list *", "python3 -m pip list -v", "python3 -m pip list --python ./p.sh"},
        {"python3 -m unittest *", "python3 -m unittest a", "python3 -m pip --python ./p.sh list"},
        {"python3 -m unittest *", "python3 -m unittest a", "python3 -m pdb evil.py"},
        {"python3 -m http.server *", "python3 -m http.server 8000", "python3 -m cProfile evil.py"},
        {"poetry run pytest *", "poetry run pytest -q", "poetry run pytest -p evil"},
        {"poetry run mypy *", "poetry run mypy src", "poetry run ./evil"},
        {"pdm run mypy *", "pdm run mypy src", "pdm run python -c x"},
        {"hatch run mypy *", "hatch run mypy src", "hatch run sh -c x"},
        {"ruby *", "ruby --version", "escript --version"},
        /* these run others, so that no word of them is covered */
        {"ls *", "ls a", "choom -n 0 -- ./evil"},
        {"ls *", "ls a", "bash5 -c x"},
        {"ls *", "ls a", "git-shell -c x"},
        {"ls *", "ls a", "i386 ./evil"},
        {"ls *", "ls a", "nyc ./evil"},
        {"ls *", "ls a", "compgen -W x"},
        {"ls *", "ls a", "vimdiff -c !x"},
        {"ls *", "ls a", "xvfb-run ./evil"},
        {"ls *", "ls a", "libtool --mode=execute ./evil"},
        {"ls *", "ls a", "jobs -x ./evil"},
        {"ls *", "ls a", "rename s/a/b/e x"},
        {"ls *", "ls a", "prename s/a/b/e x"},
        {"ls *", "ls a", "file-rename s/a/b/e x"},
        {"ls *", "ls a", "mlr -n put x"},
        {"ls *", "ls a", "goawk x"},
        {"ls *", "ls a", "R CMD BATCH evil.R"},
        {"ant test *", "ant test -q", "ant test -f evil.xml"},
        {"timeout 60 git log *", "timeout 60 git log -3", "timeout 60 git log --output=x"},
        {"ant test *", "ant test -q", "ant test -buildfile evil.xml"},
        {"python3 -m json.tool *", "python3 -m json.tool a", "python3 -m json.tool a b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct approval_rules rules;
        struct str rule;
        approval_rules_init(&rules);
        str_init(&rule);
        str_append_format(&rule, "shell(%s)", rows[i][0]);
        approval_rules_add(&rules, rule.data, APPROVAL_ALLOW, NULL);
        str_clear(&rule);
        str_append_format(&rule, "shell(%.*s *)", (int)strcspn(rows[i][2], " "), rows[i][2]);
        approval_rules_add(&rules, rule.data, APPROVAL_ALLOW, NULL);
        for (size_t k = 1; k < 3; k++) {
            json_t *arguments = json_pack("{s:s}", "command", rows[i][k]);
            enum approval_verdict verdict =
                approval_decide(&rules, NULL, APPROVAL_ASK, "shell", arguments, NULL);
            if (verdict != (k == 1 ? APPROVAL_ALLOW : APPROVAL_ASK_USER)) {
                fail_msg("%s", rows[i][k]);
            }
            json_decref(arguments);
        }
        str_finish(&rule);
        approval_rules_finish(&rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests_name("approval_programs", tests, NULL, NULL);
}
