/* path_rule: plain paths are taken apart from their end, so that no memory is needed; for a pattern
 * the path is first spelled in the one way that glob_match expects. What is longer than any path of
 * the system is not compared, which takes the square of its length. */
#include "approval/path_rule.h"

#include <limits.h>
#include <string.h>

#include "approval/path_spelling.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/str.h"

/* What is left of a path, and the component that was taken last. */
struct rest {
    const char *start, *end; /* not looked at yet */
    const char *component;
    size_t length;
};

/* The component before; ".." takes the one before itself away. False at the beginning. */
static bool previous(struct rest *rest)
{
    size_t above = 0;
    while (rest->end > rest->start) {
        const char *end = rest->end;
        const char *begin = end;
        while (begin > rest->start && begin[-1] != '/') {
            begin--;
        }
        rest->end = begin > rest->start ? begin - 1 : begin;
        size_t length = (size_t)(end - begin);
        if (length == 0 || (length == 1 && begin[0] == '.')) {
            continue;
        }
        if (length == 2 && begin[0] == '.' && begin[1] == '.') {
            above++;
        } else if (above > 0) {
            above--;
        } else {
            rest->component = begin;
            rest->length = length;
            return true;
        }
    }
    return false;
}

/* One path against another. */
static bool same_path(const char *rule, const char *path, size_t length)
{
    struct rest wanted = {rule, rule + strlen(rule), NULL, 0},
                given = {path, path + length, NULL, 0};
    bool any = false;
    while (previous(&wanted)) {
        any = true;
        if (!previous(&given) || given.length != wanted.length ||
            memcmp(given.component, wanted.component, wanted.length) != 0) {
            return false;
        }
    }
    bool open = rule[0] != '/' && length > 0 && path[0] == '/';
    return any && (open || !previous(&given));
}

/* --- patterns --- */

bool path_rule_is_pattern(const char *rule)
{
    return strpbrk(rule, "*?[") != NULL || str_ends_with(rule, "/");
}

/* Without what changes nothing in front, and without the "/" or "/" + "**" of a folder. */
static char *folder_or_pattern(const char *rule)
{
    while (str_starts_with(rule, "./")) {
        rule += 2;
    }
    size_t length = strlen(rule);
    if (length > 3 && strcmp(rule + length - 3, "/**") == 0) {
        length -= 3;
    }
    while (length > 1 && rule[length - 1] == '/') {
        length--;
    }
    return mem_strndup(rule, length);
}

/* The components that are left of a path, a slash between them and before them all; what leads out
 * of where a relative one begins is left out. */
static void spell(struct str *out, const char *path, size_t length)
{
    struct str spelled;
    str_init(&spelled);
    path_spelling_append(&spelled, path, length);
    const char *rest = spelled.data + (spelled.data[0] == '/');
    while (strcmp(rest, "..") == 0 || str_starts_with(rest, "../")) {
        rest += rest[2] == '/' ? 3 : 2;
    }
    str_append_format(out, "%s%s", rest[0] != '\0' ? "/" : "", rest);
    str_finish(&spelled);
}

/* Whether the pattern fits the text or a folder that it leads through. */
static bool fits_on_the_way(const char *pattern, char *text)
{
    for (char *at = text;; at++) {
        if (*at == '/' || *at == '\0') {
            char end = *at;
            *at = '\0';
            bool fits = at > text && glob_match(pattern, text);
            *at = end;
            if (fits || end == '\0') {
                return fits;
            }
        }
    }
}

static bool pattern_concerns(const char *rule, const char *path, size_t length)
{
    struct str spelled, anywhere;
    char *pattern = folder_or_pattern(rule);
    bool from_root = pattern[0] == '/', absolute = length > 0 && path[0] == '/';
    const char *slash = strchr(rule, '/');
    bool deep = slash == NULL || slash[1] == '\0' || (absolute && !from_root);
    str_init(&spelled);
    str_init(&anywhere);
    spell(&spelled, path, length);
    str_append_format(&anywhere, "%s%s", deep ? "**/" : "", pattern);
    char *text =
        spelled.length == 0 ? spelled.data : spelled.data + (from_root && absolute ? 0 : 1);
    bool all = strcmp(pattern, "**") == 0 || pattern[0] == '\0' || /* "./" */
               (strcmp(pattern, "/") == 0 && absolute);
    bool concerns = all || ((!from_root || absolute) && spelled.length > 0 &&
                            fits_on_the_way(anywhere.data, text));
    str_finish(&anywhere);
    str_finish(&spelled);
    mem_free(pattern);
    return concerns;
}

/* The path that the rule spells, or, where that is a folder, what is in it. */
static bool plain_concerns(const char *rule, const char *path, size_t length)
{
    struct str spelled;
    str_init(&spelled);
    spell(&spelled, path, length);
    bool absolute = length > 0 && path[0] == '/', concerns = false;
    const char *text = spelled.data + (spelled.length > 0 && !absolute);
    for (size_t at = strlen(text); !concerns && at > 0; at--) {
        concerns = (text[at] == '/' || text[at] == '\0') && same_path(rule, text, at);
    }
    str_finish(&spelled);
    return concerns;
}

/* No empty component, no "." and no "..". */
static bool is_plain(const char *path, size_t length)
{
    size_t component = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && path[i] != '/') {
            continue;
        }
        size_t size = i - component;
        bool first = i == 0 && length > 1; /* of an absolute path */
        if ((size == 0 && !first) || (size == 1 && path[component] == '.') ||
            (size == 2 && path[component] == '.' && path[component + 1] == '.')) {
            return false;
        }
        component = i + 1;
    }
    return true;
}

static bool has_controls(const char *path, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

bool path_rule_is_valid(const char *rule)
{
    const char *at = rule + (str_starts_with(rule, "./") ? 2 : 0);
    size_t length = strlen(at);
    length -= length > 0 && at[length - 1] == '/'; /* of a folder */
    return !path_rule_is_pattern(rule) || length == 0 || is_plain(at, length);
}

bool path_rule_allows(const char *rule, const char *path, size_t length)
{
    if (length >= PATH_MAX || !path_rule_is_pattern(rule) || !is_plain(path, length) ||
        has_controls(path, length)) {
        return false;
    }
    struct str pattern;
    char *text = mem_strndup(path, length);
    str_init(&pattern);
    str_append_format(&pattern, "%s%s", rule + (str_starts_with(rule, "./") ? 2 : 0),
                      str_ends_with(rule, "/") ? "**" : "");
    bool allows = glob_match(pattern.data, text);
    str_finish(&pattern);
    mem_free(text);
    return allows;
}

/* Whatever an allowance would take it for, a denial does, too. */
bool path_rule_concerns(const char *rule, const char *path, size_t length)
{
    return length >= PATH_MAX ? true
           : path_rule_is_pattern(rule)
               ? path_rule_allows(rule, path, length) || pattern_concerns(rule, path, length)
               : plain_concerns(rule, path, length);
}
