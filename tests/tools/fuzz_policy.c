/* Bytes as a policy: refused or understood, and then all of it is within its bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy policy;
    struct err err;
    if (policy_parse(&policy, (const char *)data, size, "/", &err)) {
        assert(policy.seconds >= 1 && policy.processes >= 1 && policy.result_tokens >= 16);
        assert(policy.output_bytes >= 1 && policy.memory_bytes > 0 && policy.file_bytes >= 0);
        assert(policy.workspace[0] == '/');
        policy_finish(&policy);
    } else {
        assert(err.text[0] != '\0');
    }
    return 0;
}
