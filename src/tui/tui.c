/* The frame, from top to bottom:
 *
 *     transcript            what is left of the rows
 *     waiting               what was said that waits for what runs
 *     question              while one is open
 *     rule
 *     input                 1..8 rows
 *     status line
 *
 * A small window loses the rule first, then the transcript, then the status line.
 *
 * Inline the frame is the region of a terminal that scrolls (terminal.h): it is as high as it must
 * be, and of the transcript it holds only what is not final yet.
 */
#include "tui/tui.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "base/mem.h"
#include "tui/action.h"
#include "tui/dispatch.h"
#include "tui/editor.h"
#include "tui/history.h"
#include "tui/keymap.h"
#include "tui/picture.h"
#include "tui/surface.h"
#include "tui/terminal.h"
#include "tui/transcript.h"
#include "tui/tui_state.h"

enum { INPUT_ROWS = 8, TICK_US = 250000, HINT_US = 1000000 };

/* Two runs in one terminal's scrollback should not give their pictures the same names. */
enum { PICTURES_OF_A_RUN = 240 };

struct tui *tui_create(struct terminal *terminal, tui_callback *callback, void *context)
{
    struct tui *tui = mem_zero(1, sizeof *tui);
    tui->terminal = terminal;
    tui->callback = callback;
    tui->context = context;
    tui->surface = surface_create();
    tui->transcript = transcript_create();
    tui->editor = editor_create();
    tui->history = history_create();
    completion_init(&tui->completion);
    dialog_init(&tui->dialog);
    picker_init(&tui->picker);
    statusline_init(&tui->status);
    layout_init(&tui->help_layout);
    str_init(&tui->query);
    str_init(&tui->stash);
    str_init(&tui->draft);
    str_init(&tui->waiting);
    tui->interrupt_us = tui->escape_us = tui->end_us = tui->key_us = tui->tick_us = TUI_NEVER;
    tui->talk_us = TUI_NEVER;
    tui->picture_number = (unsigned)getpid() * PICTURES_OF_A_RUN;
    tui->is_inline = terminal != NULL && terminal->ops->region != NULL;
    tui_set_keymap(tui, keymap_create());
    tui_resize(tui);
    return tui;
}

struct tui *tui_create_plain(int in, int out, tui_callback *callback, void *context)
{
    struct tui *tui = tui_create(NULL, callback, context);
    tui->plain = mem_alloc(1, sizeof *tui->plain);
    plain_init(tui->plain, in, out);
    return tui;
}

/* What a full screen showed is not seen any more; inline it may stand in the scrollback. */
static void drop_pictures(struct tui *tui)
{
    if (tui->terminal != NULL && !tui->is_inline && !tui->suspended) {
        surface_drop_pictures(tui->surface, tui->terminal);
    }
}

void tui_destroy(struct tui *tui)
{
    if (tui == NULL) {
        return;
    }
    if (tui->plain != NULL) {
        plain_finish(tui->plain);
        mem_free(tui->plain);
    }
    drop_pictures(tui);
    surface_destroy(tui->surface);
    transcript_destroy(tui->transcript);
    editor_destroy(tui->editor);
    history_destroy(tui->history);
    dialog_finish(&tui->dialog);
    picker_finish(&tui->picker);
    statusline_finish(&tui->status);
    layout_finish(&tui->help_layout);
    str_finish(&tui->query);
    str_finish(&tui->stash);
    str_finish(&tui->draft);
    str_finish(&tui->waiting);
    paste_finish(&tui->pastes);
    completion_finish(&tui->completion);
    keymap_destroy(tui->keymap);
    mem_free(tui);
}

/* The first of its keys, for the status line; one whose name is too long for it is not offered. */
static void name_background_key(struct tui *tui)
{
    struct str keys;
    str_init(&keys);
    keymap_append_keys(tui->keymap, ACTION_BACKGROUND, &keys);
    str_truncate(&keys, strcspn(keys.data, ","));
    bool fits = keys.length < sizeof tui->status.key;
    snprintf(tui->status.key, sizeof tui->status.key, "%s", fits ? keys.data : "");
    str_finish(&keys);
}

void tui_set_keymap(struct tui *tui, struct keymap *keymap)
{
    keymap_destroy(tui->keymap);
    tui->keymap = keymap;
    tui->help_width = 0;
    tui->dirty = true;
    name_background_key(tui);
}

void tui_set_hold(struct tui *tui, bool talks)
{
    tui->hold_talks = talks;
}

