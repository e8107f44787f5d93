#include "capped.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#include "policy.h"

enum { BYTES_A_TOKEN = 4, LEAST_TOKENS = 160, MOST_TOKENS = 1024 * 1024 };

size_t capped_bytes(const struct policy *policy)
{
    int tokens = policy->result_tokens;
    tokens = tokens < LEAST_TOKENS ? LEAST_TOKENS : (tokens > MOST_TOKENS ? MOST_TOKENS : tokens);
    return (size_t)tokens * BYTES_A_TOKEN;
}

static bool init(struct capped *text, size_t size)
{
    text->data = mem_try_alloc(size + 1, 1);
    if (text->data == NULL) {
        return false;
    }
    text->data[0] = '\0';
    text->length = 0;
    text->limit = size - CAPPED_NOTE_ROOM;
    return true;
}

bool capped_init(struct capped *text, const struct policy *policy)
{
    return init(text, capped_bytes(policy));
}

bool capped_init_whole(struct capped *text, const struct policy *policy)
{
    size_t size = capped_bytes(policy);
    return init(text, policy->keep_whole && size < CAPPED_WHOLE_BYTES ? CAPPED_WHOLE_BYTES : size);
}

void capped_finish(struct capped *text)
{
    mem_free(text->data);
    text->data = NULL;
}

size_t capped_fill(struct capped *text, const char *bytes, size_t length)
{
    size_t at = 0, used;
    while (at < length) {
        const char *source = bytes + at;
        uint32_t code_point = utf8_decode(source, length - at, &used);
        size_t room = used;
        if (code_point >= UTF8_INCOMPLETE || code_point == 0) {
            source = "\xEF\xBF\xBD";
            room = 3;
        }
        if (text->length + room > text->limit) {
            break;
        }
        memcpy(text->data + text->length, source, room);
        text->length += room;
        at += used;
    }
    text->data[text->length] = '\0';
    return at;
}

bool capped_add(struct capped *text, const char *bytes, size_t length)
{
    size_t before = text->length;
    if (capped_fill(text, bytes, length) == length) {
        return true;
    }
    text->length = before;
    text->data[before] = '\0';
    return false;
}

bool capped_format(struct capped *text, const char *format, ...)
{
    /* Long enough for a line number and a whole path. */
    char line[8 * 1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return length >= 0 && (size_t)length < sizeof line && capped_add(text, line, (size_t)length);
}

void capped_note(struct capped *text, const char *format, ...)
{
    char note[CAPPED_NOTE_ROOM];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(note, sizeof note - 1, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    if (text->length > 0 && text->data[text->length - 1] != '\n') {
        text->data[text->length++] = '\n';
    }
    size_t limit = text->limit;
    text->limit += CAPPED_NOTE_ROOM - 1;
    capped_fill(text, note, utf8_complete_length(note, strlen(note)));
    text->limit = limit;
}
