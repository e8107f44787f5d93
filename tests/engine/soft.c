/* soft: prompts that hold pictures and sounds.
 *
 * The small trained model describes pictures and follows spoken commands as the transformers
 * library does on the same weights; sessions keep and lose soft tokens by their content; pictures
 * that are seen as a whole are never cut. With CARAT_FIXTURES set to a folder of reference results,
 * whole prompts of tiny random models are compared logit by logit, with both kinds of attention.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "audio/audio_encoder.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "compute/tensor.h"
#include "engine/engine_drafter.h"
#include "engine/engine_media.h"
#include "load/gguf.h"
#include "load/mmproj.h"
#include "media/picture_file.h"
#include "media/sound_file.h"
#include "support/fixture.h"
#include "vision/vision_encoder.h"
#include "vision/vision_weights.h"

enum { PLACES = 8, PATH = 4096 };

/* --- the small trained model --- */

static void read_file(const char *path, struct str *bytes)
{
    struct err err;
    str_init(bytes);
    if (!file_read(path, 1 << 26, bytes, &err)) {
        fail_msg("%s", err.text);
    }
}

static struct engine_soft see(struct engine_media *media, const char *path)
{
    struct str bytes;
    struct err err;
    struct engine_error error;
    struct engine_soft soft;
    uint8_t *rgb;
    size_t width, height;
    read_file(path, &bytes);
    if (!picture_file_decode(bytes.data, bytes.length, &rgb, &width, &height, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    assert_true(engine_media_image(media, rgb, width, height, 70, &soft, &error));
    mem_free(rgb);
    str_finish(&bytes);
    return soft;
}

static struct engine_soft hear(struct engine_media *media, const char *path)
{
    struct str bytes;
    struct err err;
    struct engine_error error;
    struct engine_soft soft;
    float *samples;
    size_t count;
    read_file(path, &bytes);
    if (!sound_file_decode(bytes.data, bytes.length, &samples, &count, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    assert_true(engine_media_sound(media, samples, count, &soft, &error));
    mem_free(samples);
    str_finish(&bytes);
    return soft;
}

static int32_t *read_ids(const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    int32_t *ids = test_malloc(*count * sizeof *ids);
    for (size_t i = 0; i < *count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    }
    return ids;
}

/* Where the only run of placeholders begins. */
static size_t find_run(const int32_t *ids, size_t count, int32_t placeholder, size_t *length)
{
    size_t at = 0;
    while (at < count && ids[at] != placeholder) {
        at++;
    }
    for (*length = 0; at + *length < count && ids[at + *length] == placeholder;) {
        ++*length;
    }
    return at;
}

static void check_answer(struct engine_session *session, const char *name, const json_t *golden,
                         struct engine_soft soft, int32_t placeholder)
{
    struct engine_error error;
    const struct engine_sampling greedy = {.temperature = 0};
    size_t count, expected_count, length;
    int32_t *ids = read_ids(json_object_get(golden, "prompt_ids"), &count);
    int32_t *expected = read_ids(json_object_get(golden, "ids"), &expected_count);
    soft.position = find_run(ids, count, placeholder, &length);
    assert_int_equal(soft.count, length);
    assert_true(engine_session_sync_soft(session, ids, count, &soft, 1, NULL, &error));
    for (size_t i = 0; i < expected_count; i++) {
        int32_t id;
        assert_true(engine_session_sample(session, &greedy, NULL, 0, &id, &error));
        if (id != expected[i]) {
            fail_msg("%s, step %zu: id %d, not %d", name, i, id, expected[i]);
        }
        assert_true(engine_session_append(session, id, &error));
    }
    test_free(ids);
    test_free(expected);
}

static bool data_path(char path[PATH], const char *folder, const char *file)
{
    snprintf(path, PATH, "%s/%s", folder, strrchr(file, '/') + 1);
    return access(path, R_OK) == 0;
}

static void test_nano(void **state)
{
    (void)state;
    struct engine_error error;
    char path[PATH];
    size_t index, pictures = 0, sounds = 0;
    json_t *list = json_load_file(TEST_DATA "/nano.media.golden.json", 0, NULL), *entry;
    struct engine_model *model = fixture_model(TEST_MODELS, "nano.gguf", NULL, 2);
    struct engine_session *session = fixture_session(model, 1024, ENGINE_KV_F32);
    struct engine_media *media = engine_media_open(
        &(struct engine_media_options){
            .path = TEST_MODELS "/mmproj-nano.gguf", .threads = 2, .exact = true},
        &error);
    int32_t image = engine_token_find(model, "<|image|>");
    int32_t audio = engine_token_find(model, "<|audio|>");
    assert_non_null(list);
    assert_non_null(media);
    assert_true(engine_media_sees(media) && engine_media_hears(media));
    json_array_foreach(list, index, entry)
    {
        const char *file = json_string_value(json_object_get(entry, "file"));
        const json_t *act = json_object_get(entry, "act");
        struct engine_soft soft;
        if (act == NULL && data_path(path, TEST_DATA "/../vision/data", file)) {
            soft = see(media, path);
            check_answer(session, file, entry, soft, image);
            pictures++;
        } else if (act != NULL && data_path(path, TEST_DATA "/../audio/data", file)) {
            soft = hear(media, path);
            check_answer(session, file, act, soft, audio);
            check_answer(session, file, json_object_get(entry, "transcribe"), soft, audio);
            sounds++;
        } else {
            continue;
        }
        engine_free(soft.values);
    }
    assert_int_equal(pictures, 12);
    assert_int_equal(sounds, 4);
    engine_media_close(media);
    engine_session_destroy(session);
    engine_model_close(model);
    json_decref(list);
}

/* What came before costs nothing: encoders that are told to stop still know it, and nothing else.
 */
static void test_second_look(void **state)
{
    (void)state;
    struct engine_error error;
    static uint8_t rgb[60 * 40 * 3];
    static float samples[4000];
    struct engine_media *media = engine_media_open(
        &(struct engine_media_options){
            .path = TEST_MODELS "/mmproj-nano.gguf", .threads = 2, .exact = true},
        &error);
    size_t width = (size_t)engine_media_width(media);
    for (int sound = 0; sound < 2; sound++) {
        struct engine_soft first, again = {0};
        for (int look = 0; look < 2; look++) {
            engine_media_cancel(media, look == 1);
            struct engine_soft *soft = look == 0 ? &first : &again;
            assert_true(sound == 0 ? engine_media_image(media, rgb, 60, 40, 70, soft, &error)
                                   : engine_media_sound(media, samples, 4000, soft, &error));
        }
        assert_true(first.hash == again.hash && first.picture == (sound == 0));
        assert_int_equal(first.count, again.count);
        assert_memory_equal(first.values, again.values, first.count * width * sizeof(float));
        struct engine_soft other = {0};
        assert_false(sound == 0 ? engine_media_image(media, rgb, 60, 40, 140, &other, &error)
                                : engine_media_sound(media, samples, 3999, &other, &error));
        assert_int_equal(error.code, ENGINE_CANCELLED);
        engine_free(first.values);
        engine_free(again.values);
    }
    engine_media_close(media);
}

/* --- what a session keeps --- */

enum { WIDTH = 64, PICTURE_AT = 20, PICTURE = 30, LENGTH = 70 };

struct scene {
    struct engine_model *model; /* one that sees pictures as a whole; hidden size 64, window 16 */
    struct engine_session *session;
    int32_t ids[LENGTH];
    float values[PICTURE * WIDTH];
    struct engine_soft soft;
};

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){.model = fixture_model(TEST_DATA "/text", "dense.bf16.gguf", NULL, 2)};
    assert_int_equal(engine_model_info(scene->model)->hidden_size, WIDTH);
    scene->session = fixture_session(scene->model, 3000, ENGINE_KV_F32);
    for (int i = 0; i < LENGTH; i++) {
        scene->ids[i] = i >= PICTURE_AT && i < PICTURE_AT + PICTURE ? 9 : 300 + i;
    }
    for (int i = 0; i < PICTURE * WIDTH; i++) {
        scene->values[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
    }
    scene->soft = (struct engine_soft){.position = PICTURE_AT,
                                       .count = PICTURE,
                                       .values = scene->values,
                                       .hash = 77,
                                       .picture = true};
}

static void close_scene(struct scene *scene)
{
    engine_session_destroy(scene->session);
    engine_model_close(scene->model);
}

static size_t sync_scene(struct scene *scene, size_t count)
{
    struct engine_error error;
    size_t reused;
    if (!engine_session_sync_soft(scene->session, scene->ids, count, &scene->soft,
                                  count > PICTURE_AT ? 1 : 0, &reused, &error)) {
        fail_msg("%s", error.text);
    }
    return reused;
}

static float *scene_logits(struct scene *scene, size_t count)
{
    struct engine_error error;
    size_t vocabulary = (size_t)engine_model_info(scene->model)->vocabulary_size;
    float *logits = test_malloc(count * vocabulary * sizeof *logits);
    struct engine_session *session = fixture_session(scene->model, 100, ENGINE_KV_F32);
    assert_true(
        engine_session_evaluate_soft(session, scene->ids, count, &scene->soft, 1, logits, &error));
    engine_session_destroy(session);
    return logits;
}

static void test_reuse(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    assert_int_equal(sync_scene(&scene, LENGTH), 0);
    assert_int_equal(sync_scene(&scene, LENGTH), LENGTH);
    scene.ids[60]++; /* behind the picture: it is kept */
    assert_int_equal(sync_scene(&scene, LENGTH), 60);
    scene.soft.hash++; /* another picture */
    assert_int_equal(sync_scene(&scene, LENGTH), PICTURE_AT);
    scene.soft.picture = false; /* a sound is another thing, and may be kept in part */
    assert_int_equal(sync_scene(&scene, LENGTH), PICTURE_AT);
    assert_int_equal(sync_scene(&scene, PICTURE_AT + PICTURE), PICTURE_AT + PICTURE - 1);
    scene.soft.picture = true; /* of a picture nothing is kept when its last token is wanted */
    assert_int_equal(sync_scene(&scene, PICTURE_AT + PICTURE), PICTURE_AT);
    assert_int_equal(sync_scene(&scene, PICTURE_AT + PICTURE), PICTURE_AT + PICTURE);
    assert_int_equal(sync_scene(&scene, PICTURE_AT + PICTURE + 1), PICTURE_AT + PICTURE);
    assert_int_equal(sync_scene(&scene, PICTURE_AT + PICTURE), PICTURE_AT);
    /* The same ids as plain tokens. */
    struct engine_error error;
    size_t reused;
    assert_true(engine_session_sync(scene.session, scene.ids, LENGTH, &reused, &error));
    assert_int_equal(reused, PICTURE_AT);
    close_scene(&scene);
}

/* Going on from what was kept gives the bits of a fresh session. */
static void test_reuse_is_exact(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    size_t vocabulary = (size_t)engine_model_info(scene.model)->vocabulary_size;
    sync_scene(&scene, LENGTH);
    scene.soft.hash++;
    scene.values[5 * WIDTH] += 1.0f;
    sync_scene(&scene, PICTURE_AT + PICTURE);
    sync_scene(&scene, LENGTH);
    float *fresh = scene_logits(&scene, LENGTH);
    assert_memory_equal(engine_session_logits(scene.session), fresh + (LENGTH - 1) * vocabulary,
                        vocabulary * sizeof *fresh);
    test_free(fresh);
    close_scene(&scene);
}

static bool same_row(const float *a, const float *b, size_t row, size_t vocabulary)
{
    return memcmp(a + row * vocabulary, b + row * vocabulary, vocabulary * sizeof *a) == 0;
}

/* What is late in a picture reaches its beginning, but nothing before the picture; what is late in
 * a sound reaches nothing before it. */
static void test_sees_forwards(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene);
    size_t vocabulary = (size_t)engine_model_info(scene.model)->vocabulary_size;
    for (int picture = 0; picture < 2; picture++) {
        scene.soft.picture = picture == 1;
        float *before = scene_logits(&scene, LENGTH);
        float *last = scene.values + (PICTURE - 1) * WIDTH;
        last[3] += 2.0f;
        float *after = scene_logits(&scene, LENGTH);
        last[3] -= 2.0f;
        for (size_t row = 0; row < LENGTH; row++) {
            bool reached = row >= PICTURE_AT + (picture == 1 ? 0 : PICTURE - 1);
            assert_int_equal(same_row(before, after, row, vocabulary), !reached);
        }
        test_free(before);
        test_free(after);
    }
    close_scene(&scene);
}

/* Guesses ahead change no bit behind a picture, and what was appended with them is a plain token
 * even where it repeats the picture's surroundings and its placeholders. */
static void test_look_ahead(void **state)
{
    (void)state;
    enum { BEHIND = 60, ALL = LENGTH + BEHIND };
    struct scene scene;
    struct engine_error error;
    open_scene(&scene);
    size_t vocabulary = (size_t)engine_model_info(scene.model)->vocabulary_size;
    struct engine_session *plain = fixture_session(scene.model, 3000, ENGINE_KV_F32);
    assert_true(engine_session_look_ahead(scene.session, NULL, true, 15, &error));
    sync_scene(&scene, LENGTH);
    assert_true(engine_session_sync_soft(plain, scene.ids, LENGTH, &scene.soft, 1, NULL, &error));
    int32_t ids[ALL];
    memcpy(ids, scene.ids, sizeof scene.ids);
    for (int i = 0; i < BEHIND; i++) { /* from before the picture to behind it, and of that twice */
        int from = i < 40 ? PICTURE_AT - 6 + i : PICTURE_AT + PICTURE - 16 + i - 40;
        ids[LENGTH + i] = scene.ids[from];
        assert_true(engine_session_append(scene.session, ids[LENGTH + i], &error));
        assert_true(engine_session_append(plain, ids[LENGTH + i], &error));
        assert_memory_equal(engine_session_logits(scene.session), engine_session_logits(plain),
                            vocabulary * sizeof(float));
    }
    uint64_t made, right;
    engine_session_guesses(scene.session, &made, &right);
    assert_true(made > 0 && right > 0);
    size_t reused;
    assert_true(engine_session_sync_soft(scene.session, ids, ALL, &scene.soft, 1, &reused, &error));
    assert_int_equal(reused, ALL);
    scene.soft.hash++;
    assert_true(engine_session_sync_soft(scene.session, ids, ALL, &scene.soft, 1, &reused, &error));
    assert_int_equal(reused, PICTURE_AT);
    assert_memory_equal(engine_session_logits(scene.session), engine_session_logits(plain),
                        vocabulary * sizeof(float));
    engine_session_destroy(plain);
    close_scene(&scene);
}

static void test_snapshot(void **state)
{
    (void)state;
    struct scene scene;
    struct engine_error error;
    char path[] = "/tmp/carat-soft-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    open_scene(&scene);
    sync_scene(&scene, LENGTH);
    assert_true(engine_session_save(scene.session, path, &error));
    engine_session_destroy(scene.session);
    scene.session = fixture_session(scene.model, 3000, ENGINE_KV_F32);
    assert_true(engine_session_restore(scene.session, path, &error));
    assert_int_equal(sync_scene(&scene, LENGTH), LENGTH);
    scene.soft.hash++;
    assert_int_equal(sync_scene(&scene, LENGTH), PICTURE_AT);
    unlink(path);
    close_scene(&scene);
}

/* A picture longer than a chunk, in a place where chunks would cut it. */
static void test_long_picture(void **state)
{
    (void)state;
    enum { AT = 250, COUNT = 1000, ALL = AT + COUNT + 5 };
    struct scene scene;
    struct engine_error error;
    open_scene(&scene);
    int32_t *ids = test_malloc(ALL * sizeof *ids);
    float *values = test_malloc((COUNT + 200) * WIDTH * sizeof *values);
    for (size_t i = 0; i < ALL; i++) {
        ids[i] = i >= AT && i < AT + COUNT ? 9 : (int32_t)(200 + i % 300);
    }
    for (size_t i = 0; i < (COUNT + 200) * WIDTH; i++) {
        values[i] = (float)(i * 31 % 97) / 48.0f - 1.0f;
    }
    struct engine_soft soft = {
        .position = AT, .count = COUNT, .values = values, .hash = 1, .picture = true};
    assert_true(engine_session_sync_soft(scene.session, ids, ALL, &soft, 1, NULL, &error));
    size_t vocabulary = (size_t)engine_model_info(scene.model)->vocabulary_size, reused;
    float *first = test_malloc(vocabulary * sizeof *first);
    memcpy(first, engine_session_logits(scene.session), vocabulary * sizeof *first);
    struct engine_session *other = fixture_session(scene.model, 3000, ENGINE_KV_F32);
    for (size_t count = AT - 50; count <= ALL; count += count < AT ? 50 : COUNT + 5) {
        bool whole = count > AT;
        assert_true(
            engine_session_sync_soft(other, ids, count, &soft, whole ? 1 : 0, &reused, &error));
    }
    assert_int_equal(reused, AT);
    assert_memory_equal(engine_session_logits(other), first, vocabulary * sizeof *first);
    soft.count = 1121;
    int32_t *longer = test_malloc((AT + 1121) * sizeof *longer);
    memset(longer, 0, (AT + 1121) * sizeof *longer);
    assert_false(engine_session_sync_soft(other, longer, AT + 1121, &soft, 1, NULL, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_non_null(strstr(error.text, "1120"));
    test_free(longer);
    test_free(first);
    test_free(values);
    test_free(ids);
    engine_session_destroy(other);
    close_scene(&scene);
}

static void test_arguments(void **state)
{
    (void)state;
    struct scene scene;
    struct engine_error error;
    open_scene(&scene);
    const struct engine_soft good = scene.soft;
    const struct engine_soft wrong[][2] = {
        {{.position = LENGTH - 1, .count = 2, .values = scene.values}, {0}},
        {{.position = LENGTH + 1, .count = 1, .values = scene.values}, {0}},
        {{.position = 3, .count = SIZE_MAX, .values = scene.values}, {0}},
        {{.position = 3, .count = 1}, {0}},
        {{.position = 3, .count = 0, .values = scene.values}, {0}},
        {good, good},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(engine_session_sync_soft(scene.session, scene.ids, LENGTH, wrong[i],
                                              wrong[i][1].count > 0 ? 2 : 1, NULL, &error));
        assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    }
    assert_false(engine_session_sync_soft(scene.session, scene.ids, LENGTH, NULL, 1, NULL, &error));
    assert_int_equal(sync_scene(&scene, LENGTH), 0);
    close_scene(&scene);
}

/* --- reference results --- */

struct towers {
    struct gguf *gguf;
    struct vision_weights vision;
    struct tensor_machine machine;
    struct audio_encoder *audio;
    int32_t width;
};

static void open_towers(struct towers *towers, const char *path)
{
    struct err err;
    size_t columns = 0;
    *towers = (struct towers){.gguf = mmproj_open(path, &err)};
    if (towers->gguf == NULL || !vision_weights_bind(&towers->vision, towers->gguf, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    bool hears = audio_encoder_columns(towers->gguf, &columns, &err);
    size_t widest = vision_encoder_widest(&towers->vision);
    assert_true(
        tensor_machine_init(&towers->machine, NULL, 2, widest > columns ? widest : columns, &err));
    towers->audio = hears ? audio_encoder_create(towers->gguf, &towers->machine, &err) : NULL;
    towers->width = towers->vision.text_hidden_size;
}

static void close_towers(struct towers *towers)
{
    audio_encoder_destroy(towers->audio);
    tensor_machine_finish(&towers->machine);
    vision_weights_finish(&towers->vision);
    gguf_close(towers->gguf);
}

static size_t columns_of(const struct safetensors_view *positions)
{
    const int32_t *xy = positions->data;
    size_t columns = 0;
    for (size_t i = 0; i < positions->shape[0]; i++) {
        columns = (size_t)xy[2 * i] + 1 > columns ? (size_t)xy[2 * i] + 1 : columns;
    }
    return columns;
}

/* Item `number` of a kind, from the very patches that the reference had; false when there is none.
 */
static bool encode_patches(struct towers *towers, struct safetensors *input, const char *kind,
                           size_t number, struct engine_soft *soft)
{
    char name[64];
    struct err err;
    struct safetensors_view levels, positions;
    snprintf(name, sizeof name, "%s%zu.patches_u8", kind, number);
    if (!safetensors_get(input, name, &levels)) {
        return false;
    }
    snprintf(name, sizeof name, "%s%zu.positions", kind, number);
    assert_true(safetensors_get(input, name, &positions));
    size_t columns = columns_of(&positions), rows = positions.shape[0] / columns;
    float *patches = test_malloc(levels.bytes * sizeof *patches);
    for (size_t i = 0; i < levels.bytes; i++) {
        patches[i] = (float)((const uint8_t *)levels.data)[i] / 255.0f;
    }
    *soft = (struct engine_soft){.count = columns * rows / 9, .hash = number + 1, .picture = true};
    soft->values = test_malloc(soft->count * (size_t)towers->width * sizeof *soft->values);
    assert_true(vision_encoder_run(&towers->vision, &towers->machine, patches, columns, rows,
                                   soft->values, NULL, NULL, &err));
    test_free(patches);
    return true;
}

static bool encode_mel(struct towers *towers, struct safetensors *input, size_t number,
                       struct engine_soft *soft)
{
    char name[64];
    struct err err;
    struct safetensors_view mel;
    snprintf(name, sizeof name, "audio%zu.mel", number);
    if (!safetensors_get(input, name, &mel)) {
        return false;
    }
    *soft = (struct engine_soft){.count = audio_encoder_tokens(mel.shape[0]), .hash = 99};
    soft->values = test_malloc(soft->count * (size_t)towers->width * sizeof *soft->values);
    assert_true(audio_encoder_run(towers->audio, mel.data, mel.shape[0], soft->values, &err));
    return true;
}

/* All items at their places; returns how many. */
static size_t encode_items(struct towers *towers, struct safetensors *input, const int32_t *ids,
                           size_t count, struct engine_soft soft[PLACES])
{
    enum { IMAGE = 760, AUDIO = 761, VIDEO = 764 };
    size_t items = 0, images = 0, frames = 0, sounds = 0;
    for (size_t at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && ids[end] == ids[at]; end++) {
        }
        bool found = false;
        if (ids[at] == IMAGE) {
            found = encode_patches(towers, input, "image", images++, &soft[items]);
        } else if (ids[at] == VIDEO) {
            found = encode_patches(towers, input, "frame", frames++, &soft[items]);
        } else if (ids[at] == AUDIO) {
            found = encode_mel(towers, input, sounds++, &soft[items]);
        } else {
            continue;
        }
        assert_true(found);
        assert_int_equal(soft[items].count, end - at);
        soft[items].position = at;
        soft[items].hash += at * 1000;
        items++;
        assert_true(items < PLACES);
    }
    return items;
}

/* The model's folder with another word on the attention to pictures. */
static void write_variant(const char *from, const char *to, bool vision)
{
    char path[PATH], link[PATH];
    struct err err;
    struct str config;
    DIR *folder = opendir(from);
    struct dirent *entry;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%.2000s/%.200s", from, entry->d_name);
        snprintf(link, sizeof link, "%.2000s/%.200s", to, entry->d_name);
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "config.json") != 0) {
            assert_int_equal(symlink(path, link), 0);
        }
    }
    closedir(folder);
    snprintf(path, sizeof path, "%.2000s/config.json", from);
    str_init(&config);
    assert_true(file_read(path, 1 << 20, &config, &err));
    json_t *root = json_loads(config.data, 0, NULL);
    json_object_set_new(json_object_get(root, "text_config"), "use_bidirectional_attention",
                        vision ? json_string("vision") : json_null());
    snprintf(path, sizeof path, "%.2000s/config.json", to);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    str_finish(&config);
}

static void remove_variant(const char *path)
{
    char name[PATH];
    DIR *folder = opendir(path);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        snprintf(name, sizeof name, "%.2000s/%.200s", path, entry->d_name);
        unlink(name);
    }
    closedir(folder);
    rmdir(path);
}

static void check_reference(struct engine_model *model, struct towers *towers, const char *folder,
                            const char *name, const char *test, const char *attention)
{
    char path[PATH];
    struct engine_error error;
    struct engine_soft soft[PLACES];
    struct safetensors_view ids, expected;
    snprintf(path, sizeof path, "%.2000s/e2e/%s.%s.%s.safetensors", folder, name, test, attention);
    struct safetensors *golden = safetensors_open(path);
    snprintf(path, sizeof path, "%.2000s/e2e/%s.input.safetensors", folder, test);
    struct safetensors *input = safetensors_open(path);
    assert_non_null(golden);
    assert_non_null(input);
    assert_true(safetensors_get(input, "input_ids", &ids));
    assert_true(safetensors_get(golden, "logits", &expected));
    size_t count = ids.bytes / sizeof(int32_t), vocabulary = expected.shape[1];
    size_t items = encode_items(towers, input, ids.data, count, soft);
    float *logits = test_malloc(expected.bytes);
    struct engine_session *session = fixture_session(model, (int32_t)count, ENGINE_KV_F32);
    assert_true(
        engine_session_evaluate_soft(session, ids.data, count, soft, items, logits, &error));
    float difference = fixture_max_difference(logits, expected.data, count * vocabulary);
    if (getenv("CARAT_FIDELITY") != NULL) { /* rows of docs/fidelity.md */
        printf("| %s | %s, %s | %s | %.1e | 2e-03 |\n", name, test, attention,
               engine_model_info(model)->kernels, (double)difference);
    }
    if (!(difference <= 2e-3f)) {
        fail_msg("%s %s %s: logits differ by %g", name, test, attention, (double)difference);
    }
    for (size_t i = 0; i < items; i++) {
        test_free(soft[i].values);
    }
    engine_session_destroy(session);
    test_free(logits);
    safetensors_close(input);
    safetensors_close(golden);
}

static const struct reference {
    const char *model, *mmproj, *test;
    bool vision; /* a second result with pictures seen as a whole */
} references[] = {
    {"tiny-e", "mmproj-tiny-e-BF16", "image1", true},
    {"tiny-e", "mmproj-tiny-e-BF16", "image2", true},
    {"tiny-e", "mmproj-tiny-e-BF16", "image2_adjacent", true},
    {"tiny-e", "mmproj-tiny-e-BF16", "audio1", false},
    {"tiny-e", "mmproj-tiny-e-BF16", "image_audio", true},
    {"tiny-e", "mmproj-tiny-e-BF16", "video3", true},
    {"tiny-e", "mmproj-tiny-e-BF16", "video3_small", true},
    {"tiny-e", "mmproj-tiny-e-BF16", "text_only", false},
    {"tiny-l", "mmproj-tiny-l-F16", "image1", true},
    {"tiny-l", "mmproj-tiny-l-F16", "image2_adjacent", true},
    {"tiny-l", "mmproj-tiny-l-F16", "video3_small", true},
};

/* A GGUF file does not say how pictures are attended to: the small models' kind is causal. */
static void check_folder(const char *folder, const struct reference *reference)
{
    char path[PATH], variant[] = "/tmp/carat-soft-XXXXXX";
    struct towers towers;
    const char *name = reference->model;
    bool small = strcmp(name, "tiny-e") == 0;
    snprintf(path, sizeof path, "%.2000s/models/%s/%s.gguf", folder, name, reference->mmproj);
    open_towers(&towers, path);
    for (int vision = 0; vision < (reference->vision ? 2 : 1); vision++) {
        const char *attention = vision == 1 ? "vision" : "causal";
        assert_non_null(mkdtemp(variant));
        snprintf(path, sizeof path, "%.2000s/models/%s/hf", folder, name);
        write_variant(path, variant, vision == 1);
        struct engine_model *model = fixture_model(variant, "", NULL, 2);
        check_reference(model, &towers, folder, name, reference->test, attention);
        engine_model_close(model);
        remove_variant(variant);
        memcpy(variant + sizeof variant - 7, "XXXXXX", 6);
        if (small == (vision == 0)) {
            snprintf(path, sizeof path, "%s/%s-text-BF16.gguf", name, name);
            char models[PATH];
            snprintf(models, sizeof models, "%.2000s/models", folder);
            model = fixture_model(models, path, NULL, 2);
            check_reference(model, &towers, folder, name, reference->test, attention);
            engine_model_close(model);
        }
    }
    close_towers(&towers);
}

static void test_fixtures_folder(void **state)
{
    (void)state;
    char path[PATH];
    const char *folder = getenv("CARAT_FIXTURES");
    snprintf(path, sizeof path, "%.2000s/e2e/e2e.json", folder == NULL ? "" : folder);
    if (folder == NULL || access(path, R_OK) != 0) { /* other folders have no whole prompts */
        return;
    }
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        check_folder(folder, &references[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nano),          cmocka_unit_test(test_second_look),
        cmocka_unit_test(test_reuse),         cmocka_unit_test(test_reuse_is_exact),
        cmocka_unit_test(test_sees_forwards), cmocka_unit_test(test_look_ahead),
        cmocka_unit_test(test_snapshot),      cmocka_unit_test(test_long_picture),
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_fixtures_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
