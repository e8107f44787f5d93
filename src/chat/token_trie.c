/* token_trie: the tokens are sorted by their bytes; then each one adds the nodes that its
 * predecessor does not share. Eight bytes at a time are compared as one number. */
#include "chat/token_trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

struct entry {
    uint64_t head; /* the first eight bytes, most significant first, zeros behind the end */
    const unsigned char *bytes;
    uint32_t length;
    int32_t id;
};

static uint64_t head_of(const unsigned char *bytes, size_t length)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++) {
        head = head << 8 | (i < length ? bytes[i] : 0);
    }
    return head;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->head != b->head) {
        return a->head < b->head ? -1 : 1;
    }
    size_t common = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->bytes, b->bytes, common);
    if (order != 0) {
        return order;
    }
    if (a->length != b->length) {
        return a->length < b->length ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static size_t gather(struct entry *entries, int32_t count, token_trie_bytes *bytes_of,
                     void *context)
{
    size_t gathered = 0;
    for (int32_t id = 0; id < count; id++) {
        const char *bytes;
        size_t length;
        if (bytes_of(context, id, &bytes, &length) && length > 0 && length <= UINT16_MAX) {
            const unsigned char *data = (const unsigned char *)bytes;
            entries[gathered++] = (struct entry){
                .head = head_of(data, length), .bytes = data, .length = (uint32_t)length, .id = id};
        }
    }
    return gathered;
}

static size_t shared_prefix(const struct entry *a, const struct entry *b)
{
    size_t n = 0;
    while (n < a->length && n < b->length && a->bytes[n] == b->bytes[n]) {
        n++;
    }
    return n;
}

/* The tree while it grows: `open` holds the nodes on the way to the newest one, by depth. */
struct growth {
    struct token_trie *trie;
    size_t capacity;
    uint32_t *open; /* [UINT16_MAX + 1] */
    size_t depth;   /* of the newest */
};

/* Nodes as deep as the new one, or deeper, have no more below them: they end here. */
static void close_nodes(struct growth *growth, size_t depth)
{
    for (size_t d = depth; d <= growth->depth; d++) {
        growth->trie->nodes[growth->open[d]].next = growth->trie->count;
    }
}

static void add_node(struct growth *growth, size_t depth, unsigned char byte)
{
    struct token_trie *trie = growth->trie;
    vec_room(&trie->nodes, &growth->capacity, (size_t)trie->count + 1, sizeof *trie->nodes);
    if (trie->count > 0) {
        close_nodes(growth, depth);
    }
    trie->nodes[trie->count] = (struct token_trie_node){
        .first_token = (uint32_t)trie->id_count, .depth = (uint16_t)depth, .byte = byte};
    growth->open[depth] = trie->count++;
    growth->depth = depth;
    trie->depth = depth > trie->depth ? (uint16_t)depth : trie->depth;
}

struct token_trie *token_trie_create(int32_t count, token_trie_bytes *bytes_of, void *context)
{
    struct token_trie *trie = mem_zero(1, sizeof *trie);
    size_t most = count > 0 ? (size_t)count : 0;
    struct growth growth = {.trie = trie, .open = mem_zero(UINT16_MAX + 1, sizeof(uint32_t))};
    struct entry *entries = mem_alloc(most + 1, sizeof *entries);
    size_t gathered = gather(entries, count, bytes_of, context);
    qsort(entries, gathered, sizeof *entries, compare_entries);
    trie->ids = mem_alloc(gathered + 1, sizeof *trie->ids);
    add_node(&growth, 0, 0);
    for (size_t i = 0; i < gathered; i++) {
        size_t shared = i == 0 ? 0 : shared_prefix(&entries[i - 1], &entries[i]);
        for (size_t depth = shared + 1; depth <= entries[i].length; depth++) {
            add_node(&growth, depth, entries[i].bytes[depth - 1]);
        }
        trie->ids[trie->id_count++] = entries[i].id;
    }
    vec_room(&trie->nodes, &growth.capacity, (size_t)trie->count + 1, sizeof *trie->nodes);
    trie->nodes[trie->count] =
        (struct token_trie_node){.next = trie->count, .first_token = (uint32_t)trie->id_count};
    close_nodes(&growth, 0);
    mem_free(growth.open);
    mem_free(entries);
    return trie;
}

void token_trie_destroy(struct token_trie *trie)
{
    if (trie != NULL) {
        mem_free(trie->nodes);
        mem_free(trie->ids);
        mem_free(trie);
    }
}
