/* control: the control tokens of Gemma 4's conversation format, by name.
 *
 * A table (control.c): name, spelling, id in Gemma's own vocabulary, and what the stream parser and
 * the sampler may do with it. Ids differ in small vocabularies, so a model's ids are looked up by
 * spelling once (struct control_ids).
 */
#ifndef CARAT_CHAT_CONTROL_H
#define CARAT_CHAT_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum control {
    CONTROL_PAD,            /* <pad> 0 */
    CONTROL_EOS,            /* <eos> 1 */
    CONTROL_BOS,            /* <bos> 2 */
    CONTROL_UNK,            /* <unk> 3 */
    CONTROL_MASK,           /* <mask> 4 */
    CONTROL_TOOL_OPEN,      /* <|tool> 46 */
    CONTROL_TOOL_CLOSE,     /* <tool|> 47 */
    CONTROL_CALL_OPEN,      /* <|tool_call> 48 */
    CONTROL_CALL_CLOSE,     /* <tool_call|> 49 */
    CONTROL_RESPONSE_OPEN,  /* <|tool_response> 50; also a stop */
    CONTROL_RESPONSE_CLOSE, /* <tool_response|> 51 */
    CONTROL_QUOTE,          /* <|"|> 52, opens and closes a string */
    CONTROL_THINK,          /* <|think|> 98 */
    CONTROL_CHANNEL_OPEN,   /* <|channel> 100 */
    CONTROL_CHANNEL_CLOSE,  /* <channel|> 101 */
    CONTROL_TURN_OPEN,      /* <|turn> 105 */
    CONTROL_TURN_CLOSE,     /* <turn|> 106; a stop */
    CONTROL_IMAGE_OPEN,     /* <|image> */
    CONTROL_AUDIO_OPEN,     /* <|audio> */
    CONTROL_IMAGE,          /* <|image|>, a soft-token slot */
    CONTROL_AUDIO,          /* <|audio|> */
    CONTROL_IMAGE_CLOSE,    /* <image|> */
    CONTROL_AUDIO_CLOSE,    /* <audio|> */
    CONTROL_VIDEO,          /* <|video|> */
    CONTROL_COUNT,
    CONTROL_NONE = -1, /* an ordinary token */
};

const char *control_spelling(enum control control);
bool control_is_stop(enum control control);         /* EOS, TURN_CLOSE, RESPONSE_OPEN */
bool control_model_may_write(enum control control); /* false: banned from sampling, always */

/* The control token whose spelling begins text[0..length), or CONTROL_NONE. For trusted or imported
 * text only (`carat parse`). */
enum control control_match(const char *text, size_t length);

/* One model's ids. */
struct control_ids {
    int32_t
        id[CONTROL_COUNT];   /* -1 where the vocabulary has none (allowed for media tokens alone) */
    int32_t vocabulary_size; /* every token of the model lies below it */
};

/* Looks every spelling up. Fails when one that text needs is missing, or when a vocabulary of
 * Gemma's own size (262144) has it at another id than Gemma's. */
bool control_ids_resolve(struct control_ids *ids, int32_t vocabulary_size,
                         int32_t (*find)(void *context, const char *spelling), void *context,
                         struct err *err);
enum control control_of_id(const struct control_ids *ids, int32_t id);

#endif
