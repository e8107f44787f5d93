/* audio_encoder: every stage of a tiny random encoder, and the results of the small real one,
 * against the transformers library in float32.
 *
 * Limits are some ten times what float rounding costs; the least misreading (an eps of 1e-5, a 13th
 * key) costs more. With CARAT_FIXTURES set to a folder of reference results, all its sounds
 * are tested too: audio/ with models/tiny-e/, or nano.media.golden.json with its media/.
 */
#include "audio/audio_encoder.h"

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

#include "audio/conformer.h"
#include "audio/log_mel.h"
#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/tensor.h"
#include "load/gguf.h"
#include "load/mmproj.h"
#include "sound.h"
#include "support/towers_folder.h"

enum { ALLOCATIONS_MAX = 200 };

/* A file's encoder with a machine of its own. */
struct bench {
    struct gguf *gguf;
    struct tensor_machine machine;
    struct audio_encoder *encoder;
};

static bool bench_open(struct bench *bench, const char *path, const char *kernels, int threads,
                       struct err *err)
{
    size_t columns;
    *bench = (struct bench){0};
    bench->gguf = mmproj_open(path, err);
    if (bench->gguf == NULL || !audio_encoder_columns(bench->gguf, &columns, err) ||
        !tensor_machine_init(&bench->machine, kernels, threads, columns, err)) {
        return false;
    }
    bench->encoder = audio_encoder_create(bench->gguf, &bench->machine, err);
    return bench->encoder != NULL;
}

static void bench_close(struct bench *bench)
{
    audio_encoder_destroy(bench->encoder);
    if (bench->machine.workers != NULL) {
        tensor_machine_finish(&bench->machine);
    }
    gguf_close(bench->gguf);
}

