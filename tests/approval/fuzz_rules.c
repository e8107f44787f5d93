/* Fuzz target: any bytes as a rule of paths or of addresses, and any as what a call names; what is
 * allowed by a rule is concerned by it, too.
 *
 * The first byte: bit 0 addresses, else paths. Then the rule up to a NUL, then what the call names.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "approval/path_rule.h"
#include "approval/url_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_path(const char *rule, const char *path, size_t length)
{
    bool concerns = path_rule_concerns(rule, path, length);
    assert(!path_rule_allows(rule, path, length) || concerns);
}

static void try_url(const char *rule, const char *url, size_t length)
{
    bool concerns = url_rule_concerns(rule, url, length);
    assert(!url_rule_allows(rule, url, length) || (concerns && url_rule_is_valid(rule)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data + 1, '\0', size - 1) : NULL;
    if (end == NULL) {
        return 0;
    }
    /* Of its own size, so that a byte read beyond it is noticed. */
    size_t length = (size_t)(data + size - end) - 1;
    char *text = malloc(length + 1);
    assert(text != NULL);
    memcpy(text, end + 1, length);
    text[length] = '\0';
    ((data[0] & 1) != 0 ? try_url : try_path)((const char *)data + 1, text, length);
    free(text);
    return 0;
}
