/* A target while memory runs out: after a run that has all it wants, the same input again with an
 * allocation that fails, at places spread over all that there were, and every second time with all
 * later ones too. What must hold is the target's own business: an error, and nothing lost, leaked
 * or used that is not there.
 *
 * For parsers that check each allocation (mem_try_*). One that ends the program instead, which is
 * the manner of the agent and the screen, is a finding here. The target is compiled under the name
 * of this file's only function but one, with MEMORY_FAILS set.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int memory_fails_target(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mem_on_exhausted(abort);
    mem_fail_at(0, 0);
    memory_fails_target(data, size);
    unsigned long count = mem_allocation_count();
    unsigned long tries = count < MEMORY_FAILS_TRIES ? count : MEMORY_FAILS_TRIES;
    /* Where the places begin is the input's: a fuzzer comes to all of them. */
    unsigned long first = size > 0 ? data[size - 1] : 0;
    for (unsigned long i = 0; i < tries; i++) {
        mem_fail_at(1 + (first + i * count / tries) % count, (int)(i % 2));
        memory_fails_target(data, size);
    }
    mem_fail_at(0, 0);
    return 0;
}
