/* log: what a developer reads after the fact; never part of the screen.
 *
 * One file, opened once at start, size-capped: at LOG_LIMIT bytes it is renamed to NAME.1 (the one
 * before it is lost) and begun anew. Without log_open nothing is written. Any thread. Foreign text
 * is made visible (visible.h) before it is written.
 */
#ifndef CARAT_BASE_LOG_H
#define CARAT_BASE_LOG_H

#include <stdbool.h>

struct err;

enum { LOG_LIMIT = 4 * 1024 * 1024 };

bool log_open(const char *path, struct err *err);
void log_close(void);
void log_write(const char *area, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
