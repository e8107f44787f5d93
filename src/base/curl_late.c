/* Each function passes its call on. The two that take anything read it as a pointer: on the 64-bit
 * machines that carat is made for, a long, a pointer and a curl_off_t come in the same register.
 */
#define CURL_DISABLE_TYPECHECK
#include "curl_late.h"

#include <stdarg.h>
#include <stdint.h>

#include <curl/curl.h>

#include "late.h"

_Static_assert(sizeof(void *) == sizeof(long) && sizeof(void *) == sizeof(curl_off_t), "LP64");

/* Name, result, parameters, arguments. */
#define CURL_CALLS(X)                                                                            \
    X(curl_global_init, CURLcode, (long flags), (flags))                                         \
    X(curl_easy_init, CURL *, (void), ())                                                        \
    X(curl_easy_perform, CURLcode, (CURL * easy), (easy))                                        \
    X(curl_easy_strerror, const char *, (CURLcode code), (code))                                 \
    X(curl_slist_append, struct curl_slist *, (struct curl_slist * list, const char *text),      \
      (list, text))                                                                              \
    X(curl_multi_init, CURLM *, (void), ())                                                      \
    X(curl_multi_add_handle, CURLMcode, (CURLM * multi, CURL * easy), (multi, easy))             \
    X(curl_multi_remove_handle, CURLMcode, (CURLM * multi, CURL * easy), (multi, easy))          \
    X(curl_multi_cleanup, CURLMcode, (CURLM * multi), (multi))                                   \
    X(curl_multi_perform, CURLMcode, (CURLM * multi, int *running), (multi, running))            \
    X(curl_multi_poll, CURLMcode,                                                                \
      (CURLM * multi, struct curl_waitfd * extra, unsigned count, int milliseconds, int *ready), \
      (multi, extra, count, milliseconds, ready))                                                \
    X(curl_multi_info_read, CURLMsg *, (CURLM * multi, int *left), (multi, left))                \
    X(curl_multi_socket_action, CURLMcode,                                                       \
      (CURLM * multi, curl_socket_t socket, int events, int *running),                           \
      (multi, socket, events, running))                                                          \
    X(curl_multi_assign, CURLMcode, (CURLM * multi, curl_socket_t socket, void *data),           \
      (multi, socket, data))                                                                     \
    X(curl_url, CURLU *, (void), ())                                                             \
    X(curl_url_set, CURLUcode, (CURLU * url, CURLUPart part, const char *text, unsigned flags),  \
      (url, part, text, flags))                                                                  \
    X(curl_url_get, CURLUcode, (CURLU * url, CURLUPart part, char **text, unsigned flags),       \
      (url, part, text, flags))

/* The same for those that give nothing back. */
#define CURL_ENDINGS(X)                                        \
    X(curl_global_cleanup, (void), ())                         \
    X(curl_easy_reset, (CURL * easy), (easy))                  \
    X(curl_easy_cleanup, (CURL * easy), (easy))                \
    X(curl_slist_free_all, (struct curl_slist * list), (list)) \
    X(curl_free, (void *memory), (memory))                     \
    X(curl_url_cleanup, (CURLU * url), (url))

static struct {
#define POINTER(name, result, parameters, arguments) result(*name) parameters;
#define ENDING(name, parameters, arguments)          void(*name) parameters;
    CURL_CALLS(POINTER)
    CURL_ENDINGS(ENDING)
#undef POINTER
#undef ENDING
    CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
    CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
} real;

static const struct late_symbol symbols[] = {
#define ROW(name, result, parameters, arguments) {#name, &real.name},
#define ENDING_ROW(name, parameters, arguments)  {#name, &real.name},
    CURL_CALLS(ROW) CURL_ENDINGS(ENDING_ROW)
#undef ROW
#undef ENDING_ROW
        {"curl_easy_setopt", &real.easy_setopt},
    {"curl_easy_getinfo", &real.easy_getinfo},
    {"curl_multi_setopt", &real.multi_setopt},
};

static struct late_library library = {
    .file = "libcurl.so.4",
    .symbols = symbols,
    .count = sizeof symbols / sizeof symbols[0],
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

bool curl_late_load(struct err *err)
{
    return late_load(&library, err);
}

/* --- the functions themselves; what they do stands in <curl/curl.h> --- */

#define CALL(name, result, parameters, arguments) \
    result name parameters                        \
    {                                             \
        return real.name arguments;               \
    }
CURL_CALLS(CALL)

/* Nothing was made that could be ended before the library was there. */
#define END(name, parameters, arguments) \
    void name parameters                 \
    {                                    \
        if (real.name != NULL) {         \
            real.name arguments;         \
        }                                \
    }
CURL_ENDINGS(END)

CURLcode(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return real.easy_setopt(easy, option, value);
}

CURLcode(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
    va_list arguments;
    va_start(arguments, info);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return real.easy_getinfo(easy, info, value);
}

CURLMcode(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return real.multi_setopt(multi, option, value);
}
