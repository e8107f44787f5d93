/* A prompt as a value (render.h): its life, its spelling for people, its ids for the engine.
 *
 * chat_prompt_encode is the last door before the engine: whatever the renderer put into a TEXT
 * segment, no control id leaves here that a CONTROL or TOKENS segment did not ask for.
 */
#include "chat/render.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/medium.h"

void chat_prompt_init(struct chat_prompt *prompt)
{
    *prompt = (struct chat_prompt){0};
    arena_init(&prompt->arena);
}

void chat_prompt_finish(struct chat_prompt *prompt)
{
    for (size_t i = 0; i < prompt->media_count; i++) {
        chat_medium_release(prompt->media[i]);
    }
    mem_free(prompt->media);
    mem_free(prompt->segments);
    arena_finish(&prompt->arena);
    chat_prompt_init(prompt);
}

void chat_prompt_spell(const struct chat_prompt *prompt, struct str *out,
                       void (*token_bytes)(void *context, int32_t id, struct str *out),
                       void *context)
{
    for (size_t i = 0; i < prompt->count; i++) {
        const struct chat_segment *segment = &prompt->segments[i];
        switch (segment->kind) {
        case CHAT_SEGMENT_CONTROL:
            str_append(out, control_spelling(segment->control));
            break;
        case CHAT_SEGMENT_TEXT:
            str_append_bytes(out, segment->text, segment->length);
            break;
        case CHAT_SEGMENT_TOKENS:
            for (size_t k = 0; token_bytes != NULL && k < segment->token_count; k++) {
                token_bytes(context, segment->tokens[k], out);
            }
            break;
        }
    }
}

static void append_id(struct chat_ids *out, int32_t id)
{
    vec_room(&out->items, &out->capacity, out->count + 1, sizeof *out->items);
    out->items[out->count++] = id;
}

static bool encode_text(const struct chat_encoder *encoder, struct str *text, struct chat_ids *out,
                        struct err *err)
{
    size_t before = out->count;
    if (text->length == 0) {
        return true;
    }
    if (!encoder->encode(encoder->context, text->data, text->length, out, err)) {
        return false;
    }
    for (size_t i = before; i < out->count; i++) {
        enum control control = control_of_id(encoder->control, out->items[i]);
        if (control != CONTROL_NONE) {
            return err_set(err, ERR_FORMAT,
                           "the tokenizer made the control token %s (id %d) out of text",
                           control_spelling(control), (int)out->items[i]);
        }
    }
    str_clear(text);
    return true;
}

static bool encode_segment(const struct chat_segment *segment, const struct chat_encoder *encoder,
                           struct str *text, struct chat_ids *out, struct err *err)
{
    if (segment->kind == CHAT_SEGMENT_TEXT) {
        str_append_bytes(text, segment->text, segment->length);
        return true;
    }
    if (!encode_text(encoder, text, out, err)) {
        return false;
    }
    if (segment->kind == CHAT_SEGMENT_TOKENS) {
        for (size_t i = 0; i < segment->token_count; i++) {
            append_id(out, segment->tokens[i]);
        }
        return true;
    }
    int32_t id = encoder->control->id[segment->control];
    if (id < 0) {
        return err_set(err, ERR_UNSUPPORTED, "this model has no token %s",
                       control_spelling(segment->control));
    }
    append_id(out, id);
    return true;
}

bool chat_prompt_encode(const struct chat_prompt *prompt, const struct chat_encoder *encoder,
                        struct chat_ids *out, struct err *err)
{
    size_t before = out->count;
    struct str text;
    str_init(&text);
    bool ok = true;
    for (size_t i = 0; ok && i < prompt->count; i++) {
        ok = encode_segment(&prompt->segments[i], encoder, &text, out, err);
    }
    ok = ok && encode_text(encoder, &text, out, err);
    if (!ok) {
        out->count = before;
    }
    str_finish(&text);
    return ok;
}
