/* snapshot: see snapshot.h. Writing and reading walk the same way through the same parts: `pass`
 * moves bytes in the direction of the file that it is given, and sums them up on the way. */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/file.h"
#include "checksum.h"
#include "text/kv_cache.h"
#include "text/kv_marks.h"

enum { VERSION = 2, ORDER = 0x01020304, SUMMED = SNAPSHOT_HEADER_BYTES - 8 };

static const char magic[8] = {'c', 'a', 'r', 'a', 't', 'K', 'V', '\n'};

struct span {
    uint32_t from, to;
};

struct header {
    uint32_t version, kv_type;
    uint64_t fingerprint, file_bytes;
    uint32_t vocabulary, count, has_logits, copy_count;
    uint32_t ring_from; /* the rings hold positions ring_from..count-1 */
    struct span copies[KV_MARKS_NEWEST];
};

/* --- the header's bytes --- */

static void put(unsigned char **at, const void *value, size_t size)
{
    memcpy(*at, value, size);
    *at += size;
}

static uint64_t sum_of(const void *bytes, size_t size)
{
    struct checksum sum;
    checksum_init(&sum);
    checksum_feed(&sum, bytes, size);
    return checksum_value(&sum);
}

static void encode(const struct header *header, unsigned char bytes[SNAPSHOT_HEADER_BYTES])
{
    const uint32_t order = ORDER;
    unsigned char *at = bytes;
    put(&at, magic, sizeof magic);
    put(&at, &order, sizeof order);
    put(&at, &header->version, sizeof header->version);
    put(&at, &header->fingerprint, sizeof header->fingerprint);
    put(&at, &header->file_bytes, sizeof header->file_bytes);
    put(&at, &header->kv_type, sizeof header->kv_type);
    put(&at, &header->vocabulary, sizeof header->vocabulary);
    put(&at, &header->count, sizeof header->count);
    put(&at, &header->has_logits, sizeof header->has_logits);
    put(&at, &header->copy_count, sizeof header->copy_count);
    put(&at, &header->ring_from, sizeof header->ring_from);
    put(&at, header->copies, sizeof header->copies);
    uint64_t sum = sum_of(bytes, SUMMED);
    put(&at, &sum, sizeof sum);
}

/* False when it is no sound header of this version. */
static bool decode(struct header *header, const unsigned char bytes[SNAPSHOT_HEADER_BYTES],
                   const char *path, struct err *err)
{
    struct bytes from;
    bytes_init(&from, bytes, SNAPSHOT_HEADER_BYTES);
    if (memcmp(bytes_view(&from, sizeof magic), magic, sizeof magic) != 0 ||
        bytes_u32(&from) != ORDER) {
        return err_set(err, ERR_FORMAT, "%s is not a saved session", path);
    }
    struct header read = {.version = bytes_u32(&from)};
    if (read.version != VERSION) {
        return err_set(err, ERR_UNSUPPORTED, "%s: version %u of saved sessions, not %d", path,
                       read.version, VERSION);
    }
    read.fingerprint = bytes_u64(&from);
    read.file_bytes = bytes_u64(&from);
    read.kv_type = bytes_u32(&from);
    read.vocabulary = bytes_u32(&from);
    read.count = bytes_u32(&from);
    read.has_logits = bytes_u32(&from);
    read.copy_count = bytes_u32(&from);
    read.ring_from = bytes_u32(&from);
    for (size_t i = 0; i < KV_MARKS_NEWEST; i++) {
        read.copies[i].from = bytes_u32(&from);
        read.copies[i].to = bytes_u32(&from);
    }
    if (bytes_u64(&from) != sum_of(bytes, SUMMED)) {
        return err_set(err, ERR_FORMAT, "%s: the checksum of the header is wrong", path);
    }
    *header = read;
    return true;
}

/* --- lengths --- */

