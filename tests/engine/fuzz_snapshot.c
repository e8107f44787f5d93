/* A saved session from anywhere: it is taken whole or refused, with an error that names the file;
 * what was taken can be gone on from. Every input is tried twice: as it is, and with the checksums
 * made right, so that what lies behind them is reached. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"

#include "checksum.h"
#include "load/hparams.h"
#include "snapshot.h"
#include "text/kv_cache.h"
#include "text/kv_marks.h"

enum { CONTEXT = 400, CHUNK = 8, VOCABULARY = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* One ring, a full layer, and one that shares: heads of two values, a window of 4. */
static struct hparams three_layers(void)
{
    struct hparams hparams = {.num_hidden_layers = 3, .sliding_window = 4};
    for (int32_t l = 0; l < 3; l++) {
        hparams.layers[l] = (struct hparams_layer){
            .sliding = l == 0, .shares_kv = l == 2, .head_dim = 2, .num_key_value_heads = 1};
    }
    return hparams;
}

/* Goes on for a while, back again, and on. */
static void go_on(struct snapshot *held)
{
    const float row[2] = {1, 2};
    size_t count = held->count;
    for (size_t step = 0; step < 60 && count + CHUNK <= CONTEXT; step++) {
        kv_marks_before(held->marks, held->cache, count, count + CHUNK);
        require(kv_cache_prepare(held->cache, count, count + CHUNK, NULL));
        for (size_t i = 0; i < CHUNK; i++, count++) {
            kv_cache_store(held->cache, &kernels_scalar, 0, count, row, row);
            kv_cache_store(held->cache, &kernels_scalar, 1, count, row, row);
        }
        kv_marks_note(held->marks, held->cache, count);
        if (step % 20 == 19) {
            size_t wanted = count * 2 / 3;
            count = kv_marks_restore(held->marks, held->cache, count, wanted);
            require(count <= wanted && kv_cache_can_resume(held->cache, count));
            kv_marks_cut(held->marks, held->cache, count);
        }
    }
}

static void try_file(const char *path)
{
    struct hparams hparams = three_layers();
    struct err err = {0};
    int32_t tokens[CONTEXT];
    uint64_t contents[CONTEXT];
    float logits[VOCABULARY];
    struct snapshot held = {.fingerprint = 0x1122334455667788,
                            .vocabulary = VOCABULARY,
                            .context = CONTEXT,
                            .tokens = tokens,
                            .contents = contents,
                            .logits = logits,
                            .cache = kv_cache_create(&hparams, CONTEXT, CHUNK, QUANT_F32, NULL)};
    held.marks = kv_marks_create(held.cache, 1 << 20, NULL);
    require(held.marks != NULL);
    if (snapshot_read(path, &held, &err)) {
        require(held.count <= CONTEXT);
        for (size_t i = 0; i < held.count; i++) {
            require(tokens[i] >= 0 && tokens[i] < VOCABULARY);
        }
        require(kv_cache_can_resume(held.cache, held.count));
        go_on(&held);
    } else {
        require(err.code != ERR_NONE && strncmp(err.text, path, strlen(path)) == 0);
    }
    kv_marks_destroy(held.marks);
    kv_cache_destroy(held.cache);
}

static void seal(unsigned char *bytes, size_t size)
{
    struct checksum sum;
    checksum_init(&sum);
    checksum_feed(&sum, bytes, size - 8);
    uint64_t value = checksum_value(&sum);
    memcpy(bytes + size - 8, &value, sizeof value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("session", 0);
    unsigned char *copy = mem_alloc(size + 1, 1);
    memcpy(copy, data, size);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    try_file(path);
    if (size >= SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES) {
        uint64_t length = size;
        memcpy(copy + 24, &length, sizeof length); /* where the header says how long the file is */
        seal(copy, SNAPSHOT_HEADER_BYTES);
        seal(copy + SNAPSHOT_HEADER_BYTES, size - SNAPSHOT_HEADER_BYTES);
        require(pwrite(fd, copy, size, 0) == (ssize_t)size);
        try_file(path);
    }
    mem_free(copy);
    close(fd);
    return 0;
}
