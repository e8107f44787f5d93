/* constraint: which tokens the model may write next, of all of its vocabulary.
 *
 * Joins two layers. The mask says which control tokens fit the place in the turn; it holds always.
 * The grammars judge bytes where the form is fixed: inside a call the declared tools (from
 * CALL_OPEN to CALL_CLOSE, free strings excepted), and in the answer a JSON Schema, when there is
 * one. Thoughts and answers without a schema stay free: constraining how a model reasons costs
 * correctness. Only how long it thinks is limited (thinking.h).
 *
 * Lives for one request, on the thread that samples. Borrows everything it is given.
 */
#ifndef CARAT_INFER_CONSTRAINT_H
#define CARAT_INFER_CONSTRAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/control.h"
#include "chat/grammar.h"
#include "infer/mask.h"
#include "infer/thinking.h"

struct chat_prompt;
struct grammar_mask;

struct constraint_options {
    const struct chat_prompt *prompt;
    bool large; /* the model is a large one; see mask_init */
    const struct control_ids *ids;
    struct grammar_mask *tokens;          /* of the same vocabulary */
    const struct grammar *calls, *answer; /* NULL = free */
    bool must_call;                       /* the turn begins with a call, or a thought and a call */
    size_t thinking_budget; /* tokens of a thought in a turn's first step; 0 = no limit */
    int32_t newline;        /* the token that is one; -1 = the vocabulary has none */
};

struct constraint {
    struct constraint_options options;
    struct mask mask;
    struct thinking thinking;
    struct grammar_state call, answer;
    int32_t *list; /* owned */
};

void constraint_init(struct constraint *constraint, const struct constraint_options *options);
void constraint_finish(struct constraint *constraint);

/* The tokens that alone may follow, each once: a view until the next call. NULL where the place is
 * free: then every ordinary token may follow, and the control tokens that mask_allows. */
const int32_t *constraint_list(struct constraint *constraint, size_t *count);

/* The token that was chosen: a control token's name, or CONTROL_NONE and its bytes. */
void constraint_step(struct constraint *constraint, enum control control, const char *bytes,
                     size_t length);

#endif
