/* Any bytes as a page: the text is bounded, valid UTF-8, and made in one pass. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#include "capped.h"
#include "html_text.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool resolve(void *context, const char *link, char address[HTML_TEXT_LINK + 1])
{
    (void)context;
    size_t length = strlen(link);
    bool fits = length <= HTML_TEXT_LINK;
    memcpy(address, link, fits ? length + 1 : 0);
    return fits;
}

static void rebase(void *context, const char *link)
{
    (void)context, (void)link;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct html_text_links links = {resolve, rebase, NULL};
    static const struct policy policy = {.result_tokens = 160};
    struct capped text;
    bool complete;
    if (!capped_init(&text, &policy)) {
        return 0;
    }
    if (html_text_append(&text, (const char *)data, size, false, &links, &complete) &&
        (text.length > text.limit || !utf8_valid(text.data, text.length) ||
         strlen(text.data) != text.length)) {
        abort();
    }
    capped_note(&text, "(%zu bytes)", size);
    if (text.length > 160 * 4 || !utf8_valid(text.data, text.length)) {
        abort();
    }
    capped_finish(&text);
    return 0;
}
