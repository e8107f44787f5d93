/* call_looks: one look at a time; what comes meanwhile waits in lists, and goes on when it is made.
 */
#include "command/call_looks.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "agent/checkpoint.h"
#include "app/app.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

struct waiting {
    void *call;
    char *agreed;
};

struct list {
    struct waiting *items;
    size_t count, capacity;
};

struct call_looks {
    struct app *app;
    struct call_looks_callbacks callbacks;
    struct checkpoint *checkpoint;
    uv_async_t woke;
    bool busy;                /* a look is made */
    size_t running;           /* calls that started and have not ended */
    struct list early;        /* before their start */
    struct list late, looked; /* ended; those that the running look is for */
    struct str agreed;        /* of the calls that run side by side */
};

static void add(struct list *list, void *call, const char *agreed)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct waiting){call, agreed != NULL ? mem_strdup(agreed) : NULL};
}

static void clear(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i].agreed);
    }
    mem_free(list->items);
    *list = (struct list){0};
}

static void start_early(struct call_looks *looks)
{
    struct list early = looks->early;
    looks->early = (struct list){0};
    for (size_t i = 0; i < early.count; i++) {
        if (early.items[i].agreed != NULL) {
            str_append_format(&looks->agreed, "%s\n", early.items[i].agreed);
        }
        looks->running++;
        looks->callbacks.start(early.items[i].call);
    }
    clear(&early);
}

/* Whatever is due: ended calls first, so that nothing starts between them and what was noted. */
static void go_on(struct call_looks *looks)
{
    if (looks->busy) {
        return;
    }
    if (looks->late.count > 0) {
        looks->looked = looks->late;
        looks->late = (struct list){0};
        looks->busy = true;
        checkpoint_end(looks->checkpoint, looks->agreed.data, looks->running == 0);
    } else if (looks->early.count > 0 && looks->running > 0) {
        start_early(looks);
    } else if (looks->early.count > 0) {
        looks->busy = true;
        checkpoint_begin(looks->checkpoint, "", "");
    }
}

static void add_line(void *context, const char *sentence)
{
    str_append_format(context, "%s%s", ((struct str *)context)->length > 0 ? "\n" : "", sentence);
}

static void tell_looked(struct call_looks *looks, struct quarantine_report *report)
{
    struct list looked = looks->looked;
    struct str found;
    str_init(&found);
    quarantine_report_say(report, add_line, &found);
    if (found.length > 0) {
        fprintf(stderr, "carat: %s\n", found.data);
    }
    looks->looked = (struct list){0};
    for (size_t i = 0; i < looked.count; i++) {
        looks->callbacks.over(looked.items[i].call, found.data);
    }
    clear(&looked);
    str_finish(&found);
}

static void on_woke(uv_async_t *handle)
{
    struct call_looks *looks = handle->data;
    struct checkpoint_result result;
    if (!checkpoint_poll(looks->checkpoint, &result)) {
        return;
    }
    looks->busy = false;
    if (result.job == CHECKPOINT_END) {
        tell_looked(looks, &result.report);
        quarantine_report_finish(&result.report);
    } else {
        str_clear(&looks->agreed);
        start_early(looks);
        if (looks->running == 0) { /* none is left: what comes now is the user's own */
            looks->busy = true;
            checkpoint_end(looks->checkpoint, NULL, true);
        }
    }
    go_on(looks);
}

static void wake(void *context)
{
    uv_async_send(&((struct call_looks *)context)->woke);
}

struct call_looks *call_looks_open(struct app *app, const struct call_looks_callbacks *callbacks,
                                   struct err *err)
{
    struct call_looks *looks = mem_zero(1, sizeof *looks);
    int status = uv_async_init(&app->loop, &looks->woke, on_woke);
    if (status != 0) {
        err_set(err, ERR_IO, "starting the event loop: %s", uv_strerror(status));
        mem_free(looks);
        return NULL;
    }
    looks->app = app;
    looks->callbacks = *callbacks;
    looks->woke.data = looks;
    str_init(&looks->agreed);
    looks->checkpoint = app_make_checkpoint(app, NULL, wake, looks);
    return looks;
}

static void closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void call_looks_close(struct call_looks *looks)
{
    if (looks != NULL) {
        checkpoint_destroy(looks->checkpoint, app_say_left, looks->app);
        clear(&looks->early);
        clear(&looks->late);
        clear(&looks->looked);
        str_finish(&looks->agreed);
        uv_close((uv_handle_t *)&looks->woke, closed);
    }
}

void call_looks_begin(struct call_looks *looks, void *call, const char *agreed)
{
    add(&looks->early, call, agreed);
    go_on(looks);
}

void call_looks_end(struct call_looks *looks, void *call)
{
    looks->running--;
    add(&looks->late, call, NULL);
    go_on(looks);
}

void call_looks_drop(struct call_looks *looks, void *call)
{
    struct list *early = &looks->early;
    for (size_t i = 0; i < early->count; i++) {
        if (early->items[i].call == call) {
            mem_free(early->items[i].agreed);
            early->count--;
            memmove(early->items + i, early->items + i + 1,
                    (early->count - i) * sizeof *early->items);
            return;
        }
    }
}
