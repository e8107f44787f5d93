/* attend: attention against softmax in double precision, over every kernel set and cache format,
 * around the edges of windows, segments, pages and rings; and the same bits however the tokens are
 * cut and on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/kernels.h"
#include "load/hparams.h"
#include "load/quant.h"
#include "text/attend.h"
#include "text/kv_cache.h"
#include "text/pass.h"

enum { CHUNK = 64 };

/* One model shape and one timeline of it. Layer 0 is full, layer 1 slides. */
struct shape {
    int32_t head_dim, heads, kv_heads, window;
    size_t length;
    enum quant_type type;
    float size; /* of queries: how far scores lie apart */
};

static const struct shape shapes[] = {
    {32, 8, 1, 40, 300, QUANT_F32, 1},      {256, 8, 1, 100, 450, QUANT_F32, 0.2f},
    {256, 8, 1, 100, 450, QUANT_F16, 0.2f}, {64, 4, 2, 70, 530, QUANT_Q8_0, 0.3f},
    {100, 3, 1, 1, 200, QUANT_F32, 1},      {48, 70, 1, 33, 80, QUANT_F16, 1},
    {512, 2, 2, 290, 300, QUANT_F32, 0.1f}, {32, 2, 1, 40, 300, QUANT_F32, 1e4f},
    {2, 1, 1, 300, 320, QUANT_F32, 1e-30f},
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static float uniform(void)
{
    static uint32_t state = 88172645u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (float)(state >> 8) / (float)(1 << 23) - 1.0f;
}

struct world {
    struct hparams hparams;
    const struct shape *shape;
    size_t row, kv_row; /* values of a token in q, and in k or v */
    float *q, *k, *v;   /* [length][row], [length][kv_row]: the same for both layers */
    float *first;       /* [2][length][row]: results of the first way of cutting */
};

static void begin_world(struct world *w, const struct shape *shape)
{
    *w = (struct world){.shape = shape};
    w->hparams.num_hidden_layers = 2;
    w->hparams.num_attention_heads = shape->heads;
    w->hparams.sliding_window = shape->window;
    for (int32_t l = 0; l < 2; l++) {
        w->hparams.layers[l] = (struct hparams_layer){.sliding = l == 1,
                                                      .kv_layer = l,
                                                      .head_dim = shape->head_dim,
                                                      .num_key_value_heads = shape->kv_heads};
    }
    w->row = (size_t)shape->heads * (size_t)shape->head_dim;
    w->kv_row = (size_t)shape->kv_heads * (size_t)shape->head_dim;
    w->q = test_malloc(shape->length * w->row * sizeof *w->q);
    w->k = test_malloc(shape->length * w->kv_row * sizeof *w->k);
    w->v = test_malloc(shape->length * w->kv_row * sizeof *w->v);
    w->first = test_malloc(2 * shape->length * w->row * sizeof *w->first);
    for (size_t i = 0; i < shape->length * w->row; i++) {
        w->q[i] = uniform() * shape->size;
    }
    for (size_t i = 0; i < shape->length * w->kv_row; i++) {
        w->k[i] = uniform();
        w->v[i] = uniform();
    }
}

static void end_world(struct world *w)
{
    test_free(w->q);
    test_free(w->k);
    test_free(w->v);
    test_free(w->first);
}

/* What the cache gives back of a stored value run. */
static void read_back(const struct kv_cache *cache, const unsigned char *stored, size_t n,
                      float *to)
{
    const struct quant_format *format = quant_format(kv_cache_type(cache));
    format->decode(stored, n / format->block_values, to);
}

/* Head h of the token at `position`, in double precision, from what the cache holds. */
static void check_head(const struct world *w, const struct kv_cache *cache, int layer,
                       size_t position, size_t h, const float *found, const char *set)
{
    size_t hd = (size_t)w->shape->head_dim, window = (size_t)w->shape->window;
    size_t begin = layer == 1 && position + 1 > window ? position + 1 - window : 0;
    int kv_head = (int)h / (w->shape->heads / w->shape->kv_heads);
    const float *q = w->q + position * w->row + h * hd;
    double scores[700], greatest = -INFINITY, sum = 0, out[512] = {0};
    float row[512];
    for (size_t p = begin; p <= position; p++) {
        struct kv_span span = kv_cache_span(cache, layer, kv_head, p, p + 1);
        read_back(cache, span.keys, hd, row);
        scores[p - begin] = 0;
        for (size_t i = 0; i < hd; i++) {
            scores[p - begin] += (double)q[i] * (double)row[i];
        }
        greatest = fmax(greatest, scores[p - begin]);
    }
    for (size_t p = begin; p <= position; p++) {
        struct kv_span span = kv_cache_span(cache, layer, kv_head, p, p + 1);
        read_back(cache, span.values, hd, row);
        double weight = exp(scores[p - begin] - greatest);
        sum += weight;
        for (size_t i = 0; i < hd; i++) {
            out[i] += weight * (double)row[i];
        }
    }
    /* a score is a float32 sum: weights are off by what it lost */
    double limit = 3e-6 + 3e-7 * (double)w->shape->size * sqrt((double)hd);
    for (size_t i = 0; i < hd; i++) {
        if (!(fabs((double)found[i] - out[i] / sum) <= limit)) {
            fail_msg("%s, layer %d, position %zu, head %zu of %zu values: [%zu] is %.9g, not %.9g",
                     set, layer, position, h, hd, i, (double)found[i], out[i] / sum);
        }
    }
}

/* Runs the whole timeline in calls of `count` tokens; the first way is checked, and the others must
 * give the same bits. */
static void run(struct world *w, const struct kernels *set, int threads, size_t count, bool first)
{
    struct tensor_machine machine;
    assert_true(tensor_machine_init(&machine, set->name, threads, 16, NULL));
    struct attend *attend = attend_create(&w->hparams, &machine, NULL);
    struct kv_cache *cache =
        kv_cache_create(&w->hparams, w->shape->length, CHUNK, w->shape->type, NULL);
    assert_non_null(attend);
    assert_non_null(cache);
    float *attended = test_malloc(count * w->row * sizeof *attended);
    struct pass pass = {.hparams = &w->hparams,
                        .machine = &machine,
                        .attend = attend,
                        .attended = attended,
                        .part_count = 1};
    for (size_t at = 0; at < w->shape->length; at += count) {
        size_t some = w->shape->length - at < count ? w->shape->length - at : count;
        assert_true(kv_cache_prepare(cache, at, at + some, NULL));
        const struct pass_part part = {.cache = cache, .position = at, .count = some};
        pass.parts = &part;
        pass.count = some;
        pass.q = w->q + at * w->row;
        for (int layer = 0; layer < 2; layer++) {
            for (size_t p = at; p < at + some; p++) {
                kv_cache_store(cache, set, layer, p, w->k + p * w->kv_row, w->v + p * w->kv_row);
            }
            attend_run(&pass, layer);
            float *kept = w->first + ((size_t)layer * w->shape->length + at) * w->row;
            if (!first) {
                if (memcmp(attended, kept, some * w->row * sizeof *kept) != 0) {
                    fail_msg("%s: calls of %zu on %d threads give other bits at %zu", set->name,
                             count, threads, at);
                }
                continue;
            }
            memcpy(kept, attended, some * w->row * sizeof *kept);
            for (size_t t = 0; t < some; t += t % 5 + 1) {
                size_t h = (at + t) % (size_t)w->shape->heads;
                check_head(w, cache, layer, at + t, h,
                           attended + t * w->row + h * (size_t)w->shape->head_dim, set->name);
            }
        }
    }
    test_free(attended);
    kv_cache_destroy(cache);
    attend_destroy(attend);
    tensor_machine_finish(&machine);
}

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        struct world w;
        begin_world(&w, &shapes[i]);
        for (size_t s = 0; kernels_at(s) != NULL; s++) {
            if (kernels_at(s)->supported()) {
                run(&w, kernels_at(s), 1, CHUNK, true);
                run(&w, kernels_at(s), 3, 1, false);
                run(&w, kernels_at(s), 2, 7, false);
                run(&w, kernels_at(s), 4, CHUNK, false);
            }
        }
        end_world(&w);
    }
}

