/* Rules from the first part of the input, up to a NUL, decide about the path in the second.
 * Whatever they say, the answer comes, and forgetting the rules forgets it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/gitignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gitignore ignore;
    struct err err;
    char path[4096];
    const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
    size_t rules = nul == NULL ? size : (size_t)(nul - data);
    size_t rest = nul == NULL ? 0 : size - rules - 1;
    rest = rest < sizeof path ? rest : sizeof path - 1;
    if (rest > 0) {
        memcpy(path, nul + 1, rest);
    }
    path[rest] = '\0';
    gitignore_init(&ignore);
    if (gitignore_add(&ignore, "", (const char *)data, rules, &err) &&
        gitignore_add(&ignore, "src", (const char *)data, rules, &err)) {
        gitignore_matches(&ignore, path, false);
        gitignore_matches(&ignore, path, true);
        gitignore_truncate(&ignore, 0);
        if (gitignore_matches(&ignore, path, true)) {
            abort();
        }
    }
    gitignore_finish(&ignore);
    return 0;
}
