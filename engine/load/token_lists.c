/* token_lists: see token_lists.h. */
#include "load/token_lists.h"

#include <string.h>

#include "load/gguf.h"
#include "load/tokenizer.h"

static void add(int32_t *ids, size_t *count, int64_t id, int32_t vocabulary)
{
    if (id < 0 || id >= vocabulary || *count == TOKEN_LISTS_MAX) {
        return;
    }
    for (size_t i = 0; i < *count; i++) {
        if (ids[i] == id) {
            return;
        }
    }
    ids[(*count)++] = (int32_t)id;
}

static void add_spellings(int32_t *ids, size_t *count, const char *const *spellings,
                          const struct tokenizer *tokenizer, int32_t vocabulary)
{
    for (; *spellings != NULL; spellings++) {
        add(ids, count, tokenizer_find(tokenizer, *spellings), vocabulary);
    }
}

static void add_array(int32_t *ids, size_t *count, const struct gguf *gguf, const char *key,
                      int32_t vocabulary)
{
    struct gguf_array array;
    if (!gguf_array(gguf, key, &array, NULL) || array.type == GGUF_STRING ||
        array.type == GGUF_F32 || array.type == GGUF_F64) {
        return;
    }
    for (uint64_t i = 0; i < array.count; i++) {
        add(ids, count, gguf_array_integer(&array, i), vocabulary);
    }
}

void token_lists_read(struct token_lists *lists, const struct gguf *gguf,
                      const struct tokenizer *tokenizer, int32_t vocabulary)
{
    static const char *const ends[] = {"<eos>", "<turn|>", "<|tool_response>", NULL};
    static const char *const media[] = {"<|image>", "<|audio>", "<|image|>", "<|audio|>",
                                        "<image|>", "<audio|>", "<|video|>", NULL};
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id",
                                       "tokenizer.ggml.eot_token_id"};
    *lists = (struct token_lists){.stop_count = 0};
    add_spellings(lists->stops, &lists->stop_count, ends, tokenizer, vocabulary);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t id;
        if (gguf_integer(gguf, keys[i], &id, NULL)) {
            add(lists->stops, &lists->stop_count, id, vocabulary);
        }
    }
    add_array(lists->stops, &lists->stop_count, gguf, TOKEN_LISTS_STOPS, vocabulary);
    add_spellings(lists->suppressed, &lists->suppressed_count, media, tokenizer, vocabulary);
    add_array(lists->suppressed, &lists->suppressed_count, gguf, TOKEN_LISTS_SUPPRESS, vocabulary);
}
