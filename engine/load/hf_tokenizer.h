/* hf_tokenizer: the tokenizer.json of a Hugging Face folder, told in GGUF's keys.
 *
 * Takes the vocabulary, the added tokens (those that are special become control tokens) and the
 * merges, as "left right" or as pairs. What the file says of normalizing and splitting is Gemma's
 * own and is not looked at: the tokenizer does what Gemma does.
 */
#ifndef CARAT_LOAD_HF_TOKENIZER_H
#define CARAT_LOAD_HF_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct gguf_keys;

/* `shown` names the file in messages. */
bool hf_tokenizer_read(struct gguf_keys *keys, const char *shown, const void *bytes, size_t size,
                       struct err *err);

#endif
