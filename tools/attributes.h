/* attributes: whose a file is and what hangs on it, for one that takes its place.
 *
 * Its owner and group, the extended attributes that a program or the user gave it ("user.") and its
 * access list. What the system gives files by itself ("security.", "trusted.") is the system's
 * affair.
 */
#ifndef CARAT_TOOLS_ATTRIBUTES_H
#define CARAT_TOOLS_ATTRIBUTES_H

#include <stdbool.h>

struct err;

/* Copies them between open files; an access list that only the second has goes. False when that
 * cannot be. Before the mode is set: a file that may not be written takes no attributes. */
bool attributes_copy(int from, int to, struct err *err);

#endif
