/* The policy's parser: what is good is understood, and each thing that is wrong is refused with its
 * name in the message. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include "policy.h"

static bool parse(const char *json, const char *workspace, struct policy *policy, struct err *err)
{
    return policy_parse(policy, json, strlen(json), workspace, err);
}

static void test_defaults(void **state)
{
    (void)state;
    struct policy policy;
    struct err err;
    assert_true(parse("{}", "/", &policy, &err));
    assert_string_equal(policy.workspace, "/");
    assert_int_equal(policy.writable.count, 0);
    assert_int_equal(policy.hosts.count, 0);
    assert_int_equal(policy.redirects, POLICY_REDIRECTS_ALL);
    assert_false(policy.read_only);
    assert_false(policy.no_sandbox);
    assert_int_equal(policy.seconds, 120);
    assert_int_equal(policy.call_seconds, 60);
    assert_true(policy.output_bytes == 268435456);
    assert_true(policy.memory_bytes == INT64_C(8589934592));
    assert_int_equal(policy.processes, 4096);
    assert_true(policy.file_bytes == INT64_C(2147483648));
    assert_int_equal(policy.result_tokens, 800);
    policy_finish(&policy);
}

static void test_everything(void **state)
{
    (void)state;
    struct policy policy;
    struct err err;
    const char *json =
        "{\"workspace\": \"/usr/../usr/\", \"writable\": [\"/a\", \"/b c\"], \"readable\": "
        "[\"/r\"],"
        " \"hidden\": [\"/h\"], \"read_only\": true,"
        " \"hosts\": [\"example.org\", \"*.example.net:8443\", \"[::1]:80\"],"
        " \"redirects\": \"place\","
        " \"limits\": {\"seconds\": 7, \"output_bytes\": 1000, \"memory_bytes\": 9589934592,"
        " \"processes\": 3, \"file_bytes\": 0}, \"result_tokens\": 99,"
        " \"sandbox\": \"danger-full-access\"}";
    assert_true(parse(json, NULL, &policy, &err));
    assert_string_equal(policy.workspace, "/usr");
    assert_int_equal(policy.writable.count, 2);
    assert_string_equal(policy.writable.items[1], "/b c");
    assert_string_equal(policy.readable.items[0], "/r");
    assert_string_equal(policy.hidden.items[0], "/h");
    assert_int_equal(policy.hosts.count, 3);
    assert_string_equal(policy.hosts.items[1], "*.example.net:8443");
    assert_int_equal(policy.redirects, POLICY_REDIRECTS_PLACE);
    assert_true(policy.read_only);
    assert_true(policy.no_sandbox);
    assert_int_equal(policy.seconds, 7);
    assert_true(policy.output_bytes == 1000);
    assert_true(policy.memory_bytes == INT64_C(9589934592));
    assert_int_equal(policy.processes, 3);
    assert_true(policy.file_bytes == 0);
    assert_int_equal(policy.result_tokens, 99);
    policy_finish(&policy);

    /* The command line wins. */
    assert_true(parse(json, "/etc", &policy, &err));
    assert_string_equal(policy.workspace, "/etc");
    policy_finish(&policy);
}

