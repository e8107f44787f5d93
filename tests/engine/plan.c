/* plan: what it says against what really is: the K/V figure against what a full cache allocates,
 * all of it against what the process grew by, and the refusal of what does not fit. And that the
 * system's own figures are read right, from a made-up /proc and /sys. */
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/engine.h"
#include "engine/engine_media.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"
#include "system_memory.h"
#include "text/decoder.h"
#include "text/kv_cache.h"
#include "text/kv_marks.h"

static const char *const models[] = {TEST_MODELS "/nano.gguf", TEST_DATA "/text/e2b.gguf",
                                     TEST_DATA "/text/moe.gguf", TEST_DATA "/text/unified.gguf"};
enum { MODELS = sizeof models / sizeof models[0] };

static struct engine_plan plan_of(const char *path, int32_t context, enum engine_kv_type type,
                                  uint64_t memory)
{
    struct engine_plan plan;
    struct engine_error error;
    struct engine_model_options options = {.path = path, .threads = 2};
    struct engine_session_options session = {.context = context, .kv_type = type};
    if (!engine_plan(&options, &session, memory, &plan, &error)) {
        fail_msg("%s: %s", path, error.text);
    }
    return plan;
}

/* --- keys and values --- */

static void test_keys_and_values(void **state)
{
    (void)state;
    static const enum quant_type types[] = {QUANT_F32, QUANT_F16, QUANT_Q8_0};
    static const enum engine_kv_type names[] = {ENGINE_KV_F32, ENGINE_KV_F16, ENGINE_KV_Q8};
    static struct hparams hparams;
    for (size_t m = 0; m < MODELS; m++) {
        struct gguf *gguf = gguf_open(models[m], NULL);
        assert_true(gguf != NULL && hparams_read(&hparams, gguf, NULL));
        gguf_close(gguf);
        for (size_t t = 0; t < 3; t++) {
            static const size_t contexts[] = {1, 255, 256, 257, 400};
            for (size_t c = 0; c < 6; c++) {
                size_t context = c < 5 ? contexts[c] : (size_t)hparams.context_length;
                struct kv_cache *cache =
                    kv_cache_create(&hparams, context, decoder_capacity(&hparams), types[t], NULL);
                if (cache == NULL) { /* heads that are no whole blocks */
                    assert_int_equal(types[t], QUANT_Q8_0);
                    continue;
                }
                assert_true(kv_cache_prepare(cache, 0, context, NULL));
                struct engine_plan plan = plan_of(models[m], (int32_t)context, names[t], 0);
                assert_int_equal(plan.kv, kv_cache_bytes(cache));
                assert_int_equal(plan.context, context);
                kv_cache_destroy(cache);
            }
        }
    }
}

/* A long timeline with points noted everywhere has as many copies as are planned, and no more. */
static void test_copies(void **state)
{
    (void)state;
    enum { CONTEXT = 40000, WINDOW = 100, CHUNK = 256, BUDGET = 200000 };
    struct hparams hparams = {.num_hidden_layers = 2, .sliding_window = WINDOW};
    struct kv_cache_plan plan;
    for (int32_t l = 0; l < 2; l++) {
        hparams.layers[l] =
            (struct hparams_layer){.sliding = l == 0, .head_dim = 4, .num_key_value_heads = 1};
    }
    for (size_t budget = 0; budget <= BUDGET; budget += BUDGET / 4) {
        struct kv_cache *cache = kv_cache_create(&hparams, CONTEXT, CHUNK, QUANT_F32, NULL);
        struct kv_marks *marks = kv_marks_create(cache, budget, NULL);
        for (size_t at = 0; at + CHUNK <= CONTEXT; at += CHUNK) {
            kv_marks_before(marks, cache, at, at + CHUNK);
            assert_true(kv_cache_prepare(cache, at, at + CHUNK, NULL));
            kv_marks_note(marks, cache, at + CHUNK);
        }
        kv_cache_plan(&hparams, CONTEXT, CHUNK, QUANT_F32, &plan);
        assert_int_equal(kv_marks_plan(&plan, WINDOW, CONTEXT, budget), kv_marks_bytes(marks));
        kv_marks_destroy(marks);
        kv_cache_destroy(cache);
    }
    kv_cache_plan(&hparams, WINDOW + CHUNK, CHUNK, QUANT_F32, &plan);
    assert_int_equal(kv_marks_plan(&plan, WINDOW, WINDOW + CHUNK, BUDGET),
                     0); /* the ring has all */
}

