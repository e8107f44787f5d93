/* clock: time for timeouts (monotonic) and for people (wall). Any thread. */
#ifndef CARAT_BASE_CLOCK_H
#define CARAT_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void); /* since 1970-01-01 UTC */

/* "YYYY-MM-DD" in local time. */
void clock_date(int64_t wall_ms, char out[11]);
/* "YYYY-MM-DDThh:mm:ss.mmmZ" in UTC. */
enum { CLOCK_UTC_SIZE = 32 };
void clock_utc(int64_t wall_ms, char out[CLOCK_UTC_SIZE]);

#endif
