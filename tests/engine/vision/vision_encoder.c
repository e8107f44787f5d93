/* vision_encoder: tiny random encoders with the true architecture against the transformers library
 * in float32: one with limits at its products, one with heads 72 wide and standardised output. The
 * limits are some ten times what float rounding costs; the least misreading costs far more. With
 * CARAT_FIXTURES set to a folder with models/ and vision/, all that lies there is tested.
 */
#include "vision/vision_encoder.h"

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

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "compute/kernels.h"
#include "compute/tensor.h"
#include "engine/engine_media.h"
#include "load/gguf.h"
#include "load/mmproj.h"
#include "media/picture_file.h"
#include "media.h"
#include "support/safetensors.h"
#include "support/towers_folder.h"
#include "vision/vision_weights.h"

struct golden {
    struct safetensors *file;
    const char *path;
    size_t compared;
};

static void compare(struct golden *golden, const char *name, const float *values, size_t count,
                    float limit)
{
    struct safetensors_view view;
    if (!safetensors_get(golden->file, name, &view)) {
        return; /* some files leave the inner ones out */
    }
    assert_int_equal(view.bytes, count * sizeof *values);
    const float *expected = view.data;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(values[i] - expected[i]) <= limit)) {
            fail_msg("%s %s[%zu] is %g, not %g", golden->path, name, i, (double)values[i],
                     (double)expected[i]);
        }
    }
    golden->compared++;
}

static void watch(void *context, const char *name, int layer, const float *values, size_t count)
{
    char full[32];
    bool is_layer = strcmp(name, "layer") == 0;
    if (is_layer) {
        snprintf(full, sizeof full, "layer.%d", layer);
    } else {
        snprintf(full, sizeof full, "%s", strcmp(name, "pooled") == 0 ? "tower_out" : name);
    }
    compare(context, full, values, count,
            is_layer                      ? 5e-4f
            : strcmp(name, "pooled") == 0 ? 1e-3f
                                          : 2e-5f);
}

struct opened {
    struct gguf *gguf;
    struct vision_weights weights;
    struct tensor_machine machine;
    struct golden golden;
    size_t columns, rows, tokens;
    float *patches;
};

static void open_case(struct opened *o, const char *model, const char *path, const char *kernels,
                      int threads)
{
    struct err err;
    struct safetensors_view levels;
    o->gguf = mmproj_open(model, &err);
    if (o->gguf == NULL || !vision_weights_bind(&o->weights, o->gguf, &err) ||
        !tensor_machine_init(&o->machine, kernels, threads, vision_encoder_widest(&o->weights),
                             &err)) {
        fail_msg("%s: %s", model, err.text);
    }
    o->golden = (struct golden){.file = safetensors_open(path), .path = path};
    assert_non_null(o->golden.file);
    assert_true(safetensors_get(o->golden.file, "patches_u8", &levels));
    o->columns = (size_t)atoi(safetensors_metadata(o->golden.file, "cols"));
    o->rows = (size_t)atoi(safetensors_metadata(o->golden.file, "rows"));
    o->tokens = o->columns * o->rows / 9;
    assert_int_equal(levels.bytes, o->columns * o->rows * 768);
    o->patches = test_malloc(levels.bytes * sizeof *o->patches);
    for (size_t i = 0; i < levels.bytes; i++) {
        o->patches[i] = (float)((const uint8_t *)levels.data)[i] / 255.0f;
    }
}

static void close_case(struct opened *o)
{
    test_free(o->patches);
    safetensors_close(o->golden.file);
    tensor_machine_finish(&o->machine);
    vision_weights_finish(&o->weights);
    gguf_close(o->gguf);
}

static float *run_case(struct opened *o, vision_encoder_watch *see)
{
    struct err err;
    float *soft = test_malloc(o->tokens * (size_t)o->weights.text_hidden_size * sizeof *soft);
    if (!vision_encoder_run(&o->weights, &o->machine, o->patches, o->columns, o->rows, soft, see,
                            &o->golden, &err)) {
        fail_msg("%s", err.text);
    }
    return soft;
}