bool tui_holds(const struct tui *tui)
{
    return tui->hold.held;
}

void tui_set_mouse(struct tui *tui, bool mouse)
{
    if (tui->terminal != NULL && tui->terminal->ops->mouse != NULL) {
        tui->terminal->ops->mouse(tui->terminal, mouse);
        tui->mouse = mouse;
    }
}

void tui_set_vi(struct tui *tui, bool vi)
{
    tui->vi.enabled = vi;
}

void tui_set_theme(struct tui *tui, const char *name)
{
    const struct theme *theme = theme_find(name);
    if (theme != NULL) {
        surface_set_theme(tui->surface, theme);
        tui->dirty = true;
    }
}

bool tui_toggle_raw(struct tui *tui)
{
    tui->dirty = true;
    return transcript_toggle_raw(tui->transcript);
}

bool tui_copy(struct tui *tui, const char *text, size_t length)
{
    return tui->terminal != NULL && tui->terminal->ops->copy(tui->terminal, text, length);
}

/* --- keys, time, the terminal --- */

bool tui_read_keys(struct tui *tui, long long now_us)
{
    if (tui->plain != NULL) {
        dispatch_lines(tui);
        return !tui->plain->lost;
    }
    struct terminal_key key;
    while (!tui->suspended && tui->terminal->ops->read(tui->terminal, &key)) {
        dispatch_key(tui, &key, now_us);
    }
    return !tui->terminal->ops->lost(tui->terminal);
}

void tui_interrupt(struct tui *tui, long long now_us)
{
    struct terminal_key key = {.code = 'C' & 0x1F};
    dispatch_key(tui, &key, now_us);
    if (tui->plain != NULL && tui->hint != NULL) {
        plain_notice(tui->plain, tui->hint, false);
    }
}

void tui_tick(struct tui *tui, long long now_us)
{
    if (tui->plain != NULL) {
        return;
    }
    if (hold_tick(&tui->hold, now_us)) {
        dispatch_let_go(tui);
    }
    if (tui->hint != NULL && now_us - tui->hint_us > HINT_US) {
        tui->hint = NULL;
        tui->dirty = true;
    }
    tui->dirty |= statusline_tick(&tui->status, now_us);
    if (tui->status.busy && now_us - tui->tick_us >= TICK_US) {
        tui->tick_us = now_us;
        tui->ticks++;
        tui->dirty = true;
    }
}

void tui_resize(struct tui *tui)
{
    int rows, columns;
    if (tui->terminal == NULL) {
        return;
    }
    tui->terminal->ops->size(tui->terminal, &rows, &columns);
    tui->rows = rows;
    if (tui->is_inline) {
        surface_restart(tui->surface, tui->terminal, columns);
    } else {
        surface_resize(tui->surface, rows, columns);
    }
    tui->dirty = true;
}

void tui_repaint(struct tui *tui)
{
    if (tui->terminal == NULL || tui->suspended || tui->is_inline) {
        return;
    }
    surface_forget(tui->surface);
    tui->terminal->ops->repaint(tui->terminal);
    tui->dirty = true;
}

void tui_suspend(struct tui *tui)
{
    if (tui->terminal == NULL) {
        return;
    }
    tui->terminal->ops->suspend(tui->terminal);
    tui->suspended = true;
}

void tui_resume(struct tui *tui)
{
    if (tui->terminal == NULL) {
        return;
    }
    tui->terminal->ops->resume(tui->terminal);
    tui->suspended = false;
    surface_forget_pictures(tui->surface);
    tui_resize(tui);
}

bool tui_dirty(const struct tui *tui)
{
    return tui->dirty;
}

/* --- the frame --- */

struct frame {
    int rows, columns;
    int transcript, waiting, dialog, rule, input, status; /* heights */
};

static int at_most(int value, int most)
{
    return value < most ? value : most;
}

/* The editor that has the cursor. */
static struct editor *active_editor(const struct tui *tui)
{
    bool reason = tui->dialog.active && tui->dialog.asking_reason;
    return reason ? tui->dialog.reason : tui->editor;
}

