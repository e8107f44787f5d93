/* tool: the two forms that almost every result has.
 *
 * What a tool hands back is foreign text (a file, a command's output, a page), and a JSON string
 * must be UTF-8 and is often read as a C string: so it is repaired here, in one place, and a NUL
 * becomes U+FFFD like every other byte that is not text. */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

static const char replacement[] = "\xEF\xBF\xBD";

void tool_append_repaired(struct str *out, const char *text, size_t length)
{
    while (length > 0) {
        const char *nul = memchr(text, '\0', length);
        size_t run = nul == NULL ? length : (size_t)(nul - text);
        utf8_append_repaired(out, text, run);
        if (nul == NULL) {
            return;
        }
        str_append(out, replacement);
        text += run + 1;
        length -= run + 1;
    }
}

/* {"output": text}. The text is valid UTF-8 without NULs by now. */
static json_t *output_object(const struct str *text)
{
    json_t *response = json_object();
    json_object_set_new(response, "output", json_stringn(text->data, text->length));
    return response;
}

void tool_fail(struct tool_result *result, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&message, format, arguments);
    va_end(arguments);

    struct str text;
    str_init(&text);
    str_append(&text, "error: ");
    if (length >= 0) {
        tool_append_repaired(&text, message, (size_t)length);
        free(message);
    } else {
        str_append(&text, "out of memory");
    }
    result->response = output_object(&text);
    result->failed = true;
    str_finish(&text);
}

void tool_succeed(struct tool_result *result, const char *text, size_t length)
{
    struct str repaired;
    str_init(&repaired);
    tool_append_repaired(&repaired, text, length);
    result->response = output_object(&repaired);
    result->failed = false;
    str_finish(&repaired);
}
