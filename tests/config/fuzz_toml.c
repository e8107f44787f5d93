/* A configuration file of any bytes: an error or settings, nothing else. */
#include <stdint.h>

#include "base/err.h"
#include "config/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool entry(void *context, const struct toml_entry *found, struct err *err)
{
    (void)err;
    *(unsigned *)context += found->line;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned lines = 0;
    struct err err;
    toml_read("fuzz", (const char *)data, size, entry, &lines, &err);
    return 0;
}
