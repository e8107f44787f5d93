/* Checked at load: the number of tokens, spellings not empty and not twice, types known, byte
 * tokens spelled strictly <0xHH> and all 256 of them there. Probes of the table are counted, as in
 * name_index, so that a vocabulary made to collide is refused.
 *
 * Left out: the file's scores, which byte-pair merging does not use.
 */
#include "load/vocabulary.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

#include "load/gguf.h"

enum {
    PROBES_MAX = 512,
    CONTROL_LENGTH_MAX = 64, /* longer control tokens are never matched in text */
    SPACE_BYTES = 3,         /* of U+2581 */
};
static const char space_mark[] = "\xE2\x96\x81"; /* U+2581 */

/* The column tokenizer.ggml.token_type. */
enum file_type {
    FILE_NORMAL = 1,
    FILE_UNKNOWN = 2,
    FILE_CONTROL = 3,
    FILE_USER_DEFINED = 4,
    FILE_UNUSED = 5,
    FILE_BYTE = 6,
};

/* Every token of Gemma 4 that is structure or media, whatever the file says of it. */
static const char *const control_spellings[] = {
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    "<mask>",
    "<|tool>",
    "<tool|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|tool_response>",
    "<tool_response|>",
    "<|\"|>",
    "<|think|>",
    "<|channel>",
    "<channel|>",
    "<|turn>",
    "<turn|>",
    "<|image>",
    "<|audio>",
    "<|image|>",
    "<|audio|>",
    "<image|>",
    "<audio|>",
    "<|video|>",
};