static void check_case(const char *model, const char *path, const char *kernels, int threads)
{
    struct opened o;
    open_case(&o, model, path, kernels, threads);
    float *soft = run_case(&o, watch);
    compare(&o.golden, "soft", soft, o.tokens * (size_t)o.weights.text_hidden_size, 1e-4f);
    assert_true(o.golden.compared >= 2);
    test_free(soft);
    close_case(&o);
}

struct fast_result {
    float *soft;
    size_t count;
    float difference;
};

static struct fast_result run_fast(const char *model, const char *path, const char *kernels,
                                   int threads)
{
    struct opened o;
    struct safetensors_view view;
    open_case(&o, model, path, kernels, threads);
    o.machine.exact = false;
    struct fast_result result = {.count = o.tokens * (size_t)o.weights.text_hidden_size};
    result.soft = run_case(&o, NULL);
    assert_true(safetensors_get(o.golden.file, "soft", &view));
    assert_int_equal(view.bytes, result.count * sizeof(float));
    for (size_t i = 0; i < result.count; i++) {
        result.difference =
            fmaxf(result.difference, fabsf(result.soft[i] - ((const float *)view.data)[i]));
        bool is_number = !isnan(result.soft[i]);
        assert_true(is_number);
    }
    close_case(&o);
    return result;
}

static void test_shipped(void **state)
{
    (void)state;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (kernels->supported()) {
            check_case(TEST_DATA "/tiny-e.gguf", TEST_DATA "/tiny-e.grid9x9.safetensors",
                       kernels->name, 1);
            check_case(TEST_DATA "/tiny-l.gguf", TEST_DATA "/tiny-l.grid9x9.safetensors",
                       kernels->name, 3);
        }
    }
}

/* The greatest difference of soft tokens of magnitude 4 to the reference, in fast arithmetic. */
static const float fast_limit = 0.1f;

static void check_fast(const char *model, const char *path, const char *kernels)
{
    static const int threads[] = {1, 3};
    struct fast_result first = {0};
    for (size_t i = 0; i < 2; i++) {
        struct fast_result result = run_fast(model, path, kernels, threads[i]);
        if (i == 0) {
            first = result;
            continue;
        }
        assert_int_equal(result.count, first.count);
        assert_memory_equal(result.soft, first.soft, first.count * sizeof *first.soft);
        test_free(result.soft);
    }
    if (getenv("CARAT_FIDELITY") != NULL) {
        printf("| %s | soft tokens, fast | %s | %.1e | %.0e |\n", strrchr(path, '/') + 1, kernels,
               (double)first.difference, (double)fast_limit);
    }
    if (!(first.difference <= fast_limit)) {
        fail_msg("%s with %s, fast: off by %g", path, kernels, (double)first.difference);
    }
    test_free(first.soft);
}

static void test_fast(void **state)
{
    (void)state;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (kernels->supported()) {
            check_fast(TEST_DATA "/tiny-e.gguf", TEST_DATA "/tiny-e.grid9x9.safetensors",
                       kernels->name);
            check_fast(TEST_DATA "/tiny-l.gguf", TEST_DATA "/tiny-l.grid9x9.safetensors",
                       kernels->name);
        }
    }
}

