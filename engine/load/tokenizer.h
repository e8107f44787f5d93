/* tokenizer: Gemma's byte-fallback BPE, ids exact.
 *
 * Text: every space becomes U+2581, then merges by rank over the whole run (no word splitting), O(n
 * log n). Control tokens are matched only when asked for, on the raw text, leftmost-longest; a run
 * of text can never yield one. Which tokens are control is our own list (by spelling), not the
 * file's type column. Immutable after create: any thread.
 */
#ifndef CARAT_LOAD_TOKENIZER_H
#define CARAT_LOAD_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gguf;
struct tokenizer;

enum tokenizer_kind { TOKENIZER_TEXT, TOKENIZER_BYTE, TOKENIZER_CONTROL };

struct tokenizer *tokenizer_create(const struct gguf *gguf, struct err *err);
/* The most that the tokenizer of this file takes in memory. */
uint64_t tokenizer_plan(const struct gguf *gguf);
void tokenizer_destroy(struct tokenizer *tokenizer);

int32_t tokenizer_size(const struct tokenizer *tokenizer);
int32_t tokenizer_bos(const struct tokenizer *tokenizer);

/* *ids: mem_free. */
bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                      bool control, int32_t **ids, size_t *count, struct err *err);

/* id must be inside the vocabulary. Bytes with U+2581 as a space; a byte token's one byte; a
 * control token's spelling. */
void tokenizer_bytes(const struct tokenizer *tokenizer, int32_t id, const char **bytes,
                     size_t *length);
enum tokenizer_kind tokenizer_kind(const struct tokenizer *tokenizer, int32_t id);
int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *spelling); /* or -1 */

#endif
