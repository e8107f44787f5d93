/* path_rule: both paths taken apart from their end, so that no memory and no limit is needed. */
#include "approval/path_rule.h"

#include <string.h>

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

bool path_rule_concerns(const char *rule, const char *path, size_t length)
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
