/* resize: bytes equal to Pillow's for every picture and budget of the reference list, and the sizes
 * that cannot be. With CARAT_FIXTURES set, the larger list there too. */
#include "vision/resize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/picture_file.h"
#include "vision/patches.h"

/* --- SHA-256, to compare with the list: FIPS 180-4 --- */

static const uint32_t first_primes_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void digest_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], s[8];
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        if (i < 16) {
            w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
        } else {
            uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
                   (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
        }
        uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
        uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

static void digest(const uint8_t *bytes, size_t size, char hex[65])
{
    uint32_t state[8];
    uint8_t last[128] = {0};
    size_t whole = size / 64 * 64, rest = size - whole, end = rest < 56 ? 64 : 128;
    memcpy(state, first_primes_state, sizeof state);
    for (size_t i = 0; i < whole; i += 64) {
        digest_block(state, bytes + i);
    }
    memcpy(last, bytes + whole, rest);
    last[rest] = 0x80;
    for (size_t i = 0; i < 8; i++) {
        last[end - 1 - i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
    }
    for (size_t i = 0; i < end; i += 64) {
        digest_block(state, last + i);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(hex + 8 * i, 9, "%08x", (unsigned)state[i]);
    }
}

/* --- pictures --- */

static uint8_t *load(const char *path, size_t *width, size_t *height)
{
    struct str bytes;
    struct err err;
    uint8_t *rgb = NULL;
    str_init(&bytes);
    if (!file_read(path, 1 << 26, &bytes, &err) ||
        !picture_file_decode(bytes.data, bytes.length, &rgb, width, height, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    str_finish(&bytes);
    return rgb;
}

static void check_budget(const char *name, const uint8_t *rgb, size_t width, size_t height,
                         const char *budget, json_t *expected, const char *sha256)
{
    size_t w, h;
    struct err err;
    char hex[65];
    assert_true(resize_target(width, height, atoi(budget), &w, &h, &err));
    assert_int_equal(w, json_integer_value(json_object_get(expected, "width")));
    assert_int_equal(h, json_integer_value(json_object_get(expected, "height")));
    uint8_t *out = test_malloc(w * h * 3);
    assert_true(resize_bicubic(rgb, width, height, out, w, h, &err));
    digest(out, w * h * 3, hex);
    if (sha256 != NULL && strcmp(hex, sha256) != 0) {
        fail_msg("%s at %s: other bytes than Pillow's", name, budget);
    }
    test_free(out);
}

/* A JPEG's pixels depend on the decoder, so only its size and orientation are compared. */
static void test_pictures(void **state)
{
    (void)state;
    json_error_t error;
    json_t *list = json_load_file(TEST_DATA "/pictures.json", 0, &error), *picture, *entry;
    const char *name, *budget;
    size_t checked = 0;
    assert_non_null(list);
    json_object_foreach(list, name, picture)
    {
        char path[4096];
        size_t width, height;
        snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
        uint8_t *rgb = load(path, &width, &height);
        json_t *size = json_object_get(picture, "decoded");
        assert_int_equal(width, json_integer_value(json_array_get(size, 0)));
        assert_int_equal(height, json_integer_value(json_array_get(size, 1)));
        json_object_foreach(picture, budget, entry)
        {
            if (json_is_object(entry)) {
                check_budget(name, rgb, width, height, budget, entry,
                             strstr(name, ".jpg") != NULL
                                 ? NULL
                                 : json_string_value(json_object_get(entry, "sha256")));
                checked++;
            }
        }
        mem_free(rgb);
    }
    assert_true(checked >= 40);
    json_decref(list);
}

static void test_refusals(void **state)
{
    (void)state;
    size_t w = 7, h = 7;
    struct err err;
    assert_false(resize_target(10, 10, 71, &w, &h, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_false(resize_target(0, 10, 70, &w, &h, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_false(resize_target(65536, 1, 70, &w, &h, &err));
    assert_false(resize_target(65535, 65535, 70, &w, &h, &err));
    assert_int_equal(w, 7);
    assert_int_equal(h, 7);
    assert_true(resize_target(1, 65535, 1120, &w, &h, &err));
    assert_int_equal(w, 48);
    assert_int_equal(h, 1120 * 48);
}

static void test_patches(void **state)
{
    (void)state;
    static uint8_t rgb[32 * 48 * 3];
    static float patches[6 * PATCHES_VALUES];
    for (size_t i = 0; i < sizeof rgb; i++) {
        rgb[i] = (uint8_t)(i * 31 + i / 255);
    }
    patches_cut(rgb, 48, 32, patches);
    for (size_t n = 0; n < 6; n++) {
        for (size_t i = 0; i < PATCHES_VALUES; i++) {
            size_t y = n / 3 * 16 + i / 48, x = n % 3 * 16 + i / 3 % 16;
            float expected = (float)rgb[(y * 48 + x) * 3 + i % 3] / 255.0f;
            assert_true(patches[n * PATCHES_VALUES + i] == expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_patches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
