/* The two result makers of tool.h, in place of the host's: these allocate nothing with base/mem.h,
 * so that the tests can let every allocation of a tool fail and still see its result. They also
 * assert what the tools promise: that the text of a result is valid UTF-8 without NULs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

#include "tool.h"

void tool_fail(struct tool_result *result, const char *format, ...)
{
    char text[8 * 1024] = "error: ", repaired[3 * sizeof text];
    size_t length, out = 0, used;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + 7, sizeof text - 7, format, arguments);
    va_end(arguments);
    length = strlen(text);
    for (size_t at = 0; at < length; at += used) {
        uint32_t code_point = utf8_decode(text + at, length - at, &used);
        out += utf8_encode(code_point >= UTF8_INCOMPLETE ? 0xFFFD : code_point, repaired + out);
    }
    result->response = json_pack("{s:s%}", "output", repaired, out);
    result->failed = true;
}

void tool_succeed(struct tool_result *result, const char *text, size_t length)
{
    assert_true(utf8_valid(text, length));
    assert_null(memchr(text, '\0', length));
    result->response = json_pack("{s:s%}", "output", text, length);
    result->failed = false;
}
