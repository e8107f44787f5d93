#include "hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"

void hash_init(struct hash *hash)
{
    sha256_init(&hash->state);
}

void hash_add(struct hash *hash, const void *bytes, size_t length)
{
    sha256_update(&hash->state, length, bytes);
}

void hash_finish(struct hash *hash, unsigned char sum[HASH_BYTES])
{
    sha256_digest(&hash->state, HASH_BYTES, sum);
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
