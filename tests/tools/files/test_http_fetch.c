/* http_fetch against a server of our own on 127.0.0.1: what it returns, and every way in which a
 * page, a redirect or a name tries to lead it elsewhere. That nothing was asked for is judged by
 * the server's count of connections, not by the words of the refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#include "fixture.h"
#include "loopback.h"

static struct loopback *server;
static char *allowed[4];
static char allowed_text[4][64];
static char last_request[16 * 1024];

static void reply(int fd, const char *status, const char *headers, const char *body)
{
    char head[4 * 1024];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nConnection: close\r\n%s\r\n", status, headers);
    loopback_send(fd, head, strlen(head));
    loopback_send(fd, body, strlen(body));
}

/* To `before`, or, when there is one, to `before` with the port and `after`. */
static void redirect(int fd, const char *status, const char *before, const char *after, int port)
{
    char header[512], number[16] = "";
    if (after != NULL) {
        snprintf(number, sizeof number, "%d", port);
    }
    snprintf(header, sizeof header, "Location: %s%s%s\r\n", before, number,
             after != NULL ? after : "");
    reply(fd, status, header, "");
}

/* Far more than anybody wants to keep; the limit lies within a character. */
static void send_endless(int fd)
{
    char piece[16 * 1024];
    for (size_t i = 0; i < sizeof piece; i += 2) {
        memcpy(piece + i, "\xC3\xA9", 2);
    }
    reply(fd, "200 OK", "Content-Type: text/html\r\n", "<p>");
    for (int i = 0; i < 100 * 1024 && !loopback_stopping(); i++) {
        if (!loopback_send(fd, piece, sizeof piece)) {
            return;
        }
    }
}

static void wait_silently(int fd)
{
    (void)fd;
    for (int i = 0; i < 1200 && !loopback_stopping(); i++) {
        usleep(50 * 1000);
    }
}

