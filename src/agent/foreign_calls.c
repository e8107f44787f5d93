#include "agent/foreign_calls.h"

#include <string.h>

#include "attachment/decoding.h"
#include "base/mem.h"
#include "base/vec.h"

struct foreign_call *foreign_calls_add(struct foreign_calls *calls, const char *call_id,
                                       const char *tool, const json_t *arguments)
{
    struct foreign_call *call = mem_zero(1, sizeof *call);
    call->call_id = mem_strdup(call_id);
    call->tool = mem_strdup(tool);
    call->arguments = json_incref((json_t *)arguments);
    vec_room(&calls->items, &calls->capacity, calls->count + 1, sizeof calls->items[0]);
    calls->items[calls->count++] = call;
    return call;
}

struct foreign_call *foreign_calls_find(const struct foreign_calls *calls,
                                        const struct foreign_server *server, uint64_t number)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->items[i]->server == server && calls->items[i]->number == number) {
            return calls->items[i];
        }
    }
    return NULL;
}

void foreign_calls_remove(struct foreign_calls *calls, struct foreign_call *call)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->items[i] == call) {
            memmove(&calls->items[i], &calls->items[i + 1],
                    (calls->count - i - 1) * sizeof calls->items[0]);
            calls->count--;
            return;
        }
    }
}

void foreign_calls_free(struct foreign_call *call)
{
    if (call->decoding != NULL) {
        decoding_forget(call->decoding);
    }
    json_decref(call->arguments);
    json_decref(call->response);
    mem_free(call->call_id);
    mem_free(call->tool);
    mem_free(call->error);
    mem_free(call);
}

void foreign_calls_fail(struct foreign_call *call, const char *why)
{
    if (call->error == NULL) {
        call->error = mem_strdup(why);
    }
}
