/* blake2b: twelve rounds of RFC 7693 over blocks of 128 bytes.
 *
 * Left out: keys, salts, other sizes of the result. The last block, full or not, is only taken in
 * by blake2b_result, because it is marked as the last.
 */
#include "undo/blake2b.h"

#include <stdbool.h>
#include <string.h>

static const uint64_t start[8] = {
    0x6A09E667F3BCC908u, 0xBB67AE8584CAA73Bu, 0x3C6EF372FE94F82Bu, 0xA54FF53A5F1D36F1u,
    0x510E527FADE682D1u, 0x9B05688C2B3E6C1Fu, 0x1F83D9ABFB41BD6Bu, 0x5BE0CD19137E2179u,
};

static const unsigned char order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value >> bits | value << (64 - bits);
}

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 63);
}

static void compress(struct blake2b *hash, const unsigned char *block, bool last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 8; i++) {
        v[i] = hash->state[i];
        v[i + 8] = start[i];
    }
    for (int i = 0; i < 16; i++) {
        m[i] = little_endian(block + 8 * i);
    }
    v[12] ^= hash->count; /* files over 2^64 bytes do not exist: the upper word is 0 */
    v[14] = last ? ~v[14] : v[14];
    for (int round = 0; round < 12; round++) {
        const unsigned char *s = order[round % 10];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) {
        hash->state[i] ^= v[i] ^ v[i + 8];
    }
}

void blake2b_init(struct blake2b *hash)
{
    *hash = (struct blake2b){0};
    memcpy(hash->state, start, sizeof start);
    hash->state[0] ^= 0x01010000u ^ BLAKE2B_SIZE;
}

void blake2b_add(struct blake2b *hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    while (size > 0) {
        if (hash->filled == BLAKE2B_BLOCK) {
            hash->count += BLAKE2B_BLOCK;
            compress(hash, hash->buffer, false);
            hash->filled = 0;
        }
        size_t room = BLAKE2B_BLOCK - hash->filled, part = size < room ? size : room;
        memcpy(hash->buffer + hash->filled, bytes, part);
        hash->filled += part;
        bytes += part;
        size -= part;
    }
}

void blake2b_result(struct blake2b *hash, unsigned char out[BLAKE2B_SIZE])
{
    memset(hash->buffer + hash->filled, 0, BLAKE2B_BLOCK - hash->filled);
    hash->count += hash->filled;
    compress(hash, hash->buffer, true);
    for (int i = 0; i < BLAKE2B_SIZE; i++) {
        out[i] = (unsigned char)(hash->state[i / 8] >> (8 * (i % 8)));
    }
}
