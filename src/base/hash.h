/* hash: SHA-256, for files that must be what they were. Any thread, one struct a thread.
 *
 * Nettle's, which needs no other library: loading OpenSSL took a millisecond and a megabyte of
 * every start.
 */
#ifndef CARAT_BASE_HASH_H
#define CARAT_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include <nettle/sha2.h>

struct err;

enum { HASH_BYTES = 32, HASH_HEX_SIZE = 65 };

struct hash {
    struct sha256_ctx state;
};

void hash_init(struct hash *hash);
void hash_add(struct hash *hash, const void *bytes, size_t length);
/* The sum of all that was added; the struct must be initialised anew for another one. */
void hash_finish(struct hash *hash, unsigned char sum[HASH_BYTES]);

/* 64 small hexadecimal digits and a NUL. */
void hash_hex(const unsigned char sum[HASH_BYTES], char hex[HASH_HEX_SIZE]);

/* Of a whole file, read in order. `look` (may be NULL) is told how far it is, and stops it with
 * false: ERR_CANCELLED. */
bool hash_file(const char *path, bool (*look)(void *context, unsigned long long done),
               void *context, char hex[HASH_HEX_SIZE], struct err *err);

#endif
