#include "tui/completion.h"

#include <string.h>

#include "tui/fuzzy.h"
#include "tui/glyph.h"
#include "tui/surface.h"
#include "tui/tui.h"

void completion_init(struct completion *completion)
{
    *completion = (struct completion){0};
    str_init(&completion->word);
}

void completion_finish(struct completion *completion)
{
    str_finish(&completion->word);
}

void completion_set_files(struct completion *completion, bool folders, char *const *paths,
                          size_t count)
{
    *(folders ? &completion->folders : &completion->files) =
        (struct completion_paths){paths, count};
    if (completion->kind == (folders ? COMPLETION_FOLDER : COMPLETION_FILE)) {
        completion->kind = COMPLETION_NONE;
        completion->count = 0; /* the matches pointed into the list before */
    }
}

/* --- finding --- */

/* Keeps the list in order of score; of two that are equal the earlier stays first. */
static void offer(struct completion *completion, const char *text, size_t length, const char *help,
                  int score)
{
    size_t count = completion->count, at = count;
    while (at > 0 && completion->matches[at - 1].score < score) {
        at--;
    }
    if (at == COMPLETION_MOST) {
        return;
    }
    size_t kept = count < COMPLETION_MOST ? count : COMPLETION_MOST - 1;
    memmove(&completion->matches[at + 1], &completion->matches[at],
            (kept - at) * sizeof completion->matches[0]);
    completion->matches[at] = (struct completion_match){text, length, help, score};
    completion->count = kept + 1;
}

static void find_commands(struct completion *completion, const char *word)
{
    for (size_t i = 0; i < completion->command_count; i++) {
        const struct tui_command *command = &completion->commands[i];
        if (str_starts_with(command->name, word)) {
            offer(completion, command->name, strlen(command->name), command->help, 0);
        }
    }
}

/* The words of "on|off" that begin as what is typed. */
static void find_arguments(struct completion *completion, const char *text, size_t name,
                           const char *word)
{
    for (size_t i = 0; i < completion->command_count; i++) {
        const struct tui_command *command = &completion->commands[i];
        bool this = strlen(command->name) == name && memcmp(command->name, text + 1, name) == 0;
        for (const char *at = this ? command->choices : NULL; at != NULL && *at != '\0';) {
            size_t length = strcspn(at, "|");
            size_t typed = strlen(word);
            if (typed < length && memcmp(at, word, typed) == 0) {
                offer(completion, at, length, "", 0);
            }
            at += length + (at[length] == '|');
        }
    }
}

static void find_paths(struct completion *completion, const struct completion_paths *paths,
                       const char *word)
{
    for (size_t i = 0; i < paths->count; i++) {
        int score = fuzzy_score(word, paths->items[i]);
        if (score >= 0) {
            offer(completion, paths->items[i], strlen(paths->items[i]), "", score);
        }
    }
}

/* Whether the command at the start of the text takes a folder. */
static bool takes_folder(const struct completion *completion, const char *text, size_t name)
{
    for (size_t i = 0; i < completion->command_count; i++) {
        const struct tui_command *command = &completion->commands[i];
        if (strlen(command->name) == name && memcmp(command->name, text + 1, name) == 0) {
            return command->choices != NULL && strcmp(command->choices, TUI_CHOICE_FOLDER) == 0;
        }
    }
    return false;
}

/* What kind of word the cursor is at the end of, and where it starts. */
static enum completion_kind word_at(const char *text, size_t cursor, size_t *start)
{
    size_t from = cursor;
    while (from > 0 && strchr(" \t\n", text[from - 1]) == NULL) {
        from--;
    }
    *start = from;
    if (cursor > from && text[from] == '@') {
        return COMPLETION_FILE;
    }
    if (text[0] != '/' || strchr(" \t\n", text[cursor]) == NULL) {
        return COMPLETION_NONE; /* strchr finds the end of the text too */
    }
    if (from == 0) {
        return cursor > 0 ? COMPLETION_COMMAND : COMPLETION_NONE;
    }
    size_t name = strcspn(text, " \t\n");
    return name + 1 == from && text[name] == ' ' ? COMPLETION_ARGUMENT : COMPLETION_NONE;
}

