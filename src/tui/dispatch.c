#include "tui/dispatch.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/action.h"
#include "tui/editor.h"
#include "tui/history.h"
#include "tui/input.h"
#include "tui/surface.h"
#include "tui/terminal.h"
#include "tui/transcript.h"
#include "tui/tui_state.h"

/* Within TWICE_US the same key counts as pressed twice; keys closer than BURST_US are one burst of
 * typing. */
enum { TWICE_US = 1000000, BURST_US = 400000 };

static void emit(struct tui *tui, enum tui_intent_kind kind)
{
    struct tui_intent intent = {.kind = kind, .text = "", .length = 0, .decision = TUI_NO};
    tui->callback(tui->context, &intent);
}

static void hint(struct tui *tui, const char *text, long long now_us)
{
    tui->hint = text;
    tui->hint_us = now_us;
}

static bool twice(long long *last_us, long long now_us)
{
    bool again = now_us - *last_us <= TWICE_US;
    *last_us = now_us;
    return again;
}

static bool busy(const struct tui *tui)
{
    return tui->status.busy || tui->dialog.active;
}

/* --- sending --- */

static bool only_blanks(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

static void submit(struct tui *tui, long long now_us)
{
    (void)now_us;
    size_t cursor = editor_cursor(tui->editor);
    if (cursor > 0 && editor_text(tui->editor)[cursor - 1] == '\\') {
        editor_backspace(tui->editor);
        editor_newline(tui->editor);
        return;
    }
    const char *command = completion_selected(&tui->completion);
    if (command != NULL && tui->completion.chosen) {
        editor_set(tui->editor, "/", 1);
        editor_insert(tui->editor, command, strlen(command));
    }
    if (only_blanks(editor_text(tui->editor))) {
        return;
    }
    /* The callback may change the draft: it gets a text of its own. */
    struct tui_intent intent = {.kind = TUI_SUBMIT, .length = editor_length(tui->editor)};
    char *text = mem_strndup(editor_text(tui->editor), intent.length);
    while (text[0] == '/' && strchr(" \t\n", text[intent.length - 1]) != NULL) {
        text[--intent.length] = '\0'; /* completion puts a space behind a command */
    }
    intent.text = text;
    history_add(tui->history, text, intent.length);
    editor_reset(tui->editor);
    transcript_to_end(tui->transcript);
    tui->callback(tui->context, &intent);
    mem_free(text);
}

static void complete(struct tui *tui, long long now_us)
{
    (void)now_us;
    const char *command = completion_selected(&tui->completion);
    if (command != NULL) {
        editor_set(tui->editor, "/", 1);
        editor_insert(tui->editor, command, strlen(command));
        editor_insert(tui->editor, " ", 1);
    }
}

/* --- stopping and leaving --- */

static void escape(struct tui *tui, long long now_us)
{
    if (completion_open(&tui->completion)) {
        completion_dismiss(&tui->completion);
    } else if (busy(tui)) {
        emit(tui, TUI_INTERRUPT);
    } else if (editor_length(tui->editor) > 0) {
        if (twice(&tui->escape_us, now_us)) {
            editor_set(tui->editor, "", 0);
            tui->escape_us = TUI_NEVER;
        } else {
            hint(tui, "Esc again clears the input", now_us);
        }
    }
}

/* Interrupt, then clear, then leave. A turn that does not stop must not lock the user in: the third
 * press in a row leaves anyway. */
static void interrupt(struct tui *tui, long long now_us)
{
    bool again = twice(&tui->interrupt_us, now_us);
    tui->interrupts = again ? tui->interrupts + 1 : 1;
    if (busy(tui)) {
        if (tui->interrupts >= 3) {
            emit(tui, TUI_QUIT);
        } else if (tui->interrupts == 2) {
            hint(tui, "still stopping; Ctrl+C again quits", now_us);
        } else {
            emit(tui, TUI_INTERRUPT);
        }
    } else if (editor_length(tui->editor) > 0) {
        editor_set(tui->editor, "", 0);
        tui->interrupt_us = TUI_NEVER;
    } else if (again) {
        emit(tui, TUI_QUIT);
    } else {
        hint(tui, "press Ctrl+C again to exit", now_us);
    }
}

static void end_of_file(struct tui *tui, long long now_us)
{
    if (editor_length(tui->editor) > 0) {
        editor_delete(tui->editor);
    } else if (!busy(tui) || twice(&tui->end_us, now_us)) {
        emit(tui, TUI_QUIT);
    } else {
        hint(tui, "something runs; Ctrl+D again quits", now_us);
    }
}

static void suspend(struct tui *tui, long long now_us)
{
    (void)now_us;
    emit(tui, TUI_SUSPEND);
}

static void cycle_mode(struct tui *tui, long long now_us)
{
    (void)now_us;
    emit(tui, TUI_CYCLE_MODE);
}

static void toggle_thinking(struct tui *tui, long long now_us)
{
    (void)now_us;
    emit(tui, TUI_TOGGLE_THINKING);
}

/* --- looking around --- */

static void redraw(struct tui *tui, long long now_us)
{
    (void)now_us;
    surface_forget(tui->surface);
    tui->terminal->ops->repaint(tui->terminal);
}

static void toggle_folding(struct tui *tui, long long now_us)
{
    (void)now_us;
    transcript_toggle_folding(tui->transcript);
}

static int page(const struct tui *tui)
{
    return tui->transcript_rows > 2 ? tui->transcript_rows - 2 : 1;
}

static void page_up(struct tui *tui, long long now_us)
{
    (void)now_us;
    transcript_scroll(tui->transcript, -page(tui));
}

static void page_down(struct tui *tui, long long now_us)
{
    (void)now_us;
    transcript_scroll(tui->transcript, page(tui));
}

static void to_start(struct tui *tui, long long now_us)
{
    (void)now_us;
    transcript_to_start(tui->transcript);
}

static void to_end(struct tui *tui, long long now_us)
{
    (void)now_us;
    transcript_to_end(tui->transcript);
}

/* --- history --- */

static void older(struct tui *tui, long long now_us)
{
    (void)now_us;
    const char *entry = history_older(tui->history, editor_text(tui->editor));
    if (entry != NULL) {
        editor_set(tui->editor, entry, strlen(entry));
    }
}

static void newer(struct tui *tui, long long now_us)
{
    (void)now_us;
    const char *entry = history_newer(tui->history);
    if (entry != NULL) {
        editor_set(tui->editor, entry, strlen(entry));
    }
}

static void up(struct tui *tui, long long now_us)
{
    if (completion_open(&tui->completion)) {
        completion_move(&tui->completion, -1);
    } else if (!editor_up(tui->editor)) {
        older(tui, now_us);
    }
}

static void down(struct tui *tui, long long now_us)
{
    if (completion_open(&tui->completion)) {
        completion_move(&tui->completion, 1);
    } else if (!editor_down(tui->editor)) {
        newer(tui, now_us);
    }
}

/* End does what it says about the transcript when there is no text to go to the end of. */
static void line_end(struct tui *tui, long long now_us)
{
    (void)now_us;
    if (editor_length(tui->editor) == 0) {
        transcript_to_end(tui->transcript);
    }
    editor_line_end(tui->editor);
}

static void search(struct tui *tui, long long now_us)
{
    (void)now_us;
    tui->searching = true;
    tui->found = SIZE_MAX;
    str_clear(&tui->query);
}

/* --- tables --- */

typedef void handler(struct tui *tui, long long now_us);

/* Actions of the whole screen; all others edit (input.c). */
static handler *const handlers[ACTION_COUNT] = {
    [ACTION_SUBMIT] = submit,
    [ACTION_COMPLETE] = complete,
    [ACTION_ESCAPE] = escape,
    [ACTION_INTERRUPT] = interrupt,
    [ACTION_END_OF_FILE] = end_of_file,
    [ACTION_SUSPEND] = suspend,
    [ACTION_REDRAW] = redraw,
    [ACTION_CYCLE_MODE] = cycle_mode,
    [ACTION_TOGGLE_THINKING] = toggle_thinking,
    [ACTION_TOGGLE_FOLDING] = toggle_folding,
    [ACTION_PAGE_UP] = page_up,
    [ACTION_PAGE_DOWN] = page_down,
    [ACTION_TO_START] = to_start,
    [ACTION_TO_END] = to_end,
    [ACTION_UP] = up,
    [ACTION_DOWN] = down,
    [ACTION_OLDER] = older,
    [ACTION_NEWER] = newer,
    [ACTION_LINE_END] = line_end,
    [ACTION_SEARCH] = search,
};

/* Actions that a question leaves alone. */
static bool stays_global(enum action action)
{
    return action == ACTION_INTERRUPT || action == ACTION_SUSPEND || action == ACTION_REDRAW ||
           action == ACTION_TOGGLE_FOLDING || action == ACTION_CYCLE_MODE ||
           action == ACTION_TOGGLE_THINKING;
}

static void input_key(struct tui *tui, const struct terminal_key *key, long long now_us)
{
    enum action action = action_of_key(key->code);
    size_t revision = editor_revision(tui->editor);
    bool walks = action == ACTION_UP || action == ACTION_DOWN || action == ACTION_OLDER ||
                 action == ACTION_NEWER;
    if (key->code == '?' && editor_length(tui->editor) == 0) {
        tui->help = true;
        tui->help_first = 0;
        return;
    }
    if (handlers[action] != NULL) {
        handlers[action](tui, now_us);
    } else {
        input_edit(tui->editor, key);
    }
    if (editor_revision(tui->editor) != revision && !walks) {
        history_leave(tui->history);
    }
    completion_update(&tui->completion, editor_text(tui->editor));
}

/* --- the search, the help, the question --- */

static void look_up(struct tui *tui, size_t before)
{
    size_t found = history_find(tui->history, tui->query.data, before);
    if (found != SIZE_MAX || before == SIZE_MAX) {
        tui->found = tui->query.length == 0 ? SIZE_MAX : found;
    }
}

/* Leaves the search with what it found in the input. */
static void accept(struct tui *tui)
{
    const char *entry = history_entry(tui->history, tui->found);
    tui->searching = false;
    if (entry != NULL) {
        editor_set(tui->editor, entry, strlen(entry));
    }
}

static void search_key(struct tui *tui, const struct terminal_key *key, long long now_us)
{
    char text[4];
    enum action action = action_of_key(key->code);
    if (action == ACTION_SEARCH) {
        look_up(tui, tui->found);
    } else if (action == ACTION_INTERRUPT || key->code == ('G' & 0x1F)) {
        tui->searching = false;
    } else if (action == ACTION_BACKSPACE) {
        str_truncate(&tui->query, tui->query.length == 0 ? 0 : tui->query.length - 1);
        str_truncate(&tui->query, utf8_complete_length(tui->query.data, tui->query.length));
        look_up(tui, SIZE_MAX);
    } else if (action == ACTION_NONE && key->code >= 0x20 && key->code < 0x110000) {
        str_append_bytes(&tui->query, text, utf8_encode(key->code, text));
        look_up(tui, SIZE_MAX);
    } else if (action == ACTION_ESCAPE || action == ACTION_COMPLETE) {
        accept(tui);
    } else {
        accept(tui);
        input_key(tui, key, now_us);
    }
}

/* False: the key closes the help and means something else too. */
static bool help_key(struct tui *tui, const struct terminal_key *key)
{
    size_t rows = tui->help_rows > 1 ? tui->help_rows - 1 : 1;
    size_t last =
        tui->help_layout.count > tui->help_rows ? tui->help_layout.count - tui->help_rows : 0;
    switch (key->code) {
    case TERMINAL_KEY_PAGE_DOWN:
    case TERMINAL_KEY_DOWN:
        tui->help_first += key->code == TERMINAL_KEY_DOWN ? 1 : rows;
        tui->help_first = tui->help_first < last ? tui->help_first : last;
        return true;
    case TERMINAL_KEY_PAGE_UP:
    case TERMINAL_KEY_UP:
        rows = key->code == TERMINAL_KEY_UP ? 1 : rows;
        tui->help_first -= tui->help_first < rows ? tui->help_first : rows;
        return true;
    default:
        tui->help = false;
        return key->code == '?' || key->code == 'q' || key->code == ' ' || key->code == '\r' ||
               key->code == TERMINAL_KEY_ESCAPE;
    }
}

static void question_key(struct tui *tui, const struct terminal_key *key)
{
    static const enum tui_decision decisions[] = {[DIALOG_YES] = TUI_YES,
                                                  [DIALOG_YES_SESSION] = TUI_YES_SESSION,
                                                  [DIALOG_YES_ALWAYS] = TUI_YES_ALWAYS,
                                                  [DIALOG_NO] = TUI_NO};
    enum dialog_answer answer = dialog_key(&tui->dialog, key);
    if (answer == DIALOG_OPEN) {
        return;
    }
    struct editor *editor = tui->dialog.reason;
    struct tui_intent intent = {.kind = TUI_DECIDE, .decision = decisions[answer]};
    intent.length = answer == DIALOG_NO ? editor_length(editor) : 0;
    char *reason = mem_strndup(editor_text(editor), intent.length);
    intent.text = reason;
    dialog_close(&tui->dialog); /* first: the callback may ask the next question */
    tui->callback(tui->context, &intent);
    mem_free(reason);
}

/* A burst of typing that began before the question goes on into the input. */
static bool typed_ahead(struct tui *tui, long long now_us)
{
    if (tui->typing_ahead && now_us - tui->key_us < BURST_US) {
        return true;
    }
    tui->typing_ahead = false;
    return false;
}

void dispatch_key(struct tui *tui, const struct terminal_key *key, long long now_us)
{
    enum action action = action_of_key(key->code);
    tui->hint = NULL;
    tui->dirty = true;
    if (key->code == TERMINAL_KEY_RESIZE) {
        tui_resize(tui);
        return;
    }
    bool ahead = typed_ahead(tui, now_us);
    tui->key_us = now_us;
    if (action != ACTION_INTERRUPT) {
        tui->interrupts = 0;
        tui->interrupt_us = TUI_NEVER;
    }
    if (key->code == TERMINAL_KEY_OTHER || (tui->help && help_key(tui, key))) {
        return;
    }
    bool question = tui->dialog.active && !ahead && !stays_global(action) &&
                    (key->code != TERMINAL_KEY_PASTE || tui->dialog.asking_reason);
    if (question) {
        question_key(tui, key);
    } else if (tui->searching) {
        search_key(tui, key, now_us);
    } else {
        input_key(tui, key, now_us);
    }
}
