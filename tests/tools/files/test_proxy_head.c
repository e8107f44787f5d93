/* What a command asks our proxy for, read exactly: heads with what the server is sent of them, and
 * the first message of TLS, each length in it one too long and one too short. Sockets and names are
 * test_proxy's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#include "client_hello.h"
#include "proxy_head.h"

static void heads_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *head, *host;
        int port;
        bool connect;
        uint64_t body;
        const char *rewritten;
    } rows[] = {
        {"CONNECT a.b:1 HTTP/1.1\r\n\r\n", "a.b", 1, true, 0, ""},
        {"CONNECT [::1]:65535 HTTP/1.0\r\nHost: x\r\nX: y\r\n\r\n", "[::1]", 65535, true, 0, ""},
        {"GET http://a HTTP/1.1\r\n\r\n", "a", 80, false, 0,
         "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {"GET http://A-b_9:81?q HTTP/1.0\r\n\r\n", "A-b_9", 81, false, 0,
         "GET /?q HTTP/1.1\r\nHost: A-b_9:81\r\nConnection: close\r\n\r\n"},
        {"PUT HTTP://a/b?c=/d HTTP/1.1\r\nContent-LENGTH: \t12\r\nAccept:  z\r\n\r\n", "a", 80,
         false, 12,
         "PUT /b?c=/d HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-LENGTH: \t12\r\n"
         "Accept:  z\r\n\r\n"},
        {"GET http://a/ HTTP/1.1\r\nHOST: b\r\nconnection: c\r\nProxy-Connection: d\r\n"
         "Keep-Alive: e\r\nUpgrade: f\r\nproxy-authorization: g\r\nTE: h\r\nTrailer: i\r\n"
         "HTTP2-Settings: j\r\nHosts: k\r\nT: l\r\nEmpty:\r\n\r\n",
         "a", 80, false, 0,
         "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nHosts: k\r\nT: l\r\nEmpty:\r\n\r\n"},
        {"ABCDEFGHIJKLMNOP http://a/ HTTP/1.1\r\n~!#$%&'*+^`|-_.9: \t ~\r\n\r\n", "a", 80, false, 0,
         "ABCDEFGHIJKLMNOP / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
         "~!#$%&'*+^`|-_.9: \t ~\r\n\r\n"},
        {"GET http://a/ HTTP/1.1\r\nContent-Length: 1125899906842624\r\n\r\n", "a", 80, false,
         UINT64_C(1) << 50,
         "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
         "Content-Length: 1125899906842624\r\n\r\n"},
        {"GET http://a:000000000000000081/ HTTP/1.1\r\n\r\n", "a", 81, false, 0,
         "GET / HTTP/1.1\r\nHost: a:000000000000000081\r\nConnection: close\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_head head;
        struct str out;
        str_init(&out);
        const char *problem = proxy_head_read(rows[i].head, strlen(rows[i].head), &head, &out);
        if (problem != NULL) {
            fail_msg("%s: %s", rows[i].head, problem);
        }
        assert_string_equal(head.host, rows[i].host);
        assert_int_equal(head.port, rows[i].port);
        assert_int_equal(head.connect, rows[i].connect);
        assert_int_equal(head.body, rows[i].body);
        assert_string_equal(out.data, rows[i].rewritten);
        str_finish(&out);
    }
}

static void heads_one_step_beyond_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET http://a/\r\n\r\n",
        "GET http://a/ HTTP/1.1 \r\n\r\n",
        "GET http://a/ HTTP/1.2\r\n\r\n",
        " http://a/ HTTP/1.1\r\n\r\n",
        "ABCDEFGHIJKLMNOPQ http://a/ HTTP/1.1\r\n\r\n",
        "GET http:// HTTP/1.1\r\n\r\n",
        "GET http://? HTTP/1.1\r\n\r\n",
        "GET http://a#b HTTP/1.1\r\n\r\n",
        "GET http://a/#b HTTP/1.1\r\n\r\n",
        "GET http://a:/ HTTP/1.1\r\n\r\n",
        "GET http://:80/ HTTP/1.1\r\n\r\n",
        "GET http://a:0/ HTTP/1.1\r\n\r\n",
        "GET http://a:65536/ HTTP/1.1\r\n\r\n",
        "GET http://a:0000000000000000081/ HTTP/1.1\r\n\r\n", /* nineteen digits */
        "GET http://[::1/ HTTP/1.1\r\n\r\n",
        "GET http://a~/ HTTP/1.1\r\n\r\n",
        "CONNECT a:0 HTTP/1.1\r\n\r\n",
        "CONNECT a:65536 HTTP/1.1\r\n\r\n",
        "CONNECT a HTTP/1.1\r\n\r\n",
        "CONNECT a:1/ HTTP/1.1\r\n\r\n",
        "CONNECT [::1] HTTP/1.1\r\n\r\n",
        "CONNECT [::1 HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nContent-Length: 1125899906842625\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nContent-Length: 1 \r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nA: \x1F\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\n: b\r\n\r\n",
        "\nGET http://a/ HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\nmore",
        "GET http://a/ HTTP/1.1\r\n\r\nA: b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nA: b\r\n",
    };
    struct proxy_head head = {.port = 77};
    struct str out;
    str_init(&out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (proxy_head_read(rows[i], strlen(rows[i]), &head, &out) == NULL) {
            fail_msg("\"%s\" was read", rows[i]);
        }
        assert_int_equal(out.length, 0);
        assert_int_equal(head.port, 77);
    }
    str_finish(&out);
}

