/* checksum: four lanes side by side, so that the processor multiplies them at the same time. Each
 * step is one-to-one in the lane and in the word: what differs once differs to the end. */
#include "checksum.h"

#include <string.h>

enum { LANES = CHECKSUM_BLOCK / 8 };

static uint64_t turn(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t step(uint64_t lane, uint64_t word)
{
    return (turn(lane, 23) ^ word) * 0x9e3779b97f4a7c15u;
}

void checksum_init(struct checksum *sum)
{
    *sum = (struct checksum){.lanes = {1, 2, 3, 4}};
}

static void take_block(struct checksum *sum, const unsigned char *block)
{
    uint64_t words[LANES];
    memcpy(words, block, sizeof words);
    for (size_t i = 0; i < LANES; i++) {
        sum->lanes[i] = step(sum->lanes[i], words[i]);
    }
}

void checksum_feed(struct checksum *sum, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    sum->length += size;
    if (sum->pending > 0) {
        size_t room = CHECKSUM_BLOCK - sum->pending, n = size < room ? size : room;
        memcpy(sum->block + sum->pending, at, n);
        sum->pending += n;
        at += n;
        size -= n;
        if (sum->pending < CHECKSUM_BLOCK) {
            return;
        }
        take_block(sum, sum->block);
        sum->pending = 0;
    }
    for (; size >= CHECKSUM_BLOCK; at += CHECKSUM_BLOCK, size -= CHECKSUM_BLOCK) {
        take_block(sum, at);
    }
    if (size > 0) {
        memcpy(sum->block, at, size);
        sum->pending = size;
    }
}

uint64_t checksum_value(const struct checksum *sum)
{
    struct checksum last = *sum;
    memset(last.block + last.pending, 0, CHECKSUM_BLOCK - last.pending);
    take_block(&last, last.block);
    uint64_t value = last.length;
    for (size_t i = 0; i < LANES; i++) {
        value = step(value, last.lanes[i] ^ last.lanes[i] >> 31);
    }
    return value ^ value >> 29;
}
