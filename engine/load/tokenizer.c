/* Encoding, step by step:
 *
 *   1. With `control`, the text is cut at the spellings of control tokens, leftmost first, the
 *      longest of those that begin at one place. This looks at the raw text.
 *   2. The rest is a run of characters; a space counts as U+2581. A character that is a text token
 *      becomes a symbol with that id, any other character or stray byte one without.
 *   3. The run is cut where no token of the vocabulary holds the two characters side by side: no
 *      merge can cross that border, so the pieces are independent. This makes ordinary text a
 *      sequence of words; nothing depends on it but the time.
 *   4. In each piece the pair of neighbours with the lowest rank is merged, the leftmost of equals,
 *      until no pair has a rank. A heap holds (rank, position); an entry whose symbol has another
 *      rank by now is stale and skipped. O(n log n) for a piece of n characters.
 *   5. Symbols with an id are emitted, others as one byte token for each of their bytes.
 *
 * A control token cannot come out of steps 2 to 5: merges and single characters give text tokens
 * only, and this is asserted at the end. Left out: adding BOS, which is the caller's.
 */
#include "load/tokenizer.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"

#include "load/gguf.h"
#include "load/merges.h"
#include "load/vocabulary.h"

enum { TEXT_MAX = 64 << 20, NONE = -1 };

struct tokenizer {
    struct vocabulary vocabulary;
    struct merges merges;
    int32_t bos;
    int32_t ascii[128]; /* the text token of each character, or -1; of the space: U+2581 */
};

/* A character or what was merged from several. */
struct symbol {
    uint32_t start, length; /* in the text */
    int32_t previous, next; /* symbols; -1 at the ends of the piece */
    int32_t id;             /* -1: no token, will become bytes */
    uint32_t rank;          /* of the merge with `next` */
    int32_t merged;         /* and its result */
};

struct encoding {
    const struct tokenizer *tokenizer;
    const char *text;
    struct symbol *symbols; /* of the piece at hand */
    size_t symbol_count, symbol_capacity;
    uint64_t *heap; /* rank << 32 | symbol: the order is that of the numbers */
    size_t heap_count, heap_capacity;
    int32_t *ids; /* room for one for each byte of text */
    size_t count;
};

/* --- creating --- */

static bool text_is(const struct gguf_text *text, const char *expected)
{
    return text->length == strlen(expected) && memcmp(text->bytes, expected, text->length) == 0;
}

/* Files of other makers say "llama" and put the name of the rules into "pre". */
static bool check_model(const struct gguf *gguf, struct err *err)
{
    struct gguf_text model, pre = {.bytes = "", .length = 0};
    if (!gguf_string(gguf, "tokenizer.ggml.model", &model, err)) {
        return false;
    }
    gguf_string(gguf, "tokenizer.ggml.pre", &pre, NULL);
    if (text_is(&model, "gemma4") || (text_is(&model, "llama") && text_is(&pre, "gemma4"))) {
        return true;
    }
    char shown[GGUF_SHOWN];
    gguf_show(model.bytes, model.length, shown);
    return err_set(err, ERR_UNSUPPORTED,
                   "%s: the key tokenizer.ggml.model is \"%s\"; only gemma4 is read",
                   gguf_shown_path(gguf), shown);
}

/* Ids that the file names must exist, and the one that we use must be what it is used as. */
static bool read_special_ids(struct tokenizer *t, const struct gguf *gguf, struct err *err)
{
    static const char *const keys[] = {
        "tokenizer.ggml.bos_token_id",     "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.eot_token_id",     "tokenizer.ggml.unknown_token_id",
        "tokenizer.ggml.padding_token_id", "tokenizer.ggml.mask_token_id"};
    int64_t bos = vocabulary_find(&t->vocabulary, "<bos>", 5);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t id;
        if (!gguf_has(gguf, keys[i])) {
            continue;
        }
        if (!gguf_integer(gguf, keys[i], &id, err)) {
            return false;
        }
        if (id < 0 || id >= t->vocabulary.count) {
            return err_set(err, ERR_FORMAT,
                           "%s: the key %s is %" PRId64 ", but there are %" PRId32 " tokens",
                           gguf_shown_path(gguf), keys[i], id, t->vocabulary.count);
        }
        bos = i == 0 ? id : bos;
    }
    if (bos < 0 || t->vocabulary.tokens[bos].kind != TOKENIZER_CONTROL) {
        return err_set(err, ERR_FORMAT, "%s: the key %s names no control token",
                       gguf_shown_path(gguf), keys[0]);
    }
    t->bos = (int32_t)bos;
    return true;
}

static int32_t find_character(const struct tokenizer *t, const char *bytes, size_t length)
{
    int32_t id = vocabulary_find(&t->vocabulary, bytes, length);
    return id >= 0 && t->vocabulary.tokens[id].kind == TOKENIZER_TEXT ? id : NONE;
}

