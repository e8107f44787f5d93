/* log_mel: frames of computed sounds against values that two independent programs agree on, the
 * triangles against facts about them, and counts. With CARAT_FIXTURES set to a folder of
 * reference results, every clip in its audio/ is compared with the feature extractor of the
 * transformers library.
 */
#include "audio/log_mel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "sound.h"

static const float limit = 1e-4f;
static const float silence = -6.907755f; /* ln 0.001 */

enum { SHORT = 1600, SHORT_FRAMES = 9 };

struct value {
    size_t frame, band;
    float expected;
};

static void check_values(const char *what, const float *mel, const struct value *values,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sound_close(what, mel + values[i].frame * LOG_MEL_BANDS + values[i].band,
                    &values[i].expected, 1, limit);
    }
}

static float mean(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
    }
    return (float)(sum / (double)count);
}

static float *short_log_mel(const float samples[SHORT])
{
    size_t frames;
    float *mel = sound_log_mel(samples, SHORT, &frames);
    assert_int_equal(frames, SHORT_FRAMES);
    return mel;
}

static void test_tone(void **state)
{
    (void)state;
    static const struct value expected[] = {
        {0, 1, 0.808556f},    {0, 2, -0.376336f},   {0, 8, 0.263379f},    {0, 16, 1.255163f},
        {0, 17, 0.732484f},   {0, 18, 1.716925f},   {0, 32, 0.871493f},   {0, 64, -1.241259f},
        {0, 100, -2.105159f}, {0, 127, -2.153034f}, {1, 1, -4.019087f},   {1, 2, -5.085850f},
        {1, 8, -3.943486f},   {1, 16, -1.793608f},  {1, 17, -1.812203f},  {1, 18, -0.220845f},
        {1, 32, -1.793426f},  {1, 64, -6.397553f},  {1, 127, -6.901781f}, {0, 0, -6.907755f},
    };
    float samples[SHORT];
    for (int n = 0; n < SHORT; n++) {
        samples[n] = (float)(0.5 * sin(2 * 3.14159265358979323846 * 440 * n / LOG_MEL_RATE));
    }
    float *mel = short_log_mel(samples);
    check_values("tone", mel, expected, sizeof expected / sizeof expected[0]);
    float average = mean(mel, SHORT_FRAMES * LOG_MEL_BANDS), known = -4.585668f;
    sound_close("mean of the tone", &average, &known, 1, limit);
    /* 440 Hz come back to the same phase after 400 samples times 11, that is after 3 frames. */
    sound_close("frame 4 of the tone", mel + (size_t)4 * LOG_MEL_BANDS, mel + LOG_MEL_BANDS,
                LOG_MEL_BANDS, limit);
    mem_free(mel);
}

static void test_noise(void **state)
{
    (void)state;
    static const struct value expected[] = {
        {0, 1, -1.556103f},  {0, 8, -1.482169f},  {0, 16, -0.198179f}, {0, 32, 0.433955f},
        {0, 64, -0.326959f}, {0, 100, 1.019017f}, {0, 127, 2.108289f}, {4, 1, -0.203179f},
        {4, 8, -0.478019f},  {4, 16, -0.130521f}, {4, 32, 0.747914f},  {4, 64, 0.776645f},
        {4, 100, 2.139159f}, {4, 127, 1.945887f},
    };
    float samples[SHORT];
    uint32_t seed = 1;
    for (int n = 0; n < SHORT; n++) {
        seed = seed * 1664525U + 1013904223U;
        samples[n] = (float)((int)(seed >> 16) - 32768) / 32768.0f * 0.25f;
    }
    float *mel = short_log_mel(samples);
    check_values("noise", mel, expected, sizeof expected / sizeof expected[0]);
    float average = mean(mel, SHORT_FRAMES * LOG_MEL_BANDS), known = 0.568295f;
    sound_close("mean of the noise", &average, &known, 1, limit);
    mem_free(mel);
}

static void test_impulse(void **state)
{
    (void)state;
    static const struct value expected[] = {
        {0, 1, -0.957103f},  {0, 2, -2.137103f},  {0, 8, -1.583781f},  {0, 16, -1.029227f},
        {0, 32, -0.906699f}, {0, 64, -0.294047f}, {0, 100, 0.450557f}, {0, 127, 0.976864f},
    };
    float samples[SHORT] = {0};
    samples[80] = 1;
    float *mel = short_log_mel(samples);
    check_values("impulse", mel, expected, sizeof expected / sizeof expected[0]);
    sound_close("both frames with the impulse", mel, mel + LOG_MEL_BANDS, LOG_MEL_BANDS, limit);
    for (size_t i = (size_t)2 * LOG_MEL_BANDS; i < (size_t)SHORT_FRAMES * LOG_MEL_BANDS; i++) {
        assert_float_equal(mel[i], silence, 1e-6);
    }
    mem_free(mel);
}