static void handle(int fd, const char *request, int port)
{
    static const struct page {
        const char *path, *status, *headers, *body;
    } pages[] = {
        {"/text", "200 OK", "Content-Type: text/plain; charset=utf-8\r\n", "caf\xC3\xA9\n"},
        {"/plain", "200 OK", "", "no type at all"},
        {"/html", "200 OK", "Content-Type: text/html; charset=ISO-8859-1\r\n",
         "<title>T</title><p>caf\xE9</p><script>alert(1)</script>"},
        {"/json", "200 OK", "Content-Type: application/json\r\n", "{\"a\": 1}"},
        {"/missing", "404 Not Found", "Content-Type: text/plain\r\n", "error"},
        {"/none", "204 No Content", "", ""},
        {"/latin", "200 OK", "Content-Type: text/plain; charset=ISO-8859-1\r\n", "caf\xE9 \x80"},
        {"/utf16", "200 OK", "Content-Type: text/plain; charset=\"utf-16le\"\r\n", "c\1a\1"},
        {"/koi", "200 OK", "Content-Type: text/plain; charset=koi8-r\r\n", "\xC4\xC1\x20\xC4"},
        {"/japanese", "200 OK", "Content-Type: text/html; charset=Shift_JIS\r\n",
         "<meta charset=utf-8><p>\x93\xFA\x96\x7B \x93"},
        {"/meta", "200 OK", "Content-Type: text/html\r\n",
         "<meta charset=\"iso-8859-1\"><p>caf\xE9 \x93x\x94"},
        {"/half-pair", "200 OK", "Content-Type: text/plain; charset=utf-16le\r\n",
         "\1\xD8"
         "c\1a\1"},
        {"/held-back", "200 OK", "Content-Type: text/plain; charset=windows-1258\r\n",
         "xin ch\xE0o"},
        {"/no-name", "200 OK", "Content-Type: text/html\r\n", "<p>caf\xE9 \x93x\x94"},
        {"/other-name", "200 OK", "Content-Type: text/html; charset=ibm037\r\n", "<p>plain"},
        {"/other-meta", "200 OK", "Content-Type: text/html\r\n", "<meta charset=ibm037><p>caf\xE9"},
        {"/nearly", "200 OK", "Content-Type: text/html; charset=utf-8\r\n",
         "<p>caf\xC3\xA9 b\xE4 caf\xC3\xA9"},
        {"/unknown", "200 OK", "Content-Type: text/plain; charset=x-none/../y\r\n", "caf\xC3\xA9"},
        {"/no-charset", "200 OK", "Content-Type: text/plain; charset=x-none\r\n", "caf\xE9 \1\2"},
        {"/ascii", "200 OK", "Content-Type: text/plain; charset=us-ascii\r\n", "caf\xC3\xA9"},
        {"/to-links", "302 Found", "Location: /a/links\r\n", ""},
        {"/a/links", "200 OK", "Content-Type: text/html\r\n",
         "<a href='b?c=d e'>one</a> <a href='/f'>two</a> <a href=' https://example.org/x#y '>three"
         "</a> <a href='mailto:a@b'>mail</a> <a href='javascript:alert(1)'>run</a> <a href='//o/'>"
         "four</a> <a href='data:text/html,x'>data</a> <a href='#g'>here</a> "
         "<a href='https://example.org/x'>https://example.org/x</a>"},
        {"/a/based", "200 OK", "Content-Type: text/html\r\n",
         "<base href='http://example.org/z/'><a href='b'>one</a>"},
        {"/cookie", "302 Found", "Location: /text\r\nSet-Cookie: a=b\r\n", ""},
    };
    static const struct hop {
        const char *path, *status, *before, *after; /* the port stands between */
    } hops[] = {
        {"/hop", "302 Found", "http://127.0.0.1:", "/text"},
        {"/loop", "302 Found", "/loop", NULL},
        {"/to-file", "302 Found", "file:///etc/passwd", NULL},
        {"/to-gopher", "302 Found", "gopher://127.0.0.1:", "/x"},
        {"/to-other-name", "307 Temporary Redirect", "http://other.localhost:", "/text"},
        {"/to-allowed-name", "302 Found", "http://rebind.localhost:", "/text"},
        {"/to-other-port", "302 Found", "http://127.0.0.1:1/", NULL},
        {"/to-metadata", "302 Found", "http://169.254.169.254/latest", NULL},
        {"/to-user", "302 Found", "http://127.0.0.1:", "@evil.example/"},
        {"/see-other", "303 See Other", "/text", NULL},
        {"/again", "307 Temporary Redirect", "/text", NULL},
        {"/elsewhere", "307 Temporary Redirect", "http://localhost:", "/text"},
    };
    char path[256] = "";
    sscanf(request, "%*s %255s", path);
    snprintf(last_request, sizeof last_request, "%s", request);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(path, pages[i].path) == 0) {
            reply(fd, pages[i].status, pages[i].headers, pages[i].body);
            return;
        }
    }
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        if (strcmp(path, hops[i].path) == 0) {
            redirect(fd, hops[i].status, hops[i].before, hops[i].after, port);
            return;
        }
    }
    if (strcmp(path, "/binary") == 0) {
        reply(fd, "200 OK", "Content-Type: application/zip\r\nContent-Length: 6\r\n", "");
        loopback_send(fd, "PK\x03\x04\0\0", 6);
    } else if (strcmp(path, "/endless") == 0) {
        send_endless(fd);
    } else if (strcmp(path, "/silent") == 0) {
        wait_silently(fd);
    } else if (strcmp(path, "/short") == 0) {
        reply(fd, "200 OK", "Content-Length: 1000\r\n", "cut");
    } else if (strcmp(path, "/old") == 0) {
        loopback_send(fd, "just text, as in HTTP/0.9\n", 26);
    }
}

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *fixture = *state;
    server = loopback_start(handle);
    int port = loopback_port(server);
    snprintf(allowed_text[0], sizeof allowed_text[0], "127.0.0.1:%d", port);
    snprintf(allowed_text[1], sizeof allowed_text[1], "localhost:%d", port);
    /* libcurl itself turns each name beneath localhost into 127.0.0.1: a listed name that leads to
     * a private address. */
    snprintf(allowed_text[2], sizeof allowed_text[2], "rebind.localhost:%d", port);
    for (int i = 0; i < 3; i++) {
        allowed[i] = allowed_text[i];
    }
    fixture->policy.hosts.items = allowed;
    fixture->policy.hosts.count = 3;
    return 0;
}

static int teardown(void **state)
{
    loopback_stop(server);
    return fixture_teardown(state);
}

static const char *fetch(struct fixture *fixture, const char *host, const char *path)
{
    char url[512];
    snprintf(url, sizeof url, "http://%s:%d%s", host, loopback_port(server), path);
    return fixture_pack(fixture, "http_fetch", "{s:s}", "url", url);
}

static int status_of(const struct fixture *fixture)
{
    return (int)json_integer_value(json_object_get(fixture->last.response, "status"));
}

/* How many connections the server saw, with time for one that was just made to be accepted. */
static int connections(void)
{
    usleep(200 * 1000);
    return loopback_connections(server);
}

