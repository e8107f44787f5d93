#include "tui/fuzzy.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { AT_NAME = 4000, IN_NAME = 3000, IN_PATH = 2000, SCATTERED = 1000, STARTS_WORD = 30 };

static bool has_capital(const char *letters)
{
    for (; *letters != '\0'; letters++) {
        if (isupper((unsigned char)*letters)) {
            return true;
        }
    }
    return false;
}

/* One for each letter that begins a word or follows the letter before it at once; -1: they do not
 * come in this order. */
static int scattered(const char *letters, const char *path, bool exact)
{
    int together = 0;
    const char *last = NULL;
    for (const char *at = path; *letters != '\0'; at++) {
        if (*at == '\0') {
            return -1;
        }
        bool same = exact ? *at == *letters
                          : tolower((unsigned char)*at) == tolower((unsigned char)*letters);
        if (same) {
            together += last == at - 1 || at == path || strchr("/_-. ", at[-1]) != NULL;
            last = at;
            letters++;
        }
    }
    return together;
}

static const char *find(const char *text, const char *letters, bool exact)
{
    return exact ? strstr(text, letters) : strcasestr(text, letters);
}

int fuzzy_score(const char *letters, const char *path)
{
    bool exact = has_capital(letters);
    int length = (int)strnlen(path, 900);
    int together = scattered(letters, path, exact);
    if (together < 0) {
        return -1;
    }
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/') {
        end--; /* a folder's own name is before its slash */
    }
    while (end > 0 && path[end - 1] != '/') {
        end--;
    }
    const char *name = path + end;
    const char *found = find(name, letters, exact);
    int score = SCATTERED - length;
    if (found == name) {
        score = AT_NAME - length;
    } else if (found != NULL) {
        score = IN_NAME - length;
    } else if (find(path, letters, exact) != NULL) {
        score = IN_PATH - length;
    } else {
        score += STARTS_WORD * together;
        score = score < IN_PATH - 900 ? score : IN_PATH - 901;
    }
    return score < 0 ? 0 : score;
}
