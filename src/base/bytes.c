#include "bytes.h"

void bytes_init(struct bytes *b, const void *data, size_t size)
{
    b->data = data;
    b->size = size;
    b->position = 0;
    b->failed = false;
}

size_t bytes_left(const struct bytes *b)
{
    return b->size - b->position;
}

const unsigned char *bytes_view(struct bytes *b, uint64_t count)
{
    if (b->failed || count > bytes_left(b)) {
        b->failed = true;
        return NULL;
    }
    const unsigned char *view = b->data + b->position;
    b->position += (size_t)count;
    return view;
}

static uint64_t little_endian(struct bytes *b, unsigned count)
{
    const unsigned char *view = bytes_view(b, count);
    uint64_t value = 0;
    for (unsigned i = 0; view != NULL && i < count; i++) {
        value |= (uint64_t)view[i] << 8 * i;
    }
    return value;
}

uint8_t bytes_u8(struct bytes *b)
{
    return (uint8_t)little_endian(b, 1);
}

uint16_t bytes_u16(struct bytes *b)
{
    return (uint16_t)little_endian(b, 2);
}

uint32_t bytes_u32(struct bytes *b)
{
    return (uint32_t)little_endian(b, 4);
}

uint64_t bytes_u64(struct bytes *b)
{
    return little_endian(b, 8);
}

bool bytes_multiply(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

bool bytes_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}
