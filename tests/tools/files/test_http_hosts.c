/* Which hosts and addresses http_fetch may talk to: the list by name, the ranges by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/err.h"

#include "http_hosts.h"
#include "policy.h"

static void names_and_ports_are_compared_whole(void **state)
{
    static char *entries[] = {"example.org",    "*.example.net",  "port.example:8443",
                              "localhost:8080", "127.0.0.1:9090", "[2001:db8::7]:81",
                              "UPPER.example",  "bad entry",      "*",
                              "host:port",      "host:99999",     "[::1]"};
    static const struct row {
        const char *host;
        int port, usual_port;
        bool expected;
    } rows[] = {
        {"example.org", 443, 443, true},
        {"example.org", 80, 80, true},
        {"EXAMPLE.org", 80, 80, true},
        {"example.org.", 80, 80, true},
        {"example.org", 8080, 80, false},
        {"example.org", 80, 443, false},
        {"example.org", 22, 443, false},
        {"example.org", 25, 80, false},
        {"example.org", 0, 0, false},
        {"www.example.org", 443, 443, false},
        {"evilexample.org", 443, 443, false},
        {"example.org.evil.com", 443, 443, false},
        {"example.net", 443, 443, false},
        {"a.example.net", 443, 443, true},
        {"a.b.example.net", 443, 443, true},
        {".example.net", 443, 443, false},
        {"evilexample.net", 443, 443, false},
        {"port.example", 8443, 443, true},
        {"port.example", 443, 443, false},
        {"upper.example", 443, 443, true},
        {"localhost", 8080, 80, true},
        {"localhost.", 8080, 80, true},
        {"localhost", 80, 80, false},
        {"127.0.0.1", 9090, 80, true},
        {"127.0.0.2", 9090, 80, false},
        {"[::ffff:127.0.0.1]", 9090, 80, true}, /* the same address */
        {"[2001:db8::7]", 81, 80, true},
        {"[2001:0db8:0::7]", 81, 80, true},
        {"[2001:db8::8]", 81, 80, false},
        {"[::1]", 80, 80, true},
        {"[::1%25lo]", 80, 80, false},
        {"*", 80, 80, false},
        {"anything", 80, 80, false},
        {"host", 80, 80, false},
        {"example.org\\@evil.com", 80, 80, false},
        {"example.org@evil.com", 80, 80, false},
        {"example.org#", 80, 80, false},
        {"ex\xD0\xB0mple.org", 80, 80, false}, /* a Cyrillic letter */
        {"example..org", 80, 80, false},
        {"", 80, 80, false},
    };
    struct policy_list hosts = {entries, sizeof entries / sizeof entries[0], 0};
    struct http_hosts_permit permit;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool allowed =
            http_hosts_allow(&hosts, rows[i].host, rows[i].port, rows[i].usual_port, &permit, &err);
        if (allowed != rows[i].expected) {
            fail_msg("%s:%d is not %d", rows[i].host, rows[i].port, rows[i].expected);
        }
    }
}

