/* What is a message, what is none, and what the peer is told then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rpc/json_rpc.h"

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum json_rpc_kind kind;
    } cases[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}", JSON_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"a\",\"params\":{}}", JSON_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\"}", JSON_RPC_NOTIFICATION},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", JSON_RPC_ANSWER},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}", JSON_RPC_ANSWER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_rpc_message message;
        json_t *refusal;
        assert_true(json_rpc_parse(cases[i].line, strlen(cases[i].line), &message, &refusal));
        assert_null(refusal);
        assert_int_equal(message.kind, cases[i].kind);
        json_rpc_finish(&message);
    }
}

/* code 0: nothing is said. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"", JSON_RPC_PARSE_ERROR},
        {"{", JSON_RPC_PARSE_ERROR},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"a\"}", JSON_RPC_PARSE_ERROR},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}", JSON_RPC_PARSE_ERROR},
        {"7", JSON_RPC_INVALID_REQUEST},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}]", JSON_RPC_INVALID_REQUEST},
        {"{\"id\":1,\"method\":\"a\"}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\"}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":[]}", JSON_RPC_INVALID_PARAMS},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":[]}", 0},
        {"{\"jsonrpc\":\"2.0\",\"id\":[],\"result\":1}", 0},
        {"{\"jsonrpc\":\"2.0\",\"result\":1}", 0},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}", 0},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null,\"result\":1}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":1}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":2.0,\"id\":1,\"result\":1}", JSON_RPC_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"method\":7}", JSON_RPC_INVALID_REQUEST},
        {"null", JSON_RPC_INVALID_REQUEST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_rpc_message message;
        json_t *refusal;
        assert_false(json_rpc_parse(cases[i].line, strlen(cases[i].line), &message, &refusal));
        const json_t *error = json_object_get(refusal, "error");
        assert_int_equal(json_integer_value(json_object_get(error, "code")), cases[i].code);
        json_decref(refusal);
    }
}

/* What a message brings is told apart: parameters, what was answered, and whom a refusal is for. */
static void test_parts(void **state)
{
    (void)state;
    struct json_rpc_message message;
    json_t *refusal;
    const char *line = "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"a\",\"params\":{\"b\":1}}";
    assert_true(json_rpc_parse(line, strlen(line), &message, &refusal));
    assert_string_equal(message.method, "a");
    assert_string_equal(json_string_value(message.id), "x");
    assert_int_equal(json_integer_value(json_object_get(message.params, "b")), 1);
    assert_true(message.result == NULL && message.error == NULL);
    json_rpc_finish(&message);
    assert_true(message.whole == NULL && message.id == NULL);
    line = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}";
    assert_true(json_rpc_parse(line, strlen(line), &message, &refusal));
    assert_true(json_is_null(message.result) && message.error == NULL && message.method == NULL);
    json_rpc_finish(&message);
    line = "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}";
    assert_true(json_rpc_parse(line, strlen(line), &message, &refusal));
    assert_true(message.result == NULL && json_is_object(message.error));
    json_rpc_finish(&message);
    /* An answer that cannot be read, or says two things, is a refusal of what was asked. */
    static const char *const unread[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"b\":\"\\u0000\"}}",
        "{\"jsonrpc\":\"2.0\",\"result\":{\"b\":\"\\ud83d\"},\"id\":7}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"message\":\"\xFF\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":1,\"error\":{}}",
    };
    for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++) {
        assert_true(json_rpc_parse(unread[i], strlen(unread[i]), &message, &refusal));
        assert_true(message.kind == JSON_RPC_ANSWER && refusal == NULL);
        assert_int_equal(json_integer_value(message.id), 7);
        assert_true(message.result == NULL && json_is_object(message.error));
        json_rpc_finish(&message);
    }
    /* The id of what is refused, where it is one. */
    static const char *const refused[][2] = {
        {"{\"id\":\"x\",\"method\":\"a\"}", "\"x\""},
        {"{\"id\":7}", "7"},
        {"{\"id\":[]}", "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":1}", "7"},
        /* and of what is no JSON, unless it is an answer */
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"b\":\"\\u0000\"}}", "7"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"b\":\"\\ud83d\"},\"id\":\"x\"}",
         "\"x\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"b\":1,\"b\":2}}", "7"},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"b\":99999999999999999999}}",
         "7"},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"b\":\"\xFF\"}}", "7"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\",\"params\":{\"b\":\"\\u0000\"}}",
         "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":[],\"result\":{\"b\":\"\\u0000\"}}", "null"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(json_rpc_parse(refused[i][0], strlen(refused[i][0]), &message, &refusal));
        char *id = json_dumps(json_object_get(refusal, "id"), JSON_ENCODE_ANY);
        assert_string_equal(id, refused[i][1]);
        assert_string_equal(json_string_value(json_object_get(refusal, "jsonrpc")), "2.0");
        mem_free(id);
        json_decref(refusal);
    }
    json_t *error = json_rpc_error(NULL, 1, "a", json_integer(5));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(error, "error"), "data")),
                     5);
    json_decref(error);
}

static void check_text(json_t *message, const char *wanted)
{
    char *text = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, wanted);
    mem_free(text);
    json_decref(message);
}

static void test_messages(void **state)
{
    (void)state;
    json_t *id = json_string("x");
    check_text(json_rpc_result(id, NULL), "{\"id\":\"x\",\"jsonrpc\":\"2.0\",\"result\":{}}");
    check_text(json_rpc_error(NULL, -1, "bad \xff", NULL),
               "{\"error\":{\"code\":-1,\"message\":\"bad \xef\xbf\xbd\"},\"id\":null,"
               "\"jsonrpc\":\"2.0\"}");
    check_text(json_rpc_request(7, "a", NULL),
               "{\"id\":7,\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{}}");
    check_text(json_rpc_notification("a", json_pack("{si}", "b", 1)),
               "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"b\":1}}");
    json_decref(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
