#include "vec.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"

static size_t next_capacity(size_t capacity, size_t needed)
{
    size_t doubled = capacity < 8 ? 8 : (capacity > SIZE_MAX / 2 ? needed : capacity * 2);
    return doubled < needed ? needed : doubled;
}

void vec_room(void *items, size_t *capacity, size_t needed, size_t item_size)
{
    if (needed <= *capacity) {
        return;
    }
    size_t grown = next_capacity(*capacity, needed);
    void *block;
    memcpy(&block, items, sizeof block);
    block = mem_resize(block, grown, item_size);
    memcpy(items, &block, sizeof block);
    *capacity = grown;
}

bool vec_try_room(void *items, size_t *capacity, size_t needed, size_t item_size)
{
    if (needed <= *capacity) {
        return true;
    }
    size_t grown = next_capacity(*capacity, needed);
    void *block;
    memcpy(&block, items, sizeof block);
    block = mem_try_resize(block, grown, item_size);
    if (block == NULL) {
        return false;
    }
    memcpy(items, &block, sizeof block);
    *capacity = grown;
    return true;
}
