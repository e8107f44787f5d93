/* FNV-1a, 64 bits: state = (state xor byte) * prime. Constants from the authors' page
 * (http://www.isthe.com/chongo/tech/comp/fnv/), where the algorithm is in the public domain. */
#include "row_hash.h"

#include <string.h>

static const uint64_t OFFSET_BASIS = 14695981039346656037u;
static const uint64_t PRIME = 1099511628211u;

static void mix(struct row_hash *hash, const unsigned char *bytes, size_t length)
{
    uint64_t state = hash->state;
    for (size_t i = 0; i < length; i++) {
        state = (state ^ bytes[i]) * PRIME;
    }
    hash->state = state;
}

void row_hash_init(struct row_hash *hash)
{
    hash->state = OFFSET_BASIS;
}

void row_hash_integer(struct row_hash *hash, int64_t value)
{
    /* Little-endian whatever the machine, so that a store may move between machines. */
    unsigned char bytes[9] = {'i'};
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (unsigned char)((uint64_t)value >> (8 * i));
    }
    mix(hash, bytes, sizeof bytes);
}

void row_hash_bytes(struct row_hash *hash, const void *bytes, size_t length)
{
    row_hash_integer(hash, bytes == NULL ? -1 : (int64_t)length);
    if (bytes != NULL) {
        mix(hash, bytes, length);
    }
}

int64_t row_hash_value(const struct row_hash *hash)
{
    int64_t value;
    memcpy(&value, &hash->state, sizeof value);
    return value;
}
