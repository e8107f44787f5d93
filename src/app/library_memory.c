#include "app/library_memory.h"

#include <jansson.h>
#include <uv.h>

#include "base/mem.h"

static void *take(size_t size)
{
    return mem_alloc(size, 1);
}

static void *take_zeroed(size_t count, size_t size)
{
    return mem_zero(count, size);
}

static void *take_more(void *block, size_t size)
{
    return mem_resize(block, size, 1);
}

void library_memory_start(void)
{
    json_set_alloc_funcs(take, mem_free);
    uv_replace_allocator(take, take_more, take_zeroed, mem_free);
}
