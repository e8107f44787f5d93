/* journal: the agent's rows in the store.
 *
 * The partial answer is appended when the first of it is due, not when the step starts, so that a
 * step that is stopped before it said anything leaves no empty message behind.
 */
#include "agent/journal.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

enum { PARTIAL_US = 250 * 1000, PARTIAL_BYTES = 2048 };

void journal_init(struct journal *journal, struct store *store,
                  const struct chat_conversation *conversation)
{
    *journal = (struct journal){.store = store, .conversation = conversation};
}

void journal_owe(struct journal *journal, bool is_answer)
{
    if (journal->owed++ == 0) {
        journal->owed_row = is_answer ? journal->row : 0;
    }
}

static const json_t *arguments_of(const struct chat_conversation *conversation, const char *id)
{
    for (size_t i = conversation->count; i-- > 0;) {
        for (size_t j = 0; j < conversation->messages[i].call_count; j++) {
            if (strcmp(conversation->messages[i].calls[j].id, id) == 0) {
                return conversation->messages[i].calls[j].arguments;
            }
        }
    }
    return NULL;
}

/* The call that this result is of has ended. */
static bool end_call(struct journal *journal, const struct chat_message *result, struct err *err)
{
    json_t *arguments = (json_t *)arguments_of(journal->conversation, result->call_id);
    struct store_call call = {.call_id = result->call_id,
                              .name = result->call_name,
                              .arguments = arguments,
                              .state = STORE_CALL_FINISHED,
                              .finished_ms = clock_wall_ms()};
    return journal_call(journal, &call, err);
}

static bool catch_up(struct journal *journal, struct err *err)
{
    const struct chat_conversation *conversation = journal->conversation;
    while (journal->owed > 0) {
        const struct chat_message *message =
            &conversation->messages[conversation->count - journal->owed];
        int64_t row = journal->owed_row;
        if (row != 0 ? !store_message_update(journal->store, row, message, err)
                     : !store_message_append(journal->store, journal->id, message, &row, err)) {
            return false;
        }
        journal->owed_row = 0;
        journal->owed--;
        if (message->role == CHAT_TOOL && !end_call(journal, message, err)) {
            return false;
        }
    }
    return true;
}

bool journal_open(struct journal *journal, const char *workspace, const char *model,
                  struct err *err)
{
    if (journal->id[0] != '\0') {
        return true;
    }
    char id[sizeof journal->id];
    memcpy(id, journal->wanted, sizeof id);
    bool made = id[0] != '\0'
                    ? store_conversation_create_as(journal->store, workspace, model, id, err)
                    : store_conversation_create(journal->store, workspace, model, id, err);
    if (!made || !store_conversation_lease(journal->store, id, err)) {
        return false;
    }
    memcpy(journal->id, id, sizeof id);
    return true;
}

void journal_close(struct journal *journal)
{
    if (journal->id[0] != '\0') {
        catch_up(journal, NULL);
        journal->owed = 0;
        /* Best effort: the lease ends with the opening of the store anyway. */
        store_conversation_release(journal->store, journal->id, NULL);
        journal->id[0] = '\0';
    }
}

bool journal_resume(struct journal *journal, const char *id, struct chat_conversation *out,
                    struct store_call **calls, size_t *call_count, struct err *err)
{
    struct store_conversation found;
    if (!store_conversation_find(journal->store, id, &found, err)) {
        return false;
    }
    char full[sizeof journal->id];
    memcpy(full, found.id, sizeof full);
    store_conversation_finish(&found);
    if (!store_conversation_lease(journal->store, full, err)) {
        return false;
    }
    memcpy(journal->id, full, sizeof full);
    if (!store_calls_unfinished(journal->store, full, calls, call_count, err)) {
        return false;
    }
    if (!store_messages_load(journal->store, full, out, NULL, err)) {
        for (size_t i = 0; i < *call_count; i++) {
            store_call_finish(&(*calls)[i]);
        }
        mem_free(*calls);
        return false;
    }
    return true;
}

bool journal_message(struct journal *journal, const struct chat_message *message, struct err *err)
{
    int64_t row;
    return catch_up(journal, err) &&
           store_message_append(journal->store, journal->id, message, &row, err);
}

void journal_step(struct journal *journal)
{
    journal->row = 0;
    journal->kept_bytes = 0;
    journal->kept_us = clock_monotonic_us();
}

bool journal_due(const struct journal *journal, size_t bytes)
{
    return bytes > journal->kept_bytes && (bytes - journal->kept_bytes >= PARTIAL_BYTES ||
                                           clock_monotonic_us() - journal->kept_us >= PARTIAL_US);
}

bool journal_behind(const struct journal *journal, size_t bytes)
{
    return bytes > journal->kept_bytes;
}

bool journal_partial(struct journal *journal, const struct chat_message *message, size_t bytes,
                     struct err *err)
{
    /* Also after a failure the next attempt waits its time. */
    journal->kept_bytes = bytes;
    journal->kept_us = clock_monotonic_us();
    if (journal->row != 0) {
        return store_message_grow(journal->store, journal->row, message, err);
    }
    return catch_up(journal, err) &&
           store_message_append(journal->store, journal->id, message, &journal->row, err);
}

bool journal_answer(struct journal *journal, const struct chat_message *message, struct err *err)
{
    if (journal->row != 0) {
        return store_message_update(journal->store, journal->row, message, err);
    }
    return catch_up(journal, err) &&
           store_message_append(journal->store, journal->id, message, &journal->row, err);
}

bool journal_call(struct journal *journal, const struct store_call *call, struct err *err)
{
    return store_call_put(journal->store, journal->id, call, err);
}

bool journal_result(struct journal *journal, const char *bytes, size_t length, char handle[16],
                    struct err *err)
{
    return store_result_put(journal->store, journal->id, bytes, length, handle, err);
}

bool journal_replace_result(struct journal *journal, const char *handle, const char *bytes,
                            size_t length, struct err *err)
{
    return store_result_replace(journal->store, journal->id, handle, bytes, length, err);
}
