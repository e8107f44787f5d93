/* Half a million merges, each with three look-ups by spelling, are most of the time it takes to
 * load a tokenizer, and nearly all of that is waiting for memory. So they are done in batches: hash
 * and prefetch all of a batch, then look; and once more for the entries that they go into.
 *
 * A merge whose sides or result are no text tokens is left out, whatever its rank. Probes of the
 * table are counted, so that merges made to collide are refused.
 */
#include "load/merges.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/vocabulary.h"

enum {
    BATCH = 64,
    PROBES_MAX = 512, /* as in name_index */
};

/* One line of the file, "left right", taken apart. */
struct line {
    const char *left, *right;
    size_t left_length, right_length;
    uint32_t left_hash, right_hash, joined_hash;
};

struct loading {
    struct merges *merges;
    const struct vocabulary *vocabulary;
    const struct gguf *gguf;
    struct err *err;
};

static uint32_t pair_hash(uint32_t left, uint32_t right)
{
    uint64_t hash = ((uint64_t)left << 32 | right) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32);
}

/* The entry of the pair, or the free one where it belongs; NULL after PROBES_MAX. */
static struct merges_entry *find_entry(const struct merges *merges, uint32_t left, uint32_t right)
{
    uint32_t hash = pair_hash(left, right);
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        struct merges_entry *entry = &merges->entries[(hash + probe) & merges->mask];
        if (entry->merged == 0 || (entry->left == left && entry->right == right)) {
            return entry;
        }
    }
    return NULL;
}

uint32_t merges_find(const struct merges *merges, int32_t left, int32_t right, int32_t *merged)
{
    const struct merges_entry *entry = find_entry(merges, (uint32_t)left, (uint32_t)right);
    if (entry == NULL || entry->merged == 0) {
        return MERGES_NO_RANK;
    }
    *merged = (int32_t)entry->merged - 1;
    return entry->rank;
}

/* Neither side can hold a space (spaces are U+2581), but one may begin the line. */
static bool take_apart(const struct loading *l, uint64_t rank, const struct gguf_text *text,
                       struct line *line)
{
    const char *space = text->length < 3 ? NULL : memchr(text->bytes + 1, ' ', text->length - 1);
    if (space == NULL || space + 1 == text->bytes + text->length) {
        return err_set(l->err, ERR_FORMAT,
                       "%s: the key tokenizer.ggml.merges: merge %" PRIu64
                       " is not two tokens with a space between",
                       gguf_shown_path(l->gguf), rank);
    }
    line->left = text->bytes;
    line->left_length = (size_t)(space - text->bytes);
    line->right = space + 1;
    line->right_length = text->length - line->left_length - 1;
    uint64_t left = vocabulary_hash_more(VOCABULARY_HASH_START, line->left, line->left_length);
    line->left_hash = vocabulary_hash_end(left);
    line->joined_hash =
        vocabulary_hash_end(vocabulary_hash_more(left, line->right, line->right_length));
    line->right_hash = vocabulary_hash_end(
        vocabulary_hash_more(VOCABULARY_HASH_START, line->right, line->right_length));
    return true;
}

static void prefetch(const struct vocabulary *v, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(&v->slots[lines[i].left_hash & v->mask]);
        __builtin_prefetch(&v->slots[lines[i].right_hash & v->mask]);
        __builtin_prefetch(&v->slots[lines[i].joined_hash & v->mask]);
    }
    for (int stage = 0; stage < 2; stage++) { /* the token, then its spelling */
        for (size_t i = 0; i < count; i++) {
            const uint32_t hashes[] = {lines[i].left_hash, lines[i].right_hash,
                                       lines[i].joined_hash};
            for (int k = 0; k < 3; k++) {
                uint32_t token = v->slots[hashes[k] & v->mask].token;
                if (token != 0) {
                    __builtin_prefetch(
                        stage == 0 ? (const void *)&v->tokens[token - 1]
                                   : (const void *)(v->spellings + v->tokens[token - 1].spelling));
                }
            }
        }
    }
}

/* The id of a text token, or -1. */
static int32_t text_token(const struct vocabulary *v, int32_t id)
{
    return id >= 0 && v->tokens[id].kind == TOKENIZER_TEXT ? id : -1;
}

