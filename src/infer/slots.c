#include "infer/slots.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "chat/medium.h"
#include "chat/render.h"
#include "engine/engine_media.h"
#include "infer/vocabulary.h"

/* What is written around the soft tokens of a slot. */
static const struct form {
    enum control slot, open, close;
    bool picture;
    int budget; /* of its soft tokens; 0 = as the options say */
} forms[] = {
    {CONTROL_IMAGE, CONTROL_IMAGE_OPEN, CONTROL_IMAGE_CLOSE, true, 0},
    {CONTROL_AUDIO, CONTROL_AUDIO_OPEN, CONTROL_AUDIO_CLOSE, false, 0},
    {CONTROL_VIDEO, CONTROL_IMAGE_OPEN, CONTROL_IMAGE_CLOSE, true, SLOTS_FRAME_BUDGET},
};

static const struct form *form_of(const struct control_ids *control, int32_t id)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (id >= 0 && control->id[forms[i].slot] == id) {
            return &forms[i];
        }
    }
    return NULL;
}

static void append(struct chat_ids *ids, int32_t id, size_t times)
{
    vec_room(&ids->items, &ids->capacity, ids->count + times, sizeof *ids->items);
    for (size_t i = 0; i < times; i++) {
        ids->items[ids->count++] = id;
    }
}

static bool encode(const struct slots_options *options, const struct form *form,
                   const struct chat_medium *medium, struct engine_soft *soft, struct err *err)
{
    struct engine_error error;
    if (options->media == NULL) {
        return err_set(err, ERR_UNSUPPORTED, "this model cannot %s: %s",
                       medium->picture ? "see pictures" : "hear sounds", options->why);
    }
    bool ok =
        medium->picture
            ? engine_media_image(options->media, medium->rgb, medium->width, medium->height,
                                 form->budget > 0 ? form->budget : options->image_budget, soft,
                                 &error)
            : engine_media_sound(options->media, medium->samples, medium->count, soft, &error);
    return ok || infer_vocabulary_failed(err, &error);
}

static bool fill(struct slots *slots, const struct chat_medium *medium, const struct form *form,
                 struct chat_ids *out, const struct slots_options *options, struct err *err)
{
    if (medium == NULL || medium->picture != form->picture) {
        return err_set(err, ERR_ARGUMENT, "the prompt speaks of a %s that is not there",
                       form->picture ? "picture" : "sound");
    }
    struct engine_soft soft = {0};
    if (!encode(options, form, medium, &soft, err)) {
        return false;
    }
    append(out, options->control->id[form->open], 1);
    soft.position = out->count;
    append(out, options->control->id[form->slot], soft.count);
    append(out, options->control->id[form->close], 1);
    if (soft.count == 0) { /* a sound too short for a token */
        engine_free(soft.values);
        return true;
    }
    slots->items[slots->count++] = soft;
    return true;
}

bool slots_open_media(const char *mmproj, const struct engine_model *model, const char *path,
                      bool exact, struct engine_media **media, struct err *err)
{
    struct engine_error error;
    const struct engine_model_info *info = engine_model_info(model);
    struct engine_media *opened = engine_media_open(
        &(struct engine_media_options){
            .path = mmproj, .threads = info->threads, .cpu = info->kernels, .exact = exact},
        &error);
    if (opened == NULL) {
        return infer_vocabulary_failed(err, &error);
    }
    if (engine_media_width(opened) != info->hidden_size) {
        err_set(err, ERR_FORMAT, "%s belongs to another model than %s: width %d, not %d", mmproj,
                path, (int)engine_media_width(opened), (int)info->hidden_size);
        engine_media_close(opened);
        return false;
    }
    *media = opened;
    return true;
}

bool slots_fill(struct slots *slots, const struct chat_prompt *prompt, struct chat_ids *ids,
                const struct slots_options *options, struct err *err)
{
    *slots = (struct slots){0};
    if (prompt->media_count == 0) {
        return true;
    }
    slots->items = mem_zero(prompt->media_count, sizeof *slots->items);
    struct chat_ids out = {0};
    size_t next = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < ids->count; i++) {
        const struct form *form = form_of(options->control, ids->items[i]);
        if (form == NULL) {
            append(&out, ids->items[i], 1);
        } else if (next == prompt->media_count) {
            ok = err_set(err, ERR_ARGUMENT, "the prompt has more slots than pictures and sounds");
        } else {
            ok = fill(slots, prompt->media[next++], form, &out, options, err);
        }
    }
    if (!ok) {
        mem_free(out.items);
        return false;
    }
    mem_free(ids->items);
    *ids = out;
    return true;
}

void slots_finish(struct slots *slots)
{
    for (size_t i = 0; i < slots->count; i++) {
        engine_free(slots->items[i].values);
    }
    mem_free(slots->items);
    *slots = (struct slots){0};
}

size_t slots_whole(const struct slots *slots, size_t count)
{
    for (size_t i = 0; i < slots->count; i++) {
        size_t begin = slots->items[i].position, end = begin + slots->items[i].count;
        if (begin < count && count < end) {
            return end;
        }
    }
    return count;
}

size_t slots_within(const struct slots *slots, size_t count)
{
    size_t n = 0;
    while (n < slots->count && slots->items[n].position + slots->items[n].count <= count) {
        n++;
    }
    return n;
}
