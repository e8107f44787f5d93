/* Messages and conversations as values: init, finish, copy, add. What they mean is in the header;
 * how they become a prompt is in render.c.
 */
#include "chat/conversation.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/medium.h"

void chat_message_init(struct chat_message *message, enum chat_role role)
{
    *message = (struct chat_message){
        .role = role,
        .text = mem_strdup(""),
        .thought = mem_strdup(""),
        .call_id = mem_strdup(""),
        .call_name = mem_strdup(""),
        .complete = true,
    };
}

void chat_message_finish(struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        mem_free(message->parts[i].text);
        mem_free(message->parts[i].handle);
        chat_medium_release(message->parts[i].medium);
    }
    for (size_t i = 0; i < message->call_count; i++) {
        mem_free(message->calls[i].id);
        mem_free(message->calls[i].name);
        json_decref(message->calls[i].arguments);
    }
    mem_free(message->text);
    mem_free(message->thought);
    mem_free(message->parts);
    mem_free(message->calls);
    mem_free(message->call_id);
    mem_free(message->call_name);
    json_decref(message->result);
    mem_free(message->tokens);
    *message = (struct chat_message){0};
}

void chat_message_copy(struct chat_message *to, const struct chat_message *from)
{
    *to = *from;
    to->text = mem_strdup(from->text);
    to->thought = mem_strdup(from->thought);
    to->call_id = mem_strdup(from->call_id);
    to->call_name = mem_strdup(from->call_name);
    to->result = from->result == NULL ? NULL : json_deep_copy(from->result);
    to->parts = from->parts == NULL ? NULL : mem_zero(from->part_count, sizeof *to->parts);
    for (size_t i = 0; to->parts != NULL && i < from->part_count; i++) {
        const char *text = from->parts[i].text, *handle = from->parts[i].handle;
        to->parts[i].kind = from->parts[i].kind;
        to->parts[i].handle = handle == NULL ? NULL : mem_strdup(handle);
        to->parts[i].medium = chat_medium_keep(from->parts[i].medium);
        to->parts[i].text = text == NULL ? NULL : mem_strdup(text);
    }
    to->calls = NULL;
    to->call_count = 0;
    for (size_t i = 0; i < from->call_count; i++) {
        const struct chat_call *call = &from->calls[i];
        chat_message_add_call(to, call->id, call->name, json_deep_copy(call->arguments));
    }
    to->tokens = NULL;
    if (from->tokens != NULL) {
        to->tokens = mem_alloc(from->token_count + 1, sizeof *to->tokens);
        memcpy(to->tokens, from->tokens, from->token_count * sizeof *to->tokens);
    }
}

void chat_message_set_text(struct chat_message *message, const char *text, size_t length)
{
    /* Strings end at their first NUL, so one inside would hide the rest: it becomes U+FFFD. */
    struct str copy;
    str_init(&copy);
    str_reserve(&copy, length);
    for (size_t start = 0; start < length;) {
        const char *nul = memchr(text + start, '\0', length - start);
        size_t end = nul == NULL ? length : (size_t)(nul - text);
        str_append_bytes(&copy, text + start, end - start);
        if (nul != NULL) {
            str_append(&copy, "\xEF\xBF\xBD");
            end++;
        }
        start = end;
    }
    mem_free(message->text);
    message->text = str_take(&copy);
}

struct chat_call *chat_message_add_call(struct chat_message *message, const char *id,
                                        const char *name, json_t *arguments)
{
    size_t count = message->call_count;
    message->calls = mem_resize(message->calls, count + 1, sizeof *message->calls);
    message->calls[count] = (struct chat_call){
        .id = mem_strdup(id),
        .name = mem_strdup(name),
        .arguments = arguments,
    };
    message->call_count = count + 1;
    return &message->calls[count];
}

void chat_conversation_init(struct chat_conversation *conversation)
{
    *conversation = (struct chat_conversation){0};
}

void chat_conversation_finish(struct chat_conversation *conversation)
{
    for (size_t i = 0; i < conversation->count; i++) {
        chat_message_finish(&conversation->messages[i]);
    }
    mem_free(conversation->messages);
    chat_conversation_init(conversation);
}

struct chat_message *chat_conversation_add(struct chat_conversation *conversation,
                                           struct chat_message *message)
{
    vec_room(&conversation->messages, &conversation->capacity, conversation->count + 1,
             sizeof *conversation->messages);
    struct chat_message *place = &conversation->messages[conversation->count++];
    *place = *message;
    *message = (struct chat_message){0};
    return place;
}
