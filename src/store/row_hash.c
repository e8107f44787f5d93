/* FNV-1a, 64 bits: state = (state xor byte) * prime. Constants from the authors' page
 * (http://www.isthe.com/chongo/tech/comp/fnv/), where the algorithm is in the public domain. */
#include "row_hash.h"

#include <assert.h>
#include <string.h>

static const uint64_t OFFSET_BASIS = 14695981039346656037u;
static const uint64_t PRIME = 1099511628211u;

enum { LANES = 4 };

static uint64_t step(uint64_t state, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        state = (state ^ bytes[i]) * PRIME;
    }
    return state;
}

static void mix(struct row_hash *hash, const unsigned char *bytes, size_t length)
{
    if (length < hash->room) {
        memcpy(hash->later + hash->waiting, bytes, length);
        hash->waiting += length;
        hash->room -= length;
        return;
    }
    row_hash_settle(hash, 1);
    hash->room = 0;
    hash->state = step(hash->state, bytes, length);
}

void row_hash_init(struct row_hash *hash)
{
    *hash = (struct row_hash){.state = OFFSET_BASIS};
}

void row_hash_put_aside(struct row_hash *hash, unsigned char *bytes, size_t room)
{
    hash->later = bytes;
    hash->waiting = 0;
    hash->room = room;
}

/* The next `length` bytes of each. Written out, so that the four states stay in registers. */
static void step_lanes(struct row_hash *const lanes[LANES], size_t length)
{
    const unsigned char *a = lanes[0]->later, *b = lanes[1]->later;
    const unsigned char *c = lanes[2]->later, *d = lanes[3]->later;
    uint64_t at_a = lanes[0]->state, at_b = lanes[1]->state;
    uint64_t at_c = lanes[2]->state, at_d = lanes[3]->state;
    for (size_t i = 0; i < length; i++) {
        at_a = (at_a ^ a[i]) * PRIME;
        at_b = (at_b ^ b[i]) * PRIME;
        at_c = (at_c ^ c[i]) * PRIME;
        at_d = (at_d ^ d[i]) * PRIME;
    }
    lanes[0]->state = at_a;
    lanes[1]->state = at_b;
    lanes[2]->state = at_c;
    lanes[3]->state = at_d;
    for (int i = 0; i < LANES; i++) {
        lanes[i]->later += length;
        lanes[i]->waiting -= length;
    }
}

void row_hash_settle(struct row_hash *hashes, size_t count)
{
    struct row_hash *lanes[LANES];
    size_t used = 0, next = 0;
    for (;;) {
        while (used < LANES && next < count) {
            lanes[used++] = &hashes[next++];
        }
        if (used < LANES) {
            break;
        }
        size_t shortest = SIZE_MAX;
        for (int i = 0; i < LANES; i++) {
            shortest = lanes[i]->waiting < shortest ? lanes[i]->waiting : shortest;
        }
        step_lanes(lanes, shortest);
        for (int i = LANES; i-- > 0;) {
            if (lanes[i]->waiting == 0) {
                lanes[i] = lanes[--used];
            }
        }
    }
    for (size_t i = 0; i < used; i++) {
        lanes[i]->state = step(lanes[i]->state, lanes[i]->later, lanes[i]->waiting);
        lanes[i]->waiting = 0;
    }
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
    assert(hash->waiting == 0);
    int64_t value;
    memcpy(&value, &hash->state, sizeof value);
    return value;
}
