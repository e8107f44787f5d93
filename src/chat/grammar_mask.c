/* Two tries: of all tokens, and of those that are not plain text in a JSON string. The list begins
 * with the plain ones where they are allowed; a walk writes behind them. */
#include "chat/grammar_mask.h"

#include <string.h>

#include "base/mem.h"
#include "chat/grammar.h"
#include "chat/grammar_json.h"

struct grammar_mask {
    struct token_trie *all, *marked; /* marked: not plain in a JSON string */
    int32_t *plain, *list;           /* [plain_count], [all->id_count] */
    size_t plain_count;
    /* [all->count]: below this node of `all` every byte is plain ASCII, so that in a JSON string
     * all its tokens fit. Behind a backslash a tenth of a vocabulary does. */
    bool *simple_below;
    struct grammar_state *states; /* [depth of the trie + 1] */
};

struct source {
    token_trie_bytes *bytes_of;
    void *context;
    struct grammar_mask *mask;
};

/* Keeps the plain tokens aside, and passes on the others. */
static bool marked_bytes(void *context, int32_t id, const char **bytes, size_t *length)
{
    struct source *source = context;
    if (!source->bytes_of(source->context, id, bytes, length) || *length == 0) {
        return false;
    }
    if (grammar_json_is_plain(*bytes, *length)) {
        source->mask->plain[source->mask->plain_count++] = id;
        return false;
    }
    return true;
}

static bool is_simple(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

/* From the last node on, so that those below one are known before it. */
static bool *find_simple(const struct token_trie *trie)
{
    bool *simple = mem_alloc((size_t)trie->count + 1, sizeof *simple);
    for (uint32_t i = trie->count; i-- > 0;) {
        simple[i] = true;
        for (uint32_t below = i + 1; below < trie->nodes[i].next && simple[i];
             below = trie->nodes[below].next) {
            simple[i] = is_simple(trie->nodes[below].byte) && simple[below];
        }
    }
    return simple;
}

struct grammar_mask *grammar_mask_create(int32_t count, token_trie_bytes *bytes_of, void *context)
{
    struct grammar_mask *mask = mem_zero(1, sizeof *mask);
    struct source source = {.bytes_of = bytes_of, .context = context, .mask = mask};
    mask->all = token_trie_create(count, bytes_of, context);
    mask->plain = mem_alloc(count > 0 ? (size_t)count : 1, sizeof *mask->plain);
    mask->marked = token_trie_create(count, marked_bytes, &source);
    mask->simple_below = find_simple(mask->all);
    mask->list = mem_alloc(mask->all->id_count + 1, sizeof *mask->list);
    mask->states = mem_alloc((size_t)mask->all->depth + 1, sizeof *mask->states);
    return mask;
}

void grammar_mask_destroy(struct grammar_mask *mask)
{
    if (mask != NULL) {
        token_trie_destroy(mask->all);
        token_trie_destroy(mask->marked);
        mem_free(mask->plain);
        mem_free(mask->list);
        mem_free(mask->simple_below);
        mem_free(mask->states);
        mem_free(mask);
    }
}

size_t grammar_mask_size(const struct grammar_mask *mask)
{
    return mask->all->id_count;
}

/* Appends to the list; returns its new count. states[d] is the state behind d bytes. */
static size_t walk(struct grammar_mask *mask, const struct token_trie *trie, size_t count)
{
    struct grammar_state *states = mask->states;
    for (uint32_t i = 1; i < trie->count;) {
        const struct token_trie_node *node = &trie->nodes[i];
        struct grammar_state *state = &states[node->depth];
        char byte = (char)node->byte;
        grammar_copy(state, &states[node->depth - 1]);
        if (!grammar_feed_bytes(state, &byte, 1)) {
            i = node->next;
            continue;
        }
        bool all = trie == mask->all && mask->simple_below[i] && grammar_in_json_string(state);
        uint32_t after = all ? node->next : i + 1;
        size_t ending = trie->nodes[after].first_token - node->first_token;
        memcpy(mask->list + count, trie->ids + node->first_token, ending * sizeof *mask->list);
        count += ending;
        i = after;
    }
    return count;
}

const int32_t *grammar_mask_list(struct grammar_mask *mask, const struct grammar_state *state,
                                 size_t *count)
{
    const struct token_trie *trie = mask->all;
    size_t given = 0;
    if (grammar_in_string(state)) {
        memcpy(mask->list, trie->ids, trie->id_count * sizeof *mask->list);
        *count = trie->id_count;
        return mask->list;
    }
    if (grammar_in_json_string(state)) {
        memcpy(mask->list, mask->plain, mask->plain_count * sizeof *mask->list);
        given = mask->plain_count;
        trie = mask->marked;
    }
    grammar_copy(&mask->states[0], state);
    *count = walk(mask, trie, given);
    return mask->list;
}