static struct frame divide(struct tui *tui)
{
    struct frame frame = {.rows = tui->rows, .columns = surface_columns(tui->surface)};
    struct editor *editor = active_editor(tui);
    editor_set_width(editor, frame.columns);
    size_t wanted = tui->searching ? 1 : editor_rows(editor);
    int most = frame.rows / 3 < 1 ? 1 : at_most(frame.rows / 3, INPUT_ROWS);
    frame.input = wanted < (size_t)most ? (int)wanted : most;
    frame.status = frame.rows >= 2 ? 1 : 0;
    frame.rule = frame.rows >= 5 ? 1 : 0;
    int left = frame.rows - frame.input - frame.status - frame.rule;
    frame.waiting = left >= 2 * tui->waiting_rows ? tui->waiting_rows : 0;
    left -= frame.waiting;
    if (tui->dialog.active && left > 0) {
        int context = left >= 12 ? 3 : 0; /* rows of the transcript that stay in sight */
        frame.dialog = at_most(dialog_height(&tui->dialog, frame.columns), left - context);
    } else if (tui->picker.active && left > 0) {
        frame.dialog = at_most(picker_height(&tui->picker), left);
    }
    frame.transcript = left - frame.dialog;
    return frame;
}

static void help_layout(struct tui *tui)
{
    int columns = surface_columns(tui->surface);
    if (tui->help_width != columns) {
        struct layout_writer writer;
        layout_finish(&tui->help_layout);
        layout_writer_init(&writer, &tui->help_layout, columns, 0);
        keymap_write_help(tui->keymap, &writer);
        layout_writer_finish(&writer);
        tui->help_width = columns;
    }
}

static void draw_help(struct tui *tui, int row, int height)
{
    help_layout(tui);
    tui->help_rows = height > 0 ? (size_t)height : 0;
    for (size_t i = 0; i < tui->help_rows && tui->help_first + i < tui->help_layout.count; i++) {
        layout_draw_row(&tui->help_layout, tui->help_first + i, tui->surface, row + (int)i, 0,
                        surface_columns(tui->surface));
    }
}

static void draw_waiting(struct tui *tui, int row)
{
    for (const char *line = tui->waiting.data; *line != '\0'; row++) {
        size_t length = strcspn(line, "\n");
        surface_put(tui->surface, row, 0, surface_columns(tui->surface), line, length, THEME_FAINT);
        line += length + (line[length] == '\n');
    }
}

static void draw_rule(struct tui *tui, int row)
{
    static const char more[] = " more below: Ctrl+End ";
    int columns = surface_columns(tui->surface);
    surface_fill(tui->surface, row, 0, columns, "─", THEME_RULE);
    if (tui->help) {
        surface_text(tui->surface, row, 2, columns, " keys: PgDn scrolls, Esc closes ", THEME_KEY);
    } else if (!tui->is_inline && !transcript_following(tui->transcript)) {
        int column = columns - (int)strlen(more) - 2;
        surface_text(tui->surface, row, column < 0 ? 0 : column, columns, more, THEME_KEY);
    }
}

/* An entry on one row, what was looked for marked in it. */
static void draw_found(struct tui *tui, int row, int column, size_t number)
{
    int columns = surface_columns(tui->surface);
    const char *entry = history_entry(tui->history, number);
    const char *match = tui->query.length > 0 ? strstr(entry, tui->query.data) : NULL;
    size_t before = match != NULL ? (size_t)(match - entry) : strlen(entry);
    column = surface_put(tui->surface, row, column, columns, entry, before, THEME_TEXT);
    if (match != NULL) {
        column = surface_put(tui->surface, row, column, columns, match, tui->query.length,
                             THEME_SELECTED);
        surface_text(tui->surface, row, column, columns, match + tui->query.length, THEME_TEXT);
    }
}

static void draw_search(struct tui *tui, int row)
{
    int columns = surface_columns(tui->surface);
    int column = surface_text(tui->surface, row, 0, columns, "history: ", THEME_PROMPT);
    column = surface_text(tui->surface, row, column, columns, tui->query.data, THEME_STRONG);
    surface_cursor(tui->surface, row, column);
    column = surface_text(tui->surface, row, column, columns, "  ", THEME_TEXT);
    if (history_entry(tui->history, tui->found) != NULL) {
        draw_found(tui, row, column, tui->found);
    } else if (tui->query.length > 0) {
        surface_text(tui->surface, row, column, columns, "nothing found", THEME_FAINT);
    }
}

/* The further matches, the next one lowest, up from row `bottom`. */
static void draw_matches(struct tui *tui, int bottom)
{
    size_t number = tui->found;
    for (int i = 0; i < COMPLETION_ROWS && bottom - i >= 0 && number != SIZE_MAX; i++) {
        number = history_find(tui->history, tui->query.data, number);
        if (number != SIZE_MAX) {
            surface_fill(tui->surface, bottom - i, 0, surface_columns(tui->surface), " ",
                         THEME_TEXT);
            surface_text(tui->surface, bottom - i, 0, 2, "  ", THEME_TEXT);
            draw_found(tui, bottom - i, 2, number);
        }
    }
}

