/* infer_replay: the answers of a recorded conversation, one a request, in the place of its model.
 *
 * An answer is the very tokens that were sampled, where they are known and `spell` knows their
 * vocabulary; else (a server's) it is spelled from its thought, text and calls. An answer that was
 * interrupted ends as interrupted. After the last one a request fails. Loop thread.
 */
#ifndef CARAT_INFER_INFER_REPLAY_H
#define CARAT_INFER_INFER_REPLAY_H

#include "infer/infer.h"

struct infer_replay_options {
    const struct chat_conversation *recorded; /* borrowed */
    const char *model;                        /* name */
    /* As infer_vocabulary_spell; NULL: answers are spelled from their fields. */
    void (*spell)(void *vocabulary, int32_t id, struct str *out);
    void *vocabulary;
    const struct control_ids *ids; /* copied */
    infer_wake *wake;
    void *wake_context;
};

struct infer *infer_replay_create(const struct infer_replay_options *options);

#endif
