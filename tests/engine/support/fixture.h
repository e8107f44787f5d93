/* fixture: what tests of the forward pass share: models, reference results, comparisons.
 *
 * A test's tool: whatever goes wrong here fails the running cmocka test with the reason.
 */
#ifndef CARAT_TESTS_FIXTURE_H
#define CARAT_TESTS_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "support/safetensors.h"

/* Opens folder/name; kernels may be NULL. */
struct engine_model *fixture_model(const char *folder, const char *name, const char *kernels,
                                   int threads);
struct engine_session *fixture_session(struct engine_model *model, int32_t context,
                                       enum engine_kv_type kv_type);

/* A tensor "sequence.what" that must be there, with its element count. */
const void *fixture_tensor(struct safetensors *golden, const char *sequence, const char *what,
                           size_t *count);

float fixture_max_difference(const float *a, const float *b, size_t count);
size_t fixture_argmax(const float *values, size_t count);

/* The logits after each id, evaluated `chunk` ids a call in a new session; test_free. */
float *fixture_logits(struct engine_model *model, const int32_t *ids, size_t count, size_t chunk,
                      enum engine_kv_type kv_type);

#endif
