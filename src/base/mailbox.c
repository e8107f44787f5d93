#include "mailbox.h"

#include <pthread.h>
#include <string.h>

#include "mem.h"
#include "vec.h"

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void **items;
    size_t count, capacity;
    bool woken;        /* since the box was emptied */
    bool looked_after; /* by an owner that comes by itself */
    void (*wake)(void *context);
    void *context;
    void (*destroy)(void *item);
};

struct mailbox *mailbox_create(void (*wake)(void *context), void *context,
                               void (*destroy)(void *item))
{
    struct mailbox *box = mem_zero(1, sizeof *box);
    pthread_mutex_init(&box->lock, NULL);
    pthread_cond_init(&box->filled, NULL);
    box->wake = wake;
    box->context = context;
    box->destroy = destroy;
    return box;
}

void mailbox_destroy(struct mailbox *box)
{
    if (box == NULL) {
        return;
    }
    for (size_t i = 0; i < box->count && box->destroy != NULL; i++) {
        box->destroy(box->items[i]);
    }
    mem_free(box->items);
    pthread_cond_destroy(&box->filled);
    pthread_mutex_destroy(&box->lock);
    mem_free(box);
}

static void post(struct mailbox *box, void *item, bool may_wait)
{
    pthread_mutex_lock(&box->lock);
    vec_room(&box->items, &box->capacity, box->count + 1, sizeof *box->items);
    box->items[box->count++] = item;
    bool wakes = !box->woken && !(may_wait && box->looked_after);
    box->woken |= wakes;
    pthread_cond_signal(&box->filled);
    pthread_mutex_unlock(&box->lock);
    if (wakes && box->wake != NULL) {
        box->wake(box->context);
    }
}

void mailbox_post(struct mailbox *box, void *item)
{
    post(box, item, false);
}

void mailbox_post_patiently(struct mailbox *box, void *item)
{
    post(box, item, true);
}

void mailbox_looked_after(struct mailbox *box, bool looked_after)
{
    pthread_mutex_lock(&box->lock);
    bool wakes = !looked_after && box->count > 0 && !box->woken;
    box->looked_after = looked_after;
    box->woken |= wakes;
    pthread_mutex_unlock(&box->lock);
    if (wakes && box->wake != NULL) {
        box->wake(box->context);
    }
}

size_t mailbox_take(struct mailbox *box, void ***items)
{
    pthread_mutex_lock(&box->lock);
    size_t count = box->count;
    *items = NULL;
    if (count != 0) {
        *items = box->items;
        box->items = NULL;
        box->count = box->capacity = 0;
    }
    box->woken = false;
    pthread_mutex_unlock(&box->lock);
    return count;
}

void *mailbox_wait(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    while (box->count == 0) {
        pthread_cond_wait(&box->filled, &box->lock);
    }
    void *item = box->items[0];
    box->count--;
    box->woken &= box->count > 0;
    memmove(box->items, box->items + 1, box->count * sizeof *box->items);
    pthread_mutex_unlock(&box->lock);
    return item;
}
