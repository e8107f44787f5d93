/* blake2b: the 256-bit BLAKE2b hash (RFC 7693, without a key), which names contents in the store
 * of snapshots. It must withstand somebody who makes two files of one name: a command of the model
 * chooses the contents. A plain value; any thread.
 */
#ifndef CARAT_UNDO_BLAKE2B_H
#define CARAT_UNDO_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

enum { BLAKE2B_SIZE = 32, BLAKE2B_BLOCK = 128 };

struct blake2b {
    uint64_t state[8];
    uint64_t count; /* bytes taken in so far, the buffered ones not among them */
    unsigned char buffer[BLAKE2B_BLOCK];
    size_t filled;
};

void blake2b_init(struct blake2b *hash);
void blake2b_add(struct blake2b *hash, const void *data, size_t size);
void blake2b_result(struct blake2b *hash, unsigned char out[BLAKE2B_SIZE]);

#endif
