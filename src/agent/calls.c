/* calls: a small table and the marks of its rows. */
#include "agent/calls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "approval/command_network.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/medium.h"

struct open_call *calls_add(struct calls *calls, const struct chat_call *asked, char *problem)
{
    assert(calls->count < TURN_CALLS_MAX);
    struct open_call *call = &calls->items[calls->count++];
    *call = (struct open_call){
        .record = {.call_id = mem_strdup(asked->id),
                   .name = mem_strdup(asked->name),
                   .arguments = json_deep_copy(asked->arguments),
                   .state = STORE_CALL_ASKED,
                   .decided_by = mem_strdup(""),
                   .asked_ms = clock_wall_ms()},
        .problem = problem,
    };
    return call;
}

void calls_clear(struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        store_call_finish(&calls->items[i].record);
        mem_free(calls->items[i].problem);
        mem_free(calls->items[i].network);
        mem_free(calls->items[i].refusal);
        json_decref(calls->items[i].response);
        chat_medium_release(calls->items[i].picture);
    }
    calls->count = 0;
}

struct open_call *calls_find(struct calls *calls, const char *call_id, int *place)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (strcmp(calls->items[i].record.call_id, call_id) == 0) {
            *place = (int)i;
            return &calls->items[i];
        }
    }
    return NULL;
}

void calls_set_decided_by(struct open_call *call, const char *who)
{
    mem_free(call->record.decided_by);
    call->record.decided_by = mem_strdup(who);
}

void calls_append_network(const struct open_call *call, struct str *out)
{
    const char *command = json_string_value(json_object_get(call->record.arguments, "command"));
    if (strcmp(call->record.name, "shell") == 0 && command != NULL) {
        command_network_hosts(command, out);
    }
}

void calls_open_network(struct open_call *call)
{
    struct str hosts;
    str_init(&hosts);
    calls_append_network(call, &hosts);
    mem_free(call->network);
    call->network = hosts.length > 0 ? mem_strdup(hosts.data) : NULL;
    str_finish(&hosts);
}

void calls_set_refusal(struct open_call *call, const char *reason)
{
    mem_free(call->refusal);
    call->refusal = reason != NULL ? mem_strdup(reason) : NULL;
}

/* FNV-1a. */
uint64_t calls_fingerprint(const struct open_call *call)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    char *dump = json_dumps(call->record.arguments, JSON_COMPACT | JSON_SORT_KEYS);
    const char *const parts[] = {call->record.name, "\n", dump != NULL ? dump : "",
                                 call->problem != NULL ? call->problem : ""};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (const char *c = parts[i]; *c != '\0'; c++) {
            hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        }
    }
    free(dump);
    return hash;
}

void calls_result_message(struct chat_message *message, const struct store_call *call,
                          json_t *response, bool failed)
{
    chat_message_init(message, CHAT_TOOL);
    mem_free(message->call_id);
    mem_free(message->call_name);
    message->call_id = mem_strdup(call->call_id);
    message->call_name = mem_strdup(call->name);
    message->result = json_incref(response);
    message->failed = failed;
}

void calls_append_texts(const json_t *arguments, struct str *out)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)arguments, name, value)
    {
        if (json_is_string(value)) {
            str_append_format(out, "%s\n", json_string_value(value));
        }
    }
}
