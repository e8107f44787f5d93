/* holder: which process has something, so that a later one can see whether it still lives.
 *
 * A pid alone is not enough: pids are used again, and a machine may have been started anew. The
 * start time of the process and the boot id of the kernel make it unique. Not seen through: two
 * containers with pid namespaces of their own on one store; each may take the other for dead.
 */
#ifndef CARAT_STORE_HOLDER_H
#define CARAT_STORE_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct holder {
    int64_t pid;
    int64_t started; /* clock ticks since boot; 0 = unknown (no /proc) */
    char boot[40];   /* "" = unknown */
};

void holder_self(struct holder *self);

/* False when the process has ended (a zombie has), was another one, or ran before the last boot. */
bool holder_alive(const struct holder *holder);

#endif