static void bench_must_open(struct bench *bench, const char *path, const char *kernels, int threads)
{
    struct err err;
    if (!bench_open(bench, path, kernels, threads, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
}

/* The soft tokens of a file's sound; mem_free. */
static float *encode(struct bench *bench, const char *path, size_t *tokens)
{
    struct err err;
    size_t count, frames;
    float *samples = sound_read(path, &count);
    float *mel = sound_log_mel(samples, count, &frames);
    *tokens = audio_encoder_tokens(frames);
    float *soft =
        mem_alloc(*tokens * (size_t)audio_encoder_width(bench->encoder) + 1, sizeof *soft);
    if (!audio_encoder_run(bench->encoder, mel, frames, soft, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    mem_free(mel);
    mem_free(samples);
    return soft;
}

/* --- every stage --- */

struct comparison {
    struct safetensors *golden;
    const char *clip;
    size_t seen;
};

static float limit_of(const char *step)
{
    static const struct {
        const char *step;
        float limit;
    } limits[] = {{"subsample", 2e-5f}, {"conv0", 2e-5f}, {"conv1", 2e-5f}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(limits[i].step, step) == 0) {
            return limits[i].limit;
        }
    }
    return 5e-5f;
}

/* Ours has the channel as the fast index, the reference as the slow one. */
static float *channels_first(const float *values, size_t frames, size_t width, size_t channels)
{
    float *turned = mem_alloc(frames * width, sizeof *turned);
    size_t bands = width / channels;
    for (size_t t = 0; t < frames; t++) {
        for (size_t f = 0; f < bands; f++) {
            for (size_t c = 0; c < channels; c++) {
                turned[(c * frames + t) * bands + f] = values[(t * bands + f) * channels + c];
            }
        }
    }
    return turned;
}

static void compare(void *context, const char *step, int32_t layer, const float *values,
                    size_t rows, size_t width)
{
    struct comparison *comparison = context;
    struct safetensors_view view;
    char name[64], what[160];
    if (layer < 0) {
        snprintf(name, sizeof name, "%s", step);
    } else if (strcmp(step, "layer") == 0) {
        snprintf(name, sizeof name, "layer.%d", layer);
    } else {
        snprintf(name, sizeof name, "l%d.%s", layer, step);
    }
    if (!safetensors_get(comparison->golden, name, &view)) {
        return;
    }
    snprintf(what, sizeof what, "%s %s", comparison->clip, name);
    assert_int_equal(view.bytes, rows * width * sizeof *values);
    comparison->seen++;
    float *turned = view.rank == 3 ? channels_first(values, rows, width, view.shape[0]) : NULL;
    sound_close(what, turned != NULL ? turned : values, view.data, rows * width, limit_of(step));
    mem_free(turned);
}

/* The reference's own frames go in, so that the encoder alone is compared, and then the sound. */
static void check_stages(struct bench *bench, const char *folder, const char *sounds,
                         const char *clip, size_t expected_stages)
{
    struct err err;
    char name[128], path[512];
    size_t frames, bands, tokens;
    snprintf(name, sizeof name, "tiny-e.%s.safetensors", clip);
    sound_path(path, folder, name);
    struct comparison comparison = {.golden = safetensors_open(path), .clip = clip};
    assert_non_null(comparison.golden);
    const struct conformer_watch watch = {.see = compare, .context = &comparison};
    const float *mel = sound_tensor(comparison.golden, "mel", &frames, &bands);
    size_t width = (size_t)audio_encoder_width(bench->encoder);
    float *soft = mem_alloc(audio_encoder_tokens(frames) * width, sizeof *soft);
    audio_encoder_set_watch(bench->encoder, &watch);
    if (!audio_encoder_run(bench->encoder, mel, frames, soft, &err)) {
        fail_msg("%s: %s", clip, err.text);
    }
    audio_encoder_set_watch(bench->encoder, NULL);
    assert_int_equal(comparison.seen, expected_stages);
    mem_free(soft);
    snprintf(name, sizeof name, "%s.wav", clip);
    sound_path(path, sounds, name);
    soft = encode(bench, path, &tokens);
    const float *expected = sound_tensor(comparison.golden, "soft", &frames, &bands);
    assert_int_equal(tokens, frames);
    sound_close(clip, soft, expected, tokens * width, 1e-4f);
    mem_free(soft);
    safetensors_close(comparison.golden);
}

enum { STAGES = 7, STAGES_OF_BURST = 17 };

static void test_stages(void **state)
{
    (void)state;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (!kernels->supported()) {
            continue;
        }
        struct bench bench;
        bench_must_open(&bench, TEST_DATA "/tiny-e-audio.gguf", kernels->name, 2);
        check_stages(&bench, TEST_DATA, TEST_DATA, "burst_0p1s", STAGES_OF_BURST);
        check_stages(&bench, TEST_DATA, TEST_DATA, "tone440_1s", STAGES);
        check_stages(&bench, TEST_DATA, TEST_DATA, "n161", STAGES);
        bench_close(&bench);
    }
}

static void test_tower_of_a_folder(void **state)
{
    (void)state;
    static const char *const model[] = {TEST_DATA "/tiny-e-audio.gguf"};
    char folder[TOWERS_FOLDER_PATH];
    struct bench bench;
    towers_folder_make(folder, model, 1);
    bench_must_open(&bench, folder, NULL, 2);
    check_stages(&bench, TEST_DATA, TEST_DATA, "burst_0p1s", STAGES_OF_BURST);
    check_stages(&bench, TEST_DATA, TEST_DATA, "tone440_1s", STAGES);
    bench_close(&bench);
    towers_folder_remove(folder);
}

/* The greatest difference of soft tokens of magnitude 3 to the reference, in fast arithmetic. */
static const float fast_limit = 0.05f;

static void check_fast(const char *kernels)
{
    static const char clip[] = TEST_DATA "/tiny-e.tone440_1s.safetensors";
    static const int threads[] = {1, 3};
    struct err err;
    size_t frames, bands, rows, width;
    float difference = 0, *first = NULL;
    struct safetensors *golden = safetensors_open(clip);
    const float *mel = sound_tensor(golden, "mel", &frames, &bands);
    const float *expected = sound_tensor(golden, "soft", &rows, &width);
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_must_open(&bench, TEST_DATA "/tiny-e-audio.gguf", kernels, threads[i]);
        bench.machine.exact = false;
        float *soft = mem_alloc(rows * width, sizeof *soft);
        assert_true(audio_encoder_run(bench.encoder, mel, frames, soft, &err));
        for (size_t j = 0; j < rows * width; j++) {
            difference = fmaxf(difference, fabsf(soft[j] - expected[j]));
        }
        if (i == 0) {
            first = soft;
        } else {
            assert_memory_equal(first, soft, rows * width * sizeof *soft);
            mem_free(soft);
        }
        bench_close(&bench);
    }
    if (getenv("CARAT_FIDELITY") != NULL) {
        printf("| %s | soft tokens, fast | %s | %.1e | %.0e |\n", strrchr(clip, '/') + 1, kernels,
               (double)difference, (double)fast_limit);
    }
    if (!(difference <= fast_limit)) {
        fail_msg("%s with %s, fast: off by %g", clip, kernels, (double)difference);
    }
    mem_free(first);
    safetensors_close(golden);
}

static void test_fast(void **state)
{
    (void)state;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (kernels->supported()) {
            check_fast(kernels->name);
        }
    }
}

