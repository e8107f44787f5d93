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
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{}}", 0},
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
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