static void test_fixtures_folder(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"tiny-e/mmproj-tiny-e-BF16", "tiny-e.grid12x6"},
        {"tiny-e/mmproj-tiny-e-BF16", "tiny-e.grid3x30"},
        {"tiny-e/mmproj-tiny-e-BF16", "tiny-e.grid30x3"},
        {"tiny-e/mmproj-tiny-e-BF16", "tiny-e.grid9x9"},
        {"tiny-e/mmproj-tiny-e-BF16", "tiny-e.proc_wide_1200x30_b70"},
        {"tiny-l/mmproj-tiny-l-F16", "tiny-l.grid12x6"},
        {"tiny-l/mmproj-tiny-l-F16", "tiny-l.grid3x30"},
        {"tiny-l/mmproj-tiny-l-F16", "tiny-l.grid30x3"},
        {"tiny-l/mmproj-tiny-l-F16", "tiny-l.grid9x9"},
    };
    const char *folder = getenv("CARAT_FIXTURES");
    for (size_t i = 0; folder != NULL && i < sizeof cases / sizeof cases[0]; i++) {
        char model[4096], golden[4096];
        snprintf(model, sizeof model, "%s/models/%s.gguf", folder, cases[i][0]);
        snprintf(golden, sizeof golden, "%s/vision/%s.safetensors", folder, cases[i][1]);
        FILE *file = fopen(golden, "rb"); /* other folders of fixtures have no vision/ */
        if (file != NULL) {
            fclose(file);
            check_case(model, golden, NULL, 2);
        }
    }
}

/* The same encoders out of a folder as Hugging Face has it. */
static void test_towers_of_a_folder(void **state)
{
    (void)state;
    static const char *const models[] = {TEST_DATA "/tiny-e.gguf", TEST_DATA "/tiny-l.gguf"};
    static const char *const goldens[] = {TEST_DATA "/tiny-e.grid9x9.safetensors",
                                          TEST_DATA "/tiny-l.grid9x9.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        char folder[TOWERS_FOLDER_PATH], file[TOWERS_FOLDER_PATH + 32];
        towers_folder_make(folder, &models[i], 1);
        check_case(folder, goldens[i], NULL, 2);
        snprintf(file, sizeof file, "%s/model.safetensors", folder);
        check_case(file, goldens[i], "scalar", 1);
        towers_folder_remove(folder);
    }
}

/* What our encoders do not do is refused in words, and nothing is left open. */
static void test_configurations(void **state)
{
    (void)state;
    static const struct {
        const char *config, *word;
    } cases[] = {
        {"{\"text_config\":{\"hidden_size\":128}}", "neither of pictures nor of sounds"},
        {"{\"vision_config\":{\"hidden_size\":128},\"text_config\":{\"hidden_size\":128}}",
         "vision_config.intermediate_size is missing"},
        {"{\"vision_config\":{\"hidden_size\":1.5}}", "must be a whole number"},
        {"{\"vision_config\":{\"hidden_size\":128,\"hidden_size\":128}}", "comes twice"},
        {"{\"vision_config\":{},\"vision_config\":{}}", "comes twice"},
        {"{\"vision_config\":{\"model_type\":\"siglip\"}}", "must be gemma4_vision"},
        {"{\"vision_config\":{\"rope_parameters\":{\"rope_theta\":10000}}}", "only 100 is run"},
        {"{\"audio_config\":{\"attention_context_left\":14}}", "only 13 is run"},
        {"{\"audio_config\":{\"hidden_size\":", "config.json"},
    };
    static const char *const model[] = {TEST_DATA "/tiny-e.gguf"};
    char folder[TOWERS_FOLDER_PATH];
    towers_folder_make(folder, model, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        towers_folder_configure(folder, cases[i].config);
        assert_null(mmproj_open(folder, &err));
        if (strstr(err.text, cases[i].word) == NULL) {
            fail_msg("%s: %s", cases[i].config, err.text);
        }
    }
    towers_folder_remove(folder);
}

static void test_every_allocation_of_a_folder(void **state)
{
    (void)state;
    static const char *const model[] = {TEST_DATA "/tiny-e.gguf"};
    char folder[TOWERS_FOLDER_PATH];
    struct err err;
    unsigned long n = 1;
    struct gguf *gguf = NULL;
    towers_folder_make(folder, model, 1);
    for (; gguf == NULL && n < 500; n++) {
        mem_fail_at(n, 0);
        gguf = mmproj_open(folder, &err);
        mem_fail_at(0, 0);
        assert_true(gguf != NULL || err.code == ERR_MEMORY);
    }
    assert_in_range(n, 8, 499);
    gguf_close(gguf);
    towers_folder_remove(folder);
}

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

