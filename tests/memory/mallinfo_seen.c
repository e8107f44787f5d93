/* mallinfo_seen: what mallinfo2 gives back, told to MemorySanitizer, which knows mallinfo alone. */
#include <malloc.h>
#include <sanitizer/msan_interface.h>

struct mallinfo2 __real_mallinfo2(void);
struct mallinfo2 __wrap_mallinfo2(void);

struct mallinfo2 __wrap_mallinfo2(void)
{
    struct mallinfo2 heap = __real_mallinfo2();
    __msan_unpoison(&heap, sizeof heap);
    return heap;
}
