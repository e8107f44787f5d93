/* checksum: tells whether bytes are still those that were written.
 *
 * Against damage, not against an attacker. A change within one word of eight bytes never goes
 * unnoticed, others do by a chance of 2^-64. Fed in pieces of any length; the result depends on the
 * bytes and their number alone, and is the same on every little-endian machine. A plain value.
 */
#ifndef CARAT_CHECKSUM_H
#define CARAT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum { CHECKSUM_BLOCK = 32 };

struct checksum {
    uint64_t lanes[CHECKSUM_BLOCK / 8];
    uint64_t length;
    size_t pending; /* bytes of a block that is not whole yet */
    unsigned char block[CHECKSUM_BLOCK];
};

void checksum_init(struct checksum *sum);
void checksum_feed(struct checksum *sum, const void *bytes, size_t size);
/* Of all bytes so far; more may follow. */
uint64_t checksum_value(const struct checksum *sum);

#endif