/* The longest head and the longest host are read; a byte more is not. */
static void heads_have_a_longest(void **state)
{
    (void)state;
    static char text[PROXY_HEAD_LIMIT + 8];
    struct proxy_head head;
    struct str out;
    str_init(&out);
    for (int more = 0; more <= 1; more++) {
        int start = snprintf(text, sizeof text, "GET http://a/ HTTP/1.1\r\nA: ");
        memset(text + start, 'x', sizeof text - (size_t)start);
        memcpy(text + PROXY_HEAD_LIMIT - 4 + more, "\r\n\r\n", 4);
        const char *problem = proxy_head_read(text, (size_t)(PROXY_HEAD_LIMIT + more), &head, &out);
        assert_int_equal(problem == NULL, more == 0);
        str_clear(&out);
        char host[PROXY_HOST_SIZE + 1];
        memset(host, 'h', sizeof host);
        host[PROXY_HOST_SIZE - 1 + more] = '\0';
        int length = snprintf(text, sizeof text, "CONNECT %s:1 HTTP/1.1\r\n\r\n", host);
        problem = proxy_head_read(text, (size_t)length, &head, &out);
        assert_int_equal(problem == NULL, more == 0);
    }
    str_finish(&out);
}

/* A ClientHello around these extensions; NULL: without the list of them. */
static size_t make_hello(unsigned char *out, const char *extensions, size_t length)
{
    size_t body = 2 + 32 + 1 + 3 + 2 + 2 + 1 + 1 + (extensions != NULL ? 2 + length : 0), at = 0;
#define PUT(value)  out[at++] = (unsigned char)(value)
#define PUT2(value) PUT((value) >> 8), PUT(value)
    PUT(22), PUT2(0x0301), PUT2(body + 4);
    PUT(1), PUT(0), PUT2(body);
    PUT2(0x0303);
    memset(out + at, 7, 32);
    at += 32;
    PUT(3), PUT(1), PUT(2), PUT(3);
    PUT2(2), PUT2(0x1301), PUT(1), PUT(0);
    if (extensions != NULL) {
        PUT2(length);
        memcpy(out + at, extensions, length);
        at += length;
    }
#undef PUT2
#undef PUT
    return at;
}

#define NAME_A "\0\0\0\6\0\4\0\0\1a"

