/* The hash is fixed and public, so colliding names can be made: PROBES_MAX is what stands against
 * that. With a quarter of the slots in use, names that were not made for it never come near it.
 * Slots keep the hash, so that nearly every comparison of bytes is that of the name looked for.
 */
#include "load/name_index.h"

#include <string.h>

#include "base/mem.h"

enum { PROBES_MAX = 512 };

static uint32_t name_hash(const char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t slots_for(size_t count)
{
    uint32_t slots = 4;
    while (slots < 4 * count) {
        slots *= 2;
    }
    return slots;
}

size_t name_index_bytes(size_t count)
{
    const struct name_index *index = NULL;
    return count * sizeof *index->names + slots_for(count) * sizeof *index->slots;
}

bool name_index_init(struct name_index *index, size_t count)
{
    uint32_t slots = slots_for(count);
    index->names = mem_try_zero(count, sizeof *index->names);
    index->slots = mem_try_zero(slots, sizeof *index->slots);
    index->mask = slots - 1;
    index->count = 0;
    return index->names != NULL && index->slots != NULL;
}

void name_index_finish(struct name_index *index)
{
    mem_free(index->names);
    mem_free(index->slots);
}

/* The slot of this name, or the free one where it belongs; NULL after PROBES_MAX. */
static struct name_slot *find_slot(const struct name_index *index, const char *bytes, size_t length,
                                   uint32_t hash)
{
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        struct name_slot *slot = &index->slots[(hash + probe) & index->mask];
        if (slot->item == 0) {
            return slot;
        }
        const struct name_text *name = &index->names[slot->item - 1];
        if (slot->hash == hash && name->length == length &&
            memcmp(name->bytes, bytes, length) == 0) {
            return slot;
        }
    }
    return NULL;
}

enum name_index_result name_index_add(struct name_index *index, const char *bytes, size_t length,
                                      uint32_t *item)
{
    uint32_t hash = name_hash(bytes, length);
    struct name_slot *slot = find_slot(index, bytes, length, hash);
    if (slot == NULL) {
        return NAME_INDEX_CROWDED;
    }
    if (slot->item != 0) {
        *item = slot->item - 1;
        return NAME_INDEX_KNOWN;
    }
    index->names[index->count] = (struct name_text){.bytes = bytes, .length = length};
    *item = index->count++;
    *slot = (struct name_slot){.hash = hash, .item = index->count};
    return NAME_INDEX_ADDED;
}

int64_t name_index_find(const struct name_index *index, const char *bytes, size_t length)
{
    const struct name_slot *slot = find_slot(index, bytes, length, name_hash(bytes, length));
    return slot == NULL ? -1 : (int64_t)slot->item - 1;
}
