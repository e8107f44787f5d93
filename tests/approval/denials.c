/* A denial of a command against everything that does the same in other words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "base/str.h"

static enum approval_verdict decide(const struct approval_rules *rules, enum approval_mode mode,
                                    const char *text, size_t length, struct str *why)
{
    json_t *arguments = json_pack("{s:o}", "command", json_stringn_nocheck(text, length));
    enum approval_verdict verdict = approval_decide(rules, NULL, mode, "shell", arguments, why);
    json_decref(arguments);
    return verdict;
}

/* In a mode where all runs, a denial is not gone around by saying it in another way. */
static void test_denied(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        enum approval_verdict verdict;
    } rows[] = {
        {"rm x", APPROVAL_DENY},
        {"rm", APPROVAL_DENY},
        {"r\\m x", APPROVAL_DENY},
        {"'rm' x", APPROVAL_DENY},
        {"r\"\"m x", APPROVAL_DENY},
        {"/bin/rm x", APPROVAL_DENY},
        {"ls; rm x", APPROVAL_DENY},
        {"ls && (cat a | rm x)", APPROVAL_DENY},
        {"X=1 rm x", APPROVAL_DENY},
        {">out rm x", APPROVAL_DENY},
        {"rm $X", APPROVAL_DENY},
        {"git push", APPROVAL_DENY},
        {"git push --force", APPROVAL_ALLOW},
        {"git pull", APPROVAL_ALLOW},
        {"/usr/local/bin/curl x", APPROVAL_DENY}, /* the rule names it by another path */
        {"curl x", APPROVAL_DENY},
        {"curly x", APPROVAL_ALLOW},
        {"git tag -d x", APPROVAL_DENY},
        {"git -P --no-optional-locks tag -d", APPROVAL_DENY},
        {"/usr/bin/git --no-pager tag -d x", APPROVAL_DENY},
        {"git --no-pager push", APPROVAL_DENY},
        {"git -C . tag -d x", APPROVAL_ASK_USER},
        {"git -C . push", APPROVAL_ASK_USER},
        {"git -P -C . --no-pager -C x push", APPROVAL_ASK_USER},
        {"git -C . status", APPROVAL_ALLOW},
        {"git -C $X status", APPROVAL_ASK_USER},
        {"git -C", APPROVAL_ASK_USER},
        {"git -c alias.x='!rm x' x", APPROVAL_ASK_USER},
        {"git -C . --exec-path=. x", APPROVAL_ASK_USER},
        {"git --version", APPROVAL_ALLOW},
        {"git --no-pager log", APPROVAL_ALLOW},
        {"find . -exec rm {} +", APPROVAL_ASK_USER},
        {"find . -okdir rm {} +", APPROVAL_ASK_USER},
        {"X=-exec; find . $X rm {} +", APPROVAL_ASK_USER},
        {"find . -name rm", APPROVAL_ALLOW},
        {"X=xec; find . -e$X rm {} +", APPROVAL_ASK_USER},
        {"find src*/ -name rm", APPROVAL_ALLOW},
        {"find . -newer x -print", APPROVAL_ALLOW},
        {"fd -x rm", APPROVAL_ASK_USER},
        {"fdfind -HX rm", APPROVAL_ASK_USER},
        {"fd a --exec-batch rm", APPROVAL_ASK_USER},
        {"fd -e c --exclude x", APPROVAL_ALLOW},
        {"python3 -c 'x'", APPROVAL_ASK_USER},
        {"python3.11 -c 'x'", APPROVAL_ASK_USER},
        {"cat x | python3", APPROVAL_ASK_USER},
        {"python3 $X", APPROVAL_ASK_USER},
        {"python3 //dev/stdin", APPROVAL_ASK_USER},
        {"python3 -m pdb x", APPROVAL_ASK_USER},
        {"perl -m -e x", APPROVAL_ASK_USER},
        {"python3 a.py", APPROVAL_ALLOW},
        {"python3 -m pytest -q", APPROVAL_ALLOW},
        {"python3 --version", APPROVAL_ALLOW},
        {"npm exec rm x", APPROVAL_ASK_USER},
        {"npm test", APPROVAL_ALLOW},
        {"poetry run rm x", APPROVAL_ASK_USER},
        {"poetry run pytest", APPROVAL_ALLOW},
        {"poetry run sh -c x", APPROVAL_ASK_USER},
        {"command -v rm", APPROVAL_ALLOW},
        {"command rm x", APPROVAL_ASK_USER},
        {"env rm x", APPROVAL_ASK_USER},
        {"sh -c 'rm x'", APPROVAL_ASK_USER},
        {"xargs rm", APPROVAL_ASK_USER},
        {"timeout 5 rm x", APPROVAL_DENY},
        {"timeout 5 nice -n 3 rm x", APPROVAL_DENY},
        {"timeout -k 1 5 rm x", APPROVAL_ASK_USER},
        {"timeout 5 $X", APPROVAL_ASK_USER},
        {"timeout $X rm", APPROVAL_ASK_USER},
        {"timeout 5 cargo -q publish", APPROVAL_ASK_USER},
        {"timeout 5 xargs rm", APPROVAL_ASK_USER},
        {"timeout 60 pytest -q", APPROVAL_ALLOW},
        {"nice make all", APPROVAL_ALLOW},
        {"$X x", APPROVAL_ASK_USER},
        {"git $X", APPROVAL_ASK_USER},
        {"echo $(rm x)", APPROVAL_ASK_USER},
        {"echo \"$\\\n(rm x)\"", APPROVAL_ASK_USER},
        {"TZ+=/rm ls", APPROVAL_ASK_USER},
        {"if true; then rm x; fi", APPROVAL_ASK_USER},
        {"make", APPROVAL_ASK_USER},
        {"make all", APPROVAL_ALLOW},
        /* options before the words of a rule, or between them */
        {"cargo +nightly publish", APPROVAL_ASK_USER},
        {"cargo -q publish --dry-run", APPROVAL_ASK_USER},
        {"npm --silent publish", APPROVAL_ASK_USER},
        {"npm --registry x publish", APPROVAL_ASK_USER},
        {"npm $X publish", APPROVAL_ASK_USER},
        {"npm -s $X", APPROVAL_ASK_USER},
        {"/usr/bin/pip -q install x", APPROVAL_ASK_USER},
        {"gh pr -R a/b merge 1", APPROVAL_ASK_USER},
        {"gh pr --repo=a/b merge 1", APPROVAL_ASK_USER},
        {"gh -R pr pr merge 1", APPROVAL_ASK_USER},
        {"git commit -m push", APPROVAL_ALLOW},
        {"git commit push", APPROVAL_ALLOW},
        {"git stash push", APPROVAL_ALLOW},
        {"cargo build publish", APPROVAL_ALLOW},
        {"npm run publish", APPROVAL_ALLOW},
        {"npm --prefix=web run publish", APPROVAL_ALLOW},
        {"gh pr --repo=a/b list merge", APPROVAL_ALLOW},
        {"gh pr", APPROVAL_ALLOW},
        {"python3 -m pip install x", APPROVAL_ASK_USER},
        {"X=exec; npm $X rm x", APPROVAL_ASK_USER},
        {"npm --silent exec rm x", APPROVAL_ASK_USER},
        {"npm run $X", APPROVAL_ALLOW},
        {"rustup run nightly rm x", APPROVAL_ASK_USER},
        {"ip netns exec a rm x", APPROVAL_ASK_USER},
        {"ip addr", APPROVAL_ALLOW},
        {"poetry -C sub run rm x", APPROVAL_ASK_USER},
        {"poetry -C sub run pytest", APPROVAL_ALLOW},
        {"find . *ec rm {} +", APPROVAL_ASK_USER},
        {"find . ?okdir rm {} +", APPROVAL_ASK_USER},
        {"find . [-]exec rm {} +", APPROVAL_ASK_USER},
        {"find . {-exec,rm} x", APPROVAL_ASK_USER},
        {"find . *$X rm", APPROVAL_ASK_USER},
        {"find . -name *.c", APPROVAL_ALLOW},
        {"fd *-exec rm", APPROVAL_ASK_USER},
        {"fd *.c", APPROVAL_ALLOW},
        {"ls -l", APPROVAL_ALLOW},
        {"echo rm x", APPROVAL_ALLOW},
        {"", APPROVAL_ASK_USER},
    };
    struct approval_rules rules;
    approval_rules_init(&rules);
    approval_rules_add(&rules, "shell(rm *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(git push)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(git --no-pager tag *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(/usr/bin/curl *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(cargo publish *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(npm publish *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(pip install *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(gh pr merge *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "shell(make)", APPROVAL_ASK_USER, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str why;
        str_init(&why);
        if (decide(&rules, APPROVAL_FULL, rows[i].command, strlen(rows[i].command), &why) !=
            rows[i].verdict) {
            fail_msg("\"%s\": %s", rows[i].command, why.data);
        }
        /* Read-only mode is a ceiling above all of it. */
        assert_int_equal(
            decide(&rules, APPROVAL_READ_ONLY, rows[i].command, strlen(rows[i].command), NULL),
            APPROVAL_DENY);
        str_finish(&why);
    }
    approval_rules_finish(&rules);
}

