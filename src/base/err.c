#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err != NULL) {
        va_list arguments;
        va_start(arguments, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
    }
    return false;
}

bool err_errno(struct err *err, enum err_code code, const char *format, ...)
{
    int cause = errno;
    if (err != NULL) {
        va_list arguments;
        va_start(arguments, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        size_t length = strlen(err->text);
        snprintf(err->text + length, sizeof err->text - length, ": %s", strerror(cause));
    }
    return false;
}

bool err_prefix(struct err *err, const char *format, ...)
{
    if (err != NULL) {
        char cause[sizeof err->text];
        memcpy(cause, err->text, sizeof cause);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        size_t length = strlen(err->text);
        snprintf(err->text + length, sizeof err->text - length, ": %s", cause);
    }
    return false;
}

void err_clear(struct err *err)
{
    err->code = ERR_NONE;
    err->text[0] = '\0';
}