static void draw_input(struct tui *tui, int top, int height)
{
    struct editor *editor = active_editor(tui);
    if (tui->searching) {
        draw_search(tui, top);
        return;
    }
    editor_draw(editor, tui->surface, top, height,
                editor != tui->editor ? "? "
                : tui->vi.normal      ? ": "
                                      : "> ");
    if (!tui->dialog.active && editor_length(editor) == 0 && surface_columns(tui->surface) >= 30) {
        surface_text(tui->surface, top, 2, surface_columns(tui->surface),
                     tui->status.busy ? "Enter steers, Tab queues for later" : "Ask something",
                     THEME_FAINT);
    }
    if (tui->dialog.active && editor == tui->editor) {
        surface_cursor(tui->surface, -1, 0); /* keys answer the question, they are not typed */
    } else if (!tui->dialog.active && tui->picker.active) {
        picker_cursor(&tui->picker, tui->surface);
    }
}

/* Lists that cover the end of the transcript; `row` is the first one below it. */
static void draw_over(struct tui *tui, const struct frame *frame, int row)
{
    if (frame->dialog == 0 && tui->searching) {
        draw_matches(tui, row + frame->waiting - 1);
    } else if (frame->dialog == 0) {
        completion_draw(&tui->completion, tui->surface, row + frame->waiting - 1);
    }
}

/* All that stands below the transcript, from `row` on. */
static void draw_below(struct tui *tui, const struct frame *frame, int row)
{
    if (frame->waiting > 0) {
        draw_waiting(tui, row);
        row += frame->waiting;
    }
    tui->drawn.dialog = row;
    if (frame->dialog > 0 && tui->dialog.active) {
        dialog_draw(&tui->dialog, tui->surface, row, frame->dialog);
    } else if (frame->dialog > 0) {
        picker_draw(&tui->picker, tui->surface, row, frame->dialog);
    }
    row += frame->dialog;
    if (frame->rule > 0) {
        draw_rule(tui, row++);
    }
    tui->drawn.input = row;
    tui->drawn.input_rows = frame->input;
    draw_input(tui, row, frame->input);
    row += frame->input;
    if (frame->status > 0) {
        const char *hint = tui->hint;
        if (hint == NULL && tui->dialog.active) {
            hint = "waiting for your answer";
        }
        statusline_draw(&tui->status, tui->surface, row, hint, tui->ticks);
    }
}

/* Inline: rows that lists and help need above what stands below the transcript. */
static int rows_over(struct tui *tui, const struct frame *frame)
{
    if (tui->help) {
        help_layout(tui);
        return tui->help_layout.count < INT_MAX ? (int)tui->help_layout.count : INT_MAX;
    }
    if (frame->dialog > 0) {
        return 0;
    }
    size_t matches = completion_open(&tui->completion) ? tui->completion.count : 0;
    return tui->searching ? COMPLETION_ROWS
                          : (int)(matches < COMPLETION_ROWS ? matches : COMPLETION_ROWS);
}

/* What is final leaves the region at its beginning, as much at a time as fits above the rest; what
 * is alive is drawn once all of that is gone. Rows that were there already cost nothing. */
static void draw_inline(struct tui *tui, const struct frame *frame)
{
    int columns = frame->columns;
    for (bool more = true; more;) {
        int below = frame->rows - frame->transcript;
        int room = frame->transcript > 0 ? frame->transcript : 1;
        int over = at_most(rows_over(tui, frame), frame->transcript);
        int settled = (int)transcript_settled(tui->transcript, columns, (size_t)room);
        /* A list must not be drawn over what is going to stay. */
        more = settled == room || (settled > 0 && settled + over > frame->transcript);
        below = settled > frame->transcript ? 0 : below; /* in a window that has no other room */
        int alive = 0;
        if (!more) {
            size_t rows = transcript_alive(tui->transcript, columns) - (size_t)settled;
            int space = frame->transcript - settled;
            alive = rows < (size_t)space ? (int)rows : space;
            alive = alive < over ? over : alive;
        }
        surface_region(tui->surface, tui->terminal, settled + alive + below, tui->below);
        tui->below = below;
        surface_clear(tui->surface);
        transcript_settle(tui->transcript, tui->surface, (size_t)settled);
        if (!more && tui->help) {
            draw_help(tui, settled, alive);
        } else if (!more) {
            transcript_draw_alive(tui->transcript, tui->surface, settled, alive);
            draw_over(tui, frame, settled + alive);
        }
        if (below > 0) {
            draw_below(tui, frame, settled + alive);
        }
        surface_show(tui->surface, tui->terminal);
        surface_release(tui->surface, tui->terminal, settled);
    }
}

