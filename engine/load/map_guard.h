/* map_guard: a mapped file that loses its pages is an error, not the end of the program.
 *
 * Who shortens a file that is mapped takes its pages away: the next load from one of them raises
 * SIGBUS in whichever thread it happens, and so does a page that the disk cannot read. For the
 * ranges that are guarded here the process has a handler: it puts pages of zeros where the file's
 * are missing, marks the range as broken, and lets the thread go on. What is computed from then on
 * is worth nothing, so that everybody who reads a mapping asks map_guard_is_broken before a result
 * is handed out (gguf_check_unchanged does it for models). Zeros are safe to read for whoever was
 * ready for any foreign bytes.
 *
 * The handler is installed with the first range and stays; with each further range it is installed
 * again if somebody else's is there by then. Every other SIGBUS, of foreign addresses or sent by
 * kill, goes to the handler that was there before, by default the end of the process. A program
 * that sets a handler of its own while ranges are guarded must pass on what is not its own, or else
 * it takes this away. Threads that block SIGBUS die of it: the kernel does not wait with a fault.
 *
 * Any thread. Left out: a file whose bytes change while its length stays (file_map looks at its
 * time).
 */
#ifndef CARAT_LOAD_MAP_GUARD_H
#define CARAT_LOAD_MAP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* Guards a mapping of `size` > 0 bytes at a page's beginning. *guard is its number, for the others.
 * ERR_LIMIT when MAP_GUARD_MAX ranges are guarded, ERR_IO when the handler cannot be installed. */
enum { MAP_GUARD_MAX = 4096 };
bool map_guard_add(const void *bytes, size_t size, int *guard, struct err *err);

/* Before the range is unmapped. */
void map_guard_remove(int guard);

/* Were pages of it missing? One atomic load. */
bool map_guard_is_broken(int guard);

#endif
