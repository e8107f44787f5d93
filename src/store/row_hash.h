/* row_hash: the 64-bit hash that every kept body carries, because SQLite does not notice flipped
 * bytes in its rows.
 *
 * FNV-1a over typed, length-prefixed fields, so that moving a byte from one field to the next
 * changes the hash, and NULL differs from empty. It finds damage, not malice: there is no key. Each
 * step of FNV-1a is a bijection of the state, so a single changed byte is always found.
 *
 * Each step needs the one before it, and a processor waits for that most of the time. Where many
 * rows are read, their bytes are therefore put aside, and four rows are hashed side by side: the
 * same values in a quarter of the time.
 */
#ifndef CARAT_STORE_ROW_HASH_H
#define CARAT_STORE_ROW_HASH_H

#include <stddef.h>
#include <stdint.h>

struct row_hash {
    uint64_t state;
    unsigned char *later; /* bytes that are not yet in the state; NULL = none are put aside */
    size_t waiting, room;
};

void row_hash_init(struct row_hash *hash);
void row_hash_integer(struct row_hash *hash, int64_t value);
/* bytes may be NULL: SQL's NULL. */
void row_hash_bytes(struct row_hash *hash, const void *bytes, size_t length);
/* What is added from here on is put into these bytes, borrowed, as long as it fits. */
void row_hash_put_aside(struct row_hash *hash, unsigned char *bytes, size_t room);
/* Brings what was put aside into the states. */
void row_hash_settle(struct row_hash *hashes, size_t count);
/* As SQLite keeps it, in a signed integer; of a hash for which nothing waits. */
int64_t row_hash_value(const struct row_hash *hash);

#endif