static void extensions_of_tls(void **state)
{
    (void)state;
#define ROW(text, found)             \
    {                                \
        text, sizeof text - 1, found \
    }
    static const struct {
        const char *extensions;
        size_t length;
        enum client_hello found;
    } rows[] = {
        ROW("", CLIENT_HELLO_NAMELESS),
        ROW(NAME_A, CLIENT_HELLO_NAMED),
        ROW("\0\5\0\0" NAME_A, CLIENT_HELLO_NAMED),
        ROW(NAME_A "\0\5\0\1x", CLIENT_HELLO_NAMED),
        ROW("\0\5\0\1x", CLIENT_HELLO_NAMELESS),
        ROW("\1\0\0\6\0\4\0\0\1a", CLIENT_HELLO_NAMELESS),
        ROW(NAME_A NAME_A, CLIENT_HELLO_BROKEN),
        ROW(NAME_A "\0", CLIENT_HELLO_BROKEN),
        ROW(NAME_A "\0\5\0", CLIENT_HELLO_BROKEN),
        ROW(NAME_A "\0\5\0\1", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\7\0\4\0\0\1a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\5\0\4\0\0\1a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\6\0\5\0\0\1a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\6\0\3\0\0\1a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\6\0\4\1\0\1a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\6\0\4\0\0\2a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\6\0\4\0\0\0a", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\5\0\3\0\0\0", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\6\0\4\0\0\1\0", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\0", CLIENT_HELLO_BROKEN),
        ROW("\0\0\0\2\0\0", CLIENT_HELLO_BROKEN),
    };
#undef ROW
    char name[CLIENT_HELLO_NAME_SIZE];
    unsigned char bytes[512];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = make_hello(bytes, rows[i].extensions, rows[i].length);
        enum client_hello found = client_hello_read(bytes, length, name);
        if (found != rows[i].found) {
            fail_msg("row %zu: %d, not %d", i, (int)found, (int)rows[i].found);
        }
        if (found == CLIENT_HELLO_NAMED) {
            assert_string_equal(name, "a");
        }
    }
    size_t length = make_hello(bytes, NULL, 0);
    assert_int_equal(client_hello_read(bytes, length, name), CLIENT_HELLO_NAMELESS);
}

static void lengths_of_tls(void **state)
{
    (void)state;
    enum {
        RECORD = 3,
        TYPE = 5,
        MESSAGE = 6,
        SESSION = 43,
        CIPHERS = 47,
        COMPRESSION = 51,
        LIST = 53
    };
    static const struct {
        size_t at;
        int change;
        enum client_hello found;
    } rows[] = {
        {0, 1, CLIENT_HELLO_OTHER},
        {0, -1, CLIENT_HELLO_OTHER},
        {RECORD + 1, 1, CLIENT_HELLO_UNFINISHED},
        {RECORD + 1, -1, CLIENT_HELLO_BROKEN}, /* what follows begins as no record */
        {TYPE, 1, CLIENT_HELLO_BROKEN},
        {TYPE, -1, CLIENT_HELLO_BROKEN},
        {MESSAGE, 1, CLIENT_HELLO_BROKEN},
        {MESSAGE + 1, 1, CLIENT_HELLO_UNFINISHED}, /* it may go on in another record */
        {MESSAGE + 1, 64, CLIENT_HELLO_BROKEN},    /* but not for so long */
        {MESSAGE + 2, 1, CLIENT_HELLO_UNFINISHED},
        {MESSAGE + 2, -1, CLIENT_HELLO_BROKEN},
        {SESSION, 100, CLIENT_HELLO_BROKEN},
        {CIPHERS, 1, CLIENT_HELLO_BROKEN},
        {COMPRESSION, 100, CLIENT_HELLO_BROKEN},
        {LIST + 1, 1, CLIENT_HELLO_BROKEN},
        {LIST + 1, -1, CLIENT_HELLO_BROKEN},
    };
    char name[CLIENT_HELLO_NAME_SIZE];
    unsigned char bytes[1024];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = make_hello(bytes, NAME_A, sizeof NAME_A - 1);
        assert_int_equal(client_hello_read(bytes, length, name), CLIENT_HELLO_NAMED);
        bytes[rows[i].at] = (unsigned char)(bytes[rows[i].at] + rows[i].change);
        enum client_hello found = client_hello_read(bytes, length, name);
        if (found != rows[i].found) {
            fail_msg("row %zu: %d, not %d", i, (int)found, (int)rows[i].found);
        }
    }
    /* What stands behind the record is another's. */
    size_t length = make_hello(bytes, NAME_A, sizeof NAME_A - 1);
    assert_int_equal(client_hello_read(bytes, length + 9, name), CLIENT_HELLO_NAMED);
    /* The largest record is waited for, a larger one is not. */
    const unsigned char largest[] = {22, 3, 1, 0x40, 0x00}, larger[] = {22, 3, 1, 0x40, 0x01};
    assert_int_equal(client_hello_read(largest, 5, name), CLIENT_HELLO_UNFINISHED);
    assert_int_equal(client_hello_read(larger, 5, name), CLIENT_HELLO_BROKEN);
    /* The longest name that there is room for. */
    for (size_t size = 255; size <= 256; size++) {
        char extensions[300];
        const unsigned head[] = {0,
                                 0,
                                 (unsigned)(size + 5) >> 8,
                                 (unsigned)(size + 5) & 255,
                                 (unsigned)(size + 3) >> 8,
                                 (unsigned)(size + 3) & 255,
                                 0,
                                 (unsigned)size >> 8,
                                 (unsigned)size & 255};
        for (size_t i = 0; i < 9; i++) {
            extensions[i] = (char)head[i];
        }
        memset(extensions + 9, 'n', size);
        length = make_hello(bytes, extensions, 9 + size);
        assert_int_equal(client_hello_read(bytes, length, name),
                         size == 255 ? CLIENT_HELLO_NAMED : CLIENT_HELLO_BROKEN);
    }
}

