#include "hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "base/mem.h"

/* libcrypto's SHA-256 fails for want of memory only; like mem_*, that is not survived. */
static void require(bool ok)
{
    if (!ok) {
        fputs("carat: no memory for a checksum\n", stderr);
        abort();
    }
}

void hash_init(struct hash *hash)
{
    hash->state = EVP_MD_CTX_new();
    require(hash->state != NULL && EVP_DigestInit_ex(hash->state, EVP_sha256(), NULL) == 1);
}

void hash_add(struct hash *hash, const void *bytes, size_t length)
{
    require(EVP_DigestUpdate(hash->state, bytes, length) == 1);
}

void hash_finish(struct hash *hash, unsigned char sum[HASH_BYTES])
{
    require(EVP_DigestFinal_ex(hash->state, sum, NULL) == 1);
    EVP_MD_CTX_free(hash->state);
    hash->state = NULL;
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
