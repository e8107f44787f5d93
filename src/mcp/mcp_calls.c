#include "mcp/mcp_calls.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

void mcp_calls_finish(struct mcp_calls *calls)
{
    mem_free(calls->items);
    *calls = (struct mcp_calls){0};
}

void mcp_calls_add(struct mcp_calls *calls, uint64_t number)
{
    vec_room(&calls->items, &calls->capacity, calls->count + 1, sizeof *calls->items);
    calls->items[calls->count++] = (struct mcp_call){.number = number};
}

bool mcp_calls_find(const struct mcp_calls *calls, uint64_t number, size_t *place)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->items[i].number == number) {
            *place = i;
            return true;
        }
    }
    return false;
}

bool mcp_calls_find_id(const struct mcp_calls *calls, const json_t *id, size_t *place)
{
    return json_is_integer(id) && json_integer_value(id) > 0 &&
           mcp_calls_find(calls, (uint64_t)json_integer_value(id), place);
}

bool mcp_calls_first(const struct mcp_calls *calls, bool cancelled, size_t *place)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->items[i].cancelled == cancelled) {
            *place = i;
            return true;
        }
    }
    return false;
}

struct mcp_call mcp_calls_take(struct mcp_calls *calls, size_t place)
{
    struct mcp_call taken = calls->items[place];
    calls->count--;
    memmove(calls->items + place, calls->items + place + 1,
            (calls->count - place) * sizeof *calls->items);
    return taken;
}
