/* keeper: a parent that does nothing but wait, and put the terminal back when the screen died
 * badly.
 *
 * A process that is killed (kill -9, no memory left) cannot clean up after itself, and a shell on a
 * terminal in raw mode and on the wrong screen is of little use. So the screen runs in a child. The
 * shell sees one program: signals are passed on, a stop stops both, and the way of the child's end
 * is that of the keeper. When the keeper itself is killed the child is told, and ends by its own
 * means.
 */
#ifndef CARAT_SCREEN_KEEPER_H
#define CARAT_SCREEN_KEEPER_H

#include <stdbool.h>

/* To be called before there are threads, open files or changed modes. Returns in the child only,
 * or, without a keeper, where no process can be had. Standard input is a terminal; `full`: the
 * screen will take all of it. */
void keeper_start(bool full);

#endif
