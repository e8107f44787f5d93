/* token_lists: the tokens that a model ends its answers with, and those that it must never make.
 *
 * An answer ends with <eos>, <turn|> or <|tool_response>, and with what the file names as its end
 * (the ids of eos and eot, and the list of a folder's generation_config.json). Never made are the
 * places and borders of pictures and sounds, which only a prompt can hold, and what the file says
 * is to be suppressed. Ids outside the vocabulary are left out. A plain value.
 */
#ifndef CARAT_LOAD_TOKEN_LISTS_H
#define CARAT_LOAD_TOKEN_LISTS_H

#include <stddef.h>
#include <stdint.h>

struct gguf;
struct tokenizer;

enum { TOKEN_LISTS_MAX = 256 };

/* Keys of GGUF: arrays of integers. The second is ours: GGUF has room for one id of eos only. */
#define TOKEN_LISTS_SUPPRESS "tokenizer.ggml.suppress_tokens"
#define TOKEN_LISTS_STOPS    "carat.stop_token_ids"

struct token_lists {
    int32_t stops[TOKEN_LISTS_MAX], suppressed[TOKEN_LISTS_MAX]; /* each id once */
    size_t stop_count, suppressed_count;
};

void token_lists_read(struct token_lists *lists, const struct gguf *gguf,
                      const struct tokenizer *tokenizer, int32_t vocabulary);

#endif
