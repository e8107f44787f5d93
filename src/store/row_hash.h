/* row_hash: the 64-bit hash that every kept body carries, because SQLite does not notice flipped
 * bytes in its rows.
 *
 * FNV-1a over typed, length-prefixed fields, so that moving a byte from one field to the next
 * changes the hash, and NULL differs from empty. It finds damage, not malice: there is no key. Each
 * step of FNV-1a is a bijection of the state, so a single changed byte is always found.
 */
#ifndef CARAT_STORE_ROW_HASH_H
#define CARAT_STORE_ROW_HASH_H

#include <stddef.h>
#include <stdint.h>

struct row_hash {
    uint64_t state;
};

void row_hash_init(struct row_hash *hash);
void row_hash_integer(struct row_hash *hash, int64_t value);
/* bytes may be NULL: SQL's NULL. */
void row_hash_bytes(struct row_hash *hash, const void *bytes, size_t length);
/* As SQLite keeps it, in a signed integer. */
int64_t row_hash_value(const struct row_hash *hash);

#endif
