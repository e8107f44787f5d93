/* told: what is stored by instructions that MemorySanitizer does not know, told to it.
 *
 * It knows those that the compiler makes by itself. What AVX2 stores by a mask it looks at before,
 * so that nothing unset passes unseen; what the tile unit stores counts as set, whatever it was
 * made of. Nothing at all in any other build (tests/memory).
 */
#ifndef CARAT_COMPUTE_X86_TOLD_H
#define CARAT_COMPUTE_X86_TOLD_H

#ifdef TELL_MEMORY_SANITIZER
#include <sanitizer/msan_interface.h>
#define TOLD_STORED(TO, BYTES) __msan_unpoison((TO), (BYTES))
#else
#define TOLD_STORED(TO, BYTES) ((void)0)
#endif

#endif
