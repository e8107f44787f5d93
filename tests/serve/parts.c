/* The small parts: stop strings that come in pieces, tokens and hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "serve/access.h"
#include "serve/stop_text.h"

/* What comes of a text that arrives in pieces of this size. */
static bool run_stop(const char *text, size_t piece, struct str *out)
{
    struct stop_text stop;
    bool more = true;
    stop_text_init(&stop);
    assert_true(stop_text_add(&stop, "END"));
    assert_true(stop_text_add(&stop, "ENOUGH!"));
    for (size_t at = 0; at < strlen(text) && more; at += piece) {
        size_t left = strlen(text) - at;
        more = stop_text_feed(&stop, text + at, left < piece ? left : piece, out);
    }
    stop_text_end(&stop, out);
    stop_text_finish(&stop);
    return more;
}

static void test_stop(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"abcENDdef", "abc"}, {"ENOUGH END", "ENOUGH "}, {"ENENOUGH!x", "EN"},
        {"abcEN", "abcEN"},   {"EEEND", "EE"},           {"no stop in here", "no stop in here"},
        {"END", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t piece = 1; piece < 12; piece++) {
            struct str out;
            str_init(&out);
            bool more = run_stop(cases[i].text, piece, &out);
            assert_string_equal(out.data, cases[i].wanted);
            assert_int_equal(more, strlen(cases[i].text) == strlen(cases[i].wanted));
            str_finish(&out);
        }
    }
    struct stop_text stop;
    stop_text_init(&stop);
    assert_false(stop_text_add(&stop, ""));
    for (int i = 0; i < STOP_TEXT_COUNT; i++) {
        assert_true(stop_text_add(&stop, "x"));
    }
    assert_false(stop_text_add(&stop, "x"));
    stop_text_finish(&stop);
}

static bool token_fits(const char *header, const char *token)
{
    char head[256];
    struct http_request request;
    int status;
    const char *why;
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", header);
    assert_true(http_request_parse(&request, head, strlen(head), &status, &why));
    return access_token_fits(&request, token);
}

static void test_token(void **state)
{
    (void)state;
    assert_true(token_fits("Authorization: Bearer secret", "secret"));
    assert_true(token_fits("authorization: BEARER secret", "secret"));
    assert_true(token_fits("X-Api-Key: secret", "secret"));
    assert_false(token_fits("Authorization: Bearer secre", "secret"));
    assert_false(token_fits("Authorization: Bearer secretsecret", "secret"));
    assert_false(token_fits("Authorization: Bearer ", "secret"));
    assert_false(token_fits("Authorization: secret", "secret"));
    assert_false(token_fits("X-Other: secret", "secret"));
    assert_false(token_fits("X-Api-Key:", ""));
}

static void test_host(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool fits;
    } cases[] = {
        {"localhost", true},    {"LocalHost:80", true},   {"127.9.9.9:1", true},
        {"[::1]", true},        {"[::1]:8", true},        {"", false},
        {"example.org", false}, {"127.0.0.1.org", false}, {"[::1", false},
        {"[::1]x", false},      {"10.0.0.1", false},      {"localhost.org:80", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_view host = {cases[i].host, strlen(cases[i].host)};
        assert_int_equal(access_host_fits(host, "127.0.0.1"), cases[i].fits);
        assert_true(access_host_fits(host, "10.0.0.1"));
    }
    assert_true(access_is_loopback("127.0.0.1") && access_is_loopback("::1"));
    assert_false(access_is_loopback("0.0.0.0") || access_is_loopback("::") ||
                 access_is_loopback("localhost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
