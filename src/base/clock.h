/* clock: time for timeouts (monotonic) and for people (wall). Any thread. */
#ifndef CARAT_BASE_CLOCK_H
#define CARAT_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void); /* since 1970-01-01 UTC */

/* "YYYY-MM-DD" in local time. */
void clock_date(int64_t wall_ms, char out[11]);
/* "YYYY-MM-DDThh:mm:ss.mmmZ" in UTC. */
enum { CLOCK_UTC_SIZE = 32 };
void clock_utc(int64_t wall_ms, char out[CLOCK_UTC_SIZE]);

/* What clock_utc wrote, or anybody else: "YYYY-MM-DD", then "T" or a blank and "hh:mm", seconds
 * with a fraction, "Z" or "+hh:mm" where they are given; without a zone it is UTC. False: not a
 * time, or not one of the years 1970 to 9999. */
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
