/* rewind: from a message to spans of time, one for the conversation and one for each ancestor. */
#include "agent/rewind.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

/* Forks of forks that are followed; further back nothing is taken back. */
enum { ANCESTORS_MOST = 32 };

struct life {
    struct undo_span spans[ANCESTORS_MOST + 1];
    char ids[ANCESTORS_MOST + 1][37];
    size_t count;
};

static void add_span(struct life *life, const char *id, int64_t from_ms, int64_t to_ms)
{
    char *copy = life->ids[life->count];
    strncpy(copy, id, sizeof life->ids[0] - 1);
    copy[sizeof life->ids[0] - 1] = '\0';
    life->spans[life->count++] = (struct undo_span){copy, from_ms, to_ms};
}

/* An ancestor that was deleted for good still counts; its own ancestors are not known any more. */
static bool read_life(const struct rewind *rewind, struct life *life, struct err *err)
{
    struct err problem = {0};
    struct store_conversation found;
    int64_t from_ms;
    life->count = 0;
    if (!store_message_time(rewind->store, rewind->conversation, rewind->ordinal, &from_ms, err)) {
        return false;
    }
    add_span(life, rewind->conversation, from_ms, INT64_MAX);
    while (life->count <= ANCESTORS_MOST) {
        const struct undo_span *last = &life->spans[life->count - 1];
        if (!store_conversation_find(rewind->store, last->conversation, &found, &problem)) {
            bool gone = problem.code == ERR_NOT_FOUND && life->count > 1;
            if (!gone && err != NULL) {
                *err = problem;
            }
            return gone;
        }
        bool older = found.parent[0] != '\0' && found.created_ms > from_ms;
        if (older) {
            add_span(life, found.parent, from_ms, found.created_ms);
        }
        store_conversation_finish(&found);
        if (!older) {
            break;
        }
    }
    return true;
}

bool rewind_count(const struct rewind *rewind, struct undo_tally *tally, struct err *err)
{
    struct life life;
    return read_life(rewind, &life, err) &&
           undo_count_spans(rewind->undo, life.spans, life.count, tally, err);
}

bool rewind_files(const struct rewind *rewind, struct undo_tally *tally, struct str *report,
                  struct err *err)
{
    struct life life;
    *tally = (struct undo_tally){0};
    return read_life(rewind, &life, err) &&
           undo_take_back_spans(rewind->undo, life.spans, life.count, tally, report, err);
}
