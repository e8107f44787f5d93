/* bytes: a bounded little-endian reader over bytes that cannot be trusted.
 *
 * Every read checks what is left; the first one that does not fit marks the reader as failed,
 * leaves the position, and all later reads return 0. Check `failed` (or the bool) before using a
 * value.
 */
#ifndef CARAT_BASE_BYTES_H
#define CARAT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const unsigned char *data;
    size_t size;
    size_t position; /* <= size */
    bool failed;
};

void bytes_init(struct bytes *b, const void *data, size_t size);
size_t bytes_left(const struct bytes *b);
uint8_t bytes_u8(struct bytes *b);
uint16_t bytes_u16(struct bytes *b);
uint32_t bytes_u32(struct bytes *b);
uint64_t bytes_u64(struct bytes *b);
/* A borrowed view of the next `count` bytes, or NULL and failed. */
const unsigned char *bytes_view(struct bytes *b, uint64_t count);

/* a * b and a + b in 64 bits; false when they do not fit. */
bool bytes_multiply(uint64_t a, uint64_t b, uint64_t *product);
bool bytes_add(uint64_t a, uint64_t b, uint64_t *sum);

#endif
