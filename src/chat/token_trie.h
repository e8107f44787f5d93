/* token_trie: a vocabulary's tokens as one tree of bytes, laid out flat.
 *
 * Nodes stand in depth-first order; each knows its byte, its depth, where the next node outside
 * its subtree is, and which tokens end at it. Walking is going forward by one, or past a subtree
 * that is ruled out: two array reads a node and no pointers. Built once for a model; read-only
 * afterwards: any thread.
 */
#ifndef CARAT_CHAT_TOKEN_TRIE_H
#define CARAT_CHAT_TOKEN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_trie_node {
    uint32_t next;        /* the first node that is not below this one */
    uint32_t first_token; /* index in ids of the first token that ends here; the tokens of the */
                          /* next node begin where those of this one end */
    uint16_t depth;       /* how many bytes lead here; the root, node 0, has 0 */
    unsigned char byte;
};

struct token_trie {
    struct token_trie_node *nodes; /* [count + 1]: the last one only ends the others */
    uint32_t count;
    int32_t *ids; /* by bytes; tokens of equal bytes by id */
    size_t id_count;
    uint16_t depth; /* of the deepest node */
};

/* The bytes of a token, a view that lives during the building; false leaves the token out. */
typedef bool token_trie_bytes(void *context, int32_t id, const char **bytes, size_t *length);

/* Of the tokens 0 .. count - 1. A token without bytes, or of more than 65535, is left out. */
struct token_trie *token_trie_create(int32_t count, token_trie_bytes *bytes_of, void *context);
void token_trie_destroy(struct token_trie *trie);

#endif