/* --- what a process grows by --- */

struct resident {
    uint64_t anonymous, file; /* bytes */
};

static struct resident read_resident(void)
{
    struct resident resident = {0};
    char line[256];
    uint64_t kilobytes;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "RssAnon: %" SCNu64, &kilobytes) == 1) {
            resident.anonymous = kilobytes * 1024;
        } else if (sscanf(line, "RssFile: %" SCNu64, &kilobytes) == 1) {
            resident.file = kilobytes * 1024;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return resident;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#endif
#if !defined(SANITIZED)
#define SANITIZED false
#endif

/* Fills a context to its end in a process of its own, and compares. */
static void grow(const char *path, int32_t context, enum engine_kv_type type)
{
    struct engine_plan plan = plan_of(path, context, type, 0);
    struct engine_error error;
    malloc_trim(0);
    struct resident before = read_resident();
    struct engine_model *model =
        engine_model_open(&(struct engine_model_options){.path = path, .threads = 2}, &error);
    struct resident loaded = read_resident();
    struct engine_session *session =
        model == NULL
            ? NULL
            : engine_session_create(
                  model, &(struct engine_session_options){.context = context, .kv_type = type},
                  &error);
    int32_t *ids = calloc((size_t)context, sizeof *ids);
    bool ok = session != NULL && ids != NULL;
    for (int32_t i = 0; ok && i < context; i++) {
        ids[i] = i * 13 % engine_model_info(model)->vocabulary_size;
    }
    ok = ok && engine_session_sync(session, ids, (size_t)context, NULL, &error);
    struct resident after = read_resident();
    uint64_t own = after.anonymous - before.anonymous, mapped = after.file - before.file;
    uint64_t code = 2 * 1024 * 1024; /* pages of the program and its libraries, new in use */
    if (!ok || before.anonymous == 0) {
        fprintf(stderr, "%s: %s\n", path, error.text);
    } else if (SANITIZED) { /* then memory is the sanitizer's own affair */
        ok = true;
    } else if (own > plan.kv + plan.copies + plan.work || mapped > plan.mapped + code ||
               own + mapped > plan.total + (plan.mapped - plan.touched) + code ||
               (context > 1 && own < plan.kv / 2) ||
               loaded.anonymous - before.anonymous > plan.work) {
        fprintf(stderr, "%s: own %" PRIu64 " mapped %" PRIu64 " kv %" PRIu64 " work %" PRIu64 "\n",
                path, own, mapped, plan.kv, plan.work);
        ok = false;
    }
    _exit(ok ? 0 : 1);
}

static void test_is_an_upper_bound(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        for (int32_t context = 1; context <= 2000; context += 1999) {
            int status;
            struct engine_plan longest = plan_of(models[m], 0, ENGINE_KV_F16, 0);
            int32_t fitting = context < longest.context ? context : longest.context;
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                grow(models[m], fitting, context == 1 ? ENGINE_KV_F32 : ENGINE_KV_F16);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    }
}

/* --- what fits --- */

static void test_the_largest_context(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        struct engine_plan all = plan_of(models[m], 0, ENGINE_KV_F16, UINT64_MAX / 2);
        struct engine_plan one = plan_of(models[m], 1, ENGINE_KV_F16, UINT64_MAX / 2);
        assert_int_equal(all.largest_context, all.context);
        assert_true(all.touched <= all.mapped && all.total > one.total);
        assert_int_equal(all.total, all.touched + all.kv + all.copies + all.work);
        assert_int_equal(plan_of(models[m], 1, ENGINE_KV_F16, one.total - 1).largest_context, 0);
        uint64_t memory = one.total + (all.total - one.total) / 2;
        int32_t largest = plan_of(models[m], 0, ENGINE_KV_F16, memory).largest_context;
        assert_in_range(largest, 1, all.context - 1);
        assert_true(plan_of(models[m], largest, ENGINE_KV_F16, 0).total <= memory);
        assert_true(plan_of(models[m], largest + 1, ENGINE_KV_F16, 0).total > memory);
        assert_true(plan_of(models[m], 1, ENGINE_KV_F16, 0).memory > 0); /* the system's */
    }
}

