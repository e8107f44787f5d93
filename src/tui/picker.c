#include "tui/picker.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/surface.h"
#include "tui/terminal.h"

/* QUERY_LEAST: cells that are left for what is typed where the title is long. */
enum { ENTRIES_MOST = 12, QUERY_MOST = 64, QUERY_LEAST = 14 };

void picker_init(struct picker *picker)
{
    memset(picker, 0, sizeof *picker);
    str_init(&picker->query);
}

void picker_close(struct picker *picker)
{
    for (size_t i = 0; i < picker->count; i++) {
        mem_free((char *)picker->choices[i].text);
        mem_free((char *)picker->choices[i].command);
    }
    mem_free(picker->choices);
    mem_free(picker->fitting);
    mem_free(picker->title);
    struct str query = picker->query;
    str_clear(&query);
    *picker = (struct picker){.query = query};
}

void picker_finish(struct picker *picker)
{
    picker_close(picker);
    str_finish(&picker->query);
}

/* Those that hold what was typed, in the order of the list: the best come first there. */
static void narrow(struct picker *picker)
{
    picker->fitting_count = picker->selected = picker->first = 0;
    for (size_t i = 0; i < picker->count; i++) {
        if (strcasestr(picker->choices[i].text, picker->query.data) != NULL) {
            picker->fitting[picker->fitting_count++] = i;
        }
    }
}

void picker_open(struct picker *picker, const char *title, const struct tui_choice *choices,
                 size_t count)
{
    picker_close(picker);
    picker->active = true;
    picker->title = mem_strdup(title);
    picker->choices = mem_alloc(count, sizeof *picker->choices);
    picker->fitting = mem_alloc(count, sizeof *picker->fitting);
    picker->count = count;
    for (size_t i = 0; i < count; i++) {
        picker->choices[i].text = mem_strdup(choices[i].text);
        picker->choices[i].command = mem_strdup(choices[i].command);
    }
    narrow(picker);
}

const char *picker_command(const struct picker *picker)
{
    return picker->fitting_count > 0 ? picker->choices[picker->fitting[picker->selected]].command
                                     : NULL;
}

/* --- keys --- */

static void move(struct picker *picker, bool up, size_t by)
{
    size_t last = picker->fitting_count > 0 ? picker->fitting_count - 1 : 0;
    if (up) {
        picker->selected -= picker->selected < by ? picker->selected : by;
    } else {
        picker->selected = last - picker->selected < by ? last : picker->selected + by;
    }
}

static void type(struct picker *picker, uint32_t code)
{
    char text[4];
    if (picker->query.length < QUERY_MOST) {
        str_append_bytes(&picker->query, text, utf8_encode(code, text));
        narrow(picker);
    }
}

static void erase(struct picker *picker)
{
    str_truncate(&picker->query, picker->query.length > 0 ? picker->query.length - 1 : 0);
    str_truncate(&picker->query, utf8_complete_length(picker->query.data, picker->query.length));
    narrow(picker);
}

void picker_scroll(struct picker *picker, int rows)
{
    move(picker, rows < 0, (size_t)(rows < 0 ? -rows : rows));
}

bool picker_select(struct picker *picker, size_t row)
{
    if (row >= picker->rows || picker->first + row >= picker->fitting_count) {
        return false;
    }
    picker->selected = picker->first + row;
    return true;
}

enum picker_answer picker_key(struct picker *picker, enum action action,
                              const struct terminal_key *key)
{
    size_t page = picker->rows > 1 ? picker->rows - 1 : 1;
    switch (action) {
    case ACTION_SUBMIT:
        return picker_command(picker) != NULL ? PICKER_CHOSEN : PICKER_OPEN;
    case ACTION_ESCAPE:
    case ACTION_INTERRUPT:
    case ACTION_END_OF_FILE:
        return PICKER_LEFT;
    case ACTION_UP:
    case ACTION_OLDER:
        move(picker, true, 1);
        return PICKER_OPEN;
    case ACTION_DOWN:
    case ACTION_NEWER:
    case ACTION_COMPLETE:
        move(picker, false, 1);
        return PICKER_OPEN;
    case ACTION_PAGE_UP:
    case ACTION_PAGE_DOWN:
        move(picker, action == ACTION_PAGE_UP, page);
        return PICKER_OPEN;
    case ACTION_BACKSPACE:
        erase(picker);
        return PICKER_OPEN;
    default:
        if (key->code == '/' && picker->query.length == 0) {
            return PICKER_LEFT;
        }
        if (key->code >= 0x20 && key->code < 0x110000) {
            type(picker, key->code);
        }
        return PICKER_OPEN;
    }
}

/* --- drawing --- */

int picker_height(const struct picker *picker)
{
    return 1 + (picker->count < ENTRIES_MOST ? (int)picker->count : ENTRIES_MOST);
}

void picker_draw(struct picker *picker, struct surface *surface, int top, int height)
{
    int columns = surface_columns(surface), column;
    int room = columns > 2 * QUERY_LEAST ? columns - QUERY_LEAST : columns / 2;
    column = surface_text(surface, top, 0, room, picker->title, THEME_QUESTION);
    column = surface_text(surface, top, column, columns, ": ", THEME_QUESTION);
    column = surface_text(surface, top, column, columns, picker->query.data, THEME_STRONG);
    picker->row = top;
    picker->column = column;
    if (picker->fitting_count == 0) {
        surface_text(surface, top, column, columns, "  nothing fits", THEME_FAINT);
    }
    picker->rows = height > 1 ? (size_t)(height - 1) : 0;
    if (picker->selected < picker->first) {
        picker->first = picker->selected;
    } else if (picker->rows > 0 && picker->selected >= picker->first + picker->rows) {
        picker->first = picker->selected + 1 - picker->rows;
    }
    for (size_t i = 0; i < picker->rows && picker->first + i < picker->fitting_count; i++) {
        size_t number = picker->first + i;
        bool selected = number == picker->selected;
        int row = top + 1 + (int)i;
        column = surface_text(surface, row, 0, columns, selected ? "> " : "  ", THEME_KEY);
        surface_text(surface, row, column, columns, picker->choices[picker->fitting[number]].text,
                     selected ? THEME_SELECTED : THEME_TEXT);
    }
}

void picker_cursor(const struct picker *picker, struct surface *surface)
{
    surface_cursor(surface, picker->row, picker->column);
}