/* The shipped model on pictures that it was not trained on, through engine.h. The limit is wide
 * because the values hang on every pixel of the scaled picture: two levels more or less in some
 * move them by up to 0.015. */
static void test_nano(void **state)
{
    (void)state;
    json_error_t json_error;
    struct engine_error error;
    json_t *list = json_load_file(TEST_DATA "/nano.json", 0, &json_error), *entry;
    struct engine_media *media = engine_media_open(
        &(struct engine_media_options){
            .path = TEST_MODELS "/mmproj-nano.gguf", .threads = 2, .exact = true},
        &error);
    assert_non_null(list);
    assert_non_null(media);
    size_t index, dimensions = (size_t)engine_media_width(media);
    assert_true(json_array_size(list) >= 6);
    json_array_foreach(list, index, entry)
    {
        char path[4096];
        size_t width, height, tokens;
        struct engine_soft soft;
        double squares = 0;
        const char *name = json_string_value(json_object_get(entry, "file"));
        snprintf(path, sizeof path, "%s/%s", TEST_DATA, strrchr(name, '/') + 1);
        uint8_t *rgb = load(path, &width, &height);
        assert_true(engine_media_image(media, rgb, width, height, 70, &soft, &error));
        tokens = soft.count;
        assert_int_equal(tokens, json_integer_value(json_object_get(entry, "soft_tokens")));
        json_t *first = json_object_get(entry, "first_soft");
        for (size_t i = 0; i < json_array_size(first); i++) {
            double expected = json_number_value(json_array_get(first, i));
            assert_true(fabs((double)soft.values[i] - expected) < 2e-3);
        }
        for (size_t i = 0; i < tokens * dimensions; i++) {
            squares += (double)soft.values[i] * (double)soft.values[i];
        }
        double rms = sqrt(squares / (double)(tokens * dimensions));
        assert_true(fabs(rms - json_number_value(json_object_get(entry, "soft_rms"))) < 1e-4);
        engine_free(soft.values);
        mem_free(rgb);
    }
    json_decref(list);
    engine_media_close(media);
}