static bool find_ascii(struct tokenizer *t, const struct gguf *gguf, struct err *err)
{
    for (int i = 0; i < 128; i++) {
        char c = (char)i;
        t->ascii[i] = find_character(t, &c, 1);
    }
    t->ascii[' '] = find_character(t, "\xE2\x96\x81", 3);
    if (t->ascii[' '] == NONE) {
        return err_set(err, ERR_FORMAT,
                       "%s: the key tokenizer.ggml.tokens has no token U+2581 for the space",
                       gguf_shown_path(gguf));
    }
    return true;
}

struct tokenizer *tokenizer_create(const struct gguf *gguf, struct err *err)
{
    struct tokenizer *t = mem_try_zero(1, sizeof *t);
    if (t == NULL) {
        err_set(err, ERR_MEMORY, "%s: no memory for the tokenizer", gguf_shown_path(gguf));
        return NULL;
    }
    if (!check_model(gguf, err) || !vocabulary_init(&t->vocabulary, gguf, err) ||
        !merges_init(&t->merges, &t->vocabulary, gguf, err) || !read_special_ids(t, gguf, err) ||
        !find_ascii(t, gguf, err)) {
        tokenizer_destroy(t);
        return NULL;
    }
    return t;
}

uint64_t tokenizer_plan(const struct gguf *gguf)
{
    return sizeof(struct tokenizer) + vocabulary_plan(gguf) + merges_plan(gguf);
}

void tokenizer_destroy(struct tokenizer *tokenizer)
{
    if (tokenizer != NULL) {
        vocabulary_finish(&tokenizer->vocabulary);
        merges_finish(&tokenizer->merges);
        mem_free(tokenizer);
    }
}

/* --- the heap of merges to come --- */

