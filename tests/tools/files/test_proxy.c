/* The proxy of shell commands: what it lets through, and every way around its list that is known.
 * Whether something was reached is judged by the server's count of connections, whether DNS was
 * asked by the resolver's, not by the words of a refusal. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

#include "client_hello.h"
#include "loopback.h"
#include "policy.h"
#include "proxy.h"
#include "proxy_head.h"

static struct loopback *server;
static char last_request[16 * 1024];
static char allowed_text[6][64];
static char *allowed[6];
static struct policy_list hosts = {allowed, 6, 6};
static int resolved; /* questions to DNS */
static const char *answers[3];

/* More than all buffers on the way hold together. */
enum { MUCH = 24 << 20 };

static char pattern_at(size_t offset)
{
    return (char)('a' + offset % 25);
}

static bool fits_pattern(const char *bytes, size_t length, size_t offset)
{
    size_t i = 0;
    while (i < length && bytes[i] == pattern_at(offset + i)) {
        i++;
    }
    return i == length;
}

/* Says much before it hears anything, hears to the end, and then says how much that was. */
static void say_much(int fd, const char *heard)
{
    static char bytes[25 * 4000];
    size_t said = 0, count = strlen(heard);
    bool fits = fits_pattern(heard, count, 0);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = pattern_at(i);
    }
    while (said < MUCH && loopback_send(fd, bytes, sizeof bytes)) {
        said += sizeof bytes;
    }
    for (ssize_t got; (got = recv(fd, bytes, sizeof bytes, 0)) > 0; count += (size_t)got) {
        fits = fits && fits_pattern(bytes, (size_t)got, count);
    }
    int length = snprintf(bytes, sizeof bytes, "\nheard %zu, %s", count, fits ? "all" : "other");
    loopback_send(fd, bytes, (size_t)length);
}

static void handle(int fd, const char *request, int port)
{
    char body[] = "hello";
    const char *behind = strstr(request, "\r\n\r\n");
    if (str_starts_with(request, "GET /much") && behind != NULL) {
        say_much(fd, behind + 4);
        return;
    }
    (void)port;
    snprintf(last_request, sizeof last_request, "%s", request);
    if (strstr(request, "/moved") != NULL) {
        char head[256];
        snprintf(head, sizeof head,
                 "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n"
                 "Content-Length: 0\r\nConnection: close\r\n\r\n");
        loopback_send(fd, head, strlen(head));
        return;
    }
    char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
    loopback_send(fd, head, strlen(head));
    loopback_send(fd, body, strlen(body));
}

/* Names turn into what the test says; addresses into themselves. */
static int resolve(const char *name, int port, struct sockaddr_storage *out, int most)
{
    int count = 0;
    const char *own[] = {name, NULL};
    const char *const *texts = answers[0] != NULL ? answers : own;
    resolved++;
    for (; texts[count] != NULL && count < most; count++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        memset(&out[count], 0, sizeof out[count]);
        if (inet_pton(AF_INET, texts[count], &v4.sin_addr) == 1) {
            memcpy(&out[count], &v4, sizeof v4);
        } else if (inet_pton(AF_INET6, texts[count], &v6.sin6_addr) == 1) {
            memcpy(&out[count], &v6, sizeof v6);
        } else {
            return -1;
        }
    }
    return count;
}

static const struct proxy_rules rules = {&hosts, resolve, 3000};

static void *serve(void *context)
{
    proxy_serve_client(*(int *)context, &rules);
    return NULL;
}

/* Sends bytes, then more after the first answer when there is more and no more than that, and reads
 * to the end. */
static void ask(const char *bytes, size_t length, const char *more, size_t more_length,
                struct str *answer)
{
    int ends[2];
    char buffer[4096];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, &ends[1]), 0);
    assert_int_equal(write(ends[0], bytes, length), (ssize_t)length);
    bool first = true;
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
        str_append_bytes(answer, buffer, (size_t)got);
        if (first && more != NULL) {
            assert_int_equal(write(ends[0], more, more_length), (ssize_t)more_length);
            shutdown(ends[0], SHUT_WR);
        }
        first = false;
    }
    pthread_join(thread, NULL);
    close(ends[0]);
}

