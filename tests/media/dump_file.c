/* dump_file: window dumps made here, field by field: pixels as they were meant, and each field that
 * is wrong by itself. */
#include "media/dump_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/picture_file.h"

/* The places of the header's numbers. */
enum {
    SIZE,
    VERSION,
    FORMAT,
    WIDTH = 4,
    HEIGHT,
    ORDER = 7,
    BITS = 11,
    LINE,
    CLASS,
    RED,
    GREEN,
    BLUE,
    COLOURS = 19,
    HEADER = 100
};

struct dump {
    unsigned char bytes[256];
    size_t size;
};

static void set(struct dump *dump, int field, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        dump->bytes[field * 4 + i] = (unsigned char)(value >> (24 - 8 * i));
    }
}

/* Two rows of two pixels, all black. */
static struct dump make(uint32_t bits, bool little)
{
    struct dump dump = {.size = HEADER + 4 * bits / 8};
    set(&dump, SIZE, HEADER);
    set(&dump, VERSION, 7);
    set(&dump, FORMAT, 2);
    set(&dump, WIDTH, 2);
    set(&dump, HEIGHT, 2);
    set(&dump, ORDER, little ? 0 : 1);
    set(&dump, BITS, bits);
    set(&dump, LINE, 2 * bits / 8);
    set(&dump, CLASS, 4);
    set(&dump, RED, bits == 16 ? 0xF800 : 0xFF0000);
    set(&dump, GREEN, bits == 16 ? 0x07E0 : 0x00FF00);
    set(&dump, BLUE, bits == 16 ? 0x001F : 0x0000FF);
    return dump;
}

static void put_pixel(struct dump *dump, size_t start, size_t index, uint32_t value)
{
    size_t count = dump->bytes[BITS * 4 + 3] / 8;
    for (size_t i = 0; i < count; i++) {
        size_t shift = dump->bytes[ORDER * 4 + 3] == 0 ? i : count - 1 - i;
        dump->bytes[start + index * count + i] = (unsigned char)(value >> 8 * shift);
    }
}