static void test_fixtures_stages(void **state)
{
    (void)state;
    static const char *const clips[] = {"burst_0p1s", "tone440_1s", "n161", "chirp_3s",
                                        "speech_de"};
    const char *folder = getenv("CARAT_FIXTURES");
    char path[512], goldens[512], sounds[512];
    struct bench bench;
    if (folder == NULL) {
        return;
    }
    sound_path(path, folder, "models/tiny-e/mmproj-tiny-e-BF16.gguf");
    sound_path(goldens, folder, "audio");
    sound_path(sounds, folder, "audio/wav");
    if (!sound_exists(path)) {
        return;
    }
    bench_must_open(&bench, path, NULL, 2);
    for (size_t i = 0; i < sizeof clips / sizeof clips[0]; i++) {
        check_stages(&bench, goldens, sounds, clips[i], i == 0 ? STAGES_OF_BURST : STAGES);
    }
    bench_close(&bench);
}

/* --- the small real model --- */

static void check_sound(struct bench *bench, const char *folder, const json_t *facts)
{
    char path[512];
    size_t tokens, width = (size_t)audio_encoder_width(bench->encoder);
    const char *name = json_string_value(json_object_get(facts, "file"));
    const json_t *first = json_object_get(facts, "first_soft");
    sound_path(path, folder, name);
    float *soft = encode(bench, path, &tokens);
    assert_int_equal(tokens, json_integer_value(json_object_get(facts, "soft_tokens")));
    assert_int_equal(json_array_size(first), 8);
    for (size_t i = 0; i < json_array_size(first); i++) {
        float expected = (float)json_real_value(json_array_get(first, i));
        sound_close(name, soft + i, &expected, 1, 5e-5f); /* five digits are given */
    }
    double squares = 0;
    for (size_t i = 0; i < tokens * width; i++) {
        squares += (double)soft[i] * (double)soft[i];
    }
    float rms = (float)sqrt(squares / (double)(tokens * width));
    float expected = (float)json_real_value(json_object_get(facts, "soft_rms"));
    sound_close(name, &rms, &expected, 1, 5e-5f);
    mem_free(soft);
}

static size_t check_sounds(const char *folder, const char *list)
{
    char path[512];
    size_t i, checked = 0;
    json_t *all, *facts;
    struct bench bench;
    sound_path(path, folder, list);
    all = json_load_file(path, 0, NULL);
    assert_non_null(all);
    bench_must_open(&bench, TEST_MODELS "/mmproj-nano.gguf", NULL, 2);
    json_array_foreach(all, i, facts)
    {
        const char *kind = json_string_value(json_object_get(facts, "kind"));
        if (kind == NULL || strcmp(kind, "audio") == 0) {
            check_sound(&bench, folder, facts);
            checked++;
        }
    }
    bench_close(&bench);
    json_decref(all);
    return checked;
}

static void test_nano(void **state)
{
    (void)state;
    char path[512];
    const char *folder = getenv("CARAT_FIXTURES");
    assert_int_equal(check_sounds(TEST_DATA, "sounds.json"), 2);
    if (folder != NULL) {
        sound_path(path, folder, "nano.media.golden.json");
        if (sound_exists(path)) {
            assert_int_equal(check_sounds(folder, "nano.media.golden.json"), 16);
        }
    }
}

/* --- what must not matter, and what must fail --- */

