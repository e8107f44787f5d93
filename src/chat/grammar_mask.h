/* grammar_mask: which ordinary tokens of a vocabulary a grammar allows next.
 *
 * Walks the vocabulary's trie together with the automaton: a subtree is left as soon as its byte
 * is refused, so a structural position costs microseconds. Inside a free string of a call no walk
 * is made at all: everything is allowed, and the caller bans control tokens only
 * (grammar_in_string). Inside a JSON string the plain tokens are a list made once, and only the
 * others are walked.
 *
 * Control tokens are the caller's: grammar_feed_control on a copy tells. Made once for a model,
 * used by one thread at a time: it holds the list and a state for every depth of the trie.
 */
#ifndef CARAT_CHAT_GRAMMAR_MASK_H
#define CARAT_CHAT_GRAMMAR_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/token_trie.h"

struct grammar_mask;
struct grammar_state;

/* Over the tokens 0 .. count - 1; bytes_of leaves out control tokens. The bytes are not kept. */
struct grammar_mask *grammar_mask_create(int32_t count, token_trie_bytes *bytes_of, void *context);
void grammar_mask_destroy(struct grammar_mask *mask);

/* The allowed tokens, each once, in no order; a view until the next call. */
const int32_t *grammar_mask_list(struct grammar_mask *mask, const struct grammar_state *state,
                                 size_t *count);

/* How many tokens there are, control tokens not counted: the longest list. */
size_t grammar_mask_size(const struct grammar_mask *mask);

#endif
