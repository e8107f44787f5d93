/* Text of git's files, which anybody may have written: the sandbox is made from it, outside. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

#include "git_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, const char *path)
{
    str_append(context, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text, path;
    str_init(&text);
    str_init(&path);
    str_append_bytes(&text, data, size);
    if (git_layout_leads_to(text.data, &path) && path.length > size) {
        __builtin_trap();
    }
    str_clear(&path);
    git_layout_config(text.data, take, &path);
    if (path.length > size) {
        __builtin_trap();
    }
    str_finish(&path);
    str_finish(&text);
    return 0;
}
