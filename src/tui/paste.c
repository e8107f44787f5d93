#include "tui/paste.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
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

const char *paste_fold(struct pastes *pastes, const char *text, size_t length)
{
    struct str clean;
    str_init(&clean);
    editor_append_clean(&clean, text, length);
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
