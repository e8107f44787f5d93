#include "json_scan.h"

#include <string.h>

struct scan {
    const char *at, *end;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4) != NULL) {
        scan->at++;
    }
}

/* At a quote: behind the closing one, or at the end. */
static void skip_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++) {
        scan->at += *scan->at == '\\' && scan->at + 1 < scan->end;
    }
    scan->at += scan->at < scan->end;
}

/* Behind a value: to the comma or the bracket that ends it. */
static void skip_value(struct scan *scan)
{
    for (size_t depth = 0; scan->at < scan->end;) {
        char c = *scan->at;
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            return;
        }
        if (c == '"') {
            skip_string(scan);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        scan->at++;
    }
}

bool json_scan_member(const char *line, size_t length, const char *key, const char **value,
                      size_t *value_length)
{
    struct scan scan = {line, line + length};
    size_t key_length = strlen(key), found = 0;
    skip_blanks(&scan);
    if (scan.at == scan.end || *scan.at != '{') {
        return false;
    }
    do {
        scan.at++; /* the brace, or a comma */
        skip_blanks(&scan);
        if (scan.at == scan.end || *scan.at != '"') {
            break;
        }
        const char *name = scan.at + 1;
        skip_string(&scan);
        bool wanted = (size_t)(scan.at - name) == key_length + 1 &&
                      memcmp(name, key, key_length) == 0 && name[key_length] == '"';
        skip_blanks(&scan);
        if (scan.at == scan.end || *scan.at != ':') {
            break;
        }
        scan.at++;
        skip_blanks(&scan);
        const char *start = scan.at;
        skip_value(&scan);
        if (wanted && scan.at < scan.end) {
            *value = start;
            *value_length = (size_t)(scan.at - start);
            found++;
        }
    } while (scan.at < scan.end && *scan.at == ',');
    return found == 1;
}
