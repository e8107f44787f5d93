/* base64: the vectors of RFC 4648, every length, and what is no base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

static void test_vectors(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xFB\xFF", "+/8="}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[16];
        unsigned char bytes[16];
        size_t size = strlen(pairs[i][0]), length = base64_length(size), back;
        base64_encode(pairs[i][0], size, text);
        assert_int_equal(length, strlen(pairs[i][1]));
        assert_memory_equal(text, pairs[i][1], length);
        assert_true(base64_decode(text, length, bytes, &back));
        assert_int_equal(back, size);
        assert_memory_equal(bytes, pairs[i][0], size);
    }
}

static void test_every_length(void **state)
{
    (void)state;
    unsigned char bytes[100], back[100];
    for (size_t size = 0; size < sizeof bytes; size++) {
        char *text = malloc(base64_length(size) + 1);
        size_t made;
        assert_non_null(text);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (unsigned char)(i * 167 + size);
        }
        base64_encode(bytes, size, text);
        assert_true(base64_decode(text, base64_length(size), back, &made));
        assert_int_equal(made, size);
        assert_memory_equal(bytes, back, size);
        free(text);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Z",    "Zg",       "Zg=",  "Zh==",  "Zm9=", "====",
                                        "Z===", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm=v", "-_8="};
    unsigned char bytes[16];
    size_t size;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(base64_decode(wrong[i], strlen(wrong[i]), bytes, &size));
    }
    assert_false(base64_decode("Zm\0v", 4, bytes, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors),
                                       cmocka_unit_test(test_every_length),
                                       cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