void completion_update(struct completion *completion, const char *text, size_t cursor)
{
    size_t start;
    enum completion_kind kind = word_at(text, cursor, &start);
    size_t length = cursor - start;
    if (kind == COMPLETION_ARGUMENT && takes_folder(completion, text, start - 2)) {
        kind = COMPLETION_FOLDER;
    }
    completion->start = start;
    completion->end = cursor;
    if (kind == completion->kind && length == completion->word.length &&
        memcmp(text + start, completion->word.data, length) == 0) {
        return;
    }
    completion->kind = kind;
    completion->count = completion->selected = 0;
    completion->chosen = completion->dismissed = false;
    str_clear(&completion->word);
    str_append_bytes(&completion->word, text + start, length);
    if (kind == COMPLETION_COMMAND) {
        find_commands(completion, completion->word.data + 1);
    } else if (kind == COMPLETION_ARGUMENT) {
        find_arguments(completion, text, start - 2, completion->word.data);
    } else if (kind == COMPLETION_FILE) {
        find_paths(completion, &completion->files, completion->word.data + 1);
    } else if (kind == COMPLETION_FOLDER) {
        find_paths(completion, &completion->folders, completion->word.data);
    }
}

/* --- using --- */

bool completion_open(const struct completion *completion)
{
    return completion->count > 0 && !completion->dismissed;
}

void completion_move(struct completion *completion, int step)
{
    size_t count = completion->count;
    completion->selected = (completion->selected + count + (step < 0 ? count - 1 : 1)) % count;
    completion->chosen = true;
}

void completion_dismiss(struct completion *completion)
{
    completion->dismissed = true;
}

static const char *mark(const struct completion *completion)
{
    return completion->kind == COMPLETION_COMMAND ? "/"
           : completion->kind == COMPLETION_FILE  ? "@"
                                                  : "";
}

bool completion_take(const struct completion *completion, struct str *out)
{
    if (!completion_open(completion)) {
        return false;
    }
    const struct completion_match *match = &completion->matches[completion->selected];
    str_append(out, mark(completion));
    str_append_bytes(out, match->text, match->length);
    bool folder = match->length > 0 && match->text[match->length - 1] == '/';
    str_append(out, folder ? "" : " ");
    return true;
}

void completion_draw(const struct completion *completion, struct surface *surface, int bottom)
{
    if (!completion_open(completion) || bottom < 0) {
        return;
    }
    size_t rows = completion->count < COMPLETION_ROWS ? completion->count : COMPLETION_ROWS;
    rows = rows <= (size_t)bottom + 1 ? rows : (size_t)bottom + 1;
    size_t first = completion->selected >= rows ? completion->selected - rows + 1 : 0;
    int limit = surface_columns(surface), names = 0;
    for (size_t i = first; i < first + rows; i++) {
        const struct completion_match *match = &completion->matches[i];
        int columns = glyph_columns(match->text, match->length);
        names = columns > names ? columns : names;
    }
    for (size_t i = 0; i < rows; i++) {
        const struct completion_match *match = &completion->matches[first + i];
        int row = bottom - (int)rows + 1 + (int)i;
        bool selected = first + i == completion->selected;
        surface_fill(surface, row, 0, limit, " ", THEME_TEXT);
        int column = surface_text(surface, row, 0, limit, selected ? "> " : "  ", THEME_KEY);
        column = surface_text(surface, row, column, limit, mark(completion), THEME_KEY);
        surface_put(surface, row, column, limit, match->text, match->length,
                    selected ? THEME_SELECTED : THEME_KEY);
        surface_text(surface, row, column + names + 2, limit, match->help, THEME_FAINT);
    }
}
