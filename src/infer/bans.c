#include "infer/bans.h"

#include "base/mem.h"
#include "base/vec.h"
#include "chat/control.h"
#include "engine/engine.h"
#include "infer/mask.h"

static void ban(struct bans *bans, int32_t id)
{
    vec_room(&bans->items, &bans->capacity, bans->count + 1, sizeof *bans->items);
    bans->items[bans->count++] = id;
}

void bans_init(struct bans *bans, const struct engine_model *model, const struct control_ids *ids)
{
    int32_t count = engine_model_info(model)->vocabulary_size;
    for (int32_t id = 0; id < count; id++) {
        if (engine_token_kind(model, id) == ENGINE_TOKEN_CONTROL &&
            control_of_id(ids, id) == CONTROL_NONE) {
            ban(bans, id);
        }
    }
    bans->always = bans->count;
}

void bans_finish(struct bans *bans)
{
    mem_free(bans->items);
    *bans = (struct bans){0};
}

void bans_update(struct bans *bans, const struct control_ids *ids, const struct mask *mask)
{
    bans->count = bans->always;
    for (int i = 0; i < CONTROL_COUNT; i++) {
        if (ids->id[i] >= 0 && !mask_allows(mask, (enum control)i)) {
            ban(bans, ids->id[i]);
        }
    }
}
