/* server: the address that OLLAMA_HOST means. What a word and the environment mean together is
 * shown with a real server (tests/e2e/settings.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/server.h"
#include "base/mem.h"

static void addresses(void **state)
{
    static const char *const cases[][2] = {
        {NULL, "http://127.0.0.1:11434/v1"},
        {"", "http://127.0.0.1:11434/v1"},
        {":8080", "http://127.0.0.1:8080/v1"},
        {"0.0.0.0", "http://127.0.0.1:11434/v1"},
        {"0.0.0.0:1", "http://127.0.0.1:1/v1"},
        {"example.org", "http://example.org:11434/v1"},
        {"example.org:80/", "http://example.org:80/v1"},
        {"https://example.org", "https://example.org/v1"},
        {"https://example.org:8443/path", "https://example.org:8443/v1"},
        {"[::1]", "http://[::1]:11434/v1"},
        {"http://[::1]:9", "http://[::1]:9/v1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *address = server_ollama_address(cases[i][0]);
        assert_string_equal(address, cases[i][1]);
        mem_free(address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
