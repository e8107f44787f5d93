#include "glob.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* One place to come back to: continue the pattern at `pattern` with the text from `path` on. */
struct choice {
    const char *pattern; /* NULL = none */
    const char *path;
};

static const struct class
{
    const char *name;
    int (*holds)(int c);
} classes[] = {
    {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
    {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
    {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
};

/* The last byte of the class that begins at `at`, as in "[:digit:]"; NULL when none does. Its name
 * is of letters. */
static const char *class_end(const char *at)
{
    if (at[0] != '[' || at[1] != ':') {
        return NULL;
    }
    const char *end = at + 2;
    while ((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z')) {
        end++;
    }
    return end[0] == ':' && end[1] == ']' ? end + 1 : NULL;
}

/* NULL: there is no such class. */
static const struct class *class_named(const char *at, const char *end)
{
    size_t length = (size_t)(end - at) - 3;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strlen(classes[i].name) == length && memcmp(classes[i].name, at + 2, length) == 0) {
            return &classes[i];
        }
    }
    return NULL;
}

/* The end of the set that begins at `set` ('['), or NULL when it is never closed. */
static const char *set_end(const char *set)
{
    const char *at = set + 1;
    if (*at == '!' || *at == '^') {
        at++;
    }
    if (*at == ']') { /* first in the set it is a member */
        at++;
    }
    for (; *at != '\0'; at++) {
        const char *last = class_end(at);
        if (last != NULL) {
            at = last;
        } else if (*at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == ']') {
            return at;
        }
    }
    return NULL;
}

static bool set_holds(const char *set, const char *end, unsigned char c)
{
    const char *at = set + 1;
    bool outside = *at == '!' || *at == '^';
    bool found = false;
    at += outside;
    while (at < end) {
        const char *last = class_end(at);
        if (last != NULL) {
            const struct class *class = class_named(at, last);
            if (class == NULL) {
                return false; /* as in git: such a set matches nothing, turned round or not */
            }
            found = found || (c < 0x80 && class->holds(c) != 0);
            at = last + 1;
            continue;
        }
        at += *at == '\\';
        unsigned char low = (unsigned char)*at++, high = low;
        if (at[0] == '-' && at + 1 < end) {
            at++;
            at += *at == '\\';
            high = (unsigned char)*at++;
        }
        found = found || (c >= low && c <= high);
    }
    return found != outside;
}

/* The end of the set at `set`, as set_end says. Behind a '[' that is never closed only a class is:
 * its name holds no '[', and whatever else would close a later one had closed the first. So each
 * byte is looked at once for that, however often the pattern is begun again: `*unclosed` is the
 * first such '[', NULL until one is found. */
static const char *set_end_once(const char *set, const char **unclosed)
{
    if (*unclosed != NULL && set >= *unclosed) {
        return set == *unclosed ? NULL : class_end(set);
    }
    const char *end = set_end(set);
    *unclosed = end == NULL ? set : *unclosed;
    return end;
}

/* Matches one pattern item that is not a star against the text at `path`, and moves both on. */
static bool match_one(const char **pattern, const char **path, const char **unclosed)
{
    const char *p = *pattern, *end;
    unsigned char c = (unsigned char)**path;
    bool any = *p == '?';
    if (c == '\0') {
        return false;
    }
    if (any || (*p == '[' && (end = set_end_once(p, unclosed)) != NULL)) {
        if (c == '/' || (!any && !set_holds(p, end, c))) {
            return false;
        }
        *pattern = any ? p + 1 : end + 1;
        *path += 1;
        /* '?' takes a whole character: the rest of its UTF-8 bytes too. */
        while (any && (**path & 0xC0) == 0x80) {
            *path += 1;
        }
        return true;
    }
    if (*p == '\\' && p[1] != '\0') {
        p++;
    }
    if ((unsigned char)*p != c) {
        return false;
    }
    *pattern = p + 1;
    *path += 1;
    return true;
}

/* True at a "**" that is a whole name of the pattern. */
static bool at_directories(const char *start, const char *p)
{
    return p[0] == '*' && p[1] == '*' && (p == start || p[-1] == '/') &&
           (p[2] == '/' || p[2] == '\0');
}

/* The usual trick for one kind of star: on a mismatch let the last star take one more, as earlier
 * ones never need to. Here there are two kinds, and a plain star gives up at a '/': then the last
 * double star takes one more directory and everything after it begins again. */
bool glob_match(const char *pattern, const char *path)
{
    const char *start = pattern, *unclosed = NULL;
    struct choice star = {NULL, NULL}, directories = {NULL, NULL};
    for (;;) {
        if (at_directories(start, pattern)) {
            if (pattern[2] == '\0') {
                /* "a/" + "**": everything inside, so there must be something. */
                return *path != '\0';
            }
            pattern += 3;
            directories = (struct choice){pattern, path};
            star.pattern = NULL;
            continue;
        }
        if (*pattern == '*') {
            pattern += strspn(pattern, "*");
            star = (struct choice){pattern, path};
            continue;
        }
        if (*pattern == '\0' && *path == '\0') {
            return true;
        }
        if (*pattern != '\0' && match_one(&pattern, &path, &unclosed)) {
            continue;
        }
        if (star.pattern != NULL && *star.path != '\0' && *star.path != '/') {
            star.path++;
            pattern = star.pattern;
            path = star.path;
            continue;
        }
        const char *slash = directories.pattern == NULL ? NULL : strchr(directories.path, '/');
        if (slash == NULL) {
            return false;
        }
        directories.path = slash + 1;
        star.pattern = NULL;
        pattern = directories.pattern;
        path = directories.path;
    }
}