/* Bytes of one position in the layers of one kind. */
static uint64_t position_bytes(const struct kv_cache *cache, enum kv_layer kind)
{
    uint64_t bytes = 0;
    for (int l = 0; l < kv_cache_layers(cache); l++) {
        bytes += kv_cache_layer(cache, l) == kind ? 2 * kv_cache_row_bytes(cache, l) : 0;
    }
    return bytes;
}

/* Cannot overflow: counts are below 2^32, a position has less than 2^28 bytes. */
static uint64_t file_bytes(const struct header *header, const struct kv_cache *cache)
{
    uint64_t ring_positions = header->count - header->ring_from;
    for (size_t i = 0; i < header->copy_count; i++) {
        ring_positions += header->copies[i].to - header->copies[i].from;
    }
    return SNAPSHOT_HEADER_BYTES + (sizeof(int32_t) + sizeof(uint64_t)) * (uint64_t)header->count +
           (header->has_logits != 0 ? sizeof(float) * (uint64_t)header->vocabulary : 0) +
           header->count * position_bytes(cache, KV_LAYER_FULL) +
           ring_positions * position_bytes(cache, KV_LAYER_RING) + SNAPSHOT_TRAILER_BYTES;
}

/* --- the walk --- */

struct channel {
    int fd;
    bool writing;
    const char *path;
    struct checksum sum;
};

static bool pass_raw(struct channel *channel, void *bytes, size_t size, struct err *err)
{
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t moved =
            channel->writing ? write(channel->fd, at, size) : read(channel->fd, at, size);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved < 0) {
            return err_errno(err, ERR_IO, channel->writing ? "writing %s" : "reading %s",
                             channel->path);
        }
        if (moved == 0) {
            return err_set(err, ERR_FORMAT, "%s ends %zu bytes early", channel->path, size);
        }
        at += moved;
        size -= (size_t)moved;
    }
    return true;
}

static bool pass(struct channel *channel, void *bytes, size_t size, struct err *err)
{
    if (channel->writing) {
        checksum_feed(&channel->sum, bytes, size);
    }
    if (!pass_raw(channel, bytes, size, err)) {
        return false;
    }
    if (!channel->writing) {
        checksum_feed(&channel->sum, bytes, size);
    }
    return true;
}