static void contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

static void pages_come_as_text_with_their_status(void **state)
{
    static const struct row {
        const char *path, *expected;
        int status;
    } rows[] = {
        {"/text", "caf\xC3\xA9\n", 200},
        {"/plain", "no type at all", 200},
        {"/html", "T\n\ncaf\xC3\xA9", 200},
        {"/json", "{\"a\": 1}", 200},
        {"/missing", "error", 404},
        {"/none", "(empty)", 204},
        {"/hop", "caf\xC3\xA9\n", 200},
        {"/latin", "caf\xC3\xA9 \xE2\x82\xAC", 200},
        {"/utf16", "\xC5\xA3\xC5\xA1", 200},
        {"/koi", "\xD0\xB4\xD0\xB0 \xD0\xB4", 200},
        {"/japanese", "\xE6\x97\xA5\xE6\x9C\xAC \xEF\xBF\xBD", 200},
        {"/meta", "caf\xC3\xA9 \xE2\x80\x9Cx\xE2\x80\x9D", 200},
        {"/half-pair", "\xEF\xBF\xBD\xC5\xA3\xC5\xA1", 200},
        {"/held-back", "xin ch\xC3\xA0o", 200},
        {"/no-name", "caf\xC3\xA9 \xE2\x80\x9Cx\xE2\x80\x9D", 200},
        {"/other-name", "plain", 200},
        {"/other-meta", "caf\xC3\xA9", 200},
        {"/nearly", "caf\xC3\xA9 b\xEF\xBF\xBD caf\xC3\xA9", 200},
        {"/unknown", "caf\xC3\xA9", 200},
        {"/no-charset", "(text/plain; charset=x-none, 7 bytes: not text)", 200},
        {"/ascii", "caf\xC3\xA9", 200},
        {"/binary", "(application/zip, 6 bytes: not text)", 200},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(fetch(fixture, "127.0.0.1", rows[i].path), rows[i].expected);
        assert_false(fixture->last.failed);
        assert_int_equal(status_of(fixture), rows[i].status);
    }
    assert_string_equal(fetch(fixture, "localhost", "/text"), "caf\xC3\xA9\n");
    assert_string_equal(json_string_value(json_object_get(fixture->last.response, "content_type")),
                        "text/plain; charset=utf-8");
}

/* Links are shown whole, from where the page was found in the end. */
static void links_are_shown_with_their_addresses(void **state)
{
    struct fixture *fixture = *state;
    char expected[512];
    int port = loopback_port(server);
    snprintf(expected, sizeof expected,
             "one (http://127.0.0.1:%d/a/b?c=d+e) two (http://127.0.0.1:%d/f) three "
             "(https://example.org/x#y) mail run four (http://o/) data here https://example.org/x",
             port, port);
    assert_string_equal(fetch(fixture, "127.0.0.1", "/to-links"), expected);
    assert_string_equal(fetch(fixture, "127.0.0.1", "/a/based"), "one (http://example.org/z/b)");
}

static void a_body_is_posted(void **state)
{
    struct fixture *fixture = *state;
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/text", loopback_port(server));
    fixture_pack(fixture, "http_fetch", "{s:s, s:s, s:s}", "url", url, "method", "POST", "body",
                 "{\"a\": 1}");
    assert_false(fixture->last.failed);
    contains(last_request, "POST /text ");
    contains(last_request, "application/json");
    contains(last_request, "\r\n\r\n{\"a\": 1}");
    fixture_pack(fixture, "http_fetch", "{s:s, s:s}", "url", url, "method", "POST");
    assert_true(fixture->last.failed);
    fixture_pack(fixture, "http_fetch", "{s:s, s:s}", "url", url, "body", "x");
    assert_true(fixture->last.failed);
    fixture_pack(fixture, "http_fetch", "{s:s, s:s}", "url", url, "method", "DELETE");
    assert_true(fixture->last.failed);
    /* 303 asks for a page, 307 for the same again, but never at another host. */
    snprintf(url, sizeof url, "http://127.0.0.1:%d/see-other", loopback_port(server));
    fixture_pack(fixture, "http_fetch", "{s:s, s:s, s:s}", "url", url, "method", "POST", "body",
                 "a=b");
    contains(last_request, "GET /text ");
    assert_null(strstr(last_request, "a=b"));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/again", loopback_port(server));
    fixture_pack(fixture, "http_fetch", "{s:s, s:s, s:s}", "url", url, "method", "POST", "body",
                 "a=b");
    contains(last_request, "POST /text ");
    contains(last_request, "\r\n\r\na=b");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/elsewhere", loopback_port(server));
    contains(fixture_pack(fixture, "http_fetch", "{s:s, s:s, s:s}", "url", url, "method", "POST",
                          "body", "a=b"),
             "another host");
    contains(last_request, "POST /elsewhere ");
}

