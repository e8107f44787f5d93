#include "tui/completion.h"

#include <string.h>

#include "base/str.h"
#include "tui/glyph.h"
#include "tui/surface.h"
#include "tui/tui.h"

void completion_update(struct completion *completion, const char *text)
{
    size_t before[COMPLETION_COMMANDS], before_count = completion->count;
    memcpy(before, completion->matches, sizeof before);
    completion->count = 0;
    bool word = text[0] == '/' && strpbrk(text, " \t\n") == NULL;
    for (size_t i = 0; word && i < completion->command_count; i++) {
        if (completion->count < COMPLETION_COMMANDS &&
            str_starts_with(completion->commands[i].name, text + 1)) {
            completion->matches[completion->count++] = i;
        }
    }
    if (completion->count != before_count ||
        memcmp(before, completion->matches, completion->count * sizeof before[0]) != 0) {
        completion->selected = 0;
        completion->chosen = false;
        completion->dismissed = false;
    }
}

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

const char *completion_selected(const struct completion *completion)
{
    if (!completion_open(completion)) {
        return NULL;
    }
    return completion->commands[completion->matches[completion->selected]].name;
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
        const char *name = completion->commands[completion->matches[i]].name;
        int columns = glyph_columns(name, strlen(name));
        names = columns > names ? columns : names;
    }
    for (size_t i = 0; i < rows; i++) {
        const struct tui_command *command = &completion->commands[completion->matches[first + i]];
        int row = bottom - (int)rows + 1 + (int)i;
        bool selected = first + i == completion->selected;
        surface_fill(surface, row, 0, limit, " ", THEME_TEXT);
        int column = surface_text(surface, row, 0, limit, selected ? "> /" : "  /", THEME_KEY);
        surface_text(surface, row, column, limit, command->name,
                     selected ? THEME_SELECTED : THEME_KEY);
        surface_text(surface, row, column + names + 2, limit, command->help, THEME_FAINT);
    }
}