/* Positions from..to-1 of all layers of one kind, from or to the cache itself. */
static bool pass_layers(struct channel *channel, struct kv_cache *cache, enum kv_layer kind,
                        size_t from, size_t to, struct err *err)
{
    for (int l = 0; l < kv_cache_layers(cache); l++) {
        size_t row_bytes = kv_cache_row_bytes(cache, l);
        for (int values = 0; values < 2 && kv_cache_layer(cache, l) == kind; values++) {
            struct kv_run run;
            for (size_t p = from; p < to; p += run.count) {
                run = kv_cache_run(cache, l, p, to);
                unsigned char *rows = values ? run.values : run.keys;
                if (!pass(channel, rows, run.count * row_bytes, err)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* The same rows as pass_layers of rings, from or to a copy. */
static bool pass_copy(struct channel *channel, const struct kv_cache *cache,
                      const struct kv_marks_copy *copy, struct err *err)
{
    unsigned char *rows = copy->rows;
    for (int l = 0; l < kv_cache_layers(cache); l++) {
        size_t row_bytes = kv_cache_row_bytes(cache, l), size = (copy->to - copy->from) * row_bytes;
        for (int part = 0; part < 2 && kv_cache_layer(cache, l) == KV_LAYER_RING; part++) {
            if (!pass(channel, rows, size, err)) {
                return false;
            }
            rows += copy->stride * row_bytes;
        }
    }
    return true;
}

static bool pass_body(struct channel *channel, const struct header *header,
                      const struct snapshot *snapshot, const struct kv_marks_copy *copies,
                      struct err *err)
{
    size_t count = header->count;
    size_t logits = header->has_logits != 0 ? snapshot->vocabulary : 0;
    if (!pass(channel, snapshot->tokens, count * sizeof(int32_t), err) ||
        !pass(channel, snapshot->contents, count * sizeof(uint64_t), err) ||
        !pass(channel, snapshot->logits, logits * sizeof(float), err) ||
        !pass_layers(channel, snapshot->cache, KV_LAYER_FULL, 0, count, err)) {
        return false;
    }
    for (size_t i = 0; i < header->copy_count; i++) {
        if (!pass_copy(channel, snapshot->cache, &copies[i], err)) {
            return false;
        }
    }
    return pass_layers(channel, snapshot->cache, KV_LAYER_RING, header->ring_from, count, err);
}

/* --- writing --- */

static bool write_all(struct channel *channel, const struct snapshot *snapshot, struct err *err)
{
    size_t held, ring = kv_cache_ring(snapshot->cache), count = snapshot->count;
    const struct kv_marks_copy *copies = kv_marks_copies(snapshot->marks, &held);
    size_t saved = held < KV_MARKS_NEWEST ? held : KV_MARKS_NEWEST;
    size_t from = count > ring ? count - ring : 0, oldest = kv_cache_oldest(snapshot->cache);
    struct header header = {
        .version = VERSION,
        .kv_type = (uint32_t)kv_cache_type(snapshot->cache),
        .fingerprint = snapshot->fingerprint,
        .vocabulary = (uint32_t)snapshot->vocabulary,
        .count = (uint32_t)count,
        .has_logits = snapshot->has_logits,
        .copy_count = (uint32_t)saved,
        .ring_from = (uint32_t)(ring == 0       ? count
                                : from > oldest ? from
                                                : oldest),
    };
    copies += held - saved;
    for (size_t i = 0; i < saved; i++) {
        header.copies[i] = (struct span){(uint32_t)copies[i].from, (uint32_t)copies[i].to};
    }
    header.file_bytes = file_bytes(&header, snapshot->cache);
    unsigned char bytes[SNAPSHOT_HEADER_BYTES];
    encode(&header, bytes);
    if (!pass_raw(channel, bytes, sizeof bytes, err) ||
        !pass_body(channel, &header, snapshot, copies, err)) {
        return false;
    }
    uint64_t sum = checksum_value(&channel->sum);
    return pass_raw(channel, &sum, sizeof sum, err);
}

bool snapshot_write(const char *path, const struct snapshot *snapshot, struct err *err)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary) {
        return err_set(err, ERR_ARGUMENT, "path too long: %s", path);
    }
    if (!file_may_replace(path)) {
        return err_set(err, ERR_IO, "writing %s: it is no regular file", path);
    }
    struct channel channel = {.writing = true, .path = path};
    checksum_init(&channel.sum);
    channel.fd = mkostemp(temporary, O_CLOEXEC);
    if (channel.fd < 0) {
        return err_errno(err, ERR_IO, "creating a file beside %s", path);
    }
    bool ok = write_all(&channel, snapshot, err);
    if (ok && (fsync(channel.fd) != 0 || rename(temporary, path) != 0)) {
        ok = err_errno(err, ERR_IO, "writing %s", path);
    }
    close(channel.fd);
    if (!ok) {
        unlink(temporary);
    }
    return ok;
}

/* --- reading --- */

static bool check_spans(const struct header *header, const struct snapshot *snapshot)
{
    const struct kv_cache *cache = snapshot->cache;
    size_t ring = kv_cache_ring(cache), count = header->count;
    bool sound = header->has_logits <= (count > 0) && header->ring_from <= count &&
                 header->copy_count <= (ring > 0 ? KV_MARKS_NEWEST : 0);
    if (ring > 0) {
        sound = sound && count - header->ring_from <= ring &&
                header->ring_from <= kv_cache_needed(cache, count);
    } else {
        sound = sound && header->ring_from == count;
    }
    for (size_t i = 0; sound && i < header->copy_count; i++) {
        const struct span *copy = &header->copies[i];
        sound = copy->from < copy->to && copy->to <= count;
    }
    return sound;
}

static bool check_header(const struct header *header, const struct snapshot *snapshot,
                         uint64_t size, const char *path, struct err *err)
{
    if (header->fingerprint != snapshot->fingerprint ||
        header->vocabulary != snapshot->vocabulary) {
        return err_set(err, ERR_UNSUPPORTED, "%s was saved with another model", path);
    }
    if (header->kv_type != (uint32_t)kv_cache_type(snapshot->cache)) {
        return err_set(err, ERR_UNSUPPORTED, "%s stores keys and values as type %u, not %d", path,
                       header->kv_type, (int)kv_cache_type(snapshot->cache));
    }
    if (header->count > snapshot->context) {
        return err_set(err, ERR_FULL, "%s: %u tokens do not fit in a context of %zu", path,
                       header->count, snapshot->context);
    }
    if (!check_spans(header, snapshot)) {
        return err_set(err, ERR_FORMAT, "%s: the header contradicts itself", path);
    }
    uint64_t expected = file_bytes(header, snapshot->cache);
    if (header->file_bytes != expected || size != expected) {
        return err_set(err, ERR_FORMAT, "%s has %llu bytes, not %llu", path,
                       (unsigned long long)size, (unsigned long long)expected);
    }
    return true;
}

/* Room for what the header says is there. */
static bool make_room(const struct header *header, const struct snapshot *snapshot,
                      struct kv_marks_copy copies[KV_MARKS_NEWEST], const char *path,
                      struct err *err)
{
    if (!kv_cache_prepare(snapshot->cache, 0, header->count, err)) {
        return err_prefix(err, "%s", path);
    }
    kv_cache_reach(snapshot->cache, header->ring_from);
    for (size_t i = 0; i < header->copy_count; i++) {
        const struct span *span = &header->copies[i];
        if (!kv_marks_add(snapshot->marks, snapshot->cache, span->from, span->to, &copies[i],
                          err)) {
            return err_prefix(err, "%s", path);
        }
    }
    return true;
}

static bool check_tokens(const struct snapshot *snapshot, size_t count, const char *path,
                         struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (snapshot->tokens[i] < 0 || (size_t)snapshot->tokens[i] >= snapshot->vocabulary) {
            return err_set(err, ERR_FORMAT, "%s: id %d at index %zu is no token", path,
                           snapshot->tokens[i], i);
        }
    }
    return true;
}

static bool read_all(struct channel *channel, struct snapshot *snapshot, uint64_t size,
                     struct err *err)
{
    struct header header;
    struct kv_marks_copy copies[KV_MARKS_NEWEST];
    unsigned char bytes[SNAPSHOT_HEADER_BYTES];
    uint64_t sum = 0;
    if (!pass_raw(channel, bytes, sizeof bytes, err) ||
        !decode(&header, bytes, channel->path, err) ||
        !check_header(&header, snapshot, size, channel->path, err) ||
        !make_room(&header, snapshot, copies, channel->path, err) ||
        !pass_body(channel, &header, snapshot, copies, err) ||
        !pass_raw(channel, &sum, sizeof sum, err)) {
        return false;
    }
    if (sum != checksum_value(&channel->sum)) {
        return err_set(err, ERR_FORMAT, "%s: the checksum is wrong", channel->path);
    }
    if (!check_tokens(snapshot, header.count, channel->path, err)) {
        return false;
    }
    snapshot->count = header.count;
    snapshot->has_logits = header.has_logits != 0;
    return true;
}

bool snapshot_read(const char *path, struct snapshot *snapshot, struct err *err)
{
    struct channel channel = {.path = path};
    checksum_init(&channel.sum);
    /* O_NONBLOCK: opening a FIFO must not hang before fstat can refuse it. */
    channel.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (channel.fd < 0) {
        return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "opening %s", path);
    }
    struct stat status;
    bool ok = fstat(channel.fd, &status) == 0 && S_ISREG(status.st_mode);
    if (!ok) {
        err_set(err, ERR_ARGUMENT, "%s is not a regular file", path);
    }
    ok = ok && read_all(&channel, snapshot, (uint64_t)status.st_size, err);
    close(channel.fd);
    return ok;
}
