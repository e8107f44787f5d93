/* Heads: what is read, and what is refused with which status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "serve/http_request.h"

static int status_of(const char *head, struct http_request *request)
{
    int status = 200;
    const char *why = "";
    http_request_parse(request, head, strlen(head), &status, &why);
    return status;
}

static void test_read(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(
        status_of("POST /v1/x?y=1 HTTP/1.1\r\nHost: localhost:5\r\nContent-LENGTH: 12\r\n"
                  "X-Empty:\r\nX-Spaces: \t a b \t\r\nExpect: 100-continue\r\n\r\n",
                  &request),
        200);
    assert_true(http_view_is(request.method, "POST"));
    assert_true(http_view_is(request.path, "/v1/x"));
    assert_int_equal(request.content_length, 12);
    assert_true(request.keep_alive && request.expects_continue);
    assert_true(http_view_is(http_request_header(&request, "x-spaces"), "a b"));
    assert_true(http_view_is(http_request_header(&request, "x-empty"), ""));
    assert_null(http_request_header(&request, "x-none").text);
    assert_int_equal(status_of("GET / HTTP/1.0\r\n\r\n", &request), 200);
    assert_false(request.keep_alive);
    assert_int_equal(
        status_of("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", &request), 200);
    assert_false(request.keep_alive);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        {"GET / HTTP/1.1\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417},
        {"\r\n\r\n", 400},
        {"", 400},
        {"GET", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\n", 400},
        {"GET /\r\nHost: x\r\n\r\n", 400},
        {" / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"ABCDEFGHIJKLMNOP / HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/1.\r\nHost: x\r\n\r\n", 505},
        {"GET / HTTP/1.11\r\nHost: x\r\n\r\n", 505},
        {"GET / http/1.1\r\nHost: x\r\n\r\n", 505},
        {"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /\x7F HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /~ HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /! HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /\xC3\xA9 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /\t HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: \x7F\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: \x1F\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: a\tb ~\xFF\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\nHost: x\r\nA[: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA@: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA/: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nA{: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\n09AZaz!#$%&'*+-.^_`|~: b\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: a\r\nConnection: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nOrigin: a\r\nORIGIN: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nauthorization: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\nX: b\r\n\r\n", 200},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999\r\n\r\n", 200},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1/\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 09\r\n\r\n", 200},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-CONTINUE\r\n\r\n", 200},
    };
    struct http_request request;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = status_of(cases[i].head, &request);
        if (status != cases[i].status) {
            fail_msg("%s gave %d, not %d", cases[i].head, status, cases[i].status);
        }
    }
}

static bool kept(const char *version, const char *connection)
{
    char head[128];
    struct http_request request;
    snprintf(head, sizeof head, "GET / HTTP/%s\r\nHost: x\r\nConnection: %s\r\n\r\n", version,
             connection);
    assert_int_equal(status_of(head, &request), 200);
    assert_int_equal(request.content_length, 0);
    assert_false(request.expects_continue);
    return request.keep_alive;
}

static void test_connection(void **state)
{
    (void)state;
    assert_true(kept("1.1", ""));
    assert_true(kept("1.1", "keep-alive"));
    assert_true(kept("1.1", "closed"));
    assert_true(kept("1.1", "clos"));
    assert_false(kept("1.1", "close"));
    assert_false(kept("1.1", ",CLOSE"));
    assert_false(kept("1.1", "a\t,\tclose , b"));
    assert_false(kept("1.0", ""));
    assert_false(kept("1.0", "close"));
    assert_true(kept("1.0", "Keep-Alive"));
    assert_true(kept("1.0", "x,keep-alive"));
}

static void test_views(void **state)
{
    (void)state;
    const struct http_view none = {NULL, 0}, empty = {"", 0}, zed = {"aZ", 2}, at = {"@[", 2};
    assert_true(http_view_is(empty, "") && !http_view_is(none, ""));
    assert_true(http_view_is_nocase(empty, "") && !http_view_is_nocase(none, ""));
    assert_true(http_view_is(zed, "aZ") && !http_view_is(zed, "az") && !http_view_is(zed, "a"));
    assert_true(http_view_is_nocase(zed, "az") && !http_view_is_nocase(zed, "azz"));
    assert_true(http_view_is_nocase((struct http_view){"A", 1}, "a"));
    assert_true(http_view_is_nocase(at, "@[") && !http_view_is_nocase(at, "`{"));
}

static void test_limits(void **state)
{
    (void)state;
    static char head[64 * 1024];
    struct http_request request;
    strcpy(head, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 1; i < HTTP_REQUEST_HEADERS; i++) {
        strcat(head, "a: b\r\n");
    }
    size_t end = strlen(head);
    strcpy(head + end, "\r\n");
    assert_int_equal(status_of(head, &request), 200);
    strcpy(head + end, "a: b\r\n\r\n");
    assert_int_equal(status_of(head, &request), 431);
    strcpy(head, "GET /");
    memset(head + 5, 'x', HTTP_REQUEST_TARGET);
    strcpy(head + 5 + HTTP_REQUEST_TARGET, " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(head, &request), 414);
    strcpy(head + 4 + HTTP_REQUEST_TARGET, " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(status_of(head, &request), 200);
}

static void test_end(void **state)
{
    (void)state;
    static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nrest";
    size_t whole = strlen(head) - 4;
    for (size_t first = 0; first <= whole; first++) { /* cut in two anywhere */
        size_t scanned = 0;
        size_t found = http_request_head(head, first, &scanned);
        assert_int_equal(found, first < whole ? 0 : whole);
        if (found == 0) {
            assert_int_equal(http_request_head(head, strlen(head), &scanned), whole);
        }
    }
    assert_true(http_request_plausible("G", 1));
    assert_true(http_request_plausible("GET /", 5));
    assert_false(http_request_plausible(" GET", 4));
    assert_false(http_request_plausible("\x16\x03\x01", 3));
    assert_false(http_request_plausible("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26));
    assert_true(http_request_plausible("ABCDEFGHIJKLMNOP", 16));
    assert_true(http_request_plausible("ABCDEFGHIJKLMNOP ", 17));
    assert_false(http_request_plausible("ABCDEFGHIJKLMNOPQ", 17));
    assert_false(http_request_plausible("ABCDEFGHIJKLMNOPQ ", 18));
    assert_true(http_request_plausible("", 0));
    assert_true(http_request_plausible("G \x16", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_connection), cmocka_unit_test(test_views),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