static int connections(void)
{
    usleep(50 * 1000);
    return loopback_connections(server);
}

static int setup(void **state)
{
    (void)state;
    server = loopback_start(handle);
    int port = loopback_port(server);
    static const char *const names[] = {"127.0.0.1",          "named.example", "*.below.example",
                                        "[::ffff:127.0.0.1]", "2130706433",    "localhost"};
    for (size_t i = 0; i < 6; i++) {
        snprintf(allowed_text[i], sizeof allowed_text[i], "%s:%d", names[i], port);
        allowed[i] = allowed_text[i];
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loopback_stop(server);
    return 0;
}

static void format_ask(struct str *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void format_ask(struct str *answer, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    str_clear(answer);
    ask(text, (size_t)length, NULL, 0, answer);
}

/* --- what passes --- */

static void plain_requests_pass_with_a_head_of_ours(void **state)
{
    (void)state;
    struct str answer;
    int port = loopback_port(server);
    str_init(&answer);
    answers[0] = NULL;
    format_ask(&answer,
               "GET http://127.0.0.1:%d/a?b=c HTTP/1.1\r\nHost: evil.example\r\n"
               "Proxy-Authorization: Basic x\r\nConnection: keep-alive\r\nX-Mine: yes\r\n\r\n",
               port);
    assert_true(str_ends_with(answer.data, "hello"));
    char host[64];
    snprintf(host, sizeof host, "GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", port);
    assert_non_null(strstr(last_request, host));
    assert_non_null(strstr(last_request, "X-Mine: yes"));
    assert_null(strstr(last_request, "evil"));
    assert_null(strstr(last_request, "Basic"));
    assert_null(strstr(last_request, "keep-alive"));
    /* A body by its length, and not a byte of a second request behind it. */
    format_ask(&answer,
               "POST http://127.0.0.1:%d/b HTTP/1.1\r\nContent-Length: 4\r\n\r\n"
               "bodyGET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n",
               port);
    assert_true(str_ends_with(answer.data, "hello"));
    assert_true(str_ends_with(last_request, "\r\n\r\nbody") ||
                strstr(last_request, "127.0.0.1:1/") == NULL);
    /* Where a redirect leads is the client's next question, and judged like the first. */
    format_ask(&answer, "GET http://127.0.0.1:%d/moved HTTP/1.1\r\n\r\n", port);
    assert_non_null(strstr(answer.data, "302 Found"));
    format_ask(&answer, "GET http://169.254.169.254/ HTTP/1.1\r\n\r\n");
    assert_non_null(strstr(answer.data, "403 Forbidden"));
    str_finish(&answer);
}

static void a_tunnel_carries_what_is_not_tls(void **state)
{
    (void)state;
    struct str answer;
    char request[128], inside[] = "GET /inside HTTP/1.0\r\n\r\n";
    str_init(&answer);
    answers[0] = NULL;
    int length = snprintf(request, sizeof request, "CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n",
                          loopback_port(server));
    ask(request, (size_t)length, inside, strlen(inside), &answer);
    assert_true(str_starts_with(answer.data, "HTTP/1.1 200 "));
    assert_true(str_ends_with(answer.data, "hello"));
    assert_non_null(strstr(last_request, "GET /inside"));
    str_finish(&answer);
}

/* Says much and hears much, whichever is possible, and ends what it says before it has heard all.
 */
static void exchange_much(int fd, struct str *heard)
{
    static char bytes[25 * 4000];
    size_t said = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = pattern_at(i);
    }
    for (bool open = true; open;) {
        struct pollfd end = {.fd = fd, .events = said < MUCH ? POLLIN | POLLOUT : POLLIN};
        assert_int_equal(poll(&end, 1, 30000), 1);
        if ((end.revents & POLLOUT) != 0) {
            size_t offset = said % 25;
            size_t length = MUCH - said < 64 * 1024 ? MUCH - said : 64 * 1024;
            ssize_t sent = send(fd, bytes + offset, length, MSG_DONTWAIT | MSG_NOSIGNAL);
            said += sent > 0 ? (size_t)sent : 0;
            if (said == MUCH) {
                shutdown(fd, SHUT_WR);
            }
        } else {
            char buffer[64 * 1024];
            ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
            str_append_bytes(heard, buffer, got > 0 ? (size_t)got : 0);
            open = got > 0;
        }
    }
    assert_int_equal(said, MUCH);
}

/* The server reads nothing before it has said all: what comes from it must be carried while what
 * goes to it cannot be. And what ends on one side first goes on on the other. */
static void both_directions_flow_at_once(void **state)
{
    (void)state;
    struct str heard;
    int ends[2], size = 16 * 1024;
    char text[128];
    pthread_t thread;
    str_init(&heard);
    answers[0] = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    }
    assert_int_equal(pthread_create(&thread, NULL, serve, &ends[1]), 0);
    snprintf(text, sizeof text, "CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nGET /much HTTP/1.0\r\n\r\n",
             loopback_port(server));
    assert_true(loopback_send(ends[0], text, strlen(text)));
    exchange_much(ends[0], &heard);
    pthread_join(thread, NULL);
    close(ends[0]);
    static const char begin[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    assert_true(str_starts_with(heard.data, begin));
    const char *body = heard.data + strlen(begin), *end = strchr(body, '\n');
    assert_non_null(end);
    assert_true(end - body >= MUCH);
    assert_true(fits_pattern(body, (size_t)(end - body), 0));
    snprintf(text, sizeof text, "\nheard %d, all", MUCH);
    assert_string_equal(end, text);
    str_finish(&heard);
}

/* A tunnel through which nothing comes, from the side that says nothing and from the one that takes
 * nothing, ends by itself. */
static void a_tunnel_in_which_nothing_flows_ends(void **state)
{
    (void)state;
    static const struct proxy_rules hasty = {&hosts, resolve, 50};
    static const char *const inside[] = {"", "GET /much HTTP/1.0\r\n\r\n"};
    answers[0] = NULL;
    for (size_t i = 0; i < 2; i++) {
        int ends[2];
        char text[128];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        snprintf(text, sizeof text, "CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n%s",
                 loopback_port(server), inside[i]);
        assert_true(loopback_send(ends[0], text, strlen(text)));
        proxy_serve_client(ends[1], &hasty); /* returns */
        close(ends[0]);
    }
}

/* --- names and addresses --- */

static void only_listed_names_are_asked_of_dns(void **state)
{
    (void)state;
    static const char *const others[] = {
        "other.example",
        "named.example.evil.example",
        "xnamed.example",
        "below.example",
        "named.example:1",
        "named.example:0",
        "named.example:65536",
        "named.example:8o",
        "named.example:",
        "named.example",
        "x@named.example",
        "named.example\\@evil.example",
        "named..example",
        "n\xC3\xA4med.example",
        "named%2Eexample",
        "[::1]",
        "evil.example#.named.example",
    };
    struct str answer;
    int before = connections(), port = loopback_port(server);
    str_init(&answer);
    answers[0] = "127.0.0.1";
    resolved = 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        bool whole = strchr(others[i], ':') != NULL && others[i][0] != '[';
        char place[128];
        snprintf(place, sizeof place, whole ? "%s" : "%s:%d", others[i], port);
        if (strcmp(others[i], "named.example") == 0) {
            snprintf(place, sizeof place, "%s", others[i]); /* 443 and 80 are not its port */
        }
        format_ask(&answer, "CONNECT %s HTTP/1.1\r\n\r\n", place);
        assert_true(str_starts_with(answer.data, "HTTP/1.1 40"));
        format_ask(&answer, "GET http://%s/ HTTP/1.1\r\n\r\n", place);
        assert_true(str_starts_with(answer.data, "HTTP/1.1 40"));
    }
    /* The name that ends at a NUL for one reader and goes on for the other. */
    char nul[] = "CONNECT named.example\0.evil.example:80 HTTP/1.1\r\n\r\n";
    str_clear(&answer);
    ask(nul, sizeof nul - 1, NULL, 0, &answer);
    assert_true(str_starts_with(answer.data, "HTTP/1.1 400"));
    assert_int_equal(resolved, 0);
    assert_int_equal(connections(), before);
    str_finish(&answer);
}

