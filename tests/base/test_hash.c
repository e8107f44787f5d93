/* The hash against values of another implementation (Python's hashlib), in one piece and in many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

static const struct {
    size_t length;
    const char *expected;
} cases[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {1, "084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5"},
    {3, "6ab0dba1f4f1dfbb37b4f9eeb092c09fca4900ad32bdcd147d8dde35d6c87c35"},
    {127, "a8d23e75d936f303d248888d9b165ee543f4cbafcad3c9dd2a79bd84faa11d07"},
    {128, "d2742f1f4ac6bb7ca2b239ee18402ba8b3f9f8e652d2a72973c2b9ba11c08cf6"},
    {129, "307f8fc2c1622b92762e818d39a185d4d667ad49a4b07ceae1f4afa008a93ec4"},
    {255, "3c8af6e36699077166f180b277f93992e354c66a63a3541ef18d61524eac85e9"},
    {256, "d9c76fa34978cb9620dab8c3f46bbe075fddc145eb282b39009141f98d0cfe82"},
    {1000, "1e9bc38cbf860b9ec31918b065f9b52476c549a782e0e7990bed8ce3868d2371"},
    {100000, "d96bab6a55ee326ba206dd4a85a6e95e14360d7fabbf448f03e689c24382b7d0"},
};

static unsigned char data[100000];

static void check(size_t length, size_t piece, const char *expected)
{
    struct hash hash;
    unsigned char result[HASH_BYTES];
    char text[HASH_HEX_SIZE];
    hash_init(&hash);
    for (size_t at = 0; at < length; at += piece) {
        hash_add(&hash, data + at, length - at < piece ? length - at : piece);
    }
    hash_finish(&hash, result);
    hash_hex(result, text);
    assert_string_equal(text, expected);
}

static void test_values(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 5, 127, 128, 129, 4096, sizeof data};
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * 7 + 3);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            check(cases[i].length, pieces[j], cases[i].expected);
        }
    }
}

/* Of one million times the letter a, as the standard gives it. */
static void test_long(void **state)
{
    (void)state;
    static const char expected[] =
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    static const unsigned char letters[1000] = {[0 ... 999] = 'a'};
    struct hash hash;
    unsigned char sum[HASH_BYTES];
    char text[HASH_HEX_SIZE];
    hash_init(&hash);
    for (int i = 0; i < 1000; i++) {
        hash_add(&hash, letters, sizeof letters);
    }
    hash_finish(&hash, sum);
    hash_hex(sum, text);
    assert_string_equal(text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_long)};
    return cmocka_run_group_tests_name("base_hash", tests, NULL, NULL);
}
