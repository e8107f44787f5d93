/* soft: see soft.h. */
#include "text/soft.h"

#include "engine/engine_media.h"
#include "load/hparams.h"
#include "text/pass.h"

const struct engine_soft *soft_at(const struct engine_soft *soft, size_t count, size_t position)
{
    for (size_t i = 0; i < count && soft[i].position <= position; i++) {
        if (position - soft[i].position < soft[i].count) {
            return &soft[i];
        }
    }
    return NULL;
}

/* Every bit of the result depends on every bit of `value`. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 31) * UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 29) * UINT64_C(0xD6E8FEB86659FD93);
    return value ^ value >> 32;
}

uint64_t soft_content(const struct engine_soft *run, size_t position)
{
    if (run == NULL) {
        return 0;
    }
    uint64_t content = mix(mix(mix(run->hash) + run->count) + (position - run->position));
    return (content & ~UINT64_C(3)) | 2 | (run->picture ? 1 : 0);
}

const float *soft_vector(const struct pass *pass, size_t row)
{
    const struct pass_part *part = pass_part_of(pass, row);
    size_t position = pass_position(part, row);
    const struct engine_soft *run = soft_at(part->soft, part->soft_count, position);
    return run == NULL
               ? NULL
               : run->values + (position - run->position) * (size_t)pass->hparams->hidden_size;
}

struct soft_range soft_visible(const struct pass *pass, bool sliding, size_t row)
{
    const struct pass_part *part = pass_part_of(pass, row);
    size_t position = pass_position(part, row), window = (size_t)pass->hparams->sliding_window;
    struct soft_range range = {0, position + 1};
    if (!sliding) {
        return range;
    }
    range.begin = range.end > window ? range.end - window : 0;
    if (pass->hparams->pictures_see_forwards) {
        const struct engine_soft *run = soft_at(part->soft, part->soft_count, position);
        range.end = run != NULL && run->picture ? run->position + run->count : range.end;
    }
    return range;
}