static void a_name_opens_no_private_address(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "127.0.0.1",        "127.1.2.3",       "0.0.0.0",         "10.0.0.1",      "172.16.0.1",
        "192.168.1.1",      "169.254.169.254", "100.64.0.1",      "::1",           "::",
        "::ffff:127.0.0.1", "::127.0.0.1",     "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1",
        "fc00::1",          "::ffff:10.0.0.1", "64:ff9b::a00:1",
    };
    /* The numeric spellings that a resolver takes for an address are names here. */
    static const char *const names[] = {"named.example", "NAMED.example.", "x.below.example",
                                        "2130706433"};
    struct str answer;
    int before = connections(), port = loopback_port(server);
    str_init(&answer);
    resolved = 0;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        answers[0] = addresses[i];
        format_ask(&answer, "CONNECT %s:%d HTTP/1.1\r\n\r\n", names[i % 4], port);
        assert_true(str_starts_with(answer.data, "HTTP/1.1 403"));
        assert_int_equal(resolved, (int)i + 1); /* the name itself was in the list */
    }
    /* Public first and private then, as a name that is turned would have it: each is judged. */
    answers[0] = "127.0.0.1";
    answers[1] = "10.0.0.1";
    format_ask(&answer, "CONNECT named.example:%d HTTP/1.1\r\n\r\n", port);
    assert_true(str_starts_with(answer.data, "HTTP/1.1 403"));
    answers[1] = NULL;
    assert_int_equal(connections(), before);
    /* The control: the same address by an entry that names it. */
    answers[0] = "127.0.0.1";
    format_ask(&answer, "GET http://localhost:%d/ HTTP/1.1\r\n\r\n", port);
    assert_true(str_ends_with(answer.data, "hello"));
    answers[0] = "::ffff:127.0.0.1";
    format_ask(&answer, "GET http://127.0.0.1:%d/ HTTP/1.1\r\n\r\n", port);
    assert_true(str_ends_with(answer.data, "hello"));
    assert_int_equal(connections(), before + 2);
    str_finish(&answer);
}