/* Four layers with two million positions of a thousand heads: 64 TiB. */
static void write_vast(char path[64])
{
    enum { HEADS = 1024, HEAD = 512 };
    struct gguf_writer writer;
    size_t size;
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "gemma4.context_length", 1 << 21);
    gguf_writer_u32(&writer, "gemma4.attention.head_count", HEADS);
    gguf_writer_u32(&writer, "gemma4.attention.head_count_kv", HEADS);
    gguf_writer_u32(&writer, "gemma4.attention.key_length", HEAD);
    gguf_writer_u32(&writer, "gemma4.attention.value_length", HEAD);
    for (int l = 0; l < TINY_LAYERS; l++) {
        const uint64_t width = HEADS * (l % 2 == 0 ? 4 : HEAD);
        const uint64_t in[] = {TINY_HIDDEN, width}, out[] = {width, TINY_HIDDEN};
        const char *const roles[] = {"attn_q", "attn_k", "attn_v"};
        char name[64];
        for (size_t i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "blk.%d.%s.weight", l, roles[i]);
            gguf_writer_tensor(&writer, name, QUANT_F16, 2, in, NULL, width * TINY_HIDDEN * 2);
        }
        snprintf(name, sizeof name, "blk.%d.attn_output.weight", l);
        gguf_writer_tensor(&writer, name, QUANT_F16, 2, out, NULL, width * TINY_HIDDEN * 2);
        snprintf(name, sizeof name, "blk.%d.attn_q_norm.weight", l);
        gguf_writer_floats(&writer, name, width / HEADS, 0);
        snprintf(name, sizeof name, "blk.%d.attn_k_norm.weight", l);
        gguf_writer_floats(&writer, name, width / HEADS, 0);
    }
    tiny_model_write(&writer);
    const unsigned char *bytes = gguf_writer_finish(&writer, &size);
    snprintf(path, 64, "/tmp/carat-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
    gguf_writer_free(&writer);
}