/* Copies a message of TLS that came in one record into several, each cut at one of `cuts`. */
static size_t put_in_records(unsigned char *out, const unsigned char *bytes, size_t length,
                             const size_t *cuts, size_t count)
{
    size_t from = 5, at = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t end = i < count ? cuts[i] : length, size = end - from;
        const unsigned char head[] = {22, 3, 1, (unsigned char)(size >> 8), (unsigned char)size};
        memcpy(out + at, head, 5);
        memcpy(out + at + 5, bytes + from, size);
        at += 5 + size;
        from = end;
    }
    return at;
}

static void a_hello_in_several_records(void **state)
{
    (void)state;
    char name[CLIENT_HELLO_NAME_SIZE];
    unsigned char whole[512], bytes[CLIENT_HELLO_LIMIT + 64];
    size_t length = make_hello(whole, NAME_A, sizeof NAME_A - 1), made;
    for (size_t cut = 6; cut < length - 1; cut++) {
        const size_t cuts[] = {cut, cut + 1};
        for (size_t count = 1; count <= 2; count++) {
            made = put_in_records(bytes, whole, length, cuts, count);
            name[0] = '\0';
            assert_int_equal(client_hello_read(bytes, made, name), CLIENT_HELLO_NAMED);
            assert_string_equal(name, "a");
            for (size_t less = 0; less < made; less++) {
                assert_int_equal(client_hello_read(bytes, less, name), CLIENT_HELLO_UNFINISHED);
            }
        }
        /* Something else between the pieces, and a piece of nothing. */
        bytes[cut] = 20;
        assert_int_equal(client_hello_read(bytes, made, name), CLIENT_HELLO_BROKEN);
        const size_t empty[] = {cut, cut};
        made = put_in_records(bytes, whole, length, empty, 2);
        assert_int_equal(client_hello_read(bytes, made, name), CLIENT_HELLO_BROKEN);
    }
    /* The longest message of two records is waited for, a longer one is not. */
    for (size_t more = 0; more <= 1; more++) {
        unsigned char first[] = {22, 3, 1, 0, 4, 1, 0, 0x3F, (unsigned char)(0xFC + more)};
        assert_int_equal(client_hello_read(first, sizeof first, name),
                         more == 0 ? CLIENT_HELLO_UNFINISHED : CLIENT_HELLO_BROKEN);
    }
    const unsigned char first[] = {22, 3, 1, 0, 4, 1, 0, 0x3F, 0xFC, 22, 3, 1, 0x3F, 0xFC};
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, first, sizeof first);
    made = sizeof first + 0x3FFC;
    assert_int_equal(client_hello_read(bytes, made - 1, name), CLIENT_HELLO_UNFINISHED);
    assert_int_equal(client_hello_read(bytes, made, name), CLIENT_HELLO_BROKEN); /* all 0xFF */
    bytes[sizeof first - 1]++; /* records that hold more than a message may have */
    assert_int_equal(client_hello_read(bytes, made + 1, name), CLIENT_HELLO_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_read_as_they_are_written),
        cmocka_unit_test(heads_one_step_beyond_are_refused),
        cmocka_unit_test(heads_have_a_longest),
        cmocka_unit_test(extensions_of_tls),
        cmocka_unit_test(lengths_of_tls),
        cmocka_unit_test(a_hello_in_several_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
