/* bans: the tokens that have no chance where the model writes freely.
 *
 * First those that never have one: control tokens that the conversation format does not know
 * (reserved ones). Behind them the control tokens that the mask forbids just now. One thread at a
 * time.
 */
#ifndef CARAT_INFER_BANS_H
#define CARAT_INFER_BANS_H

#include <stddef.h>
#include <stdint.h>

struct control_ids;
struct engine_model;
struct mask;

struct bans {
    int32_t *items; /* owned */
    size_t count, capacity;
    size_t always; /* of them, at the beginning */
};

/* Into a zeroed struct. */
void bans_init(struct bans *bans, const struct engine_model *model, const struct control_ids *ids);
void bans_finish(struct bans *bans);

/* For the next token, with the mask as it stands. */
void bans_update(struct bans *bans, const struct control_ids *ids, const struct mask *mask);

#endif
