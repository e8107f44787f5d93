/* mailbox: values handed from one thread to another.
 *
 * Any thread posts; one thread takes everything at once and works on it outside the lock. Posting
 * wakes the owner through the callback given at creation, at most once until the box was emptied.
 * An owner that looks by itself at times says so, and is then not woken for what may wait.
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
/* The same; wakes nobody while the owner looks by itself. */
void mailbox_post_patiently(struct mailbox *box, void *item);
/* The owner looks by itself from now on, or does not any more: then what waits wakes it. */
void mailbox_looked_after(struct mailbox *box, bool looked_after);

/* Moves everything out, oldest first, into *items (mem_free the array; the items are the caller's)
 * and returns how many; 0 leaves *items NULL. */
size_t mailbox_take(struct mailbox *box, void ***items);

/* Blocks until there is an item, then takes just that one (oldest first). */
void *mailbox_wait(struct mailbox *box);

#endif
