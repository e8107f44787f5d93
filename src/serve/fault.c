#include "serve/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"

bool fault_set(struct fault *fault, int status, const char *code, const char *param,
               const char *format, ...)
{
    va_list arguments;
    *fault = (struct fault){.status = status, .code = code, .param = param};
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

bool fault_from_err(struct fault *fault, int status, const char *code, const char *param,
                    const struct err *err)
{
    return fault_set(fault, status, code, param, "%s", err->text);
}

/* The text may quote a client's, cut in the middle of a character. */
static json_t *message_of(const struct fault *fault)
{
    struct str text;
    str_init(&text);
    utf8_append_repaired(&text, fault->text, strlen(fault->text));
    json_t *message = json_stringn(text.data, text.length);
    str_finish(&text);
    return message;
}

json_t *fault_openai(const struct fault *fault)
{
    const char *type = fault->status == 429   ? "rate_limit_error"
                       : fault->status >= 500 ? "server_error"
                                              : "invalid_request_error";
    return json_pack("{s{so,ss,ss?,ss?}}", "error", "message", message_of(fault), "type", type,
                     "param", fault->param, "code", fault->code);
}

json_t *fault_ollama(const struct fault *fault)
{
    return json_pack("{so}", "error", message_of(fault));
}