/* Only rows from `first` on are asked for; and one key gets all the weight. */
static void test_active_rows_and_one_key(void **state)
{
    (void)state;
    const struct shape shape = {32, 2, 1, 4, 3, QUANT_F32, 1};
    struct world w;
    struct tensor_machine machine;
    begin_world(&w, &shape);
    assert_true(tensor_machine_init(&machine, NULL, 2, 16, NULL));
    struct attend *attend = attend_create(&w.hparams, &machine, NULL);
    struct kv_cache *cache = kv_cache_create(&w.hparams, 3, CHUNK, QUANT_F32, NULL);
    float attended[3 * 64];
    struct pass_part part = {.cache = cache, .count = 1};
    struct pass pass = {.hparams = &w.hparams,
                        .machine = &machine,
                        .attend = attend,
                        .attended = attended,
                        .q = w.q,
                        .parts = &part,
                        .part_count = 1,
                        .count = 1};
    assert_true(kv_cache_prepare(cache, 0, 3, NULL));
    for (size_t p = 0; p < 3; p++) {
        kv_cache_store(cache, machine.kernels, 0, p, w.k + p * w.kv_row, w.v + p * w.kv_row);
    }
    attend_run(&pass, 0);
    assert_memory_equal(attended, w.v, 32 * sizeof *attended);
    assert_memory_equal(attended + 32, w.v, 32 * sizeof *attended);
    for (size_t i = 0; i < 3 * 64; i++) {
        attended[i] = -5;
    }
    pass.count = part.count = 3;
    pass.first = 2;
    attend_run(&pass, 0);
    for (size_t i = 0; i < 2 * 64; i++) {
        assert_true(attended[i] == -5);
    }
    check_head(&w, cache, 0, 2, 1, attended + 2 * 64 + 32, "best");
    kv_cache_destroy(cache);
    attend_destroy(attend);
    tensor_machine_finish(&machine);
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_active_rows_and_one_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
