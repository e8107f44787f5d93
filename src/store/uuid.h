/* uuid: names of conversations, RFC 9562 version 7: they sort by time of birth.
 *
 * 48 bits of Unix milliseconds, then 12 bits that start at random and grow, so that names made by
 * one store sort in order even within a millisecond and when the clock steps back; then 62 random
 * bits from the kernel.
 */
#ifndef CARAT_STORE_UUID_H
#define CARAT_STORE_UUID_H

#include <stdbool.h>
#include <stdint.h>

struct err;

enum { UUID_SIZE = 37 }; /* with the NUL */

/* *last_stamp: 0 at first, then this function's memory of its last call. Fails only when the kernel
 * gives no random bytes (ERR_UNAVAILABLE). */
bool uuid_make(int64_t wall_ms, uint64_t *last_stamp, char out[UUID_SIZE], struct err *err);
/* Whether a text is written as one, of any version, in lower case. */
bool uuid_valid(const char *text);

#endif