static void a_refusal_names_the_key_and_what_is_allowed(void **state)
{
    static char *entries[] = {"example.org", "*.example.net:8443"};
    struct policy_list hosts = {entries, 2, 0};
    struct http_hosts_permit permit;
    struct err err;
    (void)state;
    assert_false(http_hosts_allow(&hosts, "evil.com", 443, 443, &permit, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_string_equal(err.text, "the host evil.com, port 443, is not allowed by tools.hosts, "
                                  "which allows example.org, *.example.net:8443");
}

/* What the message can hold of the list is told, and what is cut is cut between two entries. */
static void a_long_list_is_told_in_part(void **state)
{
    static char longest[200];
    static char *entries[] = {"one.example", longest, "two.example"};
    struct policy_list hosts = {entries, 3, 0};
    struct http_hosts_permit permit;
    struct err err;
    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    assert_false(http_hosts_allow(&hosts, "evil.com", 443, 443, &permit, &err));
    assert_string_equal(err.text, "the host evil.com, port 443, is not allowed by tools.hosts, "
                                  "which allows one.example");
    hosts.count = 0;
    assert_false(http_hosts_allow(&hosts, "evil.com", 443, 443, &permit, &err));
    assert_string_equal(err.text, "the host evil.com, port 443, is not allowed by tools.hosts");
    /* Exactly what there is room for: 199 bytes and the NUL. */
    hosts = (struct policy_list){entries + 1, 1, 0};
    assert_false(http_hosts_allow(&hosts, "evil.com", 443, 443, &permit, &err));
    assert_non_null(strstr(err.text, longest));
    assert_false(http_hosts_allow(&hosts, "a b", 443, 443, &permit, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
}

/* A name of 253 bytes is the longest there is, and ports are those of TCP. */
static void names_and_ports_have_ends(void **state)
{
    char name[256], entry[272];
    char *entries[] = {entry};
    struct policy_list hosts = {entries, 1, 0};
    struct http_hosts_permit permit;
    struct err err;
    (void)state;
    memset(name, 'a', sizeof name);
    for (size_t length = 252; length <= 255; length++) {
        name[length] = '\0';
        snprintf(entry, sizeof entry, "%s:65535", name);
        assert_int_equal(http_hosts_allow(&hosts, name, 65535, 80, &permit, &err), length <= 253);
        name[length] = 'a';
    }
    static const struct row {
        const char *entry, *host;
        int port;
        bool expected;
    } rows[] = {
        {"a:1", "a", 1, true},
        {"a:0", "a", 0, false},
        {"a:65536", "a", 65536, false},
        {"a:-1", "a", -1, false},
        {"a: 1", "a", 1, false},
        {"a:", "a", 80, false},
        {"a:1x", "a", 1, false},
        {"a:/", "a", 80, false},
        {"a:9", "a", 9, true},
        {"a", "a.", 80, true},
        {"a.", "a", 80, true},
        {"a", "a..", 80, false},
        {"a", ".", 80, false},
        {".", ".", 80, false},
        {"*.b", "a.b", 80, true},
        {"*.b", ".b", 80, false},
        {"*.b", "b", 80, false},
        {"*.b", "axb", 80, false},
        {"*.b.c", "a.x.c", 80, false},
        {"*.0.0.1", "127.0.0.1", 80, false}, /* no name is beneath a number */
        {"*.", "a.", 80, false},
        {"[]", "[]", 80, false},
        {"[1::2]", "[1::2]", 80, true},
        {"[1::2]:81", "[1::2]", 81, true},
        {"[1::2]:81", "[1::2]", 80, false},
        {"[1::2", "[1::2", 80, false},
        {"a-b_c", "A-B_C", 80, true},
        {"[a-b]", "[a-b]", 80, false},
        {"az09", "AZ09", 80, true},
        {"a", "A", 80, true},
        {"z", "Z", 80, true},
        {"a`", "a`", 80, false},
        {"a{", "a{", 80, false},
        {"a/", "a/", 80, false},
        {"a[", "a[", 80, false},
        {"a@", "a@", 80, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(entry, sizeof entry, "%s", rows[i].entry);
        if (http_hosts_allow(&hosts, rows[i].host, rows[i].port, 80, &permit, &err) !=
            rows[i].expected) {
            fail_msg("%s of %s:%d is not %d", entry, rows[i].host, rows[i].port, rows[i].expected);
        }
    }
}

static const char *refuse(const char *text, const struct http_hosts_permit *permit)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
    }
    return http_hosts_refuse_address((struct sockaddr *)&storage, permit);
}

static void only_public_addresses_pass(void **state)
{
    static const struct row {
        const char *address;
        bool refused;
    } rows[] = {
        {"0.0.0.0", true},
        {"0.1.2.3", true},
        {"9.255.255.255", false},
        {"10.0.0.0", true},
        {"10.255.255.255", true},
        {"11.0.0.0", false},
        {"100.63.255.255", false},
        {"100.64.0.0", true},
        {"100.127.255.255", true},
        {"100.128.0.0", false},
        {"126.255.255.255", false},
        {"127.0.0.1", true},
        {"127.255.255.255", true},
        {"128.0.0.0", false},
        {"169.254.169.254", true},
        {"169.253.0.1", false},
        {"172.15.255.255", false},
        {"172.16.0.0", true},
        {"172.31.255.255", true},
        {"172.32.0.0", false},
        {"192.0.0.1", true},
        {"192.0.1.1", false},
        {"192.168.0.1", true},
        {"192.169.0.1", false},
        {"198.17.255.255", false},
        {"198.18.0.0", true},
        {"198.19.255.255", true},
        {"198.20.0.0", false},
        {"223.255.255.255", false},
        {"224.0.0.1", true},
        {"240.0.0.1", true},
        {"255.255.255.255", true},
        {"1.0.0.0", false},
        {"128.0.0.0", false},
        {"169.255.0.0", false},
        {"192.0.2.255", true},
        {"192.0.3.0", false},
        {"192.88.98.255", false},
        {"192.88.99.0", true},
        {"192.88.100.0", false},
        {"192.167.255.255", false},
        {"198.51.99.255", false},
        {"198.51.100.0", true},
        {"198.51.101.0", false},
        {"203.0.112.255", false},
        {"203.0.113.255", true},
        {"203.0.114.0", false},
        {"8.8.8.8", false},
        {"::", true},
        {"::1", true},
        {"::7f00:1", true},
        {"::ffff:127.0.0.1", true},
        {"::ffff:7f00:1", true},
        {"::ffff:10.1.2.3", true},
        {"::ffff:8.8.8.8", false},
        {"::ffff:0:127.0.0.1", true},
        {"::ffff:0:8.8.8.8", true},
        {"::ffff:1:0:0", false},
        {"3fff::1", true},
        {"3fff:fff::1", true},
        {"3fff:1000::1", false},
        {"3ffe::1", false},
        {"5f00::1", true},
        {"5f01::1", false},
        {"64:ff9b::7f00:1", true},
        {"64:ff9b::a9fe:a9fe", true},
        {"64:ff9b::808:808", false},
        {"64:ff9b:1::808:808", true},
        {"2002:7f00:1::", true},
        {"2001:0:1::1", true},
        {"2001:db8::1", true},
        {"fc00::1", true},
        {"fdff::1", true},
        {"fe00::1", false},
        {"fe80::1", true},
        {"febf::1", true},
        {"fec0::1", true},
        {"ff02::1", true},
        {"100::1", true},
        {"100:0:0:1::", false},
        {"2001:1::", false},
        {"2001:db7:ffff::", false},
        {"2001:db9::", false},
        {"2003::", false},
        {"fbff::", false},
        {"fe7f::", false},
        {"::1:0:0", false}, /* one bit beyond ::/96 */
        {"2606:4700:4700::1111", false},
    };
    const struct http_hosts_permit none = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((refuse(rows[i].address, &none) != NULL) != rows[i].refused) {
            fail_msg("%s is not %d", rows[i].address, rows[i].refused);
        }
    }
    const struct sockaddr local = {.sa_family = AF_UNIX};
    assert_non_null(http_hosts_refuse_address(&local, &none));
}

static void a_permit_opens_just_what_the_entry_names(void **state)
{
    static char *entries[] = {"localhost:8080", "10.0.0.5:8080", "name.example:8080"};
    struct policy_list hosts = {entries, 3, 0};
    struct http_hosts_permit permit;
    (void)state;
    assert_true(http_hosts_allow(&hosts, "localhost", 8080, 80, &permit, NULL));
    assert_null(refuse("127.0.0.1", &permit));
    assert_null(refuse("::1", &permit));
    assert_non_null(refuse("10.0.0.5", &permit));
    assert_non_null(refuse("169.254.169.254", &permit));
    assert_true(http_hosts_allow(&hosts, "10.0.0.5", 8080, 80, &permit, NULL));
    assert_null(refuse("10.0.0.5", &permit));
    assert_non_null(refuse("10.0.0.6", &permit));
    assert_non_null(refuse("127.0.0.1", &permit));
    assert_true(http_hosts_allow(&hosts, "name.example", 8080, 80, &permit, NULL));
    assert_non_null(refuse("127.0.0.1", &permit));
    assert_non_null(refuse("10.0.0.5", &permit));
    assert_null(refuse("8.8.8.8", &permit));
    /* A number that is loopback opens itself; the rest of loopback stays shut. */
    static char *number[] = {"127.0.0.2:8080"};
    hosts = (struct policy_list){number, 1, 0};
    assert_true(http_hosts_allow(&hosts, "127.0.0.2", 8080, 80, &permit, NULL));
    assert_null(refuse("127.0.0.2", &permit));
    assert_non_null(refuse("127.0.0.1", &permit));
    assert_non_null(refuse("::1", &permit));
    /* localhost is all of 127/8 and ::1, but in no disguise that a gateway takes off. */
    const struct http_hosts_permit loopback = {.loopback = true};
    assert_null(refuse("127.255.255.255", &loopback));
    assert_null(refuse("::ffff:127.0.0.1", &loopback));
    assert_non_null(refuse("::7f00:1", &loopback));
    assert_non_null(refuse("64:ff9b::7f00:1", &loopback));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_ports_are_compared_whole),
        cmocka_unit_test(a_refusal_names_the_key_and_what_is_allowed),
        cmocka_unit_test(a_long_list_is_told_in_part),
        cmocka_unit_test(names_and_ports_have_ends),
        cmocka_unit_test(only_public_addresses_pass),
        cmocka_unit_test(a_permit_opens_just_what_the_entry_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
