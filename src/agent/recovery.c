/* recovery: loads, and settles what a crash left open.
 *
 * Only the last step can have calls without results, because a step begins after the calls of the
 * one before it are settled; and within it they are settled in order, so that what is appended
 * here keeps the order of the calls.
 */
#include "agent/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "agent/calls.h"
#include "agent/response.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

/* "c17" -> 17; ids made elsewhere count as 0. */
static unsigned call_number(const char *id)
{
    char *rest = NULL;
    unsigned long number = id[0] == 'c' ? strtoul(id + 1, &rest, 10) : 0;
    return number < 1000000000 ? (unsigned)number : 0;
}

static unsigned first_free_number(const struct chat_conversation *conversation)
{
    unsigned next = 1;
    for (size_t i = 0; i < conversation->count; i++) {
        const struct chat_message *message = &conversation->messages[i];
        for (size_t j = 0; j < message->call_count; j++) {
            unsigned number = call_number(message->calls[j].id);
            next = number >= next ? number + 1 : next;
        }
    }
    return next;
}

static const struct store_call *find_record(const struct store_call *calls, size_t count,
                                            const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(calls[i].call_id, id) == 0) {
            return &calls[i];
        }
    }
    return NULL;
}

static bool has_result(const struct chat_conversation *conversation, size_t from, const char *id)
{
    for (size_t i = from; i < conversation->count; i++) {
        if (strcmp(conversation->messages[i].call_id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* `call` and `known` (may be NULL: the store never heard of it) stay the caller's. */
static bool settle(struct journal *journal, struct chat_conversation *conversation,
                   const struct chat_call *call, const struct store_call *known, struct err *err)
{
    bool started = known != NULL && known->state == STORE_CALL_STARTED;
    struct store_call record = {
        .call_id = call->id, .name = call->name, .arguments = call->arguments, .decided_by = ""};
    if (known != NULL) {
        record = *known;
    }
    record.state = STORE_CALL_FINISHED;
    record.finished_ms = clock_wall_ms();

    json_t *response = response_interrupted(started);
    struct chat_message message;
    calls_result_message(&message, &record, response, true);
    json_decref(response);
    bool kept = journal_message(journal, &message, err) && journal_call(journal, &record, err);
    chat_conversation_add(conversation, &message);
    return kept;
}

static bool settle_last_step(struct journal *journal, struct chat_conversation *conversation,
                             const struct store_call *calls, size_t count, struct err *err)
{
    size_t results = conversation->count;
    while (results > 0 && conversation->messages[results - 1].role == CHAT_TOOL) {
        results--;
    }
    if (results == 0 || conversation->messages[results - 1].role != CHAT_MODEL) {
        return true;
    }
    size_t step = results - 1;
    for (size_t i = 0; i < conversation->messages[step].call_count; i++) {
        /* Looked up anew each time: the conversation moves when it grows. */
        struct chat_call call = conversation->messages[step].calls[i];
        if (!has_result(conversation, results, call.id) &&
            !settle(journal, conversation, &call, find_record(calls, count, call.id), err)) {
            return false;
        }
    }
    return true;
}

bool recovery_resume(struct journal *journal, const char *id,
                     struct chat_conversation *conversation, unsigned *next_call, struct err *err)
{
    struct store_call *calls = NULL;
    size_t count = 0;
    if (!journal_resume(journal, id, conversation, &calls, &count, err)) {
        return false;
    }
    bool settled = settle_last_step(journal, conversation, calls, count, err);
    for (size_t i = 0; i < count; i++) {
        store_call_finish(&calls[i]);
    }
    mem_free(calls);
    if (settled) {
        *next_call = first_free_number(conversation);
    }
    return settled;
}