/* Each text is wrong in one way; the second string must occur in the message. */
static const char *const wrong[][2] = {
    {"", "line"},
    {"{", "line"},
    {"[]", "object"},
    {"{} {}", "line"},
    {"{\"read_only\": true, \"read_only\": false}", "duplicate"},
    {"{\"readonly\": true}", "\"readonly\""},
    {"{\"limits\": {\"second\": 1}}", "\"second\" in \"limits\""},
    {"{\"seconds\": 1}", "\"seconds\" at the top"},
    {"{\"workspace\": 1}", "\"workspace\" must be a string"},
    {"{\"workspace\": \"relative\"}", "\"workspace\" must be an absolute path"},
    {"{\"writable\": \"/a\"}", "\"writable\" must be an array"},
    {"{\"writable\": [\"/a\", \"b\"]}", "entry 2 of \"writable\""},
    {"{\"readable\": [1]}", "entry 1 of \"readable\""},
    {"{\"hidden\": {}}", "\"hidden\" must be an array"},
    {"{\"hidden\": [null]}", "entry 1 of \"hidden\""},
    {"{\"read_only\": 1}", "\"read_only\" must be true or false"},
    {"{\"read_only\": \"true\"}", "\"read_only\" must be true or false"},
    {"{\"hosts\": \"example.org\"}", "\"hosts\" must be an array"},
    {"{\"hosts\": [\"\"]}", "entry 1 of \"hosts\""},
    {"{\"hosts\": [\"a/b\"]}", "entry 1 of \"hosts\""},
    {"{\"hosts\": [\"a@b\"]}", "entry 1 of \"hosts\""},
    {"{\"hosts\": [\"-a\"]}", "entry 1 of \"hosts\""},
    {"{\"redirects\": \"some\"}", "\"redirects\" must be \"all\""},
    {"{\"redirects\": true}", "\"redirects\" must be a string"},
    {"{\"limits\": 3}", "\"limits\" must be an object"},
    {"{\"limits\": {\"seconds\": 0}}", "\"seconds\" is 0"},
    {"{\"limits\": {\"seconds\": 86401}}", "\"seconds\" is 86401"},
    {"{\"limits\": {\"seconds\": 1.5}}", "\"seconds\" must be an integer"},
    {"{\"limits\": {\"seconds\": \"1\"}}", "\"seconds\" must be an integer"},
    {"{\"limits\": {\"seconds\": 99999999999999999999}}", "line"},
    {"{\"limits\": {\"output_bytes\": 0}}", "\"output_bytes\" is 0"},
    {"{\"limits\": {\"output_bytes\": null}}", "\"output_bytes\" must be an integer"},
    {"{\"limits\": {\"memory_bytes\": 1000}}", "\"memory_bytes\" is 1000"},
    {"{\"limits\": {\"memory_bytes\": []}}", "\"memory_bytes\" must be an integer"},
    {"{\"limits\": {\"processes\": -1}}", "\"processes\" is -1"},
    {"{\"limits\": {\"processes\": true}}", "\"processes\" must be an integer"},
    {"{\"limits\": {\"file_bytes\": -1}}", "\"file_bytes\" is -1"},
    {"{\"limits\": {\"file_bytes\": {}}}", "\"file_bytes\" must be an integer"},
    {"{\"result_tokens\": 0}", "\"result_tokens\" is 0"},
    {"{\"result_tokens\": \"800\"}", "\"result_tokens\" must be an integer"},
    {"{\"sandbox\": \"none\"}", "\"sandbox\" must be"},
    {"{\"sandbox\": false}", "\"sandbox\" must be a string"},
    {"{\"workspace\": \"/does/not/exist\"}", "/does/not/exist"},
    {"{\"workspace\": \"/etc/passwd\"}", "not a directory"},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct policy policy, before;
        struct err err;
        memset(&policy, 0x5A, sizeof policy);
        before = policy;
        if (parse(wrong[i][0], NULL, &policy, &err)) {
            fail_msg("accepted: %s", wrong[i][0]);
        }
        if (strstr(err.text, wrong[i][1]) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", wrong[i][0], err.text, wrong[i][1]);
        }
        assert_memory_equal(&policy, &before, sizeof policy);
    }
}

