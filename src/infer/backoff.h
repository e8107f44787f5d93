/* backoff: how long to wait before a server is asked once more. Pure. */
#ifndef CARAT_INFER_BACKOFF_H
#define CARAT_INFER_BACKOFF_H

#include <stdint.h>

/* Twice as long with each attempt (from 0), of which between half and all is waited, as `random`
 * falls: clients that failed together do not come back together. A server's own wish (asked_ms; 0 =
 * none) is the least, and again not the same for all. Milliseconds. */
int64_t backoff_pause(int64_t base_ms, int attempt, int64_t asked_ms, uint32_t random);

#endif
