/* Which hosts a command's question offers, and which it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
        {"curl https://a.example:8x/", ""},
        {"curl https://a..b/ https://-a/ https://a./", ""},
        {"curl https://[::1]/", ""},
        {"curl https://*.example/", ""},
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hosts),
                                       cmocka_unit_test(test_session)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