/* --- heads --- */

static void heads_that_two_readers_read_differently(void **state)
{
    (void)state;
#define HEAD "GET http://127.0.0.1/ HTTP/1.1\r\n"
    static const char *const rows[] = {
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET https://127.0.0.1/ HTTP/1.1\r\n\r\n",
        "GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n",
        "GET http://a@127.0.0.1/ HTTP/1.1\r\n\r\n",
        "GET http:///x HTTP/1.1\r\n\r\n",
        "GET http://127.0.0.1/ HTTP/2\r\n\r\n",
        "GET  http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        "get http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n",
        "CONNECT http://127.0.0.1:80/ HTTP/1.1\r\n\r\n",
        HEAD "A: b\nC: d\r\n\r\n",
        HEAD "A: b\rC: d\r\n\r\n",
        HEAD "A : b\r\n\r\n",
        HEAD " folded\r\n\r\n",
        HEAD "no colon\r\n\r\n",
        HEAD ": b\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n",
        HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD "Content-Length: 1, 1\r\n\r\n",
        HEAD "Content-Length: -1\r\n\r\n",
        HEAD "Content-Length: 99999999999999999999\r\n\r\n",
        HEAD "A: \x7F\r\n\r\n",
        HEAD "A: \xE4\r\n\r\n",
    };
#undef HEAD
    struct proxy_head head;
    struct str out;
    str_init(&out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strlen(rows[i]);
        assert_int_equal(proxy_head_length(rows[i], length), length);
        if (proxy_head_read(rows[i], length, &head, &out) == NULL) {
            fail_msg("row %zu was read", i);
        }
        assert_int_equal(out.length, 0);
    }
    assert_int_equal(proxy_head_length("GET x\r\n", 7), 0);
    str_finish(&out);
}

