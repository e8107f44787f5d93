/* wav: sound and broken WAV files, made here byte by byte. */
#include "media/sound_file.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/resample.h"

struct file {
    unsigned char bytes[512];
    size_t size;
};

static void put(struct file *file, const void *bytes, size_t size)
{
    assert_true(file->size + size <= sizeof file->bytes);
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static void put_number(struct file *file, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        put(file, &byte, 1);
    }
}

static void put_head(struct file *file)
{
    file->size = 0;
    put(file, "RIFF\xFF\xFF\xFF\xFFWAVE", 12);
}

static void put_format(struct file *file, uint32_t coding, uint32_t channels, uint32_t rate,
                       uint32_t bits)
{
    put(file, "fmt ", 4);
    put_number(file, 16, 4);
    put_number(file, coding, 2);
    put_number(file, channels, 2);
    put_number(file, rate, 4);
    put_number(file, rate * channels * bits / 8, 4);
    put_number(file, channels * bits / 8, 2);
    put_number(file, bits, 2);
}

static void put_data(struct file *file, uint32_t size, const void *data, size_t given)
{
    put(file, "data", 4);
    put_number(file, size, 4);
    put(file, data, given);
}

static void expect(const struct file *file, const float *expected, size_t expected_count)
{
    struct err err;
    float *samples;
    size_t count;
    if (!sound_file_decode(file->bytes, file->size, &samples, &count, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_float_equal(samples[i], expected[i], 0);
    }
    mem_free(samples);
}

static void expect_error(const struct file *file, enum err_code code, const char *word)
{
    struct err err = {0};
    float *samples = NULL;
    size_t count = 77;
    assert_false(sound_file_decode(file->bytes, file->size, &samples, &count, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.text, word) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
    }
    assert_null(samples);
    assert_int_equal(count, 77);
}

static const int16_t levels[] = {0, 16384, -32768, 32767};

static void test_pcm(void **state)
{
    (void)state;
    static const float expected[] = {0, 0.5f, -1, 32767 / 32768.0f};
    struct file file;
    put_head(&file);
    put_format(&file, 1, 1, 16000, 16);
    put_data(&file, sizeof levels, levels, sizeof levels);
    expect(&file, expected, 4);
    for (size_t cut = 0; cut < 44 + sizeof levels; cut++) { /* no shorter file passes as one */
        struct file shorter = file;
        shorter.size = cut;
        expect_error(&shorter, ERR_FORMAT, "WAV");
    }
}

static void test_stereo_is_the_mean(void **state)
{
    (void)state;
    static const float expected[] = {0.25f, -1 / 65536.0f};
    struct file file;
    put_head(&file);
    put_format(&file, 1, 2, 16000, 16);
    put_data(&file, sizeof levels, levels, sizeof levels);
    expect(&file, expected, 2);
    put_head(&file); /* half a moment at the end is left out */
    put_format(&file, 1, 2, 16000, 16);
    put_data(&file, 6, levels, 6);
    expect(&file, expected, 1);
}

/* One full level down and half of one up in every width. */
static void test_widths(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        unsigned char bytes[8];
    } widths[] = {
        {8, {0x00, 0xC0}},
        {16, {0x00, 0x80, 0x00, 0x40}},
        {24, {0x00, 0x00, 0x80, 0x00, 0x00, 0x40}},
        {32, {0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x40}},
    };
    static const float expected[] = {-1, 0.5f};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct file file;
        put_head(&file);
        put_format(&file, 1, 1, 16000, widths[i].bits);
        put_data(&file, widths[i].bits / 4, widths[i].bytes, widths[i].bits / 4);
        expect(&file, expected, 2);
    }
}

static const double two_pi = 6.283185307179586;

static float *tone(size_t count, double rate, double hertz)
{
    float *samples = test_malloc(count * sizeof *samples);
    for (size_t i = 0; i < count; i++) {
        samples[i] = (float)sin(two_pi * hertz * (double)i / rate);
    }
    return samples;
}

/* Away from the ends a tone stays the tone that it was, and one that 16 kHz cannot hold is gone. */
static void test_other_rates(void **state)
{
    (void)state;
    static const uint32_t rates[] = {8000, 11025, 22050, 44100, 48000, 96000};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        for (int high = 0; high < 2; high++) {
            struct err err;
            size_t count = rates[r] / 2, made;
            float *out, *in = tone(count, rates[r], high == 1 ? 9500 : 440);
            if (high == 1 && rates[r] < 20000) {
                test_free(in);
                continue;
            }
            assert_true(resample(in, count, rates[r], 16000, &out, &made, &err));
            assert_in_range(made, 8000, 8001);
            float *expected = tone(made, 16000, 440);
            for (size_t i = 200; i + 200 < made; i++) {
                assert_float_equal(out[i], high == 1 ? 0 : expected[i], 5e-4);
            }
            test_free(in);
            test_free(expected);
            mem_free(out);
        }
    }
}

/* Of a sound that is short only the weights that it needs are made, and they are those of a long
 * one. All of the last rate's would be 200 MB. */