static bool is_control_spelling(const char *bytes, size_t length)
{
    if (length == 0 || bytes[0] != '<') {
        return false;
    }
    for (size_t i = 0; i < sizeof control_spellings / sizeof control_spellings[0]; i++) {
        if (strlen(control_spellings[i]) == length &&
            memcmp(control_spellings[i], bytes, length) == 0) {
            return true;
        }
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "<0xHH>" stands for, or -1. */
static int byte_of_spelling(const char *bytes, size_t length)
{
    if (length != 6 || memcmp(bytes, "<0x", 3) != 0 || bytes[5] != '>' || hex_digit(bytes[3]) < 0 ||
        hex_digit(bytes[4]) < 0) {
        return -1;
    }
    return hex_digit(bytes[3]) * 16 + hex_digit(bytes[4]);
}

/* --- the table of spellings --- */

static bool same_spelling(const struct vocabulary *v, const struct vocabulary_token *token,
                          const char *first, size_t a, const char *second, size_t b)
{
    const char *spelling = v->spellings + token->spelling;
    return token->length == a + b && memcmp(spelling, first, a) == 0 &&
           (b == 0 || memcmp(spelling + a, second, b) == 0);
}

/* The slot of the spelling, or the free one where it belongs; NULL after PROBES_MAX. */
static struct vocabulary_slot *find_slot(const struct vocabulary *v, uint32_t hash,
                                         const char *first, size_t a, const char *second, size_t b)
{
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        struct vocabulary_slot *slot = &v->slots[(hash + probe) & v->mask];
        if (slot->token == 0 || (slot->hash == hash && same_spelling(v, &v->tokens[slot->token - 1],
                                                                     first, a, second, b))) {
            return slot;
        }
    }
    return NULL;
}

int32_t vocabulary_find_joined(const struct vocabulary *vocabulary, uint32_t hash,
                               const char *first, size_t a, const char *second, size_t b)
{
    const struct vocabulary_slot *slot = find_slot(vocabulary, hash, first, a, second, b);
    return slot == NULL ? -1 : (int32_t)slot->token - 1;
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *bytes, size_t length)
{
    uint64_t state = vocabulary_hash_more(VOCABULARY_HASH_START, bytes, length);
    return vocabulary_find_joined(vocabulary, vocabulary_hash_end(state), bytes, length, NULL, 0);
}

/* --- loading --- */

struct loading {
    struct vocabulary *vocabulary;
    const struct gguf *gguf;
    struct err *err;
    struct gguf_array spellings;
    struct gguf_array types; /* count 0: the file has none */
    size_t converted_bytes;
};

static bool refuse_token(const struct loading *l, int32_t id, const char *what)
{
    return err_set(l->err, ERR_FORMAT, "%s: the key tokenizer.ggml.tokens: token %" PRId32 " %s",
                   gguf_shown_path(l->gguf), id, what);
}

static bool read_arrays(struct loading *l)
{
    if (!gguf_array(l->gguf, "tokenizer.ggml.tokens", &l->spellings, l->err)) {
        return false;
    }
    if (l->spellings.type != GGUF_STRING || l->spellings.count < 1 ||
        l->spellings.count > VOCABULARY_TOKENS_MAX || l->spellings.bytes >= UINT32_MAX) {
        return err_set(l->err, ERR_LIMIT,
                       "%s: the key tokenizer.ggml.tokens must be 1 to %d strings, but has %" PRIu64
                       " elements of %" PRIu64 " bytes",
                       gguf_shown_path(l->gguf), VOCABULARY_TOKENS_MAX, l->spellings.count,
                       l->spellings.bytes);
    }
    static const char key[] = "tokenizer.ggml.token_type";
    if (!gguf_has(l->gguf, key)) {
        return true;
    }
    if (!gguf_array(l->gguf, key, &l->types, l->err)) {
        return false;
    }
    if (l->types.type != GGUF_I32 && l->types.type != GGUF_U32) {
        return err_set(l->err, ERR_FORMAT, "%s: the elements of %s are not i32",
                       gguf_shown_path(l->gguf), key);
    }
    if (l->types.count != l->spellings.count) {
        return err_set(l->err, ERR_FORMAT,
                       "%s: the key %s has %" PRIu64 " elements for %" PRIu64 " tokens",
                       gguf_shown_path(l->gguf), key, l->types.count, l->spellings.count);
    }
    return true;
}

static uint32_t slots_for(size_t count)
{
    uint32_t slots = 4;
    while (slots < 2 * count) {
        slots *= 2;
    }
    return slots;
}

uint64_t vocabulary_plan(const struct gguf *gguf)
{
    const struct vocabulary *v = NULL;
    struct gguf_array spellings;
    if (!gguf_array(gguf, "tokenizer.ggml.tokens", &spellings, NULL) ||
        spellings.count > VOCABULARY_TOKENS_MAX) {
        return 0; /* will be refused */
    }
    return spellings.count * sizeof *v->tokens + slots_for(spellings.count) * sizeof *v->slots +
           spellings.bytes + 256;
}

static bool allocate(struct loading *l)
{
    struct vocabulary *v = l->vocabulary;
    size_t count = (size_t)l->spellings.count;
    uint32_t slots = slots_for(count);
    v->tokens = mem_try_zero(count, sizeof *v->tokens);
    v->slots = mem_try_zero(slots, sizeof *v->slots);
    v->mask = slots - 1;
    v->spellings = (const char *)l->spellings.data;
    if (v->tokens == NULL || v->slots == NULL) {
        return err_set(l->err, ERR_MEMORY, "%s: no memory for %zu tokens", gguf_shown_path(l->gguf),
                       count);
    }
    return true;
}

static bool set_kind(struct loading *l, int32_t id, const char *bytes)
{
    struct vocabulary *v = l->vocabulary;
    struct vocabulary_token *token = &v->tokens[id];
    int64_t type = l->types.count == 0 ? FILE_NORMAL : gguf_array_integer(&l->types, (uint64_t)id);
    int byte = byte_of_spelling(bytes, token->length);
    if (type < FILE_NORMAL || type > FILE_BYTE) {
        return refuse_token(l, id, "has an unknown type");
    }
    if (byte >= 0) {
        token->kind = TOKENIZER_BYTE;
        token->shown = (uint32_t)byte;
        token->shown_length = 1;
        v->byte_ids[byte] = id;
    } else if (type == FILE_BYTE) {
        return refuse_token(l, id, "is a byte token that is not spelled <0xHH>");
    } else if (type == FILE_CONTROL || is_control_spelling(bytes, token->length)) {
        token->kind = TOKENIZER_CONTROL;
        token->matchable = 1;
    } else if (type == FILE_UNUSED || type == FILE_UNKNOWN) {
        token->kind = TOKENIZER_CONTROL;
    } else {
        token->kind = TOKENIZER_TEXT;
    }
    if (token->matchable && token->length <= CONTROL_LENGTH_MAX) {
        v->control_lengths |= UINT64_C(1) << (token->length - 1);
        v->control_starts[(unsigned char)bytes[0]] = true;
    }
    return true;
}

/* Its first byte begins a character wherever it stands, also after damaged UTF-8; so survey, which
 * walks by characters, and convert, which walks by bytes, find the same ones. */
static bool is_space_mark(const char *bytes, size_t left)
{
    return left >= SPACE_BYTES && memcmp(bytes, space_mark, SPACE_BYTES) == 0;
}

/* Looks at the characters of a text token: which borders it holds, and how many spaces. */
static void survey(struct loading *l, struct vocabulary_token *token, const char *bytes)
{
    struct vocabulary *v = l->vocabulary;
    uint32_t spaces = 0;
    size_t used = 0;
    unsigned char left = 0;
    for (size_t at = 0; at < token->length; at += used) {
        unsigned char right = (unsigned char)bytes[at];
        used = 1;
        if (right >= 0x80) {
            utf8_decode(bytes + at, token->length - at, &used);
        }
        unsigned char last = (unsigned char)bytes[at + used - 1];
        if (is_space_mark(bytes + at, token->length - at)) {
            right = last = ' ';
            spaces++;
        }
        if (at > 0) {
            v->joins[left][right / 8] |= (uint8_t)(1 << right % 8);
        }
        left = last;
    }
    token->shown_length = token->length - spaces * (SPACE_BYTES - 1);
    if (spaces > 0) {
        token->shown = (uint32_t)l->converted_bytes;
        l->converted_bytes += token->shown_length;
    }
}

static bool add_token(struct loading *l, int32_t id, const struct gguf_text *text)
{
    struct vocabulary *v = l->vocabulary;
    struct vocabulary_token *token = &v->tokens[id];
    if (text->length == 0) {
        return refuse_token(l, id, "has no spelling");
    }
    uint32_t hash =
        vocabulary_hash_end(vocabulary_hash_more(VOCABULARY_HASH_START, text->bytes, text->length));
    struct vocabulary_slot *slot = find_slot(v, hash, text->bytes, text->length, NULL, 0);
    if (slot == NULL) {
        return refuse_token(l, id, "collides with too many: the file was made to be slow");
    }
    if (slot->token != 0) {
        return err_set(l->err, ERR_FORMAT,
                       "%s: the key tokenizer.ggml.tokens: tokens %" PRIu32 " and %" PRId32
                       " are spelled the same",
                       gguf_shown_path(l->gguf), slot->token - 1, id);
    }
    *slot = (struct vocabulary_slot){.hash = hash, .token = (uint32_t)id + 1};
    token->spelling = (uint32_t)(text->bytes - v->spellings);
    token->length = token->shown_length = (uint32_t)text->length;
    token->shown = VOCABULARY_AS_SPELLED;
    if (!set_kind(l, id, text->bytes)) {
        return false;
    }
    if (token->kind == TOKENIZER_TEXT) {
        survey(l, token, text->bytes);
    }
    v->count = id + 1;
    return true;
}

/* The spellings that hold U+2581, with spaces instead. */
static bool convert(struct loading *l)
{
    struct vocabulary *v = l->vocabulary;
    v->converted = mem_try_alloc(l->converted_bytes, 1);
    if (v->converted == NULL) {
        return err_set(l->err, ERR_MEMORY, "%s: no memory for %zu bytes of tokens",
                       gguf_shown_path(l->gguf), l->converted_bytes);
    }
    for (int i = 0; i < 256; i++) {
        v->converted[i] = (char)i;
    }
    for (int32_t id = 0; id < v->count; id++) {
        const struct vocabulary_token *token = &v->tokens[id];
        if (token->kind != TOKENIZER_TEXT || token->shown == VOCABULARY_AS_SPELLED) {
            continue;
        }
        const char *from = v->spellings + token->spelling, *end = from + token->length;
        char *to = v->converted + token->shown;
        while (from < end) {
            bool space = is_space_mark(from, (size_t)(end - from));
            *to++ = space ? ' ' : *from;
            from += space ? SPACE_BYTES : 1;
        }
    }
    return true;
}

bool vocabulary_init(struct vocabulary *vocabulary, const struct gguf *gguf, struct err *err)
{
    struct loading l = {.vocabulary = vocabulary, .gguf = gguf, .err = err, .converted_bytes = 256};
    memset(vocabulary, 0, sizeof *vocabulary);
    for (int i = 0; i < 256; i++) {
        vocabulary->byte_ids[i] = -1;
    }
    if (!read_arrays(&l) || !allocate(&l)) {
        return false;
    }
    struct gguf_text text;
    size_t cursor = 0;
    for (int32_t id = 0; gguf_array_text(&l.spellings, &cursor, &text); id++) {
        if (!add_token(&l, id, &text)) {
            return false;
        }
    }
    for (int i = 0; i < 256; i++) {
        if (vocabulary->byte_ids[i] < 0) {
            return err_set(err, ERR_FORMAT,
                           "%s: the key tokenizer.ggml.tokens has no token <0x%02X>",
                           gguf_shown_path(gguf), (unsigned)i);
        }
    }
    return convert(&l);
}

void vocabulary_finish(struct vocabulary *vocabulary)
{
    mem_free(vocabulary->tokens);
    mem_free(vocabulary->slots);
    mem_free(vocabulary->converted);
}

int32_t vocabulary_match_control(const struct vocabulary *vocabulary, const char *text,
                                 size_t length, size_t *used)
{
    int32_t longest = -1;
    uint64_t state = VOCABULARY_HASH_START;
    if (length == 0 || !vocabulary->control_starts[(unsigned char)text[0]]) {
        return -1;
    }
    size_t most = length < CONTROL_LENGTH_MAX ? length : CONTROL_LENGTH_MAX;
    for (size_t i = 0; i < most && vocabulary->control_lengths >> i != 0; i++) {
        state = vocabulary_hash_more(state, text + i, 1);
        if ((vocabulary->control_lengths >> i & 1) == 0) {
            continue;
        }
        int32_t id =
            vocabulary_find_joined(vocabulary, vocabulary_hash_end(state), text, i + 1, NULL, 0);
        if (id >= 0 && vocabulary->tokens[id].matchable) {
            longest = id;
            *used = i + 1;
        }
    }
    return longest;
}
