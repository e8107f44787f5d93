/* The vocabulary is an object from spelling to id in any order, so that it is sorted into a table
 * by id first; ids must be dense, and two spellings of one id are refused. Merges are written as
 * they come: their order is their rank.
 */
#include "load/hf_tokenizer.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

#include "load/gguf_keys.h"
#include "load/json_reader.h"
#include "load/vocabulary.h"

/* GGUF's column of types. */
enum { TYPE_NORMAL = 1, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_BYTE = 6 };

/* Special, but of the type that other readers show in the text they generate. */
static const char *const shown_specials[] = {
    "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>",
    "<|channel>",   "<channel|>",   "<|\"|>",
};

struct token {
    size_t at; /* of its spelling in the pool */
    uint32_t length;
    uint8_t type; /* 0: none has this id yet */
};

struct tokens {
    struct json_reader *json;
    struct gguf_keys *keys;
    struct token *items; /* by id */
    size_t count, capacity;
    char *pool;
    size_t pool_size, pool_capacity;
    bool has_vocabulary, has_merges;
};

static bool refuse_memory(struct tokens *t)
{
    t->json->failed = true;
    return err_set(t->json->err, ERR_MEMORY, "%s: no memory for the vocabulary", t->json->shown);
}

/* --- tokens --- */

/* Makes ids up to this one; later ones may come first. */
static bool reserve(struct tokens *t, int64_t id)
{
    if (id < 0 || id >= VOCABULARY_TOKENS_MAX) {
        return json_reader_refuse(t->json, "the id %" PRId64 " is outside of 0 to %d", id,
                                  VOCABULARY_TOKENS_MAX - 1);
    }
    size_t needed = (size_t)id + 1;
    if (needed > t->count) {
        if (!vec_try_room(&t->items, &t->capacity, needed, sizeof *t->items)) {
            return refuse_memory(t);
        }
        memset(t->items + t->count, 0, (needed - t->count) * sizeof *t->items);
        t->count = needed;
    }
    return true;
}

static bool append_spelling(struct tokens *t, const struct json_reader_text *text, size_t *at)
{
    if (!vec_try_room(&t->pool, &t->pool_capacity, t->pool_size + text->length + 1, 1)) {
        return refuse_memory(t);
    }
    memcpy(t->pool + t->pool_size, text->bytes, text->length);
    *at = t->pool_size;
    t->pool_size += text->length;
    return true;
}

/* The spelling lies in the pool already. */
static bool add_token(struct tokens *t, int64_t id, size_t at, uint32_t length, uint8_t type)
{
    if (!reserve(t, id)) {
        return false;
    }
    struct token *token = &t->items[id];
    if (token->type != 0 &&
        (token->length != length || memcmp(t->pool + token->at, t->pool + at, length) != 0)) {
        return json_reader_refuse(t->json, "the id %" PRId64 " has two spellings", id);
    }
    type = token->type > type ? token->type : type;
    *token = (struct token){.at = at, .length = length, .type = type};
    return true;
}

