/* mentions: see mentions.h. */
#include "app/mentions.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/str.h"

static const struct {
    const char *ending;
    bool picture;
} endings[] = {{".png", true}, {".jpg", true}, {".jpeg", true}, {".wav", false}, {".mp4", true},
               {".m4v", true}, {".mov", true}, {".webm", true}, {".mkv", true},  {".avi", true}};

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* A quoted word that begins at text[at]; returns where it ends, 0 when the quote is not closed. */
static size_t read_quoted(const char *text, size_t at, struct str *word)
{
    char quote = text[at++];
    for (; text[at] != '\0' && text[at] != quote; at++) {
        at += quote == '"' && text[at] == '\\' && text[at + 1] != '\0';
        str_append_bytes(word, text + at, 1);
    }
    return text[at] == quote ? at + 1 : 0;
}

/* A word from text[at] to the next space, without its quotes and backslashes; returns its end. An
 * apostrophe inside, or one that is never closed, is no quote. */
static size_t read_word(const char *text, size_t at, struct str *word)
{
    size_t quoted = at + (text[at] == '@');
    if (text[quoted] == '"' || text[quoted] == '\'') {
        str_append_bytes(word, text + at, quoted - at);
        size_t end = read_quoted(text, quoted, word);
        if (end > 0) {
            return end;
        }
        str_clear(word);
    }
    for (; text[at] != '\0' && !is_space(text[at]); at++) {
        at += text[at] == '\\' && text[at + 1] != '\0';
        str_append_bytes(word, text + at, 1);
    }
    return at;
}

static int hex_digit(char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = byte != '\0' ? strchr(digits, tolower((unsigned char)byte)) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* The path of a file: address; false when it is of another machine. */
static bool read_address(const char *address, struct str *path)
{
    const char *rest = address + strlen("file://");
    rest += strncmp(rest, "localhost/", 10) == 0 ? strlen("localhost") : 0;
    for (; rest[0] != '\0'; rest++) {
        int high = rest[0] == '%' ? hex_digit(rest[1]) : -1;
        int low = high >= 0 ? hex_digit(rest[2]) : -1;
        char byte = low >= 0 ? (char)(high << 4 | low) : rest[0];
        rest += low >= 0 ? 2 : 0;
        if (byte == '\0') {
            return false;
        }
        str_append_bytes(path, &byte, 1);
    }
    return path->length > 0 && path->data[0] == '/';
}

static bool find_kind(const char *path, bool *picture)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i].ending);
        if (length > ending && strcasecmp(path + length - ending, endings[i].ending) == 0) {
            *picture = endings[i].picture;
            return true;
        }
    }
    return false;
}

/* The word as a path that can be opened, when it is one that counts. */
static bool find_path(const char *word, const char *folder, const char *home, struct str *path)
{
    bool named = word[0] == '@';
    const char *name = named ? word + 1 : word;
    if (strncmp(name, "file://", 7) == 0) {
        return read_address(name, path);
    }
    if (strncmp(name, "~/", 2) == 0 && home != NULL) {
        str_append_format(path, "%s%s", home, name + 1);
        return true;
    }
    if (name[0] == '/') {
        str_append(path, name);
        return true;
    }
    if (named && name[0] != '\0') {
        str_append_format(path, "%s/%s", folder, name);
    }
    return named && name[0] != '\0';
}

/* Signs that end a sentence, or a bracket, are no part of a name. */
static void trim(struct str *word)
{
    while (word->length > 0 && strchr(".,;:!?)", word->data[word->length - 1]) != NULL) {
        word->data[--word->length] = '\0';
    }
}

bool mentions_next(const char *text, size_t *at, const char *folder, const char *home,
                   struct str *path, bool *picture)
{
    struct str word;
    struct stat status;
    bool found = false;
    str_init(&word);
    while (!found && text[*at] != '\0') {
        if (is_space(text[*at]) || text[*at] == '(') {
            ++*at;
            continue;
        }
        str_clear(&word);
        str_clear(path);
        *at = read_word(text, *at, &word);
        trim(&word);
        found = word.length > 0 && find_path(word.data, folder, home, path) &&
                find_kind(path->data, picture) && stat(path->data, &status) == 0 &&
                S_ISREG(status.st_mode);
    }
    str_finish(&word);
    return found;
}