/* A client of SOCKS, or of TLS, waits for an answer to its first bytes: it gets one at once. */
static void what_is_no_http_is_told_so(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *words;
    } rows[] = {
        {"\x05\x01\x00", 3, "SOCKS is not spoken here"},
        {"\x05\x02\x00\x02", 4, "SOCKS is not spoken here"},
        {"\x04\x01\x00\x50\x7F\x00\x00\x01\x00", 9, "SOCKS is not spoken here"},
        {"\x16\x03\x01\x00\x05", 5, "TLS to the proxy itself"},
        {"\x00", 1, "no request of HTTP begins so"},
        {"\r\n", 2, "no request of HTTP begins so"},
    };
    struct str answer;
    int before = connections();
    str_init(&answer);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        str_clear(&answer);
        ask(rows[i].bytes, rows[i].length, NULL, 0, &answer); /* returns when it was closed */
        assert_true(str_starts_with(answer.data, "HTTP/1.1 400 Bad Request ("));
        assert_non_null(strstr(answer.data, rows[i].words));
    }
    assert_int_equal(connections(), before);
    str_finish(&answer);
}

/* A name whose address is another at each question: each answer is judged, none is remembered. */
static void a_name_that_turns_is_judged_again(void **state)
{
    (void)state;
    static const char *const turns[] = {"127.0.0.1", "169.254.169.254", "::1", "10.0.0.1"};
    struct str answer;
    int before = connections(), port = loopback_port(server);
    str_init(&answer);
    resolved = 0;
    answers[1] = NULL;
    for (size_t i = 0; i < 2 * (sizeof turns / sizeof turns[0]); i++) {
        answers[0] = turns[i / 2];
        format_ask(&answer,
                   i % 2 == 0 ? "GET http://localhost:%d/ HTTP/1.1\r\n\r\n"
                              : "CONNECT named.example:%d HTTP/1.1\r\n\r\n",
                   port);
        bool may = i == 0 || i == 4; /* localhost is loopback, and only that */
        assert_int_equal(str_starts_with(answer.data, "HTTP/1.1 403"), !may);
        assert_int_equal(resolved, (int)i + 1);
    }
    assert_true(connections() > before); /* the control: where it may lead, it led */
    str_finish(&answer);
}

/* --- TLS inside a tunnel --- */

/* A ClientHello with one name, or none. */
static size_t make_hello(unsigned char *out, const char *name)
{
    size_t length = name != NULL ? strlen(name) : 0, extension = length + 5;
    size_t extensions = name != NULL ? extension + 4 : 0;
    size_t body = 2 + 32 + 1 + 4 + 2 + 2 + extensions, at = 0;
#define PUT(value)  out[at++] = (unsigned char)(value)
#define PUT2(value) PUT((value) >> 8), PUT(value)
    PUT(22), PUT2(0x0301), PUT2(body + 4);
    PUT(1), PUT(0), PUT2(body);
    PUT2(0x0303);
    memset(out + at, 7, 32);
    at += 32;
    PUT(0), PUT2(2), PUT2(0x1301), PUT(1), PUT(0);
    PUT2(extensions);
    if (name != NULL) {
        PUT2(0), PUT2(extension), PUT2(length + 3), PUT(0), PUT2(length);
        memcpy(out + at, name, length);
        at += length;
    }
#undef PUT2
#undef PUT
    return at;
}

/* Makes two records of one; `first` bytes of the message are in the first. */
static size_t cut_record(unsigned char *hello, size_t size, size_t first)
{
    unsigned char head[] = {22, 3, 1, 0, (unsigned char)(size - 5 - first)};
    memmove(hello + 10 + first, hello + 5 + first, size - 5 - first);
    memcpy(hello + 5 + first, head, 5);
    hello[4] = (unsigned char)first;
    return size + 5;
}