static void nothing_private_is_sent(void **state)
{
    struct fixture *fixture = *state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    setenv("HOME", fixture->root, 1);
    fixture_write(fixture, ".netrc", "machine 127.0.0.1 login me password secret\n");
    assert_string_equal(fetch(fixture, "127.0.0.1", "/cookie"), "caf\xC3\xA9\n");
    assert_null(strcasestr(last_request, "cookie:"));
    assert_null(strcasestr(last_request, "authorization:"));
    assert_null(strcasestr(last_request, "referer:"));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

/* None of these may make a connection. "%d" is the server's port. */
static void urls_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const urls[] = {
        "http://127.0.0.2:%d/",
        "http://evil.example:%d/",
        "http://other.localhost:%d/",
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://0.0.0.0:%d/",
        "http://[::1]:%d/",
        "http://[::]:%d/",
        "http://[fe80::1%%25lo]:%d/",
        "http://[64:ff9b::7f00:1]:%d/",
        "http://user@127.0.0.1:%d/text",
        "http://user:word@127.0.0.1:%d/text",
        "http://evil.example\\@127.0.0.1:%d/",
        "http://127.0.0.1:%d\\@evil.example/",
        "http://127.0.0.1:%d@evil.example/",
        "http://evil.example#@127.0.0.1:%d/",
        "http://loc%%61lhost.evil.example:%d/",
        "http://localh\xD0\xBEst:%d/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:%d/",
        "ftp://127.0.0.1:%d/",
        "dict://127.0.0.1:%d/",
        "127.0.0.1:%d/text",
        "//127.0.0.1:%d/text",
        "http://",
        "http:// 127.0.0.1:%d/",
        "http://127.0.0.1:%d/a b",
        "http://127.0.0.1:%d/a\r\nHost: x",
        "javascript:alert(1)",
        "",
    };
    struct fixture *fixture = *state;
    char url[512];
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(url, sizeof url, urls[i], loopback_port(server));
#pragma GCC diagnostic pop
        const char *output = fixture_pack(fixture, "http_fetch", "{s:s}", "url", url);
        if (!fixture->last.failed) {
            fail_msg("\"%s\" was fetched", url);
        }
        assert_int_equal(strncmp(output, "error: ", 7), 0);
    }
    assert_int_equal(connections(), 0);
}

/* Other spellings of 127.0.0.1 are that address to libcurl and to us: they reach what the entry
 * names, and no more. */
static void other_spellings_of_an_address_are_that_address(void **state)
{
    static const char *const hosts[] = {"127.1", "2130706433", "0x7f.1", "0177.0.0.1"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        fetch(fixture, hosts[i], "/text");
        assert_false(fixture->last.failed);
    }
    int before = loopback_connections(server);
    fixture->policy.hosts.items = allowed + 1; /* without 127.0.0.1 */
    fixture->policy.hosts.count = 2;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        contains(fetch(fixture, hosts[i], "/text"), "tools.hosts");
        assert_true(fixture->last.failed);
    }
    assert_int_equal(connections(), before);
}

static void a_listed_name_does_not_open_private_addresses(void **state)
{
    struct fixture *fixture = *state;
    contains(fetch(fixture, "rebind.localhost", "/text"), "is this machine");
    assert_true(fixture->last.failed);
    assert_int_equal(connections(), 0);
}

static void redirects_are_checked_each_time(void **state)
{
    static const char *const paths[] = {
        "/to-file",       "/to-gopher",   "/to-other-name", "/to-allowed-name",
        "/to-other-port", "/to-metadata", "/to-user",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        fetch(fixture, "127.0.0.1", paths[i]);
        if (!fixture->last.failed) {
            fail_msg("%s was followed", paths[i]);
        }
        assert_int_equal(loopback_connections(server), i + 1);
    }
    contains(fetch(fixture, "127.0.0.1", "/loop"), "more than 5 redirects");
    assert_int_equal(connections(), sizeof paths / sizeof paths[0] + 6);
}

static const char *answer_text(const struct fixture *fixture, const char *key)
{
    const char *text = json_string_value(json_object_get(fixture->last.response, key));
    return text != NULL ? text : "";
}

