/* git_layout: a configuration is read line by line; of quotes and comments no more is understood
 * than what a path may need.
 */
#include "git_layout.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

static const char blanks[] = " \t\r\v\f";

bool git_layout_leads_to(const char *text, struct str *path)
{
    static const char word[] = "gitdir:";
    str_clear(path);
    text += str_starts_with(text, word) ? sizeof word - 1 : 0;
    text += strspn(text, blanks);
    str_append_bytes(path, text, strcspn(text, "\n"));
    while (path->length > 0 && strchr(blanks, path->data[path->length - 1]) != NULL) {
        str_truncate(path, path->length - 1);
    }
    return path->length > 0;
}

/* "NAME = VALUE": the value without quotes, backslashes and what follows a comment's sign. */
static bool read_value(const char *at, const char *end, const char *name, struct str *value)
{
    size_t length = strlen(name);
    at += strspn(at, blanks);
    if ((size_t)(end - at) < length || strncasecmp(at, name, length) != 0) {
        return false;
    }
    at += length;
    at += strspn(at, blanks);
    if (at >= end || *at != '=') {
        return false;
    }
    str_clear(value);
    bool quoted = false;
    for (at++; at < end && (quoted || strchr("#;", *at) == NULL); at++) {
        quoted = quoted != (*at == '"');
        bool blank = strchr(blanks, *at) != NULL && value->length == 0;
        if (*at != '"' && *at != '\\' && !blank) {
            str_append_char(value, *at);
        }
    }
    while (value->length > 0 && strchr(blanks, value->data[value->length - 1]) != NULL) {
        str_truncate(value, value->length - 1);
    }
    return value->length > 0;
}

void git_layout_config(const char *text, void (*found)(void *context, const char *path),
                       void *context)
{
    static const char include[] = "include";
    bool includes = false;
    struct str value;
    str_init(&value);
    while (*text != '\0') {
        const char *end = text + strcspn(text, "\n"), *at = text + strspn(text, blanks);
        if (*at == '[') {
            at += 1 + strspn(at + 1, blanks);
            includes = strncasecmp(at, include, sizeof include - 1) == 0;
            const char *close = memchr(at, ']', (size_t)(end - at));
            at = close != NULL ? close + 1 : end;
        }
        if (read_value(at, end, "hooksPath", &value) ||
            (includes && read_value(at, end, "path", &value))) {
            found(context, value.data);
        }
        text = end + (*end == '\n');
    }
    str_finish(&value);
}
