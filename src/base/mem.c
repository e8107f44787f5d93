#include "mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(void (*)(void)) exhausted_handler;
static atomic_ulong allocation_count;
static atomic_ulong fail_at;
static atomic_int fail_lasting;

/* True when this allocation must fail: a test asked for it, or the size does not exist. */
static int refused(size_t count, size_t size)
{
    unsigned long number = atomic_fetch_add(&allocation_count, 1) + 1;
    unsigned long failing = atomic_load(&fail_at);
    if (failing != 0 && (number == failing || (number > failing && atomic_load(&fail_lasting)))) {
        return 1;
    }
    return size != 0 && count > (SIZE_MAX / 2) / size;
}

/* malloc(0) may return NULL, which would look like a failure. */
static size_t at_least_one(size_t bytes)
{
    return bytes == 0 ? 1 : bytes;
}

void *mem_try_alloc(size_t count, size_t size)
{
    return refused(count, size) ? NULL : malloc(at_least_one(count * size));
}

void *mem_try_zero(size_t count, size_t size)
{
    return refused(count, size) ? NULL : calloc(1, at_least_one(count * size));
}

void *mem_try_resize(void *block, size_t count, size_t size)
{
    return refused(count, size) ? NULL : realloc(block, at_least_one(count * size));
}

void *mem_try_align(size_t alignment, size_t count, size_t size)
{
    if (refused(count, size)) {
        return NULL;
    }
    size_t bytes = at_least_one(count * size);
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void mem_exhausted(void)
{
    void (*handler)(void) = atomic_exchange(&exhausted_handler, NULL);
    if (handler != NULL) {
        handler();
    }
    fputs("carat: out of memory. The conversation is on disk: carat resume\n", stderr);
    exit(1);
}

static void *or_exit(void *block)
{
    if (block == NULL) {
        mem_exhausted();
    }
    return block;
}

void *mem_alloc(size_t count, size_t size)
{
    return or_exit(mem_try_alloc(count, size));
}

void *mem_zero(size_t count, size_t size)
{
    return or_exit(mem_try_zero(count, size));
}

void *mem_resize(void *block, size_t count, size_t size)
{
    return or_exit(mem_try_resize(block, count, size));
}

char *mem_strndup(const char *text, size_t length)
{
    char *copy = mem_alloc(length + 1, 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void mem_free(void *block)
{
    free(block);
}

void mem_on_exhausted(void (*handler)(void))
{
    atomic_store(&exhausted_handler, handler);
}

void mem_fail_at(unsigned long n, int lasting)
{
    atomic_store(&allocation_count, 0);
    atomic_store(&fail_lasting, lasting);
    atomic_store(&fail_at, n);
}

unsigned long mem_allocation_count(void)
{
    return atomic_load(&allocation_count);
}
