#include "hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"

void hash_init(struct hash *hash)
{
    static const uint32_t start[SHA256_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, start, sizeof start);
    hash->length = 0;
    hash->compress = sha256_best();
}

void hash_add(struct hash *hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    size_t held = hash->length % SHA256_BLOCK;
    hash->length += length;
    if (held > 0) {
        size_t room = SHA256_BLOCK - held, taken = length < room ? length : room;
        memcpy(hash->rest + held, at, taken);
        if (taken < room) {
            return;
        }
        hash->compress(hash->state, hash->rest, 1);
        at += taken;
        length -= taken;
    }
    hash->compress(hash->state, at, length / SHA256_BLOCK);
    if (length % SHA256_BLOCK > 0) {
        memcpy(hash->rest, at + length - length % SHA256_BLOCK, length % SHA256_BLOCK);
    }
}

void hash_finish(struct hash *hash, unsigned char sum[HASH_BYTES])
{
    /* A one bit, zeros up to the last eight bytes of a block, and there the number of bits. */
    unsigned char tail[SHA256_BLOCK + 8] = {0x80};
    size_t held = hash->length % SHA256_BLOCK;
    size_t zeros = (held < 56 ? 56 : 56 + SHA256_BLOCK) - held;
    for (int i = 0; i < 8; i++) {
        tail[zeros + (size_t)i] = (unsigned char)(hash->length * 8 >> (56 - 8 * i));
    }
    hash_add(hash, tail, zeros + 8);
    for (int i = 0; i < HASH_BYTES; i++) {
        sum[i] = (unsigned char)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}

void hash_hex(const unsigned char sum[HASH_BYTES], char hex[HASH_HEX_SIZE])
{
    for (size_t i = 0; i < HASH_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    }
}

bool hash_file(const char *path, bool (*look)(void *context, unsigned long long done),
               void *context, char hex[HASH_HEX_SIZE], struct err *err)
{
    enum { PIECE = 1024 * 1024 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, ERR_IO, "opening %s", path);
    }
    unsigned char *piece = mem_alloc(PIECE, 1), sum[HASH_BYTES];
    struct hash hash;
    hash_init(&hash);
    unsigned long long done = 0;
    ssize_t got;
    bool ok = true;
    while (ok && (got = read(fd, piece, PIECE)) != 0) {
        if (got < 0) {
            ok = err_errno(err, ERR_IO, "reading %s", path);
            break;
        }
        hash_add(&hash, piece, (size_t)got);
        done += (unsigned long long)got;
        if (look != NULL && !look(context, done)) {
            ok = err_set(err, ERR_CANCELLED, "%s: the check was interrupted", path);
        }
    }
    hash_finish(&hash, sum);
    if (ok) {
        hash_hex(sum, hex);
    }
    mem_free(piece);
    close(fd);
    return ok;
}