void tui_draw(struct tui *tui)
{
    if (!tui->dirty || tui->suspended) {
        return;
    }
    tui->dirty = false;
    if (tui->plain != NULL) {
        plain_prompt(tui->plain);
        return;
    }
    struct frame frame = divide(tui);
    if (frame.rows == 0 || frame.columns == 0) {
        return;
    }
    if (tui->is_inline) {
        draw_inline(tui, &frame);
        return;
    }
    surface_clear(tui->surface);
    if (tui->help) {
        draw_help(tui, 0, frame.transcript);
    } else {
        transcript_draw(tui->transcript, tui->surface, frame.transcript);
        tui->transcript_rows = frame.transcript;
    }
    draw_over(tui, &frame, frame.transcript);
    draw_below(tui, &frame, frame.transcript);
    surface_show(tui->surface, tui->terminal);
}

/* --- the transcript --- */

static void happened(struct tui *tui)
{
    tui->dirty = true;
}

void tui_add_user(struct tui *tui, const char *text, size_t length)
{
    if (tui->plain != NULL) {
        plain_user(tui->plain, text, length);
    } else {
        transcript_add_user(tui->transcript, text, length);
    }
    happened(tui);
}

void tui_add_text(struct tui *tui, const char *text, size_t length)
{
    if (tui->plain != NULL) {
        plain_text(tui->plain, text, length);
    } else {
        transcript_add_answer(tui->transcript, text, length);
    }
    happened(tui);
}

void tui_add_thought(struct tui *tui, const char *text, size_t length)
{
    if (tui->plain != NULL) {
        plain_thought(tui->plain);
    } else {
        transcript_add_thought(tui->transcript, text, length);
    }
    happened(tui);
}

void tui_end_message(struct tui *tui)
{
    if (tui->plain != NULL) {
        plain_end_message(tui->plain);
    } else {
        transcript_end_message(tui->transcript);
    }
    happened(tui);
}

void tui_add_call(struct tui *tui, const char *call_id, const char *title)
{
    if (tui->plain != NULL) {
        plain_call(tui->plain, title);
    } else {
        transcript_add_call(tui->transcript, call_id, title);
    }
    happened(tui);
}

void tui_call_output(struct tui *tui, const char *call_id, const char *text, size_t length)
{
    transcript_call_output(tui->transcript, call_id, text, length);
    happened(tui);
}

void tui_end_call(struct tui *tui, const char *call_id, const char *result, size_t length,
                  const char *failure)
{
    if (tui->plain != NULL) {
        plain_result(tui->plain, result, length, failure);
    } else {
        transcript_end_call(tui->transcript, call_id, result, length, failure);
    }
    happened(tui);
}

void tui_add_notice(struct tui *tui, const char *text, bool is_error)
{
    if (tui->plain != NULL) {
        plain_notice(tui->plain, text, is_error);
    } else {
        transcript_add_notice(tui->transcript, text, is_error);
    }
    happened(tui);
}

void tui_add_mark(struct tui *tui, const char *text)
{
    transcript_mark(tui->transcript);
    tui_add_notice(tui, text, false);
}

void tui_show_mark(struct tui *tui)
{
    if (!tui->is_inline) {
        transcript_to_mark(tui->transcript);
    }
    tui->dirty = true;
}

void tui_set_pictures(struct tui *tui, enum tui_pictures how)
{
    tui->pictures = how;
}

/* NULL: pictures are words. */
static struct picture *make_picture(struct tui *tui, const unsigned char *rgb, size_t width,
                                    size_t height)
{
    static const enum picture_form forms[] = {[TUI_PICTURES_SIGNS] = PICTURE_SIGNS,
                                              [TUI_PICTURES_COLOURS] = PICTURE_COLOURS,
                                              [TUI_PICTURES_KITTY] = PICTURE_KITTY,
                                              [TUI_PICTURES_KITTY_TMUX] = PICTURE_KITTY_TMUX,
                                              [TUI_PICTURES_SIXEL] = PICTURE_SIXEL};
    int cell_width = 0, cell_height = 0;
    if (tui->pictures == TUI_PICTURES_OFF || rgb == NULL) {
        return NULL;
    }
    tui->terminal->ops->cell(tui->terminal, &cell_width, &cell_height);
    return picture_create(rgb, width, height, forms[tui->pictures], tui->picture_number++,
                          cell_width, cell_height);
}