static void test_refusal(void **state)
{
    (void)state;
    char path[64], advice[80];
    struct engine_error error;
    write_vast(path);
    struct engine_plan plan = plan_of(path, 0, ENGINE_KV_F32, UINT64_C(8) << 30);
    assert_true(plan.kv > UINT64_C(8) << 40);
    struct engine_model *model =
        engine_model_open(&(struct engine_model_options){.path = path, .threads = 2}, &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    assert_null(engine_session_create(model, NULL, &error));
    assert_int_equal(error.code, ENGINE_NO_MEMORY);
    assert_non_null(strstr(error.text, ": a context of 2097152 tokens needs "));
    const char *found = strstr(error.text, " are available; a context of ");
    assert_non_null(found);
    int largest = 0;
    assert_int_equal(sscanf(found, " are available; a context of %79[0-9] would fit", advice), 1);
    largest = atoi(advice);
    assert_in_range(largest, 1, 1 << 20);
    struct engine_session_options half = {.context = largest / 2 + 1, .kv_type = ENGINE_KV_F32};
    struct engine_session *session = engine_session_create(model, &half, &error);
    if (session == NULL) {
        fail_msg("%s", error.text);
    }
    engine_session_destroy(session);
    engine_model_close(model);
    unlink(path);
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    struct engine_plan plan;
    struct engine_error error;
    struct engine_model_options options = {.path = models[0]};
    assert_false(engine_plan(NULL, NULL, 0, &plan, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_false(engine_plan(&options, NULL, 0, NULL, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_false(engine_plan(&options, &(struct engine_session_options){.context = 1 << 30}, 0,
                             &plan, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    options.threads = 100000;
    assert_false(engine_plan(&options, NULL, 0, &plan, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    options = (struct engine_model_options){.path = "/nowhere/at/all.gguf"};
    assert_false(engine_plan(&options, NULL, 0, &plan, &error));
    assert_int_equal(error.code, ENGINE_NOT_FOUND);
}

/* --- the system's figures --- */

static char root[64];

static void put(const char *path, const char *text)
{
    char whole[512], *slash = whole;
    snprintf(whole, sizeof whole, "%s%s", root, path);
    while ((slash = strchr(slash + 1, '/')) != NULL) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_the_systems_figures(void **state)
{
    (void)state;
    char command[128];
    snprintf(root, sizeof root, "/tmp/carat-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    uint64_t machine = system_memory_available(root); /* nothing there to read */
    assert_true(machine >= system_memory_available(""));
    put("/proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    5000 kB\nSwapFree: 7000 kB\n");
    assert_int_equal(system_memory_available(root), 5000 * 1024);
    put("/proc/self/cgroup", "0::/user/carat\n");
    put("/sys/fs/cgroup/user/carat/memory.max", "max\n");
    put("/sys/fs/cgroup/user/carat/memory.current", "100\n");
    assert_int_equal(system_memory_available(root), 5000 * 1024);
    put("/sys/fs/cgroup/user/carat/memory.max", "4000000\n");
    assert_int_equal(system_memory_available(root), 4000000 - 100);
    put("/sys/fs/cgroup/user/memory.max", "3000000\n"); /* above, and mostly dropped when wanted */
    put("/sys/fs/cgroup/user/memory.current", "2900000\n");
    put("/sys/fs/cgroup/user/memory.stat", "anon 7\ninactive_file 2000000\nactive_file 500000\n");
    assert_int_equal(system_memory_available(root), 3000000 - 400000);
    put("/sys/fs/cgroup/user/memory.current", "9900000\n"); /* over its limit */
    assert_int_equal(system_memory_available(root), 0);
    put("/proc/self/cgroup", "5:cpu,memory:/box\n3:pids:/x\nnonsense\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n"); /* the container's root */
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "300000\n");
    put("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 100000\ntotal_active_file 1\n");
    assert_int_equal(system_memory_available(root), 1000000 - 199999);
    snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

/* --- encoders --- */

static void keep_greatest(void *context, size_t done, size_t total)
{
    uint64_t *greatest = context, now = read_resident().anonymous;
    (void)done;
    (void)total;
    *greatest = now > *greatest ? now : *greatest;
}

/* What encoding a picture and the longest sound takes is no more than was planned. */
static void test_encoders(void **state)
{
    (void)state;
    enum { SIDE = 480, SAMPLES = 480000 };
    struct engine_error error;
    struct engine_media_plan plan;
    struct engine_soft picture, sound;
    uint8_t *rgb = test_calloc(SIDE * SIDE, 3);
    float *samples = test_calloc(SAMPLES, sizeof *samples);
    uint64_t before = read_resident().anonymous, greatest = 0;
    struct engine_media *media = engine_media_open(
        &(struct engine_media_options){.path = TEST_MODELS "/mmproj-nano.gguf", .threads = 2},
        &error);
    assert_non_null(media);
    engine_media_plan(media, &plan);
    assert_true(plan.mapped > 0 && plan.work > 0);
    assert_true(plan.kept ==
                UINT64_C(32) * 1120 * (uint64_t)engine_media_width(media) * sizeof(float));
    engine_media_on_progress(media, keep_greatest, &greatest);
    assert_true(engine_media_image(media, rgb, SIDE, SIDE, 280, &picture, &error));
    assert_true(engine_media_sound(media, samples, SAMPLES, &sound, &error));
    assert_true(SANITIZED || before == 0 ||
                (greatest > before && greatest - before <= plan.work + plan.kept));
    engine_free(picture.values);
    engine_free(sound.values);
    engine_media_close(media);
    test_free(rgb);
    test_free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_values),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_is_an_upper_bound),
        cmocka_unit_test(test_the_largest_context),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_the_systems_figures),
        cmocka_unit_test(test_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
