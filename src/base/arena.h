/* arena: scratch memory of one turn or one frame, released all at once.
 *
 * Blocks are aligned for any type and live until arena_clear or arena_finish. Not thread-safe.
 * Cannot fail (mem_alloc).
 */
#ifndef CARAT_BASE_ARENA_H
#define CARAT_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
};

void arena_init(struct arena *arena);
void arena_finish(struct arena *arena);
void arena_clear(struct arena *arena); /* keeps the newest chunk */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
