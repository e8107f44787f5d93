/* The two result makers of tool.h, for test programs that link the file tools without the host. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

#include "tool.h"

static void set(struct tool_result *result, const char *text, size_t length, bool failed)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text, length);
    result->response = json_pack("{s:s%}", "output", repaired.data, repaired.length);
    result->failed = failed;
    str_finish(&repaired);
}

void tool_fail(struct tool_result *result, const char *format, ...)
{
    char text[8 * 1024] = "error: ";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + 7, sizeof text - 7, format, arguments);
    va_end(arguments);
    set(result, text, strlen(text), true);
}

void tool_succeed(struct tool_result *result, const char *text, size_t length)
{
    set(result, text, length, false);
}