/* The ids of a line's two sides and of its result; false when one is no text token. */
static bool resolve(const struct vocabulary *v, const struct line *line, struct merges_entry *entry)
{
    int32_t left = text_token(
        v, vocabulary_find_joined(v, line->left_hash, line->left, line->left_length, NULL, 0));
    int32_t right = text_token(
        v, vocabulary_find_joined(v, line->right_hash, line->right, line->right_length, NULL, 0));
    int32_t merged =
        text_token(v, vocabulary_find_joined(v, line->joined_hash, line->left, line->left_length,
                                             line->right, line->right_length));
    *entry = (struct merges_entry){
        .left = (uint32_t)left, .right = (uint32_t)right, .merged = (uint32_t)merged + 1};
    return left >= 0 && right >= 0 && merged >= 0;
}

static bool enter(const struct loading *l, const struct merges_entry *made)
{
    struct merges_entry *entry = find_entry(l->merges, made->left, made->right);
    if (entry == NULL) {
        return err_set(l->err, ERR_LIMIT,
                       "%s: the key tokenizer.ggml.merges: merge %" PRIu32
                       " collides with too many: the file was made to be slow",
                       gguf_shown_path(l->gguf), made->rank);
    }
    if (entry->merged == 0) { /* of the same pair twice the first counts */
        *entry = *made;
    }
    return true;
}

static bool enter_batch(const struct loading *l, uint32_t first, const struct line *lines,
                        uint32_t count)
{
    struct merges_entry made[BATCH];
    uint32_t made_count = 0;
    prefetch(l->vocabulary, lines, count);
    for (uint32_t i = 0; i < count; i++) {
        struct merges_entry *entry = &made[made_count];
        if (resolve(l->vocabulary, &lines[i], entry)) { /* others are never to be used */
            entry->rank = first + i;
            __builtin_prefetch(
                &l->merges->entries[pair_hash(entry->left, entry->right) & l->merges->mask], 1);
            made_count++;
        }
    }
    for (uint32_t i = 0; i < made_count; i++) {
        if (!enter(l, &made[i])) {
            return false;
        }
    }
    return true;
}

static bool enter_all(const struct loading *l, const struct gguf_array *array)
{
    struct line lines[BATCH];
    struct gguf_text text;
    size_t cursor = 0;
    for (uint32_t first = 0; first < array->count;) {
        uint32_t count = 0;
        while (count < BATCH && gguf_array_text(array, &cursor, &text)) {
            if (!take_apart(l, first + count, &text, &lines[count])) {
                return false;
            }
            count++;
        }
        if (!enter_batch(l, first, lines, count)) {
            return false;
        }
        first += count;
    }
    return true;
}

static uint32_t entries_for(uint64_t count)
{
    uint32_t entries = 4;
    while (entries < count + count / 2) { /* at most two thirds full */
        entries *= 2;
    }
    return entries;
}

uint64_t merges_plan(const struct gguf *gguf)
{
    struct gguf_array array;
    if (!gguf_array(gguf, "tokenizer.ggml.merges", &array, NULL) || array.count > MERGES_MAX) {
        return 0; /* will be refused */
    }
    return entries_for(array.count) * sizeof(struct merges_entry);
}

bool merges_init(struct merges *merges, const struct vocabulary *vocabulary,
                 const struct gguf *gguf, struct err *err)
{
    static const char key[] = "tokenizer.ggml.merges";
    struct loading l = {.merges = merges, .vocabulary = vocabulary, .gguf = gguf, .err = err};
    struct gguf_array array;
    merges->entries = NULL;
    if (!gguf_array(gguf, key, &array, err)) {
        return false;
    }
    if (array.type != GGUF_STRING || array.count > MERGES_MAX) {
        return err_set(err, ERR_LIMIT,
                       "%s: the key %s must be at most %d strings, but has %" PRIu64 " elements",
                       gguf_shown_path(gguf), key, MERGES_MAX, array.count);
    }
    uint32_t entries = entries_for(array.count);
    merges->entries = mem_try_zero(entries, sizeof *merges->entries);
    merges->mask = entries - 1;
    if (merges->entries == NULL) {
        return err_set(err, ERR_MEMORY, "%s: no memory for %" PRIu64 " merges",
                       gguf_shown_path(gguf), array.count);
    }
    return enter_all(&l, &array);
}

void merges_finish(struct merges *merges)
{
    mem_free(merges->entries);
}