static void test_short_sounds(void **state)
{
    (void)state;
    struct err err;
    float *out, *expected, *in = tone(60, 44100, 440);
    size_t made, wanted;
    struct resample_bank *bank = resample_bank_create(44100, 16000, &err);
    assert_non_null(bank);
    for (size_t count = 0; count <= 60; count += 20) {
        assert_true(resample(in, count, 44100, 16000, &out, &made, &err));
        assert_true(resample_with(bank, in, count, &expected, &wanted, &err));
        assert_int_equal(made, wanted);
        assert_memory_equal(out, expected, made * sizeof *out);
        mem_free(expected);
        mem_free(out);
    }
    resample_bank_destroy(bank);
    assert_true(resample(in, 60, 383999, 16000, &out, &made, &err));
    assert_int_equal(made, 3);
    test_free(in);
    mem_free(out);
}

static void test_float(void **state)
{
    (void)state;
    static const float values[] = {0.25f, -1.5f};
    struct file file;
    put_head(&file);
    put_format(&file, 3, 1, 16000, 32);
    put_data(&file, sizeof values, values, sizeof values);
    expect(&file, values, 2);
    static const uint32_t infinite[] = {0, 0x7F800000};
    put_head(&file);
    put_format(&file, 3, 1, 16000, 32);
    put_data(&file, sizeof infinite, infinite, sizeof infinite);
    expect_error(&file, ERR_FORMAT, "sample 1 of the sound is not a finite number");
    static const float loud[] = {0, -3e38f};
    put_head(&file);
    put_format(&file, 3, 1, 16000, 32);
    put_data(&file, sizeof loud, loud, sizeof loud);
    expect_error(&file, ERR_FORMAT, "sample 1 of the sound is -3e+38; 1073741824 is the most");
}

/* A foreign chunk of an odd size before the data, and the extensible form of the format. */
static void test_chunks(void **state)
{
    (void)state;
    static const float expected[] = {0, 0.5f};
    struct file file;
    put_head(&file);
    put(&file, "LIST\x03\x00\x00\x00", 8);
    put(&file, "abc", 4);
    put(&file, "fmt \x28\x00\x00\x00", 8);
    put_number(&file, 0xFFFE, 2);
    put_number(&file, 1, 2);
    put_number(&file, 16000, 4);
    put_number(&file, 32000, 4);
    put_number(&file, 2, 2);
    put_number(&file, 16, 2);
    put(&file, "\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00", 10);
    put(&file, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71", 14);
    put_data(&file, 4, levels, 4);
    expect(&file, expected, 2);
}

/* Written to a pipe: the size of the data is not known. */
static void test_unknown_size(void **state)
{
    (void)state;
    static const float expected[] = {0, 0.5f, -1, 32767 / 32768.0f};
    struct file file;
    put_head(&file);
    put_format(&file, 1, 1, 16000, 16);
    put_data(&file, UINT32_MAX, levels, sizeof levels);
    expect(&file, expected, 4);
    put_head(&file);
    put_format(&file, 1, 1, 16000, 16);
    put_data(&file, 0, levels, 0);
    expect(&file, expected, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        uint32_t coding, channels, rate, bits;
        enum err_code code;
        const char *word;
    } cases[] = {
        {1, 1, 3999, 16, ERR_UNSUPPORTED, "3999 samples a second; 4000 to 384000"},
        {1, 1, 16000, 12, ERR_UNSUPPORTED, "coding 1 with 12 bits"},
        {1, 1, 16000, 64, ERR_UNSUPPORTED, "coding 1 with 64 bits"},
        {3, 1, 16000, 64, ERR_UNSUPPORTED, "coding 3 with 64 bits"},
        {85, 1, 16000, 16, ERR_UNSUPPORTED, "coding 85"},
        {1, 0, 16000, 16, ERR_FORMAT, "0 channels"},
        {1, 65, 16000, 16, ERR_FORMAT, "65 channels"},
    };
    struct file file;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_head(&file);
        put_format(&file, cases[i].coding, cases[i].channels, cases[i].rate, cases[i].bits);
        put_data(&file, sizeof levels, levels, sizeof levels);
        expect_error(&file, cases[i].code, cases[i].word);
    }
    put_head(&file);
    put_data(&file, sizeof levels, levels, sizeof levels);
    expect_error(&file, ERR_FORMAT, "data before its format");
    put_head(&file);
    put_format(&file, 1, 1, 16000, 16);
    put_data(&file, 9, levels, sizeof levels);
    expect_error(&file, ERR_FORMAT, "says 9 bytes, 8 are left");
    memcpy(file.bytes, "RIFX", 4);
    expect_error(&file, ERR_FORMAT, "not a WAV file");
}

static void test_no_memory(void **state)
{
    (void)state;
    struct file file;
    put_head(&file);
    put_format(&file, 1, 1, 16000, 16);
    put_data(&file, sizeof levels, levels, sizeof levels);
    mem_fail_at(1, 0);
    expect_error(&file, ERR_MEMORY, "4 samples");
    mem_fail_at(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcm),          cmocka_unit_test(test_stereo_is_the_mean),
        cmocka_unit_test(test_widths),       cmocka_unit_test(test_other_rates),
        cmocka_unit_test(test_short_sounds), cmocka_unit_test(test_float),
        cmocka_unit_test(test_chunks),       cmocka_unit_test(test_unknown_size),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
