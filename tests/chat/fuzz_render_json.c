/* The renderer on any JSON: it renders or refuses. Messages that it can read are the same when they
 * were written and read again. And the bytes themselves as a turn that a model wrote. A prompt that
 * it made must encode with a tokenizer that knows no control token, begin with BOS, and have one
 * control id for each CONTROL segment; the spelled prompt goes through the text-mode parser as
 * well.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "cases.h"
#include "chat/messages_json.h"
#include "chat/render_json.h"
#include "chat/turn_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct chat_prompt *prompt)
{
    struct chat_encoder encoder = cases_encoder();
    struct chat_ids ids = {0};
    struct str spelled;
    struct err err;
    size_t control_segments = 0, control_ids = 0;
    str_init(&spelled);
    if (!chat_prompt_encode(prompt, &encoder, &ids, &err) || ids.count == 0 ||
        ids.items[0] != CASES_FIRST_CONTROL + CONTROL_BOS) {
        abort();
    }
    for (size_t i = 0; i < prompt->count; i++) {
        control_segments += prompt->segments[i].kind == CHAT_SEGMENT_CONTROL;
    }
    for (size_t i = 0; i < ids.count; i++) {
        control_ids += ids.items[i] >= CASES_FIRST_CONTROL;
    }
    if (control_segments != control_ids) {
        abort();
    }
    chat_prompt_spell(prompt, &spelled, NULL, NULL);
    json_decref(chat_turn_to_json(spelled.data, spelled.length, true));
    str_finish(&spelled);
    mem_free(ids.items);
}

/* What is written once is written the same again: the form is a fixed point, and nothing that has a
 * place in it is lost on the way. */
static void write_again(const json_t *messages)
{
    struct chat_conversation first, second;
    struct err err;
    chat_conversation_init(&first);
    chat_conversation_init(&second);
    if (chat_messages_from_json(messages, &first, &err)) {
        json_t *written = chat_messages_to_json(first.messages, first.count);
        if (!chat_messages_from_json(written, &second, &err) || second.count != first.count) {
            abort();
        }
        json_t *again = chat_messages_to_json(second.messages, second.count);
        if (!json_equal(written, again)) {
            abort();
        }
        json_decref(again);
        json_decref(written);
    } else if (first.count != 0 || err.text[0] == '\0') {
        abort();
    }
    chat_conversation_finish(&first);
    chat_conversation_finish(&second);
}

static void check_turn(const uint8_t *data, size_t size)
{
    for (int lenient = 0; lenient < 2; lenient++) {
        json_t *turn = chat_turn_to_json((const char *)data, size, lenient != 0);
        char *text = json_dumps(turn, JSON_COMPACT);
        if (text == NULL || json_object_size(turn) != 5) {
            abort();
        }
        free(text);
        json_decref(turn);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_turn(data, size);
    json_t *value = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (value == NULL) {
        return 0;
    }
    struct chat_prompt prompt;
    struct err err;
    chat_prompt_init(&prompt);
    if (chat_render_json(&prompt, value, &err)) {
        check(&prompt);
    } else if (prompt.count != 0 || err.text[0] == '\0') {
        abort();
    }
    chat_prompt_finish(&prompt);
    write_again(json_object_get(value, "messages"));
    json_decref(value);
    return 0;
}
