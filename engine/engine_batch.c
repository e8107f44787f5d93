/* engine_batch: the border of session_append_together: checks the steps, translates their errors.
 */
#include "engine/engine_batch.h"

#include "base/err.h"
#include "base/mem.h"
#include "engine_private.h"
#include "session.h"

/* The same mistake is every step's, because none was looked at. */
static bool refuse_all(struct engine_batch_step *steps, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        engine_refuse(&steps[i].error, "%s", why);
    }
    return false;
}

static bool are_different(const struct engine_batch_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (steps[i].session == steps[j].session) {
                return false;
            }
        }
    }
    return true;
}

bool engine_batch_append(struct engine_batch_step *steps, size_t count)
{
    if (count == 0) {
        return false;
    }
    bool one_model = true;
    for (size_t i = 1; i < count; i++) {
        one_model = one_model && steps[i].session->model == steps[0].session->model;
    }
    if (!one_model || !are_different(steps, count)) {
        return refuse_all(steps, count,
                          "the sessions of a batch must be different ones of one model");
    }
    struct session_step *inner = mem_try_zero(count, sizeof *inner);
    size_t *place = mem_try_alloc(count, sizeof *place); /* of an inner step among the outer ones */
    size_t taken = 0;
    bool all = true;
    if (inner == NULL || place == NULL) {
        const struct err err = {ERR_MEMORY, "no memory for a batch"};
        for (size_t i = 0; i < count; i++) {
            engine_fail(&steps[i].error, &err);
        }
        mem_free(inner);
        mem_free(place);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        steps[i].error.code = ENGINE_OK;
        if (!engine_check_ids(steps[i].session, &steps[i].id, 1, &steps[i].error)) {
            all = false;
            continue;
        }
        place[taken] = i;
        inner[taken++] =
            (struct session_step){.session = steps[i].session->session, .id = steps[i].id};
    }
    if (taken > 0) {
        session_append_together(inner, taken);
    }
    for (size_t i = 0; i < taken; i++) {
        all = (inner[i].ok || engine_fail(&steps[place[i]].error, &inner[i].err)) && all;
    }
    mem_free(inner);
    mem_free(place);
    return all;
}
