/* rope: see rope.h. The order of the float32 operations below is the recipe that the reference
 * results were made with; do not fold it into exact or double arithmetic. */
#include "text/rope.h"

#include <math.h>

#include "base/err.h"
#include "base/mem.h"

bool rope_init(struct rope *rope, size_t head_dim, size_t pairs, float theta, struct err *err)
{
    float *inv_freq = mem_try_alloc(pairs, sizeof *inv_freq);
    if (inv_freq == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu rotation frequencies", pairs);
    }
    for (size_t i = 0; i < pairs; i++) {
        inv_freq[i] = 1.0f / powf(theta, (float)(2 * i) / (float)head_dim);
    }
    *rope = (struct rope){.head_dim = head_dim, .pairs = pairs, .inv_freq = inv_freq};
    return true;
}

void rope_finish(struct rope *rope)
{
    mem_free(rope->inv_freq);
    *rope = (struct rope){0};
}

void rope_angles(const struct rope *rope, size_t position, float *cosines, float *sines)
{
    for (size_t i = 0; i < rope->pairs; i++) {
        float angle = (float)position * rope->inv_freq[i];
        cosines[i] = cosf(angle);
        sines[i] = sinf(angle);
    }
}