/* A rule for all tools that is written as a command is, is one. */
static void test_denied_to_all_tools(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        enum approval_verdict verdict;
    } rows[] = {
        {"rm x", APPROVAL_DENY},
        {"ls; /bin/rm x", APPROVAL_DENY},
        {"xargs rm", APPROVAL_ASK_USER},
        {"ls x", APPROVAL_ALLOW},
        {"secrets/", APPROVAL_DENY},
        {"ls secrets/", APPROVAL_ALLOW},
        {"git -C $X status", APPROVAL_ASK_USER}, /* "x -c alias.status=!rm" */
        {"git -C x status", APPROVAL_ALLOW},
    };
    struct approval_rules rules;
    approval_rules_init(&rules);
    approval_rules_add(&rules, "*(rm *)", APPROVAL_DENY, NULL);
    approval_rules_add(&rules, "*(secrets/)", APPROVAL_DENY, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = rows[i].command;
        if (decide(&rules, APPROVAL_FULL, text, strlen(text), NULL) != rows[i].verdict) {
            fail_msg("\"%s\"", text);
        }
    }
    approval_rules_finish(&rules);
}

/* Commands within commands, as deep as a command may be, are each looked at once. */
static void test_deep(void **state)
{
    (void)state;
    static const char *const starters[] = {"python3 -m ", "pypy3 -m ", "poetry run "};
    struct approval_rules rules;
    approval_rules_init(&rules);
    approval_rules_add(&rules, "shell(rm *)", APPROVAL_DENY, NULL);
    for (size_t i = 0; i < sizeof starters / sizeof starters[0]; i++) {
        struct str text;
        str_init(&text);
        for (int depth = 0; depth < 500; depth++) {
            str_append(&text, starters[i]);
        }
        str_append(&text, "x");
        assert_int_equal(decide(&rules, APPROVAL_FULL, text.data, text.length, NULL),
                         APPROVAL_ALLOW);
        str_append(&text, " && xargs rm");
        assert_int_equal(decide(&rules, APPROVAL_FULL, text.data, text.length, NULL),
                         APPROVAL_ASK_USER);
        str_finish(&text);
    }
    approval_rules_finish(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_denied),
                                       cmocka_unit_test(test_denied_to_all_tools),
                                       cmocka_unit_test(test_deep)};
    return cmocka_run_group_tests_name("approval_denials", tests, NULL, NULL);
}