/* Both ends of each number are allowed, and neither neighbour is. */
static void test_each_number_has_two_ends(void **state)
{
    (void)state;
    static const struct row {
        const char *before, *after; /* the number stands between */
        int64_t low, high;
    } rows[] = {
        {"{\"limits\": {\"seconds\": ", "}}", 1, 86400},
        {"{\"limits\": {\"output_bytes\": ", "}}", 1, INT64_C(1) << 50},
        {"{\"limits\": {\"memory_bytes\": ", "}}", 16 * 1024 * 1024, INT64_C(1) << 50},
        {"{\"limits\": {\"processes\": ", "}}", 1, 1000000},
        {"{\"limits\": {\"file_bytes\": ", "}}", 0, INT64_C(1) << 50},
        {"{\"result_tokens\": ", "}", 16, 1000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t tried[] = {rows[i].low - 1, rows[i].low, rows[i].high, rows[i].high + 1};
        for (size_t k = 0; k < 4; k++) {
            char json[80];
            struct policy policy;
            struct err err;
            snprintf(json, sizeof json, "%s%lld%s", rows[i].before, (long long)tried[k],
                     rows[i].after);
            bool accepted = parse(json, "/", &policy, &err);
            if (accepted != (k == 1 || k == 2)) {
                fail_msg("%s: accepted is %d", json, accepted);
            }
            if (accepted) {
                policy_finish(&policy);
            } else {
                assert_int_equal(err.code, ERR_LIMIT);
            }
        }
    }
}

/* Each switch turns on what it names, and nothing else. */
static void test_each_switch_is_its_own(void **state)
{
    (void)state;
    static const struct row {
        const char *name;
        size_t offset;
    } rows[] = {{"read_only", offsetof(struct policy, read_only)},
                {"network", offsetof(struct policy, network)},
                {"keep_whole", offsetof(struct policy, keep_whole)},
                {"job", offsetof(struct policy, job)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int on = 0; on <= 1; on++) {
            char json[40];
            struct policy policy;
            struct err err;
            snprintf(json, sizeof json, "{\"%s\": %s}", rows[i].name, on ? "true" : "false");
            assert_true(parse(json, "/", &policy, &err));
            for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
                const bool *member = (const bool *)((const char *)&policy + rows[k].offset);
                assert_int_equal(*member, on && k == i);
            }
            assert_false(policy.no_sandbox);
            policy_finish(&policy);
        }
    }
}

static void test_entries_of_lists(void **state)
{
    (void)state;
    static const struct row {
        const char *json;
        bool fits;
    } rows[] = {
        {"{\"environment\": [\"A=\", \"_b9=c=d\", \"Z=\\n\"]}", true},
        {"{\"environment\": [\"=x\"]}", false},
        {"{\"environment\": [\"\"]}", false},
        {"{\"environment\": [\"A\"]}", false},
        {"{\"environment\": [\"0A=x\"]}", false},
        {"{\"environment\": [\"9=x\"]}", false},
        {"{\"environment\": [\"A B=x\"]}", false},
        {"{\"environment\": [\"A-B=x\"]}", false},
        {"{\"environment\": [1]}", false},
        {"{\"network_hosts\": [\"a.example:443\", \"*.b\"]}", true},
        {"{\"network_hosts\": [\"a b\"]}", false},
        {"{\"network_hosts\": [\"a:1,b:2\"]}", false},
        {"{\"hidden\": [\"/\", \"//x\"]}", true},
        {"{\"hidden\": [\"\"]}", false},
        {"{\"hidden\": [\"./x\"]}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy policy;
        struct err err;
        bool fits = parse(rows[i].json, "/", &policy, &err);
        if (fits != rows[i].fits) {
            fail_msg("%s is %d", rows[i].json, fits);
        }
        if (fits) {
            assert_true(
                policy.environment.count + policy.network_hosts.count + policy.hidden.count >= 2);
            policy_finish(&policy);
        } else {
            assert_int_equal(err.code, ERR_FORMAT);
        }
    }
}

/* Whichever allocation fails: a sentence, nothing of a policy, and nothing lost. */
static void test_without_memory(void **state)
{
    (void)state;
    const char *json = "{\"workspace\": \"/usr\", \"writable\": [\"/a\", \"/b\"], "
                       "\"hosts\": [\"x.example\"], \"environment\": [\"A=b\"]}";
    unsigned long failing = 1;
    for (bool done = false; !done; failing++) {
        struct policy policy, before;
        struct err err = {0};
        memset(&policy, 0x5A, sizeof policy);
        before = policy;
        mem_fail_at(failing, 0);
        done = parse(json, NULL, &policy, &err);
        mem_fail_at(0, 0);
        if (done) {
            policy_finish(&policy);
        } else {
            assert_int_equal(err.code, ERR_MEMORY);
            assert_memory_equal(&policy, &before, sizeof policy);
        }
    }
    assert_true(failing > 5); /* each text that is kept, and the lists */
}

static void write_file(const char *path, const char *start, size_t padding)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(start, file);
    for (size_t i = 0; i < padding; i++) {
        fputc(' ', file);
    }
    assert_int_equal(fclose(file), 0);
}

