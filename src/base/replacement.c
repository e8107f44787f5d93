#include "replacement.h"

#include <string.h>

#include "mem.h"

size_t replacement_count(struct replacement_text text, const char *part)
{
    size_t count = 0, length = strlen(part);
    const char *at = text.bytes, *end = text.bytes + text.length;
    while (at < end && (at = memmem(at, (size_t)(end - at), part, length)) != NULL) {
        count++;
        at += length;
    }
    return count;
}

static bool ends_in_two(struct replacement_text text, size_t at)
{
    return text.bytes[at] == '\r' && at + 1 < text.length && text.bytes[at + 1] == '\n';
}

/* The text with each "\r\n" made "\n": comparing such texts takes a time that no content can make
 * long. NULL without memory. */
static char *with_plain_ends(struct replacement_text text, size_t *length)
{
    char *plain = mem_try_alloc(text.length + 1, 1);
    size_t out = 0;
    for (size_t i = 0; plain != NULL && i < text.length; i++) {
        if (!ends_in_two(text, i)) {
            plain[out++] = text.bytes[i];
        }
    }
    *length = out;
    return plain;
}

/* Where in the text the byte `wanted` of its form with plain ends is: that end itself, if it is
 * one. */
static size_t place_of(struct replacement_text text, size_t wanted)
{
    size_t at = 0;
    for (size_t plain = 0; plain < wanted; plain++) {
        at += ends_in_two(text, at) ? 2 : 1;
    }
    return at;
}

static void find_exactly(struct replacement_text content, struct replacement_text old_text,
                         struct replacement *found)
{
    const char *end = content.bytes + content.length, *counted = content.bytes;
    size_t line = 1;
    *found = (struct replacement){.length = old_text.length};
    for (const char *at = content.bytes; at < end && found->count < REPLACEMENT_PLACES; at++) {
        at = memmem(at, (size_t)(end - at), old_text.bytes, old_text.length);
        if (at == NULL) {
            break;
        }
        line += replacement_count((struct replacement_text){counted, (size_t)(at - counted)}, "\n");
        counted = at;
        if (found->count < REPLACEMENT_LINES) {
            found->lines[found->count] = line;
        }
        found->start = found->count == 0 ? (size_t)(at - content.bytes) : found->start;
        found->count++;
    }
}

bool replacement_find(struct replacement_text content, struct replacement_text old_text,
                      struct replacement *found)
{
    size_t ends = replacement_count(old_text, "\n");
    if (ends == replacement_count(old_text, "\r\n") || replacement_count(content, "\r\n") == 0) {
        find_exactly(content, old_text, found);
        return true;
    }
    size_t length, old_length;
    char *bytes = with_plain_ends(content, &length);
    char *old_bytes = with_plain_ends(old_text, &old_length);
    bool ok = bytes != NULL && old_bytes != NULL;
    if (ok) {
        find_exactly((struct replacement_text){bytes, length},
                     (struct replacement_text){old_bytes, old_length}, found);
    }
    if (ok && found->count > 0) {
        size_t end = place_of(content, found->start + found->length);
        found->start = place_of(content, found->start);
        found->length = end - found->start;
    }
    mem_free(bytes);
    mem_free(old_bytes);
    return ok;
}

/* The end of the line at this place, and where it has none, of the one before. */
static bool line_ends_in_two(struct replacement_text content, size_t at)
{
    const char *newline = memchr(content.bytes + at, '\n', content.length - at);
    newline = newline != NULL ? newline : memrchr(content.bytes, '\n', at);
    return newline != NULL && newline > content.bytes && newline[-1] == '\r';
}

char *replacement_make(struct replacement_text content, const struct replacement *found,
                       struct replacement_text new_text, size_t *length)
{
    char *out = mem_try_alloc(new_text.length + 1, 2);
    if (out == NULL) {
        return NULL;
    }
    const char *old = content.bytes + found->start, *old_end = old + found->length;
    bool two = line_ends_in_two(content, found->start);
    char before = found->start > 0 ? old[-1] : '\0';
    size_t size = 0;
    for (size_t i = 0; i < new_text.length; i++) {
        if (new_text.bytes[i] == '\n') {
            const char *end = memchr(old, '\n', (size_t)(old_end - old));
            two = end != NULL ? end > content.bytes && end[-1] == '\r' : two;
            old = end != NULL ? end + 1 : old_end;
            if (two && before != '\r') {
                out[size++] = '\r';
            }
        }
        before = new_text.bytes[i];
        out[size++] = before;
    }
    *length = size;
    return out;
}

static const char mark[] = "\xEF\xBB\xBF";
enum { MARK_LENGTH = sizeof mark - 1 };

bool replacement_has_mark(struct replacement_text text)
{
    return text.length >= MARK_LENGTH && memcmp(text.bytes, mark, MARK_LENGTH) == 0;
}

struct replacement_form replacement_form_of(struct replacement_text text)
{
    return (struct replacement_form){replacement_count(text, "\n"), replacement_count(text, "\r\n"),
                                     replacement_has_mark(text)};
}

bool replacement_all_two(const struct replacement_form *form)
{
    return form->two_ends > 0 && form->two_ends == form->ends;
}

char *replacement_whole(const struct replacement_form *form, struct replacement_text new_text,
                        size_t *length)
{
    char *out = mem_try_alloc(new_text.length + MARK_LENGTH, 2);
    if (out == NULL) {
        return NULL;
    }
    size_t size = 0;
    bool two = replacement_all_two(form) && memchr(new_text.bytes, '\r', new_text.length) == NULL;
    if (form->mark && new_text.length > 0 && !replacement_has_mark(new_text)) {
        memcpy(out, mark, MARK_LENGTH);
        size = MARK_LENGTH;
    }
    for (size_t i = 0; i < new_text.length; i++) {
        if (two && new_text.bytes[i] == '\n') {
            out[size++] = '\r';
        }
        out[size++] = new_text.bytes[i];
    }
    *length = size;
    return out;
}
