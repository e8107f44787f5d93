/* policy_json: settings become the policy, and only the command line can take the sandbox away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/app.h"
#include "app/paths.h"
#include "app/policy_json.h"
#include "approval/approval.h"
#include "base/err.h"
#include "base/mem.h"

static char *made(int argc, char *const argv[])
{
    struct config config;
    struct err err;
    struct paths paths = {
        .data = "/data", .state = "/state", .config_file = "/config.toml", .home = "/work"};
    config_init(&config);
    assert_true(config_read_arguments(&config, argc, argv, &err));
    json_t *policy = policy_json(&config, &paths, "/work", &err);
    assert_non_null(policy);
    char *text = json_dumps(policy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(policy);
    config_finish(&config);
    return text;
}

static void settings_become_the_policy(void **state)
{
    (void)state;
    char *plain = made(1, (char *[]){"carat"});
    assert_string_equal(
        plain, "{\"denied\":[],\"hidden\":[\"/data\",\"/"
               "state\",\"/"
               "config.toml\"],\"hosts\":[],\"keep_whole\":true,\"kept\":[],\"limits\":{"
               "\"memory_bytes\":8589934592,\"processes\":4096,\"seconds\":120},\"network_"
               "hosts\":[],"
               "\"read_only\":false,\"readable\":[],\"redirects\":\"all\",\"result_tokens\":800,"
               "\"sandbox\":\"full\","
               "\"workspace\":\"/work\",\"writable\":[]}");
    mem_free(plain);
    char *tight = made(
        6, (char *[]){"carat", "--sandbox=read-only", "--allow-host", "a.org", "--add-dir", "/x"});
    assert_non_null(strstr(tight, "\"read_only\":true"));
    assert_non_null(strstr(tight, "\"hosts\":[\"a.org\"]"));
    assert_non_null(strstr(tight, "\"writable\":[\"/x\"]"));
    mem_free(tight);
    char *led = made(5, (char *[]){"carat", "--add-dir", "../usr/lib/.", "--add-dir", "/gone/x"});
    assert_non_null(strstr(led, "\"writable\":[\"/usr/lib\",\"/gone/x\"]"));
    mem_free(led);
    char *denied = made(13, (char *[]){"carat", "--deny", "read_file(secrets/)", "--deny",
                                       "search_files(./*.pem)", "--deny", "list_files(/work/a)",
                                       "--deny", "read_file(/else/b)", "--deny", "write_file(c)",
                                       "--deny", "read_file(!d)"});
    assert_non_null(
        strstr(denied, "\"denied\":[\"secrets/\",\"*.pem\",\"/a\",\"//else/b\",\"\\\\!d\"]"));
    mem_free(denied);
    /* From the root, from the home directory, and a folder around the workspace. */
    denied = made(15, (char *[]){"carat", "--deny", "read_file(~/a/*)", "--deny",
                                 "read_file(/work/./x/../b)", "--deny", "search_files(~/../work)",
                                 "--deny", "list_files(.)", "--deny", "read_file(/workx/a)",
                                 "--deny", "*(keys/)", "--deny", "read_file(x/*.key)"});
    assert_non_null(strstr(denied,
                           "\"denied\":[\"/a/*\",\"/b\",\"*\",\"*\",\"//workx/a\",\"keys/\","
                           "\"x/*.key\",\"//**/x/*.key\"]"));
    mem_free(denied);
    char *open = made(3, (char *[]){"carat", "-s", "danger-full-access"});
    assert_non_null(strstr(open, "\"sandbox\":\"danger-full-access\""));
    mem_free(open);
}

