/* jansson_seen: what jansson writes, told to MemorySanitizer. Part of each program of such a build
 * that has jansson (tests/memory/meson.build).
 *
 * The system's jansson is not built for MemorySanitizer, which therefore takes what it writes for
 * whatever was there before. So its values come from memory that is set from the start, the stack
 * that it is about to use counts as set, and so does what it hands out. What goes in from us is
 * still looked at: a text that is read, a string that is copied into a value.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sanitizer/msan_interface.h>

enum { STACK_BYTES = 64 * 1024 };

json_t *__real_json_loadb(const char *text, size_t length, size_t flags, json_error_t *error);
json_t *__real_json_loads(const char *text, size_t flags, json_error_t *error);
char *__real_json_dumps(const json_t *value, size_t flags);
json_t *__wrap_json_loadb(const char *text, size_t length, size_t flags, json_error_t *error);
json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error);
char *__wrap_json_dumps(const json_t *value, size_t flags);

static void *take(size_t size)
{
    return calloc(1, size);
}

__attribute__((constructor)) static void begin(void)
{
    json_set_alloc_funcs(take, free);
}

/* Where functions of ours had variables that they never set, jansson's own will lie. */
static void leave_stack(void)
{
    __msan_unpoison((char *)__builtin_frame_address(0) - STACK_BYTES, STACK_BYTES);
}

json_t *__wrap_json_loadb(const char *text, size_t length, size_t flags, json_error_t *error)
{
    __msan_check_mem_is_initialized(text, length);
    if (error != NULL) {
        __msan_unpoison(error, sizeof *error);
    }
    leave_stack();
    return __real_json_loadb(text, length, flags, error);
}

json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error)
{
    __msan_check_mem_is_initialized(text, strlen(text) + 1);
    if (error != NULL) {
        __msan_unpoison(error, sizeof *error);
    }
    leave_stack();
    return __real_json_loads(text, flags, error);
}

char *__wrap_json_dumps(const json_t *value, size_t flags)
{
    leave_stack();
    return __real_json_dumps(value, flags);
}