static void names_in_tls_are_read(void **state)
{
    (void)state;
    unsigned char bytes[512];
    char name[CLIENT_HELLO_NAME_SIZE];
    size_t length = make_hello(bytes, "named.example");
    assert_int_equal(client_hello_read(bytes, length, name), CLIENT_HELLO_NAMED);
    assert_string_equal(name, "named.example");
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(client_hello_read(bytes, cut, name), CLIENT_HELLO_UNFINISHED);
    }
    /* Any byte turned: an answer, and never a read outside (the sanitizers look). */
    for (size_t i = 0; i < length; i++) {
        unsigned char turned[512];
        memcpy(turned, bytes, length);
        turned[i] ^= 0xFF;
        client_hello_read(turned, length, name);
    }
    length = make_hello(bytes, NULL);
    assert_int_equal(client_hello_read(bytes, length, name), CLIENT_HELLO_NAMELESS);
    assert_int_equal(client_hello_read((const unsigned char *)"SSH-2.0", 7, name),
                     CLIENT_HELLO_OTHER);
    length = make_hello(bytes, "a");
    bytes[length - 1] = '\0';
    assert_int_equal(client_hello_read(bytes, length, name), CLIENT_HELLO_BROKEN);
}

static void tls_must_name_the_host_of_connect(void **state)
{
    (void)state;
    static const struct {
        const char *host, *name;
        bool passes;
        size_t cut; /* of its two records; 0: it has one */
    } rows[] = {
        {"localhost", "localhost", true, 0},
        {"localhost", "LOCALHOST", true, 0},
        {"localhost", "localhost", true, 20},
        {"localhost", "other.example", false, 0},
        {"localhost", "other.example", false, 20},
        {"localhost", "localhost.evil.example", false, 0},
        {"localhost", NULL, false, 0},
        {"127.0.0.1", NULL, true, 0},
        {"127.0.0.1", "evil.example", false, 0},
    };
    static const char alert[] = {21, 3, 3, 0, 2, 2, 112};
    struct str answer;
    str_init(&answer);
    answers[0] = "127.0.0.1";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char hello[512];
        char request[128];
        size_t size = make_hello(hello, rows[i].name);
        if (rows[i].cut > 0) {
            size = cut_record(hello, size, rows[i].cut);
        }
        /* The server reads lines: it gets the hello as a part of its first. */
        memcpy(hello + size, "\r\n\r\n", 4);
        int length = snprintf(request, sizeof request, "CONNECT %s:%d HTTP/1.1\r\n\r\n",
                              rows[i].host, loopback_port(server));
        str_clear(&answer);
        ask(request, (size_t)length, (const char *)hello, size + 4, &answer);
        assert_true(str_starts_with(answer.data, "HTTP/1.1 200 "));
        if (str_ends_with(answer.data, "hello") != rows[i].passes) {
            fail_msg("row %zu: %s", i, answer.data);
        }
        const char *end = answer.data + answer.length - sizeof alert;
        assert_int_equal(memcmp(end, alert, sizeof alert) == 0, !rows[i].passes);
    }
    str_finish(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_pass_with_a_head_of_ours),
        cmocka_unit_test(a_tunnel_carries_what_is_not_tls),
        cmocka_unit_test(both_directions_flow_at_once),
        cmocka_unit_test(a_tunnel_in_which_nothing_flows_ends),
        cmocka_unit_test(only_listed_names_are_asked_of_dns),
        cmocka_unit_test(a_name_opens_no_private_address),
        cmocka_unit_test(heads_that_two_readers_read_differently),
        cmocka_unit_test(what_is_no_http_is_told_so),
        cmocka_unit_test(a_name_that_turns_is_judged_again),
        cmocka_unit_test(names_in_tls_are_read),
        cmocka_unit_test(tls_must_name_the_host_of_connect),
    };
    return cmocka_run_group_tests_name("tools_proxy", tests, setup, teardown);
}