void tui_add_picture(struct tui *tui, const unsigned char *rgb, size_t width, size_t height,
                     const char *text)
{
    if (tui->plain != NULL) {
        plain_notice(tui->plain, text, false);
    } else {
        transcript_add_picture(tui->transcript, make_picture(tui, rgb, width, height), text);
    }
    happened(tui);
}

void tui_await_picture(struct tui *tui, const void *key, const char *text)
{
    if (tui->plain != NULL) {
        plain_notice(tui->plain, text, false); /* lines that were said are not said again */
    } else {
        transcript_await_picture(tui->transcript, key, text);
    }
    happened(tui);
}

void tui_fill_picture(struct tui *tui, const void *key, const unsigned char *rgb, size_t width,
                      size_t height, const char *text)
{
    if (tui->plain == NULL) {
        transcript_fill_picture(tui->transcript, key, make_picture(tui, rgb, width, height), text);
    }
    happened(tui);
}

void tui_clear(struct tui *tui)
{
    transcript_clear(tui->transcript);
    drop_pictures(tui);
    tui->dirty = true;
}

/* --- the rest of the screen --- */

void tui_pick(struct tui *tui, const char *title, const struct tui_choice *choices, size_t count)
{
    if (tui->plain != NULL) {
        struct str text;
        str_init(&text);
        str_append_format(&text, "%s:", title);
        for (size_t i = 0; i < count; i++) {
            str_append_format(&text, "\n%s  %s", choices[i].command, choices[i].text);
        }
        plain_notice(tui->plain, text.data, false);
        str_finish(&text);
    } else if (count > 0) {
        picker_open(&tui->picker, title, choices, count);
        tui->searching = tui->help = false;
    }
    tui->dirty = true;
}

void tui_set_waiting(struct tui *tui, const struct tui_waiting *waiting, size_t count, size_t total)
{
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < count; i++) {
        str_append(&text, waiting[i].steers ? "  next step: " : "  after this: ");
        size_t length = strcspn(waiting[i].text, "\n");
        str_append_bytes(&text, waiting[i].text, length);
        str_append(&text, waiting[i].text[length] != '\0' ? " …\n" : "\n");
    }
    if (total > count && count > 0) {
        str_truncate(&text, text.length - 1);
        str_append_format(&text, "  (and %zu more)\n", total - count);
    }
    if (strcmp(text.data, tui->waiting.data) != 0) {
        tui->dirty = true;
    }
    str_finish(&tui->waiting);
    tui->waiting = text;
    tui->waiting_rows = (int)count;
}

void tui_set_status(struct tui *tui, const struct tui_status *status)
{
    if (statusline_set(&tui->status, status)) {
        happened(tui);
    }
    if (tui->plain != NULL) {
        tui->plain->busy = status->busy;
    }
}

void tui_set_commands(struct tui *tui, const struct tui_command *commands, size_t count)
{
    tui->completion.commands = commands;
    tui->completion.command_count = count;
}

void tui_add_history(struct tui *tui, const char *text)
{
    history_add(tui->history, text, strlen(text));
}

void tui_set_files(struct tui *tui, bool folders, char *const *paths, size_t count)
{
    completion_set_files(&tui->completion, folders, paths, count);
    completion_update(&tui->completion, editor_text(tui->editor), editor_cursor(tui->editor));
    tui->dirty = true;
}

const char *tui_draft(struct tui *tui)
{
    str_clear(&tui->draft);
    paste_unfold(&tui->pastes, editor_text(tui->editor), &tui->draft);
    return tui->draft.data;
}

size_t tui_draft_revision(const struct tui *tui)
{
    return editor_revision(tui->editor);
}

void tui_set_draft(struct tui *tui, const char *text)
{
    size_t length = strlen(text);
    const char *word = length >= PASTE_BYTES ? paste_fold(&tui->pastes, text, length) : NULL;
    editor_set(tui->editor, word != NULL ? word : text, word != NULL ? strlen(word) : length);
    completion_update(&tui->completion, editor_text(tui->editor), editor_cursor(tui->editor));
    completion_dismiss(&tui->completion); /* nobody is typing: what was said last stays in sight */
    tui->dirty = true;
}