static void test_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5};
    float *first = NULL;
    size_t tokens;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct bench bench;
        bench_must_open(&bench, TEST_MODELS "/mmproj-nano.gguf", NULL, threads[i]);
        float *soft = encode(&bench, TEST_DATA "/speech15.wav", &tokens);
        if (first == NULL) {
            first = soft;
        } else {
            size_t width = (size_t)audio_encoder_width(bench.encoder);
            assert_memory_equal(first, soft, tokens * width * sizeof *soft);
            mem_free(soft);
        }
        bench_close(&bench);
    }
    mem_free(first);
}

/* What comes later in a sound changes nothing before: a cut one gives the same tokens, but for
 * the last, whose convolution looks over the end. */
static void test_causal(void **state)
{
    (void)state;
    struct bench bench;
    struct err err;
    size_t count, frames;
    bench_must_open(&bench, TEST_MODELS "/mmproj-nano.gguf", NULL, 2);
    size_t width = (size_t)audio_encoder_width(bench.encoder);
    float *samples = sound_read(TEST_DATA "/speech15.wav", &count);
    float *mel = sound_log_mel(samples, count, &frames);
    size_t tokens = audio_encoder_tokens(frames), half = tokens / 2;
    float *whole = mem_alloc(tokens * width, sizeof *whole);
    float *cut = mem_alloc(tokens * width, sizeof *cut);
    assert_true(audio_encoder_run(bench.encoder, mel, frames, whole, &err));
    assert_true(audio_encoder_run(bench.encoder, mel, half * 4 + 1, cut, &err));
    assert_memory_equal(whole, cut, half * width * sizeof *cut);
    assert_memory_not_equal(whole + half * width, cut + half * width, width * sizeof *cut);
    mem_free(cut);
    mem_free(whole);
    mem_free(mel);
    mem_free(samples);
    bench_close(&bench);
}

static void test_token_counts(void **state)
{
    (void)state;
    static const size_t cases[][2] = {{0, 0},     {1, 1},     {4, 1},      {5, 2},
                                      {49, 13},   {99, 25},   {100, 25},   {299, 75},
                                      {404, 101}, {999, 250}, {2989, 748}, {2999, 750}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(audio_encoder_tokens(cases[i][0]), cases[i][1]);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct bench bench;
    struct err err;
    float value = 0;
    bench_must_open(&bench, TEST_MODELS "/mmproj-nano.gguf", NULL, 1);
    assert_false(audio_encoder_run(bench.encoder, &value, 0, &value, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_false(audio_encoder_run(bench.encoder, &value, 3000, &value, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    atomic_bool cancel = true;
    static float mel[8 * LOG_MEL_BANDS], soft[2 * 4096];
    bench.machine.cancel = &cancel;
    assert_true(audio_encoder_width(bench.encoder) <= 4096);
    assert_false(audio_encoder_run(bench.encoder, mel, 8, soft, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    bench.machine.cancel = NULL;
    assert_true(audio_encoder_run(bench.encoder, mel, 8, soft, &err));
    bench_close(&bench);
    assert_false(bench_open(&bench, TEST_MODELS "/nano.gguf", NULL, 1, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "the architecture is \"gemma4\""));
    bench_close(&bench);
}

/* Each allocation fails in turn: a clean error, and nothing leaks. */
static void test_every_allocation(void **state)
{
    (void)state;
    static float mel[8 * LOG_MEL_BANDS], soft[2 * 4096];
    unsigned long n = 1;
    for (; n < ALLOCATIONS_MAX; n++) {
        struct bench bench;
        struct err err = {0};
        mem_fail_at(n, 0);
        bool ok = bench_open(&bench, TEST_MODELS "/mmproj-nano.gguf", NULL, 2, &err) &&
                  audio_encoder_run(bench.encoder, mel, 8, soft, &err);
        mem_fail_at(0, 0);
        bench_close(&bench);
        if (ok) {
            break;
        }
        assert_int_equal(err.code, ERR_MEMORY);
        assert_int_not_equal(strlen(err.text), 0);
    }
    assert_in_range(n, 8, ALLOCATIONS_MAX - 1); /* it did fail, and then no more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_fixtures_stages),
        cmocka_unit_test(test_tower_of_a_folder),
        cmocka_unit_test(test_fast),
        cmocka_unit_test(test_nano),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_causal),
        cmocka_unit_test(test_token_counts),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
