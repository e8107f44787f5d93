#include "vocabulary.h"

#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/grammar_mask.h"
#include "engine/engine.h"

bool infer_vocabulary_failed(struct err *err, const struct engine_error *error)
{
    static const enum err_code codes[] = {
        [ENGINE_OK] = ERR_NONE,
        [ENGINE_BAD_ARGUMENT] = ERR_ARGUMENT,
        [ENGINE_BAD_MODEL] = ERR_FORMAT,
        [ENGINE_UNSUPPORTED] = ERR_UNSUPPORTED,
        [ENGINE_NOT_FOUND] = ERR_NOT_FOUND,
        [ENGINE_NO_MEMORY] = ERR_MEMORY,
        [ENGINE_IO] = ERR_IO,
        [ENGINE_CONTEXT_FULL] = ERR_FULL,
        [ENGINE_CANCELLED] = ERR_CANCELLED,
    };
    return err_set(err, codes[error->code], "%s", error->text);
}

static int32_t find(void *model, const char *spelling)
{
    return engine_token_find(model, spelling);
}

bool infer_vocabulary_resolve(const struct engine_model *model, struct control_ids *ids,
                              struct err *err)
{
    return control_ids_resolve(ids, engine_model_info(model)->vocabulary_size, find, (void *)model,
                               err);
}

static bool encode(void *model, const char *text, size_t length, struct chat_ids *out,
                   struct err *err)
{
    int32_t *ids;
    size_t count;
    struct engine_error error;
    if (!engine_tokenize(model, text, length, false, &ids, &count, &error)) {
        return infer_vocabulary_failed(err, &error);
    }
    if (count > 0) {
        vec_room(&out->items, &out->capacity, out->count + count, sizeof *out->items);
        memcpy(out->items + out->count, ids, count * sizeof *ids);
        out->count += count;
    }
    engine_free(ids);
    return true;
}

struct chat_encoder infer_vocabulary_encoder(const struct engine_model *model,
                                             const struct control_ids *ids)
{
    return (struct chat_encoder){.context = (void *)model, .encode = encode, .control = ids};
}

void infer_vocabulary_spell(void *model, int32_t id, struct str *out)
{
    const char *bytes;
    size_t length;
    if (engine_token_bytes(model, id, &bytes, &length)) {
        str_append_bytes(out, bytes, length);
    }
}

/* What a token stands for where a grammar looks at bytes. Of a byte that has a token of its own
 * besides the raw one only that token is taken, which is the one the model knows. */
static bool grammar_bytes(void *context, int32_t id, const char **bytes, size_t *length)
{
    const struct engine_model *model = context;
    enum engine_token_kind kind = engine_token_kind(model, id);
    if (kind == ENGINE_TOKEN_CONTROL || !engine_token_bytes(model, id, bytes, length)) {
        return false;
    }
    char spelling[2] = {*length == 1 ? (*bytes)[0] : '\0', '\0'};
    return kind == ENGINE_TOKEN_TEXT || spelling[0] == '\0' ||
           engine_token_find(model, spelling) < 0;
}

struct grammar_mask *infer_vocabulary_grammar(struct engine_model *model)
{
    return grammar_mask_create(engine_model_info(model)->vocabulary_size, grammar_bytes, model);
}

enum chat_stop infer_vocabulary_stop(enum control control)
{
    return control == CONTROL_TURN_CLOSE      ? CHAT_STOP_TURN
           : control == CONTROL_RESPONSE_OPEN ? CHAT_STOP_RESPONSE
                                              : CHAT_STOP_EOS;
}
