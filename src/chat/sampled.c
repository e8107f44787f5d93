/* One pass over the sampled ids with three states: in text, in a thought, in a call. The states are
 * a coarse shadow of the stream parser's (parse.c): here nothing is judged, only cut.
 */
#include "chat/sampled.h"

#include "base/str.h"
#include "base/vec.h"

bool chat_sampled_usable(const struct chat_message *message, const struct control_ids *ids)
{
    for (size_t i = 0; i < message->token_count; i++) {
        int32_t id = message->tokens[i];
        enum control control = control_of_id(ids, id);
        if (id < 0 || id >= ids->vocabulary_size ||
            (control != CONTROL_NONE && !control_model_may_write(control))) {
            return false;
        }
    }
    return message->tokens != NULL;
}

/* Goes on in `rest` as far as the bytes have what it wants next, in its order. */
static void read_on(const char **rest, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && **rest != '\0'; i++) {
        *rest += **rest == bytes[i];
    }
}

bool chat_sampled_says(const struct chat_message *message, const struct control_ids *ids,
                       chat_token_bytes *bytes, void *context)
{
    const char *text = message->text, *thought = message->thought, *names;
    struct str called;
    str_init(&called);
    for (size_t i = 0; i < message->call_count; i++) {
        str_append(&called, message->calls[i].name);
    }
    names = called.data;
    bool all = text[0] != '\0' || thought[0] != '\0' || names[0] != '\0';
    for (size_t i = 0; all && i < message->token_count; i++) {
        const char *piece;
        size_t length;
        if (control_of_id(ids, message->tokens[i]) != CONTROL_NONE) {
            continue;
        }
        all = bytes(context, message->tokens[i], &piece, &length);
        if (all) {
            read_on(&text, piece, length);
            read_on(&thought, piece, length);
            read_on(&names, piece, length);
        }
    }
    all = all && *text == '\0' && *thought == '\0' && *names == '\0';
    str_finish(&called);
    return all;
}

bool chat_sampled_began_in_thought(const struct chat_message *message,
                                   const struct control_ids *ids, bool after_results)
{
    bool has_thought = message->thought[0] != '\0';
    for (size_t i = 0; after_results && i < message->token_count; i++) {
        enum control control = control_of_id(ids, message->tokens[i]);
        if (control == CONTROL_CHANNEL_OPEN) {
            return false;
        }
        if (control == CONTROL_CHANNEL_CLOSE) {
            /* An empty thought is a newline at most; a closer further back that closes no thought
             * is one that the model wrote after its answer. */
            return has_thought || i <= 1;
        }
    }
    return after_results && has_thought;
}

static void push(struct chat_ids *out, int32_t id)
{
    vec_room(&out->items, &out->capacity, out->count + 1, sizeof *out->items);
    out->items[out->count++] = id;
}

enum place { IN_TEXT, IN_THOUGHT, IN_CALL };

static enum place next_place(enum place place, enum control control)
{
    switch (control) {
    case CONTROL_CHANNEL_OPEN:
        return IN_THOUGHT;
    case CONTROL_CALL_OPEN:
        return IN_CALL;
    case CONTROL_CHANNEL_CLOSE:
        return place == IN_THOUGHT ? IN_TEXT : place;
    case CONTROL_CALL_CLOSE:
        return place == IN_CALL ? IN_TEXT : place;
    default:
        return place;
    }
}

static void close_call(struct chat_ids *out, size_t call_start, const struct control_ids *ids)
{
    bool in_string = false;
    for (size_t i = call_start; i < out->count; i++) {
        in_string ^= out->items[i] == ids->id[CONTROL_QUOTE];
    }
    if (in_string) {
        push(out, ids->id[CONTROL_QUOTE]);
    }
    push(out, ids->id[CONTROL_CALL_CLOSE]);
}

void chat_sampled_append(struct chat_ids *out, const struct chat_message *message,
                         const struct control_ids *ids, bool began_in_thought, bool keep_thoughts,
                         enum chat_sampled_end end)
{
    enum place place = began_in_thought ? IN_THOUGHT : IN_TEXT;
    size_t call_start = out->count;
    for (size_t i = 0; i < message->token_count; i++) {
        enum control control = control_of_id(ids, message->tokens[i]);
        if (control_is_stop(control)) {
            break;
        }
        if (control == CONTROL_CALL_OPEN) {
            call_start = out->count;
        }
        /* A closer belongs to the thought that it ends, an opener to the one that it begins. */
        enum place next = next_place(place, control);
        bool in_thought = next == IN_THOUGHT || (place == IN_THOUGHT && next == IN_TEXT);
        if (keep_thoughts || !in_thought) {
            push(out, message->tokens[i]);
        }
        place = next;
    }
    if (place == IN_CALL && end == CHAT_SAMPLED_TURN_ENDS) {
        out->count = call_start;
    } else if (place == IN_CALL) {
        close_call(out, call_start, ids);
    } else if (place == IN_THOUGHT && keep_thoughts) {
        push(out, ids->id[CONTROL_CHANNEL_CLOSE]);
    }
}
