/* pointer: a click with the left button, by the desktop's own program.
 *
 * xdotool where there is X, ydotool 1.0 or newer where there is Wayland. Only numbers reach their
 * command lines. Who calls this has the user's word for this very click. Blocks; for a thread that
 * may.
 */
#ifndef CARAT_DESKTOP_POINTER_H
#define CARAT_DESKTOP_POINTER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "desktop/display.h"

struct err;

/* The program's name; NULL when it is not there, and then *err (may be NULL) names the package.
 * `found` says whether a program is there (program_find). */
typedef bool pointer_found(const char *program);
const char *pointer_choose(enum display_kind kind, pointer_found *found, struct err *err);

/* The same of this display and this machine. */
const char *pointer_program(struct err *err);

/* Moves there and clicks, once. ERR_NOT_FOUND, ERR_UNSUPPORTED (a ydotool that is too old),
 * ERR_UNAVAILABLE, ERR_CANCELLED. */
bool pointer_click(int x, int y, const atomic_bool *stop, struct err *err);

#endif
