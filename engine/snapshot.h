/* snapshot: what a session holds, to and from a file.
 *
 *   header     what it is: version, model fingerprint, K/V type, counts, length; a checksum of it
 *   tokens     [count] int32
 *   contents   [count] uint64: what stands at placeholders (text/soft.h)
 *   logits     [vocabulary] float32 after the last token, if there are any
 *   full       each full layer: keys of positions 0..count-1, then values
 *   copies     at most KV_MARKS_NEWEST copies of the rings at points of return (text/kv_marks)
 *   rings      each ring: keys and values of the positions that it still holds
 *   checksum   of all behind the header
 *
 * Numbers are those of a little-endian machine. A file is only taken by the model it was made with,
 * for the same K/V type, whole, and where every checksum agrees; one of another context is taken if
 * its tokens fit. Reading is one pass from front to back and trusts nothing: lengths are checked
 * against the file's before anything is allocated.
 */
#ifndef CARAT_SNAPSHOT_H
#define CARAT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct kv_cache;
struct kv_marks;

enum { SNAPSHOT_HEADER_BYTES = 96, SNAPSHOT_TRAILER_BYTES = 8 };

/* What is saved, and where what is read goes; all borrowed. */
struct snapshot {
    uint64_t fingerprint; /* of the model */
    size_t vocabulary;
    size_t context;     /* most tokens */
    int32_t *tokens;    /* [context] */
    uint64_t *contents; /* [context] */
    size_t count;
    float *logits; /* [vocabulary] */
    bool has_logits;
    struct kv_cache *cache;
    struct kv_marks *marks;
};

/* Writes a temporary file beside `path`, syncs it, renames it over `path`. Mode 0600. */
bool snapshot_write(const char *path, const struct snapshot *snapshot, struct err *err);

/* Reads into a snapshot whose cache and marks are new. Sets count and has_logits; on failure the
 * contents of everything that it points to are undefined. ERR_NOT_FOUND; ERR_FORMAT for what is
 * damaged; ERR_UNSUPPORTED for another version, model or K/V type; ERR_FULL when it does not fit.
 */
bool snapshot_read(const char *path, struct snapshot *snapshot, struct err *err);

#endif