static void expect(const struct dump *dump, const uint8_t pixels[12])
{
    uint8_t *rgb = NULL;
    size_t width = 0, height = 0;
    struct err err;
    assert_true(dump_file_is(dump->bytes, dump->size));
    if (!dump_file_decode(dump->bytes, dump->size, &rgb, &width, &height, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(width, 2);
    assert_int_equal(height, 2);
    assert_memory_equal(rgb, pixels, 12);
    mem_free(rgb);
}

static void test_pixels(void **state)
{
    (void)state;
    static const uint32_t colours[] = {0xFF0000, 0x00FF00, 0x0000FF, 0x123456};
    static const uint8_t wanted[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 0x12, 0x34, 0x56};
    for (uint32_t bits = 24; bits <= 32; bits += 8) {
        for (int little = 0; little <= 1; little++) {
            struct dump dump = make(bits, little);
            for (size_t i = 0; i < 4; i++) {
                /* What is in no mask is not looked at. */
                put_pixel(&dump, HEADER, i, colours[i] | (bits == 32 ? 0xA5000000 : 0));
            }
            expect(&dump, wanted);
            set(&dump, CLASS, 5);
            expect(&dump, wanted);
        }
    }
    struct dump dump = make(16, true);
    put_pixel(&dump, HEADER, 0, 0xFFFF);
    put_pixel(&dump, HEADER, 1, 16 << 11 | 32 << 5 | 16); /* rounded: 131.6 and 129.5 */
    put_pixel(&dump, HEADER, 2, 1 << 11);
    put_pixel(&dump, HEADER, 3, 31);
    expect(&dump, (const uint8_t[12]){255, 255, 255, 132, 130, 132, 8, 0, 0, 0, 0, 255});
}

/* A name, a colour map and what fills up a line stand before and between the pixels. */
static void test_what_is_between(void **state)
{
    (void)state;
    struct dump dump = make(24, false);
    enum { NAME = 5, MAP = 2 * 12, FILL = 2, START = HEADER + NAME + MAP };
    set(&dump, SIZE, HEADER + NAME);
    set(&dump, COLOURS, 2);
    set(&dump, LINE, 6 + FILL);
    memset(dump.bytes + HEADER, 0xEE, sizeof dump.bytes - HEADER);
    put_pixel(&dump, START, 0, 0x010203);
    put_pixel(&dump, START, 1, 0x040506);
    put_pixel(&dump, START + 6 + FILL, 0, 0x070809);
    put_pixel(&dump, START + 6 + FILL, 1, 0x0A0B0C);
    dump.size = START + 2 * (6 + FILL);
    expect(&dump, (const uint8_t[12]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
}

static enum err_code refused(const struct dump *dump)
{
    uint8_t *rgb = NULL;
    size_t width = 77, height = 77;
    struct err err = {0};
    if (dump_file_decode(dump->bytes, dump->size, &rgb, &width, &height, &err)) {
        mem_free(rgb);
        return ERR_NONE;
    }
    assert_true(rgb == NULL && width == 77 && height == 77);
    return err.code;
}

static void test_each_wrong_field(void **state)
{
    (void)state;
    static const struct {
        int field;
        uint32_t value;
        enum err_code code;
    } rows[] = {
        {VERSION, 6, ERR_FORMAT},       {VERSION, 8, ERR_FORMAT},
        {SIZE, HEADER - 1, ERR_FORMAT}, {SIZE, 65535, ERR_FORMAT},
        {SIZE, 65536, ERR_FORMAT},      {SIZE, HEADER + 1, ERR_FORMAT},
        {FORMAT, 1, ERR_UNSUPPORTED},   {CLASS, 3, ERR_UNSUPPORTED},
        {CLASS, 6, ERR_UNSUPPORTED},    {BITS, 8, ERR_UNSUPPORTED},
        {BITS, 31, ERR_UNSUPPORTED},    {BITS, 64, ERR_UNSUPPORTED},
        {WIDTH, 0, ERR_LIMIT},          {HEIGHT, 0, ERR_LIMIT},
        {WIDTH, 65536, ERR_LIMIT},      {HEIGHT, 65536, ERR_LIMIT},
        {WIDTH, 65535, ERR_FORMAT},     {HEIGHT, 65535, ERR_FORMAT},
        {HEIGHT, 3, ERR_FORMAT},        {LINE, 7, ERR_FORMAT},
        {LINE, 9, ERR_FORMAT},          {LINE, UINT32_MAX, ERR_FORMAT},
        {COLOURS, 1, ERR_FORMAT},       {COLOURS, UINT32_MAX, ERR_FORMAT},
        {RED, 0, ERR_FORMAT},           {GREEN, 0, ERR_FORMAT},
        {BLUE, 0, ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dump dump = make(32, true);
        assert_int_equal(refused(&dump), ERR_NONE);
        set(&dump, rows[i].field, rows[i].value);
        enum err_code code = refused(&dump);
        if (code != rows[i].code) {
            fail_msg("field %d as %u: %d, not %d", rows[i].field, rows[i].value, (int)code,
                     (int)rows[i].code);
        }
        bool is_dump = rows[i].field != VERSION && rows[i].value != HEADER - 1 &&
                       (rows[i].field != SIZE || rows[i].value < 65536);
        assert_int_equal(dump_file_is(dump.bytes, dump.size), is_dump);
    }
}

static void test_ends(void **state)
{
    (void)state;
    struct dump dump = make(32, false);
    for (; dump.size > 0; dump.size--) {
        assert_int_equal(refused(&dump), dump.size == HEADER + 16 ? ERR_NONE : ERR_FORMAT);
        assert_int_equal(dump_file_is(dump.bytes, dump.size), dump.size >= HEADER);
    }
    /* As many pixels as may be are missed as bytes; a column more is too many. */
    dump = make(32, false);
    set(&dump, WIDTH, 1 << 14);
    set(&dump, LINE, 4 << 14);
    set(&dump, HEIGHT, PICTURE_FILE_PIXELS_MAX >> 14);
    assert_int_equal(refused(&dump), ERR_FORMAT);
    set(&dump, WIDTH, (1 << 14) + 1);
    assert_int_equal(refused(&dump), ERR_LIMIT);
    dump = make(32, false);
    mem_fail_at(1, 0);
    assert_int_equal(refused(&dump), ERR_MEMORY);
    mem_fail_at(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_what_is_between),
        cmocka_unit_test(test_each_wrong_field),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
