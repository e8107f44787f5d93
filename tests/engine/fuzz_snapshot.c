/* A saved session from anywhere: it is taken whole or refused, with an error that names the file;
 * what was taken can be saved as it was, and gone on from. Every input is tried twice: as it is,
 * and with the checksums made right, so that what lies behind them is reached. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
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
        if (!kv_cache_prepare(held->cache, count, count + CHUNK, NULL)) {
            require(MEMORY_FAILS);
            return;
        }
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

static char folder[] = "carat-fuzz-session-XXXXXX";
static char saved[64];

static void remove_folder(void)
{
    unlink(saved);
    rmdir(folder);
}

/* A session that is new, and all that it needs. */
struct session {
    int32_t tokens[CONTEXT];
    uint64_t contents[CONTEXT];
    float logits[VOCABULARY];
    struct snapshot held;
};

static bool begin(struct session *session)
{
    struct hparams hparams = three_layers();
    struct snapshot *held = &session->held;
    *held = (struct snapshot){.fingerprint = 0x1122334455667788,
                              .vocabulary = VOCABULARY,
                              .context = CONTEXT,
                              .tokens = session->tokens,
                              .contents = session->contents,
                              .logits = session->logits};
    held->cache = kv_cache_create(&hparams, CONTEXT, CHUNK, QUANT_F32, NULL);
    held->marks = held->cache == NULL ? NULL : kv_marks_create(held->cache, 1 << 20, NULL);
    require(held->marks != NULL || MEMORY_FAILS);
    return held->marks != NULL;
}

static void end(struct session *session)
{
    kv_marks_destroy(session->held.marks);
    kv_cache_destroy(session->held.cache);
}

/* What is saved is taken back, and is the same session. */
static void save_again(const struct snapshot *held)
{
    struct session again;
    struct err err = {0};
    if (saved[0] == '\0') {
        require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
        snprintf(saved, sizeof saved, "%s/session", folder);
    }
    require(snapshot_write(saved, held, &err));
    bool taken = begin(&again) && snapshot_read(saved, &again.held, &err);
    require(taken || (MEMORY_FAILS && (again.held.marks == NULL || err.code == ERR_MEMORY)));
    if (taken) {
        size_t count = held->count;
        require(again.held.count == count && again.held.has_logits == held->has_logits);
        require(memcmp(again.tokens, held->tokens, count * sizeof *held->tokens) == 0);
        require(memcmp(again.contents, held->contents, count * sizeof *held->contents) == 0);
    }
    end(&again);
}

static void try_file(const char *path)
{
    struct session session;
    struct snapshot *held = &session.held;
    struct err err = {0};
    if (begin(&session) && snapshot_read(path, held, &err)) {
        require(held->count <= CONTEXT);
        for (size_t i = 0; i < held->count; i++) {
            require(held->tokens[i] >= 0 && held->tokens[i] < VOCABULARY);
        }
        require(kv_cache_can_resume(held->cache, held->count));
        save_again(held);
        go_on(held);
    } else if (held->marks != NULL) {
        require(err.code != ERR_NONE && strncmp(err.text, path, strlen(path)) == 0);
    }
    end(&session);
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
    unsigned char *copy = malloc(size + 1);
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
    free(copy);
    close(fd);
    return 0;
}
