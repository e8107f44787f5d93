/* mem: allocation, in two manners.
 *
 * mem_try_*: returns NULL when there is no memory or when count * size overflows. The engine and
 * the tools use only these: a model or a file decides the sizes there, and a refusal is an error.
 * mem_*: never returns NULL. The agent and the screen use these for their small objects; with no
 * memory left they call the handler set by mem_on_exhausted (which restores the terminal) and exit
 * with status 1. Nothing is lost by that: every step is committed to the store before it acts.
 *
 * Any thread. Memory from either is released with mem_free (NULL is fine).
 */
#ifndef CARAT_BASE_MEM_H
#define CARAT_BASE_MEM_H

#include <stddef.h>

void *mem_try_alloc(size_t count, size_t size);               /* uninitialised */
void *mem_try_zero(size_t count, size_t size);                /* zeroed */
void *mem_try_resize(void *block, size_t count, size_t size); /* old block stays valid on NULL */
void *mem_try_align(size_t alignment, size_t count, size_t size); /* uninitialised, for mem_free */

__attribute__((returns_nonnull)) void *mem_alloc(size_t count, size_t size);
__attribute__((returns_nonnull)) void *mem_zero(size_t count, size_t size);
__attribute__((returns_nonnull)) void *mem_resize(void *block, size_t count, size_t size);
__attribute__((returns_nonnull)) char *mem_strdup(const char *text);
/* Copies length bytes, adds a NUL. */
__attribute__((returns_nonnull)) char *mem_strndup(const char *text, size_t length);
void mem_free(void *block);

/* What mem_* do when there is no memory, for a library that asks whom to call then. */
__attribute__((noreturn)) void mem_exhausted(void);

/* Called once, before exit(1), when a mem_* call finds no memory. */
void mem_on_exhausted(void (*handler)(void));

/* Fault injection for tests: the n-th allocation from now on (1 = the next) fails, and with
 * `lasting` every later one too. 0 turns it off. Counts the calls of all threads. */
void mem_fail_at(unsigned long n, int lasting);

/* How many allocations were made since the start or the last mem_fail_at. */
unsigned long mem_allocation_count(void);

#endif