static void test_silence(void **state)
{
    (void)state;
    float samples[SHORT] = {0};
    float *mel = short_log_mel(samples);
    for (size_t i = 0; i < (size_t)SHORT_FRAMES * LOG_MEL_BANDS; i++) {
        assert_float_equal(mel[i], silence, 1e-6);
    }
    mem_free(mel);
}

static void test_bands(void **state)
{
    (void)state;
    static struct log_mel log_mel;
    log_mel_init(&log_mel);
    const struct log_mel_band *bands = log_mel.bands;
    assert_int_equal(bands[0].count, 0);
    assert_int_equal(bands[1].count, 1);
    assert_int_equal(bands[1].first, 1);
    assert_float_equal(bands[1].weight[0], 0.76600767, 1e-7);
    assert_float_equal(bands[2].weight[0], 0.233992, 1e-6);
    assert_int_equal(bands[3].first, 2);
    assert_float_equal(bands[3].weight[0], 0.62437, 1e-5);
    assert_int_equal(bands[64].first, 56);
    assert_int_equal(bands[64].count, 3);
    assert_float_equal(bands[64].weight[0], .12848555, 1e-7);
    assert_float_equal(bands[64].weight[1], .77670788, 1e-7);
    assert_float_equal(bands[64].weight[2], .58329019, 1e-7);
    assert_int_equal(bands[127].first, 246);
    assert_float_equal(bands[127].weight[0], .126341, 1e-6);
    assert_float_equal(bands[127].weight[5], .928379, 1e-6);
    double sum = 0;
    for (int m = 0; m < LOG_MEL_BANDS; m++) {
        for (int i = 0; i < bands[m].count; i++) {
            sum += bands[m].weight[i];
        }
    }
    assert_float_equal(sum, 252.785135, 1e-6);
}

static void test_frame_counts(void **state)
{
    (void)state;
    static const size_t cases[][2] = {
        {0, 0},         {1, 0},         {100, 0},       {160, 0},         {161, 1},
        {320, 1},       {321, 2},       {800, 4},       {8000, 49},       {16000, 99},
        {16001, 100},   {48000, 299},   {160000, 999},  {208000, 1299},   {478400, 2989},
        {480000, 2999}, {480001, 2999}, {496000, 2999}, {SIZE_MAX, 2999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(log_mel_frames(cases[i][0]), cases[i][1]);
    }
}

/* --- reference results --- */

static size_t check_part(struct safetensors *golden, const char *clip, const char *part,
                         const float *mel, size_t first, size_t step)
{
    char name[128];
    struct safetensors_view view;
    snprintf(name, sizeof name, "%s%s", clip, part);
    if (!safetensors_get(golden, name, &view) || view.shape[0] == 0) {
        return 0;
    }
    const float *expected = view.data;
    for (size_t i = 0; i < view.shape[0]; i++) {
        const float *frame = mel + (first + i * step) * LOG_MEL_BANDS;
        for (size_t band = 0; band < LOG_MEL_BANDS; band++) {
            float known = expected[i * LOG_MEL_BANDS + band];
            if (!(fabsf(frame[band] - known) <= limit)) {
                fail_msg("%s: row %zu, band %zu is %g instead of %g", name, i, band,
                         (double)frame[band], (double)known);
            }
        }
    }
    return view.shape[0];
}

static void check_clip(const char *folder, struct safetensors *golden, const char *clip,
                       const json_t *facts)
{
    char name[128], path[512];
    size_t count, frames;
    snprintf(name, sizeof name, "audio/wav/%s.wav", clip);
    sound_path(path, folder, name);
    float *samples = sound_read(path, &count);
    assert_int_equal(count, json_integer_value(json_object_get(facts, "samples")));
    float *mel = sound_log_mel(samples, count, &frames);
    assert_int_equal(frames, json_integer_value(json_object_get(facts, "frames_valid")));
    size_t compared = check_part(golden, clip, "", mel, 0, 1) +
                      check_part(golden, clip, ".first64", mel, 0, 1) +
                      check_part(golden, clip, ".last64", mel, frames - 64, 1) +
                      check_part(golden, clip, ".every16", mel, 0, 16);
    assert_true(compared == frames || compared > 128);
    mem_free(mel);
    mem_free(samples);
}

static void test_fixtures_folder(void **state)
{
    (void)state;
    char path[512];
    const char *folder = getenv("CARAT_FIXTURES"), *clip;
    json_t *all, *facts;
    if (folder == NULL) {
        return;
    }
    sound_path(path, folder, "audio/logmel.json");
    if (!sound_exists(path)) {
        return;
    }
    all = json_load_file(path, 0, NULL);
    sound_path(path, folder, "audio/logmel.safetensors");
    struct safetensors *golden = safetensors_open(path);
    assert_non_null(all);
    assert_non_null(golden);
    json_object_foreach(all, clip, facts)
    {
        check_clip(folder, golden, clip, facts);
    }
    safetensors_close(golden);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tone),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_impulse),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_frame_counts),
        cmocka_unit_test(test_fixtures_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
