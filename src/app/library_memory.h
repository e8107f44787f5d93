/* library_memory: the libraries that src/ uses everywhere allocate in its own manner.
 *
 * Nobody looks at what hundreds of calls of jansson return, and a member that silently is not there
 * would be stored, or sent, as what was meant. libuv ends the program without a word where it finds
 * no memory. With this both call mem_*, which cannot fail: they end with its sentence, and the
 * conversation is on disk. SQLite, curl and the screen's library are asked for errors instead.
 */
#ifndef CARAT_APP_LIBRARY_MEMORY_H
#define CARAT_APP_LIBRARY_MEMORY_H

/* Before the first call of either library. */
void library_memory_start(void);

#endif
