/* render: a conversation as Gemma 4's prompt.
 *
 * The result is a list of segments: control tokens by name, text, tokens that the model sampled.
 * Text never becomes a control token, whatever it spells, because only CONTROL segments do and the
 * tokenizer reads text with control recognition off. Byte for byte the canonical template of
 * 2026-07-09 where that is sound; where it is not (text before a call), the model's own order.
 */
#ifndef CARAT_CHAT_RENDER_H
#define CARAT_CHAT_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "chat/control.h"
#include "chat/conversation.h"

struct chat_medium;
struct err;
struct str;

enum chat_segment_kind { CHAT_SEGMENT_CONTROL, CHAT_SEGMENT_TEXT, CHAT_SEGMENT_TOKENS };

struct chat_segment {
    enum chat_segment_kind kind;
    enum control control; /* CONTROL */
    const char *text;     /* TEXT: length bytes, in the prompt's arena */
    size_t length;
    const int32_t *tokens; /* TOKENS: token_count ids, in the prompt's arena */
    size_t token_count;
};

struct chat_prompt {
    struct chat_segment *segments;
    size_t count, capacity;
    struct chat_medium **media; /* references: one for each slot (IMAGE, AUDIO, VIDEO), in order */
    size_t media_count, media_capacity;
    bool starts_in_thought; /* the prompt ends inside an open thought channel */
    struct arena arena;
};

struct chat_render_options {
    bool enable_thinking;
    bool preserve_thinking; /* keep thoughts of earlier turns that had calls */
    bool large_model;       /* 12B and up: an empty thought channel when thinking is off */
    bool add_generation_prompt;
    size_t blind_before; /* media of the messages before this one are told in words */
};

void chat_prompt_init(struct chat_prompt *prompt);
void chat_prompt_finish(struct chat_prompt *prompt);

/* Appends the rendering of messages[0..count) with `tools` (JSON array in OpenAI form, or NULL) to
 * an empty prompt. `ids` is needed (not NULL) only when a message has tokens: thoughts are cut out
 * of those by id. Fails on what the format cannot carry: a bad function or key name, a role out of
 * place. */
bool chat_render(struct chat_prompt *prompt, const struct chat_message *messages, size_t count,
                 const json_t *tools, const struct chat_render_options *options,
                 const struct control_ids *ids, struct err *err);

/* The prompt as text with control tokens spelled out: for people and fixtures, never for the
 * engine. Token segments need `token_bytes`. */
void chat_prompt_spell(const struct chat_prompt *prompt, struct str *out,
                       void (*token_bytes)(void *context, int32_t id, struct str *out),
                       void *context);

/* Ids, growing (vec.h). */
struct chat_ids {
    int32_t *items;
    size_t count, capacity;
};

/* How text becomes ids: `encode` appends the ids of text, read without control recognition. */
struct chat_encoder {
    void *context;
    bool (*encode)(void *context, const char *text, size_t length, struct chat_ids *out,
                   struct err *err);
    const struct control_ids *control;
};

/* Appends the prompt's ids to `out`. Adjacent text segments are joined before they are encoded.
 * Refuses (ERR_FORMAT) when encoded text yields a control id: fail closed. */
bool chat_prompt_encode(const struct chat_prompt *prompt, const struct chat_encoder *encoder,
                        struct chat_ids *out, struct err *err);

#endif