/* Where the user's rules tell addresses apart, a redirect is told: no further connection. */
static void redirects_are_told_where_rules_name_addresses(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(fetch(fixture, "127.0.0.1", "/hop"), "caf\xC3\xA9\n");
    contains(answer_text(fixture, "url"), "/text");
    fetch(fixture, "127.0.0.1", "/text");
    assert_string_equal(answer_text(fixture, "url"), "");
    int before = connections();
    fixture->policy.redirects = POLICY_REDIRECTS_PLACE;
    assert_string_equal(fetch(fixture, "127.0.0.1", "/hop"), "caf\xC3\xA9\n");
    assert_int_equal(connections(), before + 2);
    contains(fetch(fixture, "127.0.0.1", "/elsewhere"), "not followed");
    assert_false(fixture->last.failed);
    assert_int_equal(status_of(fixture), 307);
    contains(answer_text(fixture, "url"), "http://localhost:");
    assert_int_equal(connections(), before + 3);
    fixture->policy.redirects = POLICY_REDIRECTS_NONE;
    contains(fetch(fixture, "127.0.0.1", "/hop"), "/text, and the user has rules");
    assert_int_equal(status_of(fixture), 302);
    contains(fetch(fixture, "127.0.0.1", "/to-metadata"), "tools.hosts");
    assert_true(fixture->last.failed);
    assert_int_equal(connections(), before + 5);
}

static void an_endless_page_is_cut(void **state)
{
    struct fixture *fixture = *state;
    int64_t begin = clock_monotonic_us();
    const char *output = fetch(fixture, "127.0.0.1", "/endless");
    assert_false(fixture->last.failed);
    assert_true(strlen(output) <= 3200);
    assert_memory_equal(output, "\xC3\xA9\xC3\xA9", 4);
    contains(output, "(cut: this is the beginning of more than 2097152 bytes)");
    assert_true(clock_monotonic_us() - begin < 10 * 1000000);
    /* What is kept is a beginning too; a long line is cut like several. */
    fixture->policy.keep_whole = true;
    output = fetch(fixture, "127.0.0.1", "/endless");
    fixture->policy.keep_whole = false;
    assert_true(strlen(output) > 2900 - 1000 && strlen(output) <= 3200);
    contains(output,
             "\n(the first 3 of 615 lines, long ones broken at 1000 bytes; cut: this is the "
             "beginning of more than 2097152 bytes)");
}

static bool cancelled_later(void *host)
{
    (void)host;
    static int64_t first;
    first = first == 0 ? clock_monotonic_us() : first;
    return clock_monotonic_us() - first > 300 * 1000;
}

static void a_silent_server_can_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    int64_t begin = clock_monotonic_us();
    fixture->context.cancelled = cancelled_later;
    contains(fetch(fixture, "127.0.0.1", "/silent"), "cancelled");
    assert_true(clock_monotonic_us() - begin < 5 * 1000000);
}

static void broken_answers_are_failures(void **state)
{
    struct fixture *fixture = *state;
    contains(fetch(fixture, "127.0.0.1", "/short"), "failed");
    assert_true(fixture->last.failed);
    fetch(fixture, "127.0.0.1", "/old");
    assert_true(fixture->last.failed);
    fetch(fixture, "127.0.0.1", "/nothing-at-all");
    assert_true(fixture->last.failed);
}

static void without_hosts_nothing_is_fetched(void **state)
{
    struct fixture *fixture = *state;
    fixture->policy.hosts.count = 0;
    contains(fetch(fixture, "127.0.0.1", "/text"), "tools.hosts");
    assert_true(fixture->last.failed);
    assert_int_equal(connections(), 0);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(pages_come_as_text_with_their_status),
        WITH_SERVER(links_are_shown_with_their_addresses),
        WITH_SERVER(a_body_is_posted),
        WITH_SERVER(nothing_private_is_sent),
        WITH_SERVER(urls_that_lead_elsewhere_are_refused),
        WITH_SERVER(other_spellings_of_an_address_are_that_address),
        WITH_SERVER(a_listed_name_does_not_open_private_addresses),
        WITH_SERVER(redirects_are_checked_each_time),
        WITH_SERVER(redirects_are_told_where_rules_name_addresses),
        WITH_SERVER(an_endless_page_is_cut),
        WITH_SERVER(a_silent_server_can_be_cancelled),
        WITH_SERVER(broken_answers_are_failures),
        WITH_SERVER(without_hosts_nothing_is_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