static void test_cancel_and_arguments(void **state)
{
    (void)state;
    struct engine_error error;
    static uint8_t rgb[48 * 48 * 3];
    struct engine_soft soft = {.count = 5};
    struct engine_media *media = engine_media_open(
        &(struct engine_media_options){
            .path = TEST_DATA "/tiny-l.gguf", .threads = 1, .exact = true},
        &error);
    assert_non_null(media);
    engine_media_cancel(media, true);
    assert_false(engine_media_image(media, rgb, 48, 48, 70, &soft, &error));
    assert_int_equal(error.code, ENGINE_CANCELLED);
    engine_media_cancel(media, false);
    assert_false(engine_media_image(media, rgb, 48, 48, 71, &soft, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_false(engine_media_image(media, NULL, 48, 48, 70, &soft, &error));
    assert_null(soft.values);
    assert_int_equal(soft.count, 5);
    assert_true(engine_media_image(media, rgb, 48, 48, 70, &soft, &error));
    assert_int_equal(soft.count, 64);
    engine_free(soft.values);
    engine_media_close(media);
    assert_null(engine_media_open(&(struct engine_media_options){.path = TEST_MODELS "/nano.gguf",
                                                                 .threads = 1,
                                                                 .exact = true},
                                  &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
}

struct stopping {
    struct engine_media *media;
    size_t calls, total;
};

static void stop_after_one(void *context, size_t done, size_t total)
{
    struct stopping *stopping = context;
    assert_int_equal(done, stopping->calls + 1);
    stopping->calls = done;
    stopping->total = total;
    if (done == 1) {
        engine_media_cancel(stopping->media, true);
    }
}

/* Each layer is told; a cancel in between is the last that is heard. In both arithmetics. */
static void test_progress_and_cancel(void **state)
{
    (void)state;
    static uint8_t rgb[96 * 96 * 3];
    for (int exact = 0; exact < 2; exact++) {
        struct engine_error error;
        struct engine_soft soft = {0};
        struct engine_media *media = engine_media_open(
            &(struct engine_media_options){
                .path = TEST_DATA "/tiny-l.gguf", .threads = 2, .exact = exact == 1},
            &error);
        assert_non_null(media);
        struct stopping stopping = {.media = media};
        engine_media_on_progress(media, stop_after_one, &stopping);
        assert_false(engine_media_image(media, rgb, 96, 96, 70, &soft, &error));
        assert_int_equal(error.code, ENGINE_CANCELLED);
        assert_int_equal(stopping.total, 2);
        assert_int_equal(stopping.calls, 1);
        engine_media_cancel(media, false);
        engine_media_on_progress(media, NULL, NULL);
        assert_true(engine_media_image(media, rgb, 96, 96, 70, &soft, &error));
        assert_int_equal(stopping.calls, 1);
        engine_free(soft.values);
        engine_media_close(media);
    }
}

static void test_every_allocation(void **state)
{
    (void)state;
    static uint8_t rgb[60 * 20 * 3];
    struct engine_error error;
    unsigned long n = 1;
    for (bool ok = false; !ok && n < 500; n++) {
        struct engine_soft soft = {0};
        mem_fail_at(n, 0);
        struct engine_media *media = engine_media_open(
            &(struct engine_media_options){
                .path = TEST_MODELS "/mmproj-nano.gguf", .threads = 1, .exact = true},
            &error);
        ok = media != NULL && engine_media_image(media, rgb, 60, 20, 70, &soft, &error);
        mem_fail_at(0, 0);
        assert_true(ok || error.code == ENGINE_NO_MEMORY);
        engine_free(soft.values);
        engine_media_close(media);
    }
    assert_in_range(n, 12, 499);
}

/* Files that are cut, and files with a byte that is another: an answer or an error that names the
 * file, and nothing read outside of it (the sanitizer build says so). */
static void test_hostile_files(void **state)
{
    (void)state;
    struct str bytes;
    struct err err;
    size_t refused = 0;
    str_init(&bytes);
    assert_true(file_read(TEST_MODELS "/mmproj-nano.gguf", 1 << 26, &bytes, &err));
    uint32_t random = 1;
    for (size_t i = 0; i < 600; i++) {
        random = random * 1664525u + 1013904223u;
        size_t size = i % 3 == 0 ? random % bytes.length : bytes.length, at = random % 16384;
        char *copy = test_malloc(bytes.length);
        memcpy(copy, bytes.data, size);
        if (at < size) {
            copy[at] = (char)(copy[at] ^ (char)(1 << random % 8 | (random >> 20 & 255)));
        }
        struct vision_weights weights;
        err_clear(&err);
        struct gguf *gguf = gguf_open_bytes("x.gguf", copy, size, &err);
        if (gguf != NULL && mmproj_check(gguf, &err) && vision_weights_bind(&weights, gguf, &err)) {
            vision_weights_finish(&weights);
        } else {
            assert_int_not_equal(err.code, ERR_NONE);
            assert_non_null(strstr(err.text, "x.gguf"));
            refused++;
        }
        gguf_close(gguf);
        test_free(copy);
    }
    assert_in_range(refused, 200, 600);
    str_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_fast),
        cmocka_unit_test(test_progress_and_cancel),
        cmocka_unit_test(test_towers_of_a_folder),
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_every_allocation_of_a_folder),
        cmocka_unit_test(test_fixtures_folder),
        cmocka_unit_test(test_nano),
        cmocka_unit_test(test_cancel_and_arguments),
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
