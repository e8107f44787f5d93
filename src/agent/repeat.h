/* repeat: notices a model that writes the same block of tokens over and over.
 *
 * For each period p in 1..64 it is known how many tokens in a row equal the one p places before
 * them; four copies of a block are 3p such tokens. No rescanning: 64 comparisons a token. A plain
 * value.
 */
#ifndef CARAT_AGENT_REPEAT_H
#define CARAT_AGENT_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPEAT_PERIODS = 64, REPEAT_WINDOW = 512 };

struct repeat {
    int32_t window[REPEAT_WINDOW]; /* the last tokens, a ring */
    size_t count;                  /* seen so far */
    size_t matches[REPEAT_PERIODS + 1];
};

void repeat_init(struct repeat *repeat);

/* Takes the next token; true when the text has run into a loop: at its end stand 64 copies of a
 * block of 1 or 2 tokens, 8 of one of up to 15, or 4 of one of up to 64. `in_call`: within a call's
 * arguments, where files are written and equal lines are ordinary, it takes 16 copies of a block of
 * more than 2 tokens, or what fits into the window. */
bool repeat_add(struct repeat *repeat, int32_t token, bool in_call);

#endif
