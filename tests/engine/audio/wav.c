/* wav: sound and broken WAV files, made here byte by byte. */
#include "cli_wav.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

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
    if (!cli_wav_decode(file->bytes, file->size, &samples, &count, &err)) {
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
    assert_false(cli_wav_decode(file->bytes, file->size, &samples, &count, &err));
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
        {1, 1, 44100, 16, ERR_UNSUPPORTED, "44100 samples a second; it must have 16000"},
        {1, 1, 16000, 24, ERR_UNSUPPORTED, "coding 1 with 24 bits"},
        {1, 1, 16000, 8, ERR_UNSUPPORTED, "coding 1 with 8 bits"},
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
        cmocka_unit_test(test_float),        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_unknown_size), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
