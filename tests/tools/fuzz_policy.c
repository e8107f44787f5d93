/* Bytes as a policy, handed over as a descriptor: refused or understood, and then all of it is
 * within its bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is what was there, and the cap is kept. */
static void read_descriptor(const uint8_t *data, size_t size)
{
    struct err err;
    struct str text;
    int fd = memfd_create("policy", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    str_init(&text);
    bool ok = policy_read_descriptor(fd, &text, &err);
    assert(ok == (size <= POLICY_LIMIT) && (ok || err.code == ERR_LIMIT));
    assert(text.length == (ok ? size : 0) && memcmp(text.data, data, text.length) == 0);
    str_finish(&text);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy policy;
    struct err err;
    if (!MEMORY_FAILS) { /* it ends the program when there is no room for its text */
        read_descriptor(data, size);
    }
    /* Without a workspace from the command line only what the bytes say counts. */
    const char *workspace = size % 2 == 0 ? "/" : NULL;
    if (policy_parse(&policy, (const char *)data, size, workspace, &err)) {
        assert(policy.seconds >= 1 && policy.processes >= 1 && policy.result_tokens >= 16);
        assert(policy.output_bytes >= 1 && policy.memory_bytes > 0 && policy.file_bytes >= 0);
        assert(policy.workspace[0] == '/');
        policy_finish(&policy);
    } else {
        assert(err.text[0] != '\0');
    }
    return 0;
}
