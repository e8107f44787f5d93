#include "tui/paste.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "tui/editor.h"

void paste_clear(struct pastes *pastes)
{
    for (size_t i = 0; i < pastes->count; i++) {
        mem_free(pastes->items[i].text);
    }
    pastes->count = 0;
}

void paste_finish(struct pastes *pastes)
{
    paste_clear(pastes);
}

static size_t count_lines(const char *text, size_t length)
{
    size_t lines = length > 0 && text[length - 1] != '\n';
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static const struct paste *find(const struct pastes *pastes, const char *at)
{
    for (size_t i = 0; i < pastes->count; i++) {
        if (str_starts_with(at, pastes->items[i].word)) {
            return &pastes->items[i];
        }
    }
    return NULL;
}

/* The last name of a pasted path that is a picture's or a sound's, as terminals give it for a file
 * that is dragged onto them: bare, quoted, with backslashes or as a file: address. False for all
 * other text. */
static bool file_name(const char *text, const char **name, size_t *length)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".wav"};
    size_t end = strlen(text);
    while (end > 0 && strchr(" \n'\"", text[end - 1]) != NULL) {
        end--;
    }
    const char *start = text + (text[0] == '\'' || text[0] == '"');
    bool path =
        start[0] == '/' || strncmp(start, "~/", 2) == 0 || strncmp(start, "file:///", 8) == 0;
    if (!path || memchr(text, '\n', end) != NULL || end > PASTE_BYTES) {
        return false;
    }
    size_t from = end;
    while (from > 0 && text[from - 1] != '/') {
        from--;
    }
    *name = text + from;
    *length = end - from;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (*length > ending && strncasecmp(text + end - ending, endings[i], ending) == 0) {
            return true;
        }
    }
    return false;
}

/* "[pasted picture.png]": what it stands for ends with a space, so that words behind it are none of
 * its name. */
static const char *fold_file(struct pastes *pastes, struct str *clean, const char *name,
                             size_t length)
{
    struct paste *paste = &pastes->items[pastes->count];
    size_t room = sizeof paste->word - sizeof "[pasted , 64]";
    size_t fits = length <= room ? length : utf8_complete_length(name, room);
    bool again;
    snprintf(paste->word, sizeof paste->word, "[pasted %.*s]", (int)fits, name);
    again = find(pastes, paste->word) != NULL;
    if (again) {
        snprintf(paste->word, sizeof paste->word, "[pasted %.*s, %zu]", (int)fits, name,
                 pastes->count + 1);
    }
    while (clean->length > 0 && strchr(" \n", clean->data[clean->length - 1]) != NULL) {
        str_truncate(clean, clean->length - 1);
    }
    str_append_char(clean, ' ');
    paste->length = clean->length;
    paste->text = str_take(clean);
    pastes->count++;
    return paste->word;
}

const char *paste_fold(struct pastes *pastes, const char *text, size_t length)
{
    struct str clean;
    str_init(&clean);
    editor_append_clean(&clean, text, length);
    const char *name;
    size_t name_length;
    if (pastes->count < PASTE_MOST && file_name(clean.data, &name, &name_length)) {
        return fold_file(pastes, &clean, name, name_length);
    }
    size_t lines = count_lines(clean.data, clean.length);
    if ((lines < PASTE_LINES && clean.length < PASTE_BYTES) || pastes->count == PASTE_MOST) {
        str_finish(&clean);
        return NULL;
    }
    struct paste *paste = &pastes->items[pastes->count];
    const char *plural = lines == 1 ? "" : "s";
    snprintf(paste->word, sizeof paste->word, "[pasted %zu line%s]", lines, plural);
    if (find(pastes, paste->word) != NULL) {
        snprintf(paste->word, sizeof paste->word, "[pasted %zu line%s, %zu]", lines, plural,
                 pastes->count + 1);
    }
    paste->length = clean.length;
    paste->text = str_take(&clean);
    pastes->count++;
    return paste->word;
}

void paste_unfold(const struct pastes *pastes, const char *text, struct str *out)
{
    while (*text != '\0') {
        const char *bracket = pastes->count > 0 ? strstr(text, "[pasted ") : NULL;
        size_t plain = bracket == NULL ? strlen(text) : (size_t)(bracket - text);
        str_append_bytes(out, text, plain);
        text += plain;
        const struct paste *paste = bracket == NULL ? NULL : find(pastes, text);
        if (paste != NULL) {
            str_append_bytes(out, paste->text, paste->length);
            text += strlen(paste->word);
        } else if (bracket != NULL) {
            str_append_char(out, *text++);
        }
    }
}

bool paste_around(const struct pastes *pastes, const char *text, size_t at, size_t *start,
                  size_t *end)
{
    size_t from = at > PASTE_WORD ? at - PASTE_WORD : 0;
    for (; pastes->count > 0 && from < at; from++) {
        const struct paste *paste = text[from] == '[' ? find(pastes, text + from) : NULL;
        if (paste != NULL && from + strlen(paste->word) > at) {
            *start = from;
            *end = from + strlen(paste->word);
            return true;
        }
    }
    return false;
}
