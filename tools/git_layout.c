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

/* A value from its beginning: without quotes and what follows a comment's sign; a line that ends in
 * a backslash goes on. Gives where it ends. */
static const char *read_text(const char *at, struct str *value)
{
    bool quoted = false;
    str_clear(value);
    for (; *at != '\0' && *at != '\n' && (quoted || strchr("#;", *at) == NULL); at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (*at == '\\' && at[1] != '\0') {
            at += at[1] == '\r' && at[2] == '\n' ? 2 : 1;
            str_append_bytes(value, at, *at != '\n');
        } else if (quoted || strchr(blanks, *at) == NULL || value->length > 0) {
            str_append_char(value, *at);
        }
    }
    while (value->length > 0 && strchr(blanks, value->data[value->length - 1]) != NULL) {
        str_truncate(value, value->length - 1);
    }
    return at;
}

/* What stands behind "NAME =" in the line that ends at `end`; NULL when it does not. */
static const char *behind_name(const char *at, const char *end, const char *name)
{
    size_t length = strlen(name);
    at += strspn(at, blanks);
    if ((size_t)(end - at) < length || strncasecmp(at, name, length) != 0) {
        return NULL;
    }
    at += length;
    at += strspn(at, blanks);
    return at < end && *at == '=' ? at + 1 : NULL;
}

/* What stands behind a section's name, which may hold brackets in quotes. */
static const char *behind_section(const char *at, const char *end)
{
    bool quoted = false;
    for (; at < end && (quoted || *at != ']'); at++) {
        quoted = quoted != (*at == '"');
        at += quoted && *at == '\\' && at + 1 < end;
    }
    return at < end ? at + 1 : end;
}

void git_layout_config(const char *text, void (*found)(void *context, const char *path),
                       void *context)
{
    static const char include[] = "include", mark[] = "\xef\xbb\xbf";
    bool includes = false;
    struct str value;
    str_init(&value);
    text += str_starts_with(text, mark) ? sizeof mark - 1 : 0;
    while (*text != '\0') {
        const char *end = text + strcspn(text, "\n"), *at = text + strspn(text, blanks);
        if (*at == '[') {
            at += 1 + strspn(at + 1, blanks);
            includes = strncasecmp(at, include, sizeof include - 1) == 0;
            at = behind_section(at, end);
        }
        const char *begin = behind_name(at, end, "hooksPath");
        if (begin == NULL && includes) {
            begin = behind_name(at, end, "path");
        }
        if (begin != NULL) {
            end = read_text(begin, &value);
            end += strcspn(end, "\n");
        }
        if (begin != NULL && value.length > 0) {
            found(context, value.data);
        }
        text = end + (*end == '\n');
    }
    str_finish(&value);
}
