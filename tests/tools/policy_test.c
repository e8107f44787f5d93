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
    assert_false(policy.read_only);
    assert_false(policy.no_sandbox);
    assert_int_equal(policy.seconds, 120);
    assert_true(policy.output_bytes == 268435456);
    assert_true(policy.memory_bytes == INT64_C(4294967296));
    assert_int_equal(policy.processes, 256);
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
        " \"limits\": {\"seconds\": 7, \"output_bytes\": 1000, \"memory_bytes\": 8589934592,"
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
    assert_true(policy.read_only);
    assert_true(policy.no_sandbox);
    assert_int_equal(policy.seconds, 7);
    assert_true(policy.output_bytes == 1000);
    assert_true(policy.memory_bytes == INT64_C(8589934592));
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

    /* Exactly the cap is fine, a byte more is not, and then nothing is left in the text. */
    str_clear(&text);
    write_file(path, "{}", POLICY_LIMIT - 2);
    fd = open(path, O_RDONLY);
    assert_true(policy_read_descriptor(fd, &text, &err));
    assert_int_equal(text.length, POLICY_LIMIT);
    assert_true(policy_parse(&policy, text.data, text.length, "/", &err));
    policy_finish(&policy);
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
        cmocka_unit_test(test_files_and_descriptors),
        cmocka_unit_test(test_workspace_symlink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