static void test_files_and_descriptors(void **state)
{
    (void)state;
    char path[] = "/tmp/carat-policy-XXXXXX";
    int made = mkstemp(path);
    assert_true(made >= 0);
    close(made);
    struct policy policy;
    struct err err;
    struct str text;
    str_init(&text);

    write_file(path, "{\"result_tokens\": 17}", 0);
    int fd = open(path, O_RDONLY);
    assert_true(policy_read_descriptor(fd, &text, &err));
    assert_string_equal(text.data, "{\"result_tokens\": 17}");
    close(fd);
    assert_false(policy_read_descriptor(fd, &text, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(text.data, "{\"result_tokens\": 17}"); /* what stood there before */

    /* Exactly the cap is fine, a byte more is not, and then nothing is left in the text. */
    str_clear(&text);
    write_file(path, "{}", POLICY_LIMIT - 2);
    fd = open(path, O_RDONLY);
    assert_true(policy_read_descriptor(fd, &text, &err));
    assert_int_equal(text.length, POLICY_LIMIT);
    assert_true(policy_parse(&policy, text.data, text.length, "/", &err));
    policy_finish(&policy);
    close(fd);
    str_clear(&text);
    str_append(&text, "kept");
    fd = open(path, O_RDONLY);
    assert_true(policy_read_descriptor(fd, &text, &err));
    assert_int_equal(text.length, POLICY_LIMIT + 4);
    assert_true(policy_parse(&policy, text.data + 4, POLICY_LIMIT, "/", &err));
    policy_finish(&policy);
    str_append(&text, " ");
    assert_false(policy_parse(&policy, text.data + 4, POLICY_LIMIT + 1, "/", &err));
    assert_int_equal(err.code, ERR_LIMIT);
    close(fd);
    write_file(path, "{}", POLICY_LIMIT - 1);
    str_clear(&text);
    fd = open(path, O_RDONLY);
    assert_false(policy_read_descriptor(fd, &text, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(text.length, 0);
    close(fd);
    unlink(path);
    str_finish(&text);
}

/* The workspace that the sandbox binds is the one that the kernel sees, not a name that somebody
 * can point elsewhere afterwards. */
static void test_workspace_symlink(void **state)
{
    (void)state;
    char directory[] = "/tmp/carat-policy-XXXXXX", link[64];
    assert_non_null(mkdtemp(directory));
    snprintf(link, sizeof link, "%s/link", directory);
    assert_int_equal(symlink(directory, link), 0);
    struct policy policy;
    struct err err;
    char resolved[PATH_MAX];
    assert_non_null(realpath(directory, resolved));
    assert_true(parse("{}", link, &policy, &err));
    assert_string_equal(policy.workspace, resolved);
    policy_finish(&policy);
    unlink(link);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_each_number_has_two_ends),
        cmocka_unit_test(test_each_switch_is_its_own),
        cmocka_unit_test(test_entries_of_lists),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_files_and_descriptors),
        cmocka_unit_test(test_workspace_symlink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
