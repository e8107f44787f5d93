/* vocabulary: the tokens of a model: spelling to id, id to bytes, and what kind each is.
 *
 * Which tokens are control is decided by our own table of spellings, and by the file's type column
 * only where it says so of others: the column is wrong about some in published files, and a wrong
 * entry there must not let text make structure. Spellings are views into the file; those that hold
 * U+2581 are kept a second time with spaces, made once at load. Immutable after init: any thread.
 */
#ifndef CARAT_LOAD_VOCABULARY_H
#define CARAT_LOAD_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/tokenizer.h"

enum { VOCABULARY_TOKENS_MAX = 1 << 20 };

struct vocabulary_token {
    uint32_t spelling; /* offset in `spellings` */
    uint32_t length;
    uint32_t shown; /* offset in `converted`, or VOCABULARY_AS_SPELLED */
    uint32_t shown_length;
    uint8_t kind;      /* enum tokenizer_kind */
    uint8_t matchable; /* a control token that trusted text may spell */
};
#define VOCABULARY_AS_SPELLED UINT32_MAX

struct vocabulary_slot {
    uint32_t hash;
    uint32_t token; /* + 1; 0 = free */
};

struct vocabulary {
    const char *spellings; /* the file's */
    struct vocabulary_token *tokens;
    int32_t count;
    struct vocabulary_slot *slots;
    uint32_t mask;
    char *converted; /* bytes 0..255, then the spellings that hold U+2581, with spaces */
    int32_t byte_ids[256];
    uint64_t control_lengths;    /* bit n - 1: a matchable control token of n bytes exists */
    bool control_starts[256];    /* first bytes of those */
    uint8_t joins[256][256 / 8]; /* see vocabulary_joins */
};

struct err;
struct gguf;

bool vocabulary_init(struct vocabulary *vocabulary, const struct gguf *gguf, struct err *err);
/* The most that it takes in memory. */
uint64_t vocabulary_plan(const struct gguf *gguf);
void vocabulary_finish(struct vocabulary *vocabulary);

/* A hash that can be continued: the hash of "ab" is that of "b" started with the state after "a".
 */
#define VOCABULARY_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t vocabulary_hash_more(uint64_t state, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        state = (state ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return state;
}
static inline uint32_t vocabulary_hash_end(uint64_t state)
{
    return (uint32_t)(state * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* The token spelled first[0..a) second[0..b), whose hash is `hash`, or -1. */
int32_t vocabulary_find_joined(const struct vocabulary *vocabulary, uint32_t hash,
                               const char *first, size_t a, const char *second, size_t b);
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *bytes, size_t length);

/* The longest matchable control token that text[0..length) begins with, or -1. */
int32_t vocabulary_match_control(const struct vocabulary *vocabulary, const char *text,
                                 size_t length, size_t *used);

/* May a text token hold a character whose last byte is `left` right before one whose first byte is
 * `right`? Both bytes of U+2581 are written as a space here. false: no merge ever crosses that
 * border, so that text can be cut there. */
static inline bool vocabulary_joins(const struct vocabulary *vocabulary, unsigned char left,
                                    unsigned char right)
{
    return (vocabulary->joins[left][right / 8] >> right % 8 & 1) != 0;
}

#endif