/* Left out, it would be neither hidden nor denied. */
static void what_json_cannot_hold_is_refused(void **state)
{
    static const struct {
        const char *data, *option, *value, *named;
    } rows[] = {
        {"/d\xff/a", "--allow-host", "a.org", "/d\xff/a is not UTF-8"},
        {"/data", "--add-dir", "/x/\xfe", "/x/\xfe is not UTF-8"},
        {"/data", "--deny", "read_file(s\xff/)", "s\xff/ is not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        struct err err = {0};
        struct paths paths = {.data = (char *)rows[i].data, .state = "/state", .home = "/work"};
        char *const words[] = {"carat", (char *)rows[i].option, (char *)rows[i].value};
        config_init(&config);
        assert_true(config_read_arguments(&config, 3, words, &err));
        json_t *policy = policy_json(&config, &paths, "/work", &err);
        if (policy != NULL || err.code != ERR_UNSUPPORTED ||
            strstr(err.text, rows[i].named) == NULL) {
            fail_msg("%s: %s", rows[i].named, err.text);
        }
        config_finish(&config);
    }
}

/* What a rule for addresses tells apart is not reached by a redirect. */
static void rules_for_addresses_hold_redirects(void **state)
{
    static const struct {
        const char *option, *rule, *redirects;
    } rows[] = {
        {"--deny", "http_fetch", "all"},
        {"--deny", "http_fetch(*)", "all"},
        {"--allow", "http_fetch", "all"},
        {"--deny", "shell(curl *)", "all"},
        {"--deny", "http_fetch(example.org)", "place"},
        {"--allow", "http_fetch(*.example.org:8443)", "place"},
        {"--deny", "*(example.org)", "place"},
        {"--deny", "http_fetch(https://example.org/admin/*)", "none"},
        {"--allow", "http_fetch(https://example.org/docs/*)", "none"},
        {"--allow", "http_fetch(https://example.org/)", "none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *words[] = {"carat", (char *)rows[i].option, (char *)rows[i].rule};
        char *text = made(3, words), wanted[64];
        snprintf(wanted, sizeof wanted, "\"redirects\":\"%s\"", rows[i].redirects);
        if (strstr(text, wanted) == NULL) {
            fail_msg("%s %s: %s", rows[i].option, rows[i].rule, text);
        }
        mem_free(text);
    }
}

/* A profile, and what a link of a folder of configuration leads to, there or not. */
static void configuration_is_hidden_wherever_it_lies(void **state)
{
    (void)state;
    char folder[] = "/tmp/carat-test-policy-XXXXXX", named[3][64], command[256], wanted[512];
    struct config config;
    struct err err;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command,
             "cd %s && mkdir d p && touch d/a.toml && ln -s /x d/b.toml && ln -s /y d/note && "
             "ln -s ../d/a.toml p/w.toml",
             folder);
    assert_int_equal(system(command), 0);
    snprintf(named[0], sizeof named[0], "%s/d", folder);
    snprintf(named[1], sizeof named[1], "%s/p", folder);
    snprintf(named[2], sizeof named[2], "%s/s", folder);
    struct paths paths = {.config_folder = named[0],
                          .profiles_folder = named[1],
                          .skills_folder = named[2],
                          .home = "/work"};
    config_init(&config);
    json_t *policy = policy_json(&config, &paths, "/work", &err);
    assert_non_null(policy);
    char *hidden = json_dumps(json_object_get(policy, "hidden"), JSON_COMPACT);
    snprintf(wanted, sizeof wanted, "[\"%s/d\",\"%s/p\",\"%s/d/b.toml\",\"%s/p/w.toml\"]", folder,
             folder, folder, folder);
    assert_string_equal(hidden, wanted);
    mem_free(hidden);
    assert_string_equal(json_string_value(json_array_get(json_object_get(policy, "kept"), 0)),
                        named[2]);
    json_decref(policy);
    config_finish(&config);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* By its file and line, as a wrong value of another option is. */
static void a_wrong_rule_is_named_by_its_place(void **state)
{
    (void)state;
    char file[] = "/tmp/carat-test-rules-XXXXXX", wanted[64];
    struct config config;
    struct err err;
    struct approval_rules rules;
    static const char text[] = "[approval]\nallow = [\"shell(ls)\"]\nask = [\"nope(x)\"]\n";
    int fd = mkstemp(file);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    config_init(&config);
    assert_true(config_read_file(&config, file, &err));
    approval_rules_init(&rules);
    assert_false(app_read_rules(&config, &rules, &err));
    snprintf(wanted, sizeof wanted, "%s:3: approval.ask: rule \"nope(x)\"", file);
    assert_non_null(strstr(err.text, wanted));
    assert_true(config_read_arguments(&config, 3, (char *[]){"carat", "--deny", "nope(y)"}, &err));
    assert_false(app_read_rules(&config, &rules, &err));
    assert_non_null(strstr(err.text, "--deny: approval.deny: rule \"nope(y)\""));
    approval_rules_finish(&rules);
    config_finish(&config);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules_for_addresses_hold_redirects),
                                       cmocka_unit_test(settings_become_the_policy),
                                       cmocka_unit_test(configuration_is_hidden_wherever_it_lies),
                                       cmocka_unit_test(a_wrong_rule_is_named_by_its_place),
                                       cmocka_unit_test(what_json_cannot_hold_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