static void sift_down(uint64_t *heap, size_t count, size_t at)
{
    uint64_t moving = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (moving <= heap[child]) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static void heap_push(struct encoding *e, uint64_t entry)
{
    size_t at = e->heap_count++;
    for (size_t parent; at > 0 && e->heap[parent = (at - 1) / 2] > entry; at = parent) {
        e->heap[at] = e->heap[parent];
    }
    e->heap[at] = entry;
}

static uint64_t heap_pop(struct encoding *e)
{
    uint64_t least = e->heap[0];
    e->heap[0] = e->heap[--e->heap_count];
    sift_down(e->heap, e->heap_count, 0);
    return least;
}

/* --- merging one piece --- */

/* Looks up the merge of a symbol with its right neighbour; true when there is one. */
static bool rate(struct encoding *e, int32_t index)
{
    struct symbol *symbol = &e->symbols[index];
    symbol->rank = MERGES_NO_RANK;
    if (symbol->next != NONE && symbol->id != NONE && e->symbols[symbol->next].id != NONE) {
        symbol->rank = merges_find(&e->tokenizer->merges, symbol->id, e->symbols[symbol->next].id,
                                   &symbol->merged);
    }
    return symbol->rank != MERGES_NO_RANK;
}

static uint64_t heap_entry(const struct encoding *e, int32_t index)
{
    return (uint64_t)e->symbols[index].rank << 32 | (uint32_t)index;
}

static void merge_with_next(struct encoding *e, int32_t index)
{
    struct symbol *symbol = &e->symbols[index];
    struct symbol *gone = &e->symbols[symbol->next];
    symbol->id = symbol->merged;
    symbol->length += gone->length;
    symbol->next = gone->next;
    gone->rank = MERGES_NO_RANK; /* makes its heap entries stale */
    if (symbol->next != NONE) {
        e->symbols[symbol->next].previous = index;
    }
    if (rate(e, index)) {
        heap_push(e, heap_entry(e, index));
    }
    if (symbol->previous != NONE && rate(e, symbol->previous)) {
        heap_push(e, heap_entry(e, symbol->previous));
    }
}

static bool merge_piece(struct encoding *e)
{
    /* At most one entry a symbol at first, and each merge takes one out and puts two in. */
    if (!vec_try_room(&e->heap, &e->heap_capacity, 2 * e->symbol_count, sizeof *e->heap)) {
        return false;
    }
    e->heap_count = 0;
    for (size_t i = 0; i < e->symbol_count; i++) {
        if (rate(e, (int32_t)i)) {
            e->heap[e->heap_count++] = heap_entry(e, (int32_t)i);
        }
    }
    for (size_t i = e->heap_count / 2; i-- > 0;) {
        sift_down(e->heap, e->heap_count, i);
    }
    while (e->heap_count > 0) {
        uint64_t entry = heap_pop(e);
        int32_t index = (int32_t)(uint32_t)entry;
        if (e->symbols[index].rank == (uint32_t)(entry >> 32)) {
            merge_with_next(e, index);
        }
    }
    return true;
}

static void emit_symbol(struct encoding *e, const struct symbol *symbol)
{
    if (symbol->id != NONE) {
        e->ids[e->count++] = symbol->id;
        return;
    }
    for (uint32_t i = 0; i < symbol->length; i++) {
        unsigned char byte = (unsigned char)e->text[symbol->start + i];
        e->ids[e->count++] = e->tokenizer->vocabulary.byte_ids[byte];
    }
}

static bool finish_piece(struct encoding *e)
{
    if (e->symbol_count == 0) {
        return true;
    }
    e->symbols[e->symbol_count - 1].next = NONE;
    if (e->symbol_count > 1 && !merge_piece(e)) {
        return false;
    }
    for (int32_t i = 0; i != NONE; i = e->symbols[i].next) {
        emit_symbol(e, &e->symbols[i]);
    }
    e->symbol_count = 0;
    return true;
}

/* --- text into pieces --- */

/* What stands at the beginning of the text that is left. */
struct character {
    uint32_t length;
    int32_t id;
    unsigned char first, last; /* for vocabulary_joins */
};

static struct character next_character(const struct tokenizer *t, const char *text, size_t left)
{
    unsigned char byte = (unsigned char)text[0];
    if (byte < 0x80) {
        return (struct character){.length = 1, .id = t->ascii[byte], .first = byte, .last = byte};
    }
    size_t used;
    struct character c = {.id = NONE};
    if (utf8_decode(text, left, &used) < UTF8_INCOMPLETE) {
        c.id = find_character(t, text, used);
    }
    c.length = (uint32_t)used;
    c.first = byte;
    c.last = (unsigned char)text[used - 1];
    if (c.id == t->ascii[' ']) { /* a literal U+2581 */
        c.first = c.last = ' ';
    }
    return c;
}

static bool add_symbol(struct encoding *e, size_t start, const struct character *c)
{
    if (!vec_try_room(&e->symbols, &e->symbol_capacity, e->symbol_count + 1, sizeof *e->symbols)) {
        return false;
    }
    int32_t index = (int32_t)e->symbol_count++;
    e->symbols[index] = (struct symbol){
        .start = (uint32_t)start,
        .length = c->length,
        .previous = index - 1,
        .next = index + 1,
        .id = c->id,
        .rank = MERGES_NO_RANK,
    };
    return true;
}

static bool encode_run(struct encoding *e, size_t start, size_t end)
{
    const struct tokenizer *t = e->tokenizer;
    unsigned char left = 0;
    for (size_t at = start; at < end;) {
        struct character c = next_character(t, e->text + at, end - at);
        if ((e->symbol_count > 0 && !vocabulary_joins(&t->vocabulary, left, c.first) &&
             !finish_piece(e)) ||
            !add_symbol(e, at, &c)) {
            return false;
        }
        left = c.last;
        at += c.length;
    }
    return finish_piece(e);
}

static bool encode_with_control(struct encoding *e, size_t length)
{
    size_t start = 0;
    for (size_t at = 0; at < length;) {
        size_t used;
        int32_t id =
            vocabulary_match_control(&e->tokenizer->vocabulary, e->text + at, length - at, &used);
        if (id == NONE) {
            at++;
            continue;
        }
        if (!encode_run(e, start, at)) {
            return false;
        }
        e->ids[e->count++] = id;
        start = at += used;
    }
    return encode_run(e, start, length);
}

bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                      bool control, int32_t **ids, size_t *count, struct err *err)
{
    if (length > TEXT_MAX) {
        return err_set(err, ERR_LIMIT, "a text of %zu bytes; at most %d are tokenized at once",
                       length, TEXT_MAX);
    }
    struct encoding e = {.tokenizer = tokenizer, .text = text};
    e.ids = mem_try_alloc(length, sizeof *e.ids);
    bool ok =
        e.ids != NULL && (control ? encode_with_control(&e, length) : encode_run(&e, 0, length));
    mem_free(e.symbols);
    mem_free(e.heap);
    if (!ok) {
        mem_free(e.ids);
        return err_set(err, ERR_MEMORY, "no memory to tokenize a text of %zu bytes", length);
    }
    for (size_t i = 0; !control && i < e.count; i++) {
        assert(tokenizer_kind(tokenizer, e.ids[i]) != TOKENIZER_CONTROL);
    }
    int32_t *fitting = mem_try_resize(e.ids, e.count, sizeof *e.ids);
    *ids = fitting != NULL ? fitting : e.ids;
    *count = e.count;
    return true;
}

/* --- looking things up --- */

int32_t tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->vocabulary.count;
}

int32_t tokenizer_bos(const struct tokenizer *tokenizer)
{
    return tokenizer->bos;
}

void tokenizer_bytes(const struct tokenizer *tokenizer, int32_t id, const char **bytes,
                     size_t *length)
{
    const struct vocabulary *v = &tokenizer->vocabulary;
    const struct vocabulary_token *token = &v->tokens[id];
    *bytes = token->shown == VOCABULARY_AS_SPELLED ? v->spellings + token->spelling
                                                   : v->converted + token->shown;
    *length = token->shown_length;
}

enum tokenizer_kind tokenizer_kind(const struct tokenizer *tokenizer, int32_t id)
{
    return (enum tokenizer_kind)tokenizer->vocabulary.tokens[id].kind;
}

int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *spelling)
{
    return vocabulary_find(&tokenizer->vocabulary, spelling, strlen(spelling));
}
