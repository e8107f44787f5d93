/* media_cache: see media_cache.h. Few entries, so that looking at all of them costs nothing beside
 * an encoder's run. */
#include "media_cache.h"

#include <string.h>

#include "base/mem.h"
#include "engine/engine_media.h"

void media_cache_finish(struct media_cache *cache)
{
    for (size_t i = 0; i < MEDIA_CACHE_ENTRIES; i++) {
        mem_free(cache->entries[i].values);
    }
}

static float *copy_of(const float *values, size_t count)
{
    float *copy = mem_try_alloc(count + 1, sizeof *copy);
    if (copy != NULL) {
        memcpy(copy, values, count * sizeof *copy);
    }
    return copy;
}

bool media_cache_find(struct media_cache *cache, uint64_t hash, size_t width,
                      struct engine_soft *soft)
{
    for (size_t i = 0; i < MEDIA_CACHE_ENTRIES; i++) {
        if (cache->entries[i].used == 0 || cache->entries[i].hash != hash) {
            continue;
        }
        float *values = copy_of(cache->entries[i].values, cache->entries[i].count * width);
        if (values == NULL) {
            return false;
        }
        cache->entries[i].used = ++cache->clock;
        soft->count = cache->entries[i].count;
        soft->values = values;
        return true;
    }
    return false;
}

void media_cache_keep(struct media_cache *cache, const struct engine_soft *soft, size_t width)
{
    size_t oldest = 0;
    for (size_t i = 1; i < MEDIA_CACHE_ENTRIES; i++) {
        oldest = cache->entries[i].used < cache->entries[oldest].used ? i : oldest;
    }
    float *values = copy_of(soft->values, soft->count * width);
    if (values == NULL) {
        return;
    }
    mem_free(cache->entries[oldest].values);
    cache->entries[oldest].hash = soft->hash;
    cache->entries[oldest].used = ++cache->clock;
    cache->entries[oldest].count = soft->count;
    cache->entries[oldest].values = values;
}
