/* system_memory: how much memory this process may still take.
 *
 * The least of what the kernel calls available (free pages, and those of files that it can drop)
 * and what the limits of the process's control groups leave, of version 1 and 2, its own and those
 * above. Swap does not count: a cache that is swapped out is slower than a smaller one. Looks at
 * files of the system and at nothing else; allocates nothing; any thread.
 *
 * Left out: limits of the address space (an allocation that they refuse is an error of its own),
 * files that lie in memory themselves (tmpfs), what other processes will take next.
 */
#ifndef CARAT_SYSTEM_MEMORY_H
#define CARAT_SYSTEM_MEMORY_H

#include <stdint.h>

/* Bytes. `root` comes before the paths of the system's files: "" but in tests. Where the kernel
 * does not say what is available, all of the machine's memory counts as such. */
uint64_t system_memory_available(const char *root);

#endif
