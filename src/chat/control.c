/* The table of control tokens. Spellings and ids are those of Gemma 4's vocabulary; a model's own
 * ids are looked up by spelling when it is loaded, because a small vocabulary numbers them
 * otherwise. Nothing else in the program knows a control id by number.
 */
#include "chat/control.h"

#include <string.h>

#include "base/err.h"

enum control_trait {
    STOP = 1,        /* ends generation */
    WRITTEN = 2,     /* the model may write it; all others are banned from sampling */
    MEDIA = 4,       /* a vocabulary without it can still carry text */
    UNCONFIRMED = 8, /* the id is known from other programs only: another one is no proof of harm */
};

enum { GEMMA_VOCABULARY_SIZE = 262144 };

struct control_row {
    const char *spelling;
    int32_t gemma_id;
    unsigned traits;
};

static const struct control_row rows[CONTROL_COUNT] = {
    [CONTROL_PAD] = {"<pad>", 0, 0},
    [CONTROL_EOS] = {"<eos>", 1, STOP | WRITTEN},
    [CONTROL_BOS] = {"<bos>", 2, 0},
    [CONTROL_UNK] = {"<unk>", 3, 0},
    [CONTROL_MASK] = {"<mask>", 4, 0},
    [CONTROL_TOOL_OPEN] = {"<|tool>", 46, UNCONFIRMED},
    [CONTROL_TOOL_CLOSE] = {"<tool|>", 47, UNCONFIRMED},
    [CONTROL_CALL_OPEN] = {"<|tool_call>", 48, WRITTEN},
    [CONTROL_CALL_CLOSE] = {"<tool_call|>", 49, WRITTEN},
    [CONTROL_RESPONSE_OPEN] = {"<|tool_response>", 50, STOP | WRITTEN},
    [CONTROL_RESPONSE_CLOSE] = {"<tool_response|>", 51, UNCONFIRMED},
    [CONTROL_QUOTE] = {"<|\"|>", 52, WRITTEN | UNCONFIRMED},
    [CONTROL_THINK] = {"<|think|>", 98, UNCONFIRMED},
    [CONTROL_CHANNEL_OPEN] = {"<|channel>", 100, WRITTEN},
    [CONTROL_CHANNEL_CLOSE] = {"<channel|>", 101, WRITTEN},
    [CONTROL_TURN_OPEN] = {"<|turn>", 105, 0},
    [CONTROL_TURN_CLOSE] = {"<turn|>", 106, STOP | WRITTEN},
    [CONTROL_IMAGE_OPEN] = {"<|image>", 255999, MEDIA},
    [CONTROL_AUDIO_OPEN] = {"<|audio>", 256000, MEDIA},
    [CONTROL_IMAGE] = {"<|image|>", 258880, MEDIA},
    [CONTROL_AUDIO] = {"<|audio|>", 258881, MEDIA},
    [CONTROL_IMAGE_CLOSE] = {"<image|>", 258882, MEDIA},
    [CONTROL_AUDIO_CLOSE] = {"<audio|>", 258883, MEDIA},
    [CONTROL_VIDEO] = {"<|video|>", 258884, MEDIA | UNCONFIRMED},
};

static bool has_trait(enum control control, enum control_trait trait)
{
    return control >= 0 && control < CONTROL_COUNT && (rows[control].traits & trait) != 0;
}

const char *control_spelling(enum control control)
{
    return control >= 0 && control < CONTROL_COUNT ? rows[control].spelling : "";
}

bool control_is_stop(enum control control)
{
    return has_trait(control, STOP);
}

bool control_model_may_write(enum control control)
{
    return has_trait(control, WRITTEN);
}

enum control control_match(const char *text, size_t length)
{
    if (length == 0 || text[0] != '<') {
        return CONTROL_NONE;
    }
    /* No spelling is the beginning of another one: each ends in the first '>' after its '<'. */
    for (int i = 0; i < CONTROL_COUNT; i++) {
        size_t size = strlen(rows[i].spelling);
        if (size <= length && memcmp(text, rows[i].spelling, size) == 0) {
            return (enum control)i;
        }
    }
    return CONTROL_NONE;
}

static bool check_row(enum control control, const struct control_ids *found,
                      int32_t vocabulary_size, struct err *err)
{
    const struct control_row *row = &rows[control];
    int32_t id = found->id[control];
    if (id < 0) {
        return (row->traits & MEDIA) != 0 ||
               err_set(err, ERR_UNSUPPORTED, "the vocabulary has no token spelled %s",
                       row->spelling);
    }
    if (id >= vocabulary_size) {
        return err_set(err, ERR_FORMAT, "token %s has id %d in a vocabulary of %d", row->spelling,
                       (int)id, (int)vocabulary_size);
    }
    if (vocabulary_size == GEMMA_VOCABULARY_SIZE && id != row->gemma_id &&
        (row->traits & UNCONFIRMED) == 0) {
        return err_set(err, ERR_FORMAT, "token %s has id %d, Gemma's vocabulary has it at %d",
                       row->spelling, (int)id, (int)row->gemma_id);
    }
    for (int other = 0; other < (int)control; other++) {
        if (found->id[other] == id) {
            return err_set(err, ERR_FORMAT, "tokens %s and %s have the same id %d",
                           rows[other].spelling, row->spelling, (int)id);
        }
    }
    return true;
}

bool control_ids_resolve(struct control_ids *ids, int32_t vocabulary_size,
                         int32_t (*find)(void *context, const char *spelling), void *context,
                         struct err *err)
{
    struct control_ids found = {.vocabulary_size = vocabulary_size};
    for (int i = 0; i < CONTROL_COUNT; i++) {
        int32_t id = find(context, rows[i].spelling);
        found.id[i] = id < 0 ? -1 : id;
        if (!check_row((enum control)i, &found, vocabulary_size, err)) {
            return false;
        }
    }
    *ids = found;
    return true;
}

enum control control_of_id(const struct control_ids *ids, int32_t id)
{
    if (id < 0) {
        return CONTROL_NONE;
    }
    for (int i = 0; i < CONTROL_COUNT; i++) {
        if (ids->id[i] == id) {
            return (enum control)i;
        }
    }
    return CONTROL_NONE;
}
