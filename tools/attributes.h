/* attributes: the extended attributes of a file, for one that takes its place.
 *
 * Those that a program or the user gave it ("user.") and its access list. What the system gives
 * files by itself ("security.", "trusted.") is the system's affair.
 */
#ifndef CARAT_TOOLS_ATTRIBUTES_H
#define CARAT_TOOLS_ATTRIBUTES_H

#include <stdbool.h>

struct err;

/* Copies them between open files. False when one that is there cannot be had by the other. Before
 * the mode is set: a file that may not be written takes none. */
bool attributes_copy(int from, int to, struct err *err);

#endif
