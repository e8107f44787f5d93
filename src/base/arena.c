#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

enum { CHUNK_BYTES = 16 * 1024, ALIGNMENT = _Alignof(max_align_t) };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

void arena_init(struct arena *arena)
{
    arena->chunks = NULL;
}

static void free_chain(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
}

void arena_finish(struct arena *arena)
{
    free_chain(arena->chunks);
    arena->chunks = NULL;
}

void arena_clear(struct arena *arena)
{
    if (arena->chunks != NULL) {
        free_chain(arena->chunks->next);
        arena->chunks->next = NULL;
        arena->chunks->used = 0;
    }
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        size_t bytes = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
        chunk = mem_alloc(sizeof *chunk + bytes, 1);
        chunk->next = arena->chunks;
        chunk->used = 0;
        chunk->size = bytes;
        arena->chunks = chunk;
    }
    void *block = (char *)chunk->bytes + chunk->used;
    chunk->used += rounded;
    return block;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char probe[64]; /* only its length is wanted; gcc's sanitizer build warns of a NULL here */
    int length = vsnprintf(probe, sizeof probe, format, arguments);
    va_end(arguments);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
