/* Which hosts a command's question offers, and which it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "approval/command_network.h"
#include "base/str.h"

static void test_hosts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"curl https://Example.org/a?b", "example.org:443"},
        {"curl http://a.example:8080 'https://b.example'; wget http://a.example:8080/x",
         "a.example:8080 b.example:443"},
        {"curl \"http://127.0.0.1:81/\"", "127.0.0.1:81"},
        {"(curl HTTPS://x.example)", "x.example:443"},
        {"ls -l", ""},
        {"curl example.org", ""},
        {"curl https://$HOST/", ""},
        {"curl https://a$B.example/", ""},
        {"curl https://a.example@evil.example/", ""},
        {"curl https://a.example\\.evil/", ""},
        {"curl https://a.example:0/", ""},
        {"curl https://a.example:65536/", ""},
        {"curl https://a.example:65535/", "a.example:65535"},
        {"curl https://a.example:1 -o x", "a.example:1"},
        {"curl https://a.example:000080/ https://a.example:/", "a.example:80"},
        {"curl https://a.example:0000080/", ""},
        {"curl https://a.example:8x/", ""},
        {"curl https://", ""},
        {"curl https://a", "a:443"},
        {"", ""},
        {"&", ""},
        {" \n", ""},
        {"curl https://a..b/ https://-a/ https://a./", ""},
        {"curl https://[::1]/", ""},
        {"curl https://*.example/", ""},
        {"curl http://0x7f.1/ http://2130706433/ http://127.1/ http://0177.0.0.1/ http://1.0x7f",
         ""},
        {"curl http://256.0.0.1/ http://1.2.3.4.5/ http://[::ffff:127.0.0.1]/ http://7.1.1.01", ""},
        {"curl http://169.254.169.254/latest http://169.254.170.2 http://169.253.0.1",
         "169.253.0.1:80"},
        {"curl http://ex\xD0\xB0mple.org/ http://a.example\xE2\x80\xAE/", ""},
        {"git clone git@host.example:path; ssh host.example; git clone ssh://host.example/x", ""},
        {"curl https://a.example &", ""},
        {"curl https://a.example & \n", ""},
        {"for i in http://a/ http://b/ http://c/ http://d/ http://e/ http://f/ http://g/ http://h/",
         "a:80 b:80 c:80 d:80 e:80 f:80 g:80 h:80"},
        {"for i in http://a/ http://b/ http://c/ http://d/ http://e/ http://f/ http://g/ http://h/ "
         "http://i/",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str hosts;
        str_init(&hosts);
        size_t count = command_network_hosts(cases[i][0], &hosts);
        assert_string_equal(hosts.data != NULL ? hosts.data : "", cases[i][1]);
        assert_int_equal(count > 0, cases[i][1][0] != '\0');
        str_finish(&hosts);
    }
}

/* The longest name that DNS knows, with the longest port, is offered whole; one more byte is not.
 */
static void test_longest_name(void **state)
{
    (void)state;
    enum { LONGEST = 253 };
    char name[LONGEST + 2], command[LONGEST + 32], expected[LONGEST + 16];
    struct str hosts;
    str_init(&hosts);
    memset(name, 'a', sizeof name);
    name[LONGEST] = '\0';
    snprintf(command, sizeof command, "curl https://%s:65535/", name);
    snprintf(expected, sizeof expected, "%s:65535", name);
    assert_int_equal(command_network_hosts(command, &hosts), 1);
    assert_string_equal(hosts.data, expected);
    str_clear(&hosts);
    name[LONGEST] = 'a';
    name[LONGEST + 1] = '\0';
    snprintf(command, sizeof command, "curl https://%s/", name);
    assert_int_equal(command_network_hosts(command, &hosts), 0);
    str_finish(&hosts);
}

/* What is no place in the internet is called what it is. */
static void test_described(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"a.example:443", "a.example:443"},
        {"127.0.0.1:81 a.example:80", "127.0.0.1:81 (this machine) a.example:80"},
        {"localhost:1 x.localhost:2 localhost.example:3",
         "localhost:1 (this machine) x.localhost:2 (this machine) localhost.example:3"},
        {"100.63.0.1:1 100.127.0.1:1 100.128.0.1:1",
         "100.63.0.1:1 100.127.0.1:1 (a private network) 100.128.0.1:1"},
        {"10.1.2.3:1 172.15.0.1:1 172.31.0.1:1 192.168.0.1:1 100.64.0.1:1 8.8.8.8:1",
         "10.1.2.3:1 (a private network) 172.15.0.1:1 172.31.0.1:1 (a private network) "
         "192.168.0.1:1 (a private network) 100.64.0.1:1 (a private network) 8.8.8.8:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str shown;
        str_init(&shown);
        command_network_describe(cases[i][0], &shown);
        assert_string_equal(shown.data != NULL ? shown.data : "", cases[i][1]);
        str_finish(&shown);
    }
}

/* The network is of one exact call, and allowing the call is not opening it. */
static void test_session(void **state)
{
    (void)state;
    struct approval_session *session = approval_session_create();
    json_t *one = json_pack("{s:s}", "command", "curl https://a.example");
    json_t *two = json_pack("{s:s}", "command", "curl https://a.example; rm x");
    approval_session_allow(session, "shell", one);
    assert_false(approval_session_opens(session, one));
    approval_session_open(session, one);
    assert_true(approval_session_opens(session, one));
    assert_false(approval_session_opens(session, two));
    json_decref(one);
    json_decref(two);
    approval_session_destroy(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts), cmocka_unit_test(test_longest_name),
        cmocka_unit_test(test_described), cmocka_unit_test(test_session)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