static bool read_vocabulary(struct tokens *t)
{
    struct json_reader_text key;
    if (t->has_vocabulary) {
        return json_reader_refuse(t->json, "vocab comes twice");
    }
    t->has_vocabulary = true;
    if (!json_reader_enter(t->json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(t->json, &key)) {
        size_t at = 0, length = key.length;
        int64_t id;
        bool is_byte = length == 6 && memcmp(key.bytes, "<0x", 3) == 0;
        if (!append_spelling(t, &key, &at) || !json_reader_integer(t->json, &id) ||
            !add_token(t, id, at, (uint32_t)length, is_byte ? TYPE_BYTE : TYPE_NORMAL)) {
            return false;
        }
    }
    return !t->json->failed;
}

static uint8_t type_of_special(const char *spelling, size_t length)
{
    for (size_t i = 0; i < sizeof shown_specials / sizeof shown_specials[0]; i++) {
        if (strlen(shown_specials[i]) == length &&
            memcmp(shown_specials[i], spelling, length) == 0) {
            return TYPE_USER;
        }
    }
    return TYPE_CONTROL;
}

static bool read_added_token(struct tokens *t)
{
    struct json_reader_text key, content = {.length = 0};
    int64_t id = -1;
    bool special = false;
    size_t at = 0;
    if (!json_reader_enter(t->json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(t->json, &key)) {
        if (json_reader_text_is(&key, "id")) {
            json_reader_integer(t->json, &id);
        } else if (json_reader_text_is(&key, "special")) {
            json_reader_bool(t->json, &special);
        } else if (json_reader_text_is(&key, "content")) {
            if (!json_reader_string(t->json, &content) || !append_spelling(t, &content, &at)) {
                return false;
            }
        } else {
            json_reader_skip(t->json);
        }
    }
    if (!t->json->failed && content.length == 0) {
        return json_reader_refuse(t->json, "an added token without content");
    }
    return !t->json->failed &&
           add_token(t, id, at, (uint32_t)content.length,
                     special ? type_of_special(t->pool + at, content.length) : TYPE_NORMAL);
}

static bool read_added_tokens(struct tokens *t)
{
    if (!json_reader_enter(t->json, JSON_READER_ARRAY)) {
        return false;
    }
    while (json_reader_next_item(t->json)) {
        if (!read_added_token(t)) {
            return false;
        }
    }
    return !t->json->failed;
}

/* --- merges --- */

/* GGUF divides a merge at the first space that is not its first byte. */
static bool read_pair(struct tokens *t)
{
    struct json_reader_text left, right;
    size_t at = 0;
    if (!json_reader_enter(t->json, JSON_READER_ARRAY) || !json_reader_next_item(t->json) ||
        !json_reader_string(t->json, &left)) {
        return json_reader_refuse(t->json, "a merge has two strings");
    }
    size_t length = left.length;
    if (length == 0 || memchr(left.bytes + 1, ' ', length - 1) != NULL) {
        return json_reader_refuse(t->json, "the left of a merge is empty or holds a space");
    }
    size_t pool_size = t->pool_size; /* the right may use the same scratch: keep the left */
    if (!append_spelling(t, &left, &at)) {
        return false;
    }
    t->pool[t->pool_size++] = ' ';
    if (!json_reader_next_item(t->json) || !json_reader_string(t->json, &right) ||
        right.length == 0 || json_reader_next_item(t->json) || t->json->failed) {
        return json_reader_refuse(t->json, "a merge has two strings");
    }
    gguf_keys_element_string(t->keys, t->pool + at, length + 1, right.bytes, right.length);
    t->pool_size = pool_size;
    return true;
}

static bool read_merges(struct tokens *t)
{
    if (t->has_merges) {
        return json_reader_refuse(t->json, "merges comes twice");
    }
    t->has_merges = true;
    if (!json_reader_enter(t->json, JSON_READER_ARRAY)) {
        return false;
    }
    gguf_keys_array_begin(t->keys, "tokenizer.ggml.merges", GGUF_STRING);
    while (json_reader_next_item(t->json)) {
        enum json_reader_type type;
        struct json_reader_text text;
        if (!json_reader_peek(t->json, &type)) {
            return false;
        }
        if (type == JSON_READER_ARRAY) {
            if (!read_pair(t)) {
                return false;
            }
        } else if (json_reader_string(t->json, &text)) {
            gguf_keys_element_string(t->keys, text.bytes, text.length, NULL, 0);
        }
    }
    gguf_keys_array_end(t->keys);
    return !t->json->failed;
}

/* --- the file --- */

static bool read_model(struct tokens *t)
{
    struct json_reader_text key, text;
    if (!json_reader_enter(t->json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(t->json, &key)) {
        if (json_reader_text_is(&key, "vocab")) {
            read_vocabulary(t);
        } else if (json_reader_text_is(&key, "merges")) {
            read_merges(t);
        } else if (json_reader_text_is(&key, "type")) {
            if (json_reader_string(t->json, &text) && !json_reader_text_is(&text, "BPE")) {
                return json_reader_refuse(t->json, "the tokenizer's model is not BPE");
            }
        } else {
            json_reader_skip(t->json);
        }
    }
    return !t->json->failed;
}

static bool read_file(struct tokens *t)
{
    struct json_reader_text key;
    if (!json_reader_enter(t->json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(t->json, &key)) {
        if (json_reader_text_is(&key, "model")) {
            read_model(t);
        } else if (json_reader_text_is(&key, "added_tokens")) {
            read_added_tokens(t);
        } else {
            json_reader_skip(t->json);
        }
    }
    return json_reader_end(t->json) &&
           ((t->has_vocabulary && t->has_merges) ||
            json_reader_refuse(t->json, "there is no model.vocab or model.merges"));
}

static bool write_tokens(struct tokens *t)
{
    gguf_keys_array_begin(t->keys, "tokenizer.ggml.tokens", GGUF_STRING);
    for (size_t i = 0; i < t->count; i++) {
        const struct token *token = &t->items[i];
        if (token->type == 0) {
            return json_reader_refuse(t->json, "no token has the id %zu", i);
        }
        gguf_keys_element_string(t->keys, t->pool + token->at, token->length, NULL, 0);
    }
    gguf_keys_array_end(t->keys);
    gguf_keys_array_begin(t->keys, "tokenizer.ggml.token_type", GGUF_I32);
    for (size_t i = 0; i < t->count; i++) {
        gguf_keys_element_i32(t->keys, t->items[i].type);
    }
    gguf_keys_array_end(t->keys);
    return true;
}

bool hf_tokenizer_read(struct gguf_keys *keys, const char *shown, const void *bytes, size_t size,
                       struct err *err)
{
    struct json_reader json;
    struct tokens t = {.json = &json, .keys = keys};
    json_reader_init(&json, shown, bytes, size, err);
    gguf_keys_string(keys, "tokenizer.ggml.model", "gemma4", 6);
    bool ok = read_file(&t) && write_tokens(&t);
    mem_free(t.items);
    mem_free(t.pool);
    json_reader_finish(&json);
    return ok;
}
