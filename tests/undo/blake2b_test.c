/* The hash against values of another implementation (Python's hashlib), in one piece and in many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "undo/blake2b.h"
#include "undo/tree.h"

static const struct {
    size_t length;
    const char *expected;
} cases[] = {
    {0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {1, "e88bd757ad5b9bedf372d8d3f0cf6c962a469db61a265f6418e1ffed86da29ec"},
    {3, "9facd640130c81e7f318a8d5c660bc1b0f5d03861ffbd4cc1358e0e904593c28"},
    {127, "c9ae3859964b35f04c54b36d33cf299d7290ee621005d28e51598a943560aaaa"},
    {128, "f0501d06597880592bc49234eef100ec1ff349058d0e9d9b753504e24af86dd6"},
    {129, "a34a4e1e03c541dfbf3099c4b6c143c022ced65c28bd7e8a10e0a098461aecf0"},
    {255, "f2d64a40e9412a3414161ff6250075225418fd7c271c1123e162e1bca0de9f93"},
    {256, "d93ebb9c802f5630ab22516fd82b6c21bc8bd551d531349b715f046ed11ed871"},
    {1000, "d62b6c768ce1afc8367e0498ab2f8e3f7c178c35b1429f14c4604b545d200f52"},
    {100000, "20b8634b7228973e5a49a5f6857b7fe2e879a928f797a682928c00eaa8fb7776"},
};

static unsigned char data[100000];

static void check(size_t length, size_t piece, const char *expected)
{
    struct blake2b hash;
    unsigned char result[BLAKE2B_SIZE];
    char text[2 * BLAKE2B_SIZE + 1];
    blake2b_init(&hash);
    for (size_t at = 0; at < length; at += piece) {
        blake2b_add(&hash, data + at, length - at < piece ? length - at : piece);
    }
    blake2b_result(&hash, result);
    tree_hash_text(result, text);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values)};
    return cmocka_run_group_tests_name("undo_blake2b", tests, NULL, NULL);
}
