/* mailbox: values handed from one thread to another.
 *
 * Any thread posts; one thread takes everything at once and works on it outside the lock. Posting
 * wakes the owner through the callback given at creation, at most once until the box was emptied.
 * Items are owned by the box between post and take.
 */
#ifndef CARAT_BASE_MAILBOX_H
#define CARAT_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/* `wake` (may be NULL) is called without the lock held, from the posting thread. `destroy` frees an
 * item that was never taken. */
struct mailbox *mailbox_create(void (*wake)(void *context), void *context,
                               void (*destroy)(void *item));
void mailbox_destroy(struct mailbox *box);

/* Ownership of `item` moves to the box. */
void mailbox_post(struct mailbox *box, void *item);

/* Moves everything out, oldest first, into *items (mem_free the array; the items are the caller's)
 * and returns how many; 0 leaves *items NULL. */
size_t mailbox_take(struct mailbox *box, void ***items);

/* Blocks until there is an item, then takes just that one (oldest first). */
void *mailbox_wait(struct mailbox *box);

#endif
