/* Frames and points over a picture: where their pixels are, that none lies outside, and that the
 * file that is written is read again as it was drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/overlay.h"
#include "media/picture_file.h"
#include "media/png_write.h"

enum { WIDTH = 90, HEIGHT = 60, CHANNELS = 3 };

static bool drawn(const struct overlay *overlay, size_t x, size_t y)
{
    const uint8_t *pixel = overlay->rgb + (y * overlay->width + x) * CHANNELS;
    return pixel[0] != 100 || pixel[1] != 100 || pixel[2] != 100;
}

static void make(struct overlay *overlay)
{
    uint8_t grey[WIDTH * HEIGHT * CHANNELS];
    memset(grey, 100, sizeof grey);
    assert_true(overlay_copy(grey, WIDTH, HEIGHT, 0, overlay));
    assert_int_equal(overlay->width, WIDTH);
}

static void test_frame(void **state)
{
    (void)state;
    struct overlay overlay;
    make(&overlay);
    overlay_draw(
        &overlay,
        &(struct overlay_mark){.top = 20, .left = 30, .bottom = 49, .right = 79, .number = 1}, 2);
    for (size_t y = 0; y < HEIGHT; y++) {
        for (size_t x = 0; x < WIDTH; x++) {
            bool within = x >= 30 && x <= 79 && y >= 20 && y <= 49;
            bool line = within && (x < 32 || x > 77 || y < 22 || y > 47);
            bool number = within && y < 20 + 7 * 2 && x < 30 + 5 * 2;
            if (line || !within) {
                assert_int_equal(drawn(&overlay, x, y), line);
            } else if (!number) {
                assert_false(drawn(&overlay, x, y));
            }
        }
    }
    assert_true(drawn(&overlay, 33, 23)); /* the number's ground */
    mem_free(overlay.rgb);
}

static void test_edges(void **state)
{
    (void)state;
    struct overlay overlay;
    make(&overlay);
    for (unsigned i = 0; i < 200; i++) { /* every corner, all widths: the sanitizer looks on */
        struct overlay_mark mark = {.top = i % 2 * (HEIGHT - 1),
                                    .left = i / 2 % 2 * (WIDTH - 1),
                                    .number = 1000000000u + i};
        mark.bottom = i % 3 == 0 ? mark.top : HEIGHT - 1;
        mark.right = i % 3 == 0 ? mark.left : WIDTH - 1;
        overlay_draw(&overlay, &mark, i);
    }
    assert_true(drawn(&overlay, 0, 0));
    mem_free(overlay.rgb);
}

static void test_point(void **state)
{
    (void)state;
    struct overlay overlay;
    make(&overlay);
    overlay_draw(
        &overlay,
        &(struct overlay_mark){.top = 30, .left = 40, .bottom = 30, .right = 40, .number = 2}, 1);
    assert_true(drawn(&overlay, 40, 30));
    assert_true(drawn(&overlay, 37, 30));
    assert_true(drawn(&overlay, 40, 33));
    assert_false(drawn(&overlay, 36, 30));
    assert_false(drawn(&overlay, 38, 28));
    mem_free(overlay.rgb);
}

static void test_smaller(void **state)
{
    (void)state;
    uint8_t rgb[4 * 2 * CHANNELS];
    struct overlay overlay;
    for (size_t i = 0; i < sizeof rgb; i++) {
        rgb[i] = (uint8_t)(i / CHANNELS % 4 < 2 ? 10 : 200);
    }
    assert_true(overlay_copy(rgb, 4, 2, 2, &overlay));
    assert_int_equal(overlay.width, 2);
    assert_int_equal(overlay.height, 1);
    assert_int_equal(overlay.rgb[0], 10);
    assert_int_equal(overlay.rgb[CHANNELS], 200);
    mem_free(overlay.rgb);
    assert_true(overlay_copy(rgb, 8, 1, 2, &overlay)); /* never without a row */
    assert_int_equal(overlay.height, 1);
    mem_free(overlay.rgb);
}

static void test_file(void **state)
{
    (void)state;
    struct overlay overlay;
    struct err err = {0};
    unsigned char *bytes;
    uint8_t *rgb;
    size_t size, width, height;
    make(&overlay);
    for (size_t i = 0; i < WIDTH * HEIGHT * CHANNELS; i++) {
        overlay.rgb[i] = (uint8_t)(i * i >> 7 ^ i);
    }
    assert_true(png_write(overlay.rgb, WIDTH, HEIGHT, &bytes, &size, &err));
    assert_true(picture_file_decode(bytes, size, &rgb, &width, &height, &err));
    assert_int_equal(width, WIDTH);
    assert_int_equal(height, HEIGHT);
    assert_memory_equal(rgb, overlay.rgb, WIDTH * HEIGHT * CHANNELS);
    mem_free(rgb);
    mem_free(bytes);
    assert_false(png_write(overlay.rgb, 1 << 20, 1 << 20, &bytes, &size, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    mem_free(overlay.rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame),   cmocka_unit_test(test_edges), cmocka_unit_test(test_point),
        cmocka_unit_test(test_smaller), cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
