/* fixture: see fixture.h. */
#include "support/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct engine_model *fixture_model(const char *folder, const char *name, const char *kernels,
                                   int threads)
{
    char path[4096];
    struct engine_error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct engine_model *model = engine_model_open(
        &(struct engine_model_options){
            .path = path, .threads = threads, .cpu = kernels, .exact = true},
        &error);
    if (model == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return model;
}

struct engine_session *fixture_session(struct engine_model *model, int32_t context,
                                       enum engine_kv_type kv_type)
{
    struct engine_error error;
    struct engine_session *session = engine_session_create(
        model, &(struct engine_session_options){.context = context, .kv_type = kv_type}, &error);
    if (session == NULL) {
        fail_msg("%s", error.text);
    }
    return session;
}

const void *fixture_tensor(struct safetensors *golden, const char *sequence, const char *what,
                           size_t *count)
{
    char name[128];
    struct safetensors_view view;
    snprintf(name, sizeof name, "%s.%s", sequence, what);
    if (!safetensors_get(golden, name, &view)) {
        fail_msg("the golden file has no %s", name);
    }
    *count = view.shape[0] * view.shape[1] * view.shape[2] * view.shape[3];
    return view.data;
}

float fixture_max_difference(const float *a, const float *b, size_t count)
{
    float greatest = 0;
    for (size_t i = 0; i < count; i++) {
        float difference = fabsf(a[i] - b[i]);
        if (!(difference <= greatest)) { /* a NaN stays */
            greatest = difference;
        }
    }
    return greatest;
}

size_t fixture_argmax(const float *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

float *fixture_logits(struct engine_model *model, const int32_t *ids, size_t count, size_t chunk,
                      enum engine_kv_type kv_type)
{
    struct engine_error error;
    size_t vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    float *logits = test_malloc(count * vocabulary * sizeof *logits);
    struct engine_session *session = fixture_session(model, (int32_t)count, kv_type);
    for (size_t at = 0; at < count; at += chunk) {
        size_t n = count - at < chunk ? count - at : chunk;
        if (!engine_session_evaluate(session, ids + at, n, logits + at * vocabulary, &error)) {
            fail_msg("%s", error.text);
        }
    }
    engine_session_destroy(session);
    return logits;
}
