/* import: the builder. The readers of lines are in import_lines.c. */
#include "chat/import.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

void chat_import_init(struct chat_import *import)
{
    memset(import, 0, sizeof *import);
    chat_conversation_init(&import->conversation);
    str_init(&import->origin);
    str_init(&import->workspace);
    str_init(&import->title);
    str_init(&import->model);
}

static void drop_results(struct chat_import *import)
{
    for (size_t i = 0; i < import->result_count; i++) {
        chat_message_finish(&import->results[i]);
    }
    mem_free(import->results);
    import->results = NULL;
    import->result_count = 0;
}

void chat_import_finish(struct chat_import *import)
{
    drop_results(import);
    chat_conversation_finish(&import->conversation);
    json_decref(import->places);
    str_finish(&import->origin);
    str_finish(&import->workspace);
    str_finish(&import->title);
    str_finish(&import->model);
}

static struct chat_message *last_message(struct chat_import *import)
{
    struct chat_conversation *all = &import->conversation;
    return all->count > 0 ? &all->messages[all->count - 1] : NULL;
}

/* The step whose calls may still get results; NULL = none. */
static struct chat_message *open_step(struct chat_import *import)
{
    struct chat_message *last = last_message(import);
    return last != NULL && last->role == CHAT_MODEL ? last : NULL;
}

/* Puts the results behind their step, in the order of the calls. */
static void close_step(struct chat_import *import)
{
    struct chat_message *step = open_step(import);
    size_t count = step != NULL ? step->call_count : 0;
    size_t place = import->conversation.count;
    for (size_t i = 0; i < count; i++) {
        struct chat_message result;
        const struct chat_call *call = &import->conversation.messages[place - 1].calls[i];
        if (i < import->result_count && import->results[i].role == CHAT_TOOL) {
            chat_message_copy(&result, &import->results[i]);
        } else {
            static const char NONE[] = "No result of this call was written down.";
            chat_message_init(&result, CHAT_TOOL);
            chat_message_set_text(&result, NONE, sizeof NONE - 1);
            result.failed = true;
        }
        mem_free(result.call_id);
        mem_free(result.call_name);
        result.call_id = mem_strdup(call->id);
        result.call_name = mem_strdup(call->name);
        chat_conversation_add(&import->conversation, &result);
    }
    drop_results(import);
}

size_t chat_import_place(const struct chat_import *import)
{
    return import->conversation.count + import->result_count;
}

void chat_import_go_back(struct chat_import *import, size_t place)
{
    struct chat_conversation *all = &import->conversation;
    if (place >= chat_import_place(import)) {
        return;
    }
    close_step(import);
    while (all->count > place) {
        chat_message_finish(&all->messages[--all->count]);
        import->taken_back++;
    }
}

static bool room(const struct chat_import *import, struct err *err)
{
    return import->conversation.count < IMPORT_MESSAGES_LIMIT ||
           err_set(err, ERR_LIMIT, "more than %d messages", IMPORT_MESSAGES_LIMIT);
}

bool chat_import_user(struct chat_import *import, const char *text, struct err *err)
{
    struct chat_message message;
    if (!room(import, err)) {
        return false;
    }
    close_step(import);
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text, strlen(text));
    chat_conversation_add(&import->conversation, &message);
    return true;
}

/* The model's message that goes on: one whose calls have results, or that has said what comes
 * before, is over. */
static struct chat_message *step_for(struct chat_import *import, bool for_call)
{
    struct chat_message *step = open_step(import);
    bool answered = import->result_count > 0;
    if (step != NULL && !answered && (for_call || step->call_count == 0)) {
        return step;
    }
    close_step(import);
    struct chat_message message;
    chat_message_init(&message, CHAT_MODEL);
    return chat_conversation_add(&import->conversation, &message);
}

/* Appends a paragraph to a field. */
static void add_paragraph(char **field, const char *text)
{
    struct str joined;
    str_init(&joined);
    str_append(&joined, *field);
    str_append(&joined, joined.length > 0 ? "\n\n" : "");
    str_append(&joined, text);
    mem_free(*field);
    *field = str_take(&joined);
}

bool chat_import_text(struct chat_import *import, const char *text, struct err *err)
{
    if (text[0] != '\0') {
        if (!room(import, err)) {
            return false;
        }
        add_paragraph(&step_for(import, false)->text, text);
    }
    return true;
}

bool chat_import_thought(struct chat_import *import, const char *text, struct err *err)
{
    if (text[0] != '\0') {
        if (!room(import, err)) {
            return false;
        }
        struct chat_message *step = step_for(import, false);
        add_paragraph(&step->thought, text);
    }
    return true;
}

/* Names stand in prompts and in rules: other characters have no place there. */
static void clean_name(const char *name, struct str *out)
{
    static const char GOOD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    for (const char *at = name; *at != '\0' && out->length < 64; at++) {
        str_append_char(out, strchr(GOOD, *at) != NULL ? *at : '_');
    }
    str_append(out, out->length == 0 ? "unknown" : "");
}

static bool has_call(const struct chat_message *step, const char *id)
{
    for (size_t i = 0; i < step->call_count; i++) {
        if (strcmp(step->calls[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

bool chat_import_call(struct chat_import *import, const char *id, const char *name,
                      const json_t *arguments, struct err *err)
{
    if (id[0] == '\0' || strlen(id) > 256) {
        return err_set(err, ERR_FORMAT, "a call whose id is empty or longer than 256 bytes");
    }
    if (!room(import, err)) {
        return false;
    }
    struct chat_message *step = step_for(import, true);
    if (step->call_count >= IMPORT_CALLS_LIMIT) {
        return err_set(err, ERR_LIMIT, "more than %d calls in one step", IMPORT_CALLS_LIMIT);
    }
    if (has_call(step, id)) {
        return err_set(err, ERR_FORMAT, "two calls with the id \"%.80s\"", id);
    }
    struct str clean;
    str_init(&clean);
    clean_name(name, &clean);
    json_t *own = json_is_object(arguments) ? json_deep_copy(arguments) : json_object();
    if (arguments != NULL && !json_is_object(arguments)) {
        json_object_set_new(own, "input", json_deep_copy(arguments));
    }
    chat_message_add_call(step, id, clean.data, own);
    str_finish(&clean);
    return true;
}

bool chat_import_result(struct chat_import *import, const char *id, const char *text, bool failed,
                        struct err *err)
{
    struct chat_message *step = open_step(import);
    size_t place = 0;
    while (step != NULL && place < step->call_count && strcmp(step->calls[place].id, id) != 0) {
        place++;
    }
    if (step == NULL || place == step->call_count) {
        import->left_out++;
        return true;
    }
    if (import->result_count == 0) {
        import->results = mem_zero(step->call_count, sizeof *import->results);
        import->result_count = step->call_count;
        for (size_t i = 0; i < import->result_count; i++) {
            chat_message_init(&import->results[i], CHAT_SYSTEM); /* not there yet */
        }
    }
    struct chat_message *result = &import->results[place];
    if (result->role == CHAT_TOOL) {
        return err_set(err, ERR_FORMAT, "a second result of call \"%.80s\"", id);
    }
    result->role = CHAT_TOOL;
    result->failed = failed;
    chat_message_set_text(result, text, strlen(text));
    return true;
}

bool chat_import_end(struct chat_import *import, struct err *err)
{
    close_step(import);
    return import->conversation.count > 0 ||
           err_set(err, ERR_FORMAT, "there is nothing in it that was said");
}
