/* A device's frames in pieces give the samples that the whole sound gives at once. */
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
#include "media/sound_file.h"
#include "media/sound_write.h"
#include "voice/sound_stream.h"

static const double pi = 3.14159265358979323846;

static float *make_sound(size_t count, uint32_t rate)
{
    float *samples = mem_alloc(count, sizeof *samples);
    uint32_t noise = 1;
    for (size_t i = 0; i < count; i++) {
        noise = noise * 1664525 + 1013904223;
        double time = (double)i / (double)rate;
        samples[i] = (float)(0.3 * sin(2 * pi * 440 * time) + 0.2 * sin(2 * pi * 3000 * time) +
                             0.1 * ((double)(noise >> 8) / (1 << 24) - 0.5));
    }
    return samples;
}

static void check_rate(uint32_t rate, int channels, size_t count, size_t piece)
{
    struct err err = {0};
    float *mono = make_sound(count, rate), *whole;
    float *frames = mem_alloc(count * (size_t)channels, sizeof *frames);
    for (size_t i = 0; i < count; i++) {
        for (int c = 0; c < channels; c++) { /* the channels differ; their mean is the sound */
            frames[i * (size_t)channels + (size_t)c] = channels == 1 ? mono[i]
                                                                     : mono[i] + (c == 0   ? 0.1F
                                                                                  : c == 1 ? -0.1F
                                                                                           : 0);
        }
    }
    size_t wanted;
    assert_true(resample(mono, count, rate, SOUND_STREAM_RATE, &whole, &wanted, &err));
    struct sound_stream stream;
    struct sound_samples out = {0};
    assert_true(sound_stream_init(&stream, rate, channels, &err));
    for (size_t at = 0, some; at < count; at += some) {
        some = count - at < piece ? count - at : piece;
        assert_true(sound_stream_feed(&stream, frames + at * (size_t)channels, some, &out, &err));
    }
    assert_true(sound_stream_end(&stream, &out, &err));
    assert_int_equal(out.count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        assert_true(fabsf(out.items[i] - whole[i]) < 2e-6F);
    }
    sound_stream_finish(&stream);
    sound_samples_finish(&out);
    mem_free(whole);
    mem_free(frames);
    mem_free(mono);
}

static void equals_the_whole(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate;
        int channels;
    } devices[] = {{16000, 1}, {16000, 2}, {44100, 2}, {48000, 1}, {48000, 6},
                   {22050, 1}, {11025, 2}, {8000, 1},  {96000, 2}, {44056, 1}};
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        check_rate(devices[i].rate, devices[i].channels, devices[i].rate + 777, 941);
    }
    check_rate(44100, 2, 3000, 1);
    check_rate(44100, 2, 3, 64); /* shorter than the filter */
    check_rate(48000, 1, 48000, 48000);
}

static void refuses(void **state)
{
    (void)state;
    struct err err = {0};
    struct sound_stream stream;
    assert_false(sound_stream_init(&stream, 3999, 1, &err));
    assert_non_null(strstr(err.text, "3999"));
    assert_false(sound_stream_init(&stream, 384001, 1, &err));
    assert_false(sound_stream_init(&stream, 44100, 0, &err));
    assert_false(sound_stream_init(&stream, 44100, 65, &err));
    assert_non_null(strstr(err.text, "65 channels"));
}

static void tames_values(void **state)
{
    (void)state;
    struct err err = {0};
    struct sound_stream stream;
    struct sound_samples out = {0};
    const float frames[] = {NAN, INFINITY, -INFINITY, 7, -7, 0.5F};
    assert_true(sound_stream_init(&stream, 16000, 1, &err));
    assert_true(sound_stream_feed(&stream, frames, 6, &out, &err));
    const float wanted[] = {0, 0, 0, 1, -1, 0.5F};
    assert_int_equal(out.count, 6);
    assert_memory_equal(out.items, wanted, sizeof wanted);
    sound_samples_drop(&out, 4);
    assert_int_equal(out.count, 2);
    sound_samples_drop(&out, 9);
    assert_int_equal(out.count, 0);
    sound_samples_finish(&out);
    sound_stream_finish(&stream);
}

/* The file that is kept is read as the samples that were heard. */
static void file_is_the_sound(void **state)
{
    (void)state;
    struct err err = {0};
    enum { COUNT = 5000 };
    float *samples = make_sound(COUNT, 16000), *again;
    samples[0] = 1;
    samples[1] = -1;
    unsigned char *file = mem_alloc(sound_write_size(COUNT), 1);
    size_t count;
    sound_write(samples, COUNT, file);
    assert_true(sound_file_decode(file, sound_write_size(COUNT), &again, &count, &err));
    assert_int_equal(count, COUNT);
    assert_memory_equal(samples, again, COUNT * sizeof *samples);
    sound_write(samples, 0, file);
    mem_free(again);
    mem_free(file);
    mem_free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_whole),
        cmocka_unit_test(refuses),
        cmocka_unit_test(tames_values),
        cmocka_unit_test(file_is_the_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
