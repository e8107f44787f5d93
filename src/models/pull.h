/* pull: a file from a server to the disk, whole and checked, or not at all.
 *
 * What arrives is written to PATH.part and goes on from there after a break, in this run (with
 * growing pauses) or in a later one, as long as the server still has the same file (its ETag is
 * kept beside it). Only when length and checksum agree it is renamed to PATH. Proxies come from the
 * environment, as curl reads them. Blocks; one at a time for each PATH (a lock says so).
 *
 * A key is sent to the host that it was given for and to no other, and never from https to http.
 */
#ifndef CARAT_MODELS_PULL_H
#define CARAT_MODELS_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

struct pull_progress {
    uint64_t done,
        total; /* bytes of the file, those of an earlier run included; total 0 = not known */
    double bytes_per_second; /* lately */
    bool checking;           /* all is there and is being checked */
    const char *waiting;     /* NULL, or why it waits before it tries again */
};

struct pull_options {
    const char *url;    /* http:// or https:// */
    const char *path;   /* of the file that it becomes */
    const char *key;    /* bearer token; NULL = none */
    const char *sha256; /* hexadecimal; NULL = the server's word (X-Linked-Etag), else unchecked */
    uint64_t bytes;     /* expected length; 0 = not known */
    int tries;          /* how often a broken transfer is taken up again without progress */
    int pause_ms;       /* before the first of them; doubles */
    int idle_seconds;   /* without a byte: broken */
    bool (*progress)(void *context, const struct pull_progress *progress); /* false stops */
    void *context;
};

/* *checked: whether a checksum was known and agreed; `sha256` (may be NULL) gets what it is.
 * Every failure keeps PATH.part for the next run, but ERR_FORMAT (another checksum or length),
 * which removes it. ERR_FULL: not enough room on the disk, said before the body is fetched. */
bool pull_file(const struct pull_options *options, bool *checked, char sha256[65], struct err *err);

/* A small document into memory, at most `limit` bytes. ERR_NOT_FOUND when the server says so. */
bool pull_text(const char *url, const char *key, size_t limit, struct str *out, struct err *err);

#endif
