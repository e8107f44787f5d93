#include "tui/dispatch.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/action.h"
#include "tui/editor.h"
#include "tui/history.h"
#include "tui/input.h"
#include "tui/keymap.h"
#include "tui/mouse.h"
#include "tui/surface.h"
#include "tui/terminal.h"
#include "tui/transcript.h"
#include "tui/tui_state.h"

/* Within TWICE_US the same key counts as pressed twice; keys closer than BURST_US are one burst of
 * typing. The talk key counts as held from HOLD_US on. */
enum { TWICE_US = 1000000, BURST_US = 400000, HOLD_US = 400000 };

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

/* What a key stands for is a command that could have been typed. */
static void command(struct tui *tui, const char *text)
{
    struct tui_intent intent = {.kind = TUI_COMMAND, .text = text, .length = strlen(text)};
    tui->callback(tui->context, &intent);
}

static bool twice(long long *last_us, long long now_us)
{
    bool again = now_us - *last_us <= TWICE_US;
    *last_us = now_us;
    return again;
}

static bool busy(const struct tui *tui)
{
    return tui->status.busy || tui->status.listening || tui->dialog.active;
}

/* --- sending --- */

static bool only_blanks(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

/* Hands the whole text out and forgets it. */
static void send(struct tui *tui, enum tui_intent_kind kind)
{
    struct str whole;
    str_init(&whole);
    paste_unfold(&tui->pastes, editor_text(tui->editor), &whole);
    size_t length = whole.length;
    while (whole.data[0] == '/' && strchr(" \t\n", whole.data[length - 1]) != NULL) {
        str_truncate(&whole, --length); /* completion puts a space behind a command */
    }
    /* The callback may change the draft: what it gets is not the editor's own. */
    struct tui_intent intent = {.kind = kind, .text = whole.data, .length = length};
    history_add(tui->history, whole.data, length);
    editor_reset(tui->editor);
    paste_clear(&tui->pastes);
    tui->vi.normal = false;
    transcript_to_end(tui->transcript);
    tui->callback(tui->context, &intent);
    str_finish(&whole);
}

/* Puts what is selected in the place of the word that was typed. */
static bool take_completion(struct tui *tui)
{
    struct str text;
    str_init(&text);
    bool open = completion_take(&tui->completion, &text);
    if (open) {
        editor_remove(tui->editor, tui->completion.start, tui->completion.end);
        editor_insert(tui->editor, text.data, text.length);
    }
    str_finish(&text);
    return open;
}

static void submit(struct tui *tui, long long now_us)
{
    (void)now_us;
    if (tui->status.listening) {
        emit(tui, TUI_TALK); /* what stands in the input stays for the words that come */
        return;
    }
    size_t cursor = editor_cursor(tui->editor);
    if (cursor > 0 && editor_text(tui->editor)[cursor - 1] == '\\') {
        editor_backspace(tui->editor);
        editor_newline(tui->editor);
        return;
    }
    if (completion_open(&tui->completion) && tui->completion.chosen) {
        bool command = tui->completion.kind == COMPLETION_COMMAND;
        take_completion(tui);
        if (!command) {
            return; /* a file is part of a message that may go on */
        }
    }
    if (!only_blanks(editor_text(tui->editor))) {
        send(tui, TUI_SUBMIT);
    }
}

static void complete(struct tui *tui, long long now_us)
{
    if (take_completion(tui) || only_blanks(editor_text(tui->editor))) {
        return;
    }
    if (busy(tui)) {
        send(tui, TUI_QUEUE);
    } else {
        hint(tui, "nothing to complete here", now_us);
    }
}

static void stash(struct tui *tui, long long now_us)
{
    struct str whole;
    str_init(&whole);
    paste_unfold(&tui->pastes, editor_text(tui->editor), &whole);
    if (whole.length > 0) {
        hint(tui, tui->stash.length > 0 ? "swapped with what was put aside" : "put aside", now_us);
    } else if (tui->stash.length == 0) {
        hint(tui, "nothing was put aside", now_us);
    }
    struct str back = tui->stash;
    tui->stash = whole;
    tui_set_draft(tui, back.data);
    str_finish(&back);
}

static void external_editor(struct tui *tui, long long now_us)
{
    (void)now_us;
    const char *draft = tui_draft(tui);
    struct tui_intent intent = {.kind = TUI_EDIT, .text = draft, .length = strlen(draft)};
    tui->callback(tui->context, &intent);
}

static void unfold_paste(struct tui *tui, long long now_us)
{
    struct str whole;
    str_init(&whole);
    paste_unfold(&tui->pastes, editor_text(tui->editor), &whole);
    if (whole.length == editor_length(tui->editor)) {
        hint(tui, "no paste is folded", now_us);
    } else {
        editor_set(tui->editor, whole.data, whole.length);
    }
    str_finish(&whole);
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
    } else if (twice(&tui->escape_us, now_us)) {
        tui->escape_us = TUI_NEVER;
        command(tui, "/rewind menu");
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

static void paste_picture(struct tui *tui, long long now_us)
{
    (void)now_us;
    emit(tui, TUI_PASTE_PICTURE);
}

static void toggle_thinking(struct tui *tui, long long now_us)
{
    (void)now_us;
    emit(tui, TUI_TOGGLE_THINKING);
}

static void talk(struct tui *tui, long long now_us)
{
    tui->talk_us = tui->status.listening ? TUI_NEVER : now_us;
    emit(tui, TUI_TALK);
}

void dispatch_let_go(struct tui *tui)
{
    tui->dirty = true;
    if (tui->status.listening) { /* else what was said ended by itself, or was thrown away */
        emit(tui, TUI_TALK);
    }
}

/* The space bar, held on an empty input, talks. True: the key is used up. */
static bool held_space(struct tui *tui, const struct terminal_key *key, long long now_us)
{
    bool blank = key->code == ' ' && only_blanks(editor_text(tui->editor));
    if (!tui->hold_talks || tui->vi.normal || (!blank && !tui->hold.held) || key->code != ' ') {
        if (hold_end(&tui->hold)) {
            dispatch_let_go(tui);
        }
        return false;
    }
    switch (hold_blank(&tui->hold, editor_length(tui->editor) == 0, now_us)) {
    case HOLD_BEGINS:
        editor_set(tui->editor, "", 0);
        if (!tui->status.listening) {
            emit(tui, TUI_TALK);
        }
        return true;
    case HOLD_GOES_ON:
        return true;
    case HOLD_TYPED:
        break;
    }
    return false;
}

/* A key that was let go, or is held: only talking knows the difference. Held for a while it is open
 * as long as that; pressed shortly it stays open until the next press. True: the key is used up. */
static bool held_or_released(struct tui *tui, struct terminal_key *key, long long now_us)
{
    bool held = (key->code & TERMINAL_KEY_HELD) != 0;
    bool released = (key->code & TERMINAL_KEY_RELEASED) != 0;
    key->code &= ~((uint32_t)TERMINAL_KEY_HELD | TERMINAL_KEY_RELEASED);
    bool talks = keymap_action(tui->keymap, 0, key->code) == ACTION_TALK;
    if (released && talks && tui->status.listening && now_us - tui->talk_us >= HOLD_US &&
        tui->talk_us != TUI_NEVER) {
        tui->talk_us = TUI_NEVER;
        emit(tui, TUI_TALK);
        tui->dirty = true;
    }
    if (released && key->code == ' ' && hold_end(&tui->hold)) {
        dispatch_let_go(tui);
    }
    return released || (held && talks);
}

/* --- looking around --- */

static void redraw(struct tui *tui, long long now_us)
{
    (void)now_us;
    surface_forget_pictures(tui->surface);
    if (tui->is_inline) {
        tui_resize(tui);
    } else {
        tui_repaint(tui);
    }
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

static void walk_back(struct tui *tui, bool alike)
{
    const char *entry = history_older(tui->history, editor_text(tui->editor), alike);
    if (entry != NULL) {
        editor_set(tui->editor, entry, strlen(entry));
    }
}

static void older(struct tui *tui, long long now_us)
{
    (void)now_us;
    walk_back(tui, false);
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
    (void)now_us;
    if (completion_open(&tui->completion)) {
        completion_move(&tui->completion, -1);
    } else if (!editor_up(tui->editor)) {
        walk_back(tui, true);
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

static void raw(struct tui *tui, long long now_us)
{
    hint(tui, tui_toggle_raw(tui) ? "Markdown as it is" : "Markdown laid out", now_us);
}

static void jobs(struct tui *tui, long long now_us)
{
    (void)now_us;
    command(tui, "/jobs");
}

static void background(struct tui *tui, long long now_us)
{
    (void)now_us;
    if (tui->status.command_us > 0) {
        command(tui, "/background");
    } else {
        editor_left(tui->editor);
    }
}

static void model(struct tui *tui, long long now_us)
{
    (void)now_us;
    command(tui, "/model");
}

static void help(struct tui *tui, long long now_us)
{
    (void)now_us;
    tui->help = true;
    tui->help_first = 0;
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
    [ACTION_TALK] = talk,
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
    [ACTION_HELP] = help,
    [ACTION_RAW] = raw,
    [ACTION_JOBS] = jobs,
    [ACTION_BACKGROUND] = background,
    [ACTION_MODEL] = model,
    [ACTION_STASH] = stash,
    [ACTION_EXTERNAL_EDITOR] = external_editor,
    [ACTION_UNFOLD_PASTE] = unfold_paste,
    [ACTION_PASTE_PICTURE] = paste_picture,
};

/* Actions that a question leaves alone. */
static bool stays_global(enum action action)
{
    return action == ACTION_INTERRUPT || action == ACTION_SUSPEND || action == ACTION_REDRAW ||
           action == ACTION_TOGGLE_FOLDING || action == ACTION_CYCLE_MODE ||
           action == ACTION_TOGGLE_THINKING;
}

/* Actions that a list to choose from leaves alone. */
static bool stays_in_a_list(enum action action)
{
    return action != ACTION_INTERRUPT && stays_global(action);
}

/* A folded paste is one thing: it is erased whole, and the cursor is never inside its word. */
static bool erase_paste(struct tui *tui, enum action action)
{
    size_t start, end, cursor = editor_cursor(tui->editor);
    bool left = action == ACTION_BACKSPACE || action == ACTION_KILL_WORD_LEFT ||
                action == ACTION_KILL_SPACE_WORD_LEFT;
    bool right = action == ACTION_DELETE || action == ACTION_KILL_WORD_RIGHT;
    if ((!left && !right) || (left && cursor == 0) ||
        !paste_around(&tui->pastes, editor_text(tui->editor), left ? cursor - 1 : cursor + 1,
                      &start, &end)) {
        return false;
    }
    editor_cut(tui->editor, start, end);
    return true;
}

static void leave_paste(struct tui *tui, size_t cursor_before)
{
    size_t start, end, cursor = editor_cursor(tui->editor);
    if (paste_around(&tui->pastes, editor_text(tui->editor), cursor, &start, &end)) {
        editor_move_to(tui->editor, cursor < cursor_before ? start : end);
    }
}

static void edit(struct tui *tui, enum action action, const struct terminal_key *key)
{
    const char *word = NULL;
    if (key->code == TERMINAL_KEY_PASTE) {
        word = paste_fold(&tui->pastes, key->paste, key->paste_length);
    }
    if (word != NULL) {
        editor_insert(tui->editor, word, strlen(word));
    } else if (!erase_paste(tui, action)) {
        input_edit(tui->editor, action, key);
    }
}

static void input_key(struct tui *tui, struct terminal_key key, enum action action,
                      long long now_us)
{
    if (held_space(tui, &key, now_us)) {
        return;
    }
    size_t revision = editor_revision(tui->editor), cursor = editor_cursor(tui->editor);
    bool listing = completion_open(&tui->completion) && key.code == TERMINAL_KEY_ESCAPE;
    if (!listing && vi_key(&tui->vi, tui->editor, &key)) {
        action = ACTION_NONE;
        key.code = TERMINAL_KEY_OTHER;
    } else {
        action = key.code == '?' && editor_length(tui->editor) > 0
                     ? ACTION_NONE
                     : (action != ACTION_NONE ? action : keymap_action(tui->keymap, 0, key.code));
    }
    bool walks = action == ACTION_UP || action == ACTION_DOWN || action == ACTION_OLDER ||
                 action == ACTION_NEWER;
    if (handlers[action] != NULL) {
        handlers[action](tui, now_us);
    } else {
        edit(tui, action, &key);
    }
    leave_paste(tui, cursor);
    if (editor_revision(tui->editor) != revision && !walks) {
        history_leave(tui->history);
    }
    enum completion_kind before = tui->completion.kind;
    completion_update(&tui->completion, editor_text(tui->editor), editor_cursor(tui->editor));
    if (before != COMPLETION_FILE && tui->completion.kind == COMPLETION_FILE) {
        emit(tui, TUI_WANT_FILES);
    } else if (before != COMPLETION_FOLDER && tui->completion.kind == COMPLETION_FOLDER) {
        emit(tui, TUI_WANT_FOLDERS);
    }
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

static void search_key(struct tui *tui, const struct terminal_key *key, enum action action,
                       long long now_us)
{
    char text[4];
    if (action == ACTION_SEARCH) {
        look_up(tui, tui->found);
    } else if (action == ACTION_INTERRUPT || action == ACTION_EXTERNAL_EDITOR) {
        tui->searching = false;
    } else if (action == ACTION_BACKSPACE) {
        str_truncate(&tui->query, tui->query.length == 0 ? 0 : tui->query.length - 1);
        str_truncate(&tui->query, utf8_complete_length(tui->query.data, tui->query.length));
        look_up(tui, SIZE_MAX);
    } else if ((action == ACTION_NONE || action == ACTION_HELP) && key->code >= 0x20 &&
               key->code < 0x110000) {
        str_append_bytes(&tui->query, text, utf8_encode(key->code, text));
        look_up(tui, SIZE_MAX);
    } else if (action == ACTION_ESCAPE || action == ACTION_COMPLETE) {
        accept(tui);
    } else {
        accept(tui);
        input_key(tui, *key, action, now_us);
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

const enum tui_decision dispatch_decisions[] = {[DIALOG_YES] = TUI_YES,  TUI_YES_SESSION,
                                                TUI_YES_ALWAYS,          TUI_YES_NETWORK,
                                                TUI_YES_NETWORK_SESSION, TUI_NO};

static void question_key(struct tui *tui, enum action action, const struct terminal_key *key)
{
    enum dialog_answer answer = dialog_key(&tui->dialog, action, key);
    if (answer == DIALOG_OPEN) {
        return;
    }
    struct editor *editor = tui->dialog.reason;
    struct tui_intent intent = {.kind = TUI_DECIDE, .decision = dispatch_decisions[answer]};
    intent.length = answer == DIALOG_NO ? editor_length(editor) : 0;
    char *reason = mem_strndup(editor_text(editor), intent.length);
    intent.text = reason;
    dialog_close(&tui->dialog); /* first: the callback may ask the next question */
    tui->callback(tui->context, &intent);
    mem_free(reason);
}

static void pick_key(struct tui *tui, enum action action, const struct terminal_key *key,
                     long long now_us)
{
    switch (picker_key(&tui->picker, action, key)) {
    case PICKER_OPEN:
        break;
    case PICKER_CHOSEN: {
        char *chosen = mem_strdup(picker_command(&tui->picker));
        picker_close(&tui->picker); /* first: the callback may open the next list */
        command(tui, chosen);
        mem_free(chosen);
        break;
    }
    case PICKER_LEFT:
        picker_close(&tui->picker);
        if (key->code == '/') {
            input_key(tui, *key, action, now_us);
        }
        break;
    }
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

/* The second of two presses; the first alone means nothing. False: it waits for the second. */
static bool whole_key(struct tui *tui, const struct terminal_key *key, enum action *action,
                      long long now_us)
{
    uint32_t first = tui->first_key;
    tui->first_key = 0;
    *action = keymap_action(tui->keymap, first, key->code);
    if (first != 0 && *action == ACTION_NONE) {
        hint(tui, "these two keys mean nothing together", now_us);
        return false;
    }
    if (first == 0 && keymap_begins(tui->keymap, key->code)) {
        tui->first_key = key->code;
        hint(tui, "and then?", now_us);
        return false;
    }
    return true;
}

static void mouse(struct tui *tui, uint32_t code)
{
    char *chosen = mouse_chosen(tui, code);
    if (chosen != NULL) {
        picker_close(&tui->picker);
        command(tui, chosen);
        mem_free(chosen);
    } else {
        mouse_act(tui, code);
    }
}

void dispatch_key(struct tui *tui, const struct terminal_key *read, long long now_us)
{
    enum action action;
    struct terminal_key alone = *read, *key = &alone;
    if ((key->code & TERMINAL_MOUSE) == 0 && held_or_released(tui, key, now_us)) {
        return;
    }
    tui->hint = NULL;
    tui->dirty = true;
    if (key->code == TERMINAL_KEY_RESIZE) {
        tui_resize(tui);
        return;
    }
    if ((key->code & TERMINAL_MOUSE) != 0) {
        if (tui->mouse) { /* else another program left it switched on */
            mouse(tui, key->code);
        }
        return;
    }
    bool ahead = typed_ahead(tui, now_us);
    tui->key_us = now_us;
    if (!whole_key(tui, key, &action, now_us)) {
        return;
    }
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
        question_key(tui, action, key);
    } else if (!tui->dialog.active && tui->picker.active && !stays_in_a_list(action)) {
        pick_key(tui, action, key, now_us);
    } else if (tui->searching) {
        search_key(tui, key, action, now_us);
    } else {
        input_key(tui, *key, action, now_us);
    }
}
