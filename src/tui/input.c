#include "tui/input.h"

#include <stddef.h>

#include "base/utf8.h"
#include "tui/editor.h"
#include "tui/terminal.h"

static void up(struct editor *editor)
{
    (void)editor_up(editor);
}

static void down(struct editor *editor)
{
    (void)editor_down(editor);
}

static void (*const edits[ACTION_COUNT])(struct editor *editor) = {
    [ACTION_NEWLINE] = editor_newline,
    [ACTION_UP] = up,
    [ACTION_DOWN] = down,
    [ACTION_LEFT] = editor_left,
    [ACTION_BACKGROUND] = editor_left, /* where no command runs */
    [ACTION_RIGHT] = editor_right,
    [ACTION_WORD_LEFT] = editor_word_left,
    [ACTION_WORD_RIGHT] = editor_word_right,
    [ACTION_LINE_START] = editor_line_start,
    [ACTION_LINE_END] = editor_line_end,
    [ACTION_BACKSPACE] = editor_backspace,
    [ACTION_DELETE] = editor_delete,
    [ACTION_KILL_TO_END] = editor_kill_to_end,
    [ACTION_KILL_TO_START] = editor_kill_to_start,
    [ACTION_KILL_SPACE_WORD_LEFT] = editor_kill_space_word_left,
    [ACTION_KILL_WORD_LEFT] = editor_kill_word_left,
    [ACTION_KILL_WORD_RIGHT] = editor_kill_word_right,
    [ACTION_YANK] = editor_yank,
    [ACTION_YANK_OLDER] = editor_yank_older,
    [ACTION_TRANSPOSE] = editor_transpose,
    [ACTION_UNDO] = editor_undo,
};

bool input_edit(struct editor *editor, enum action action, const struct terminal_key *key)
{
    if (key->code == TERMINAL_KEY_PASTE) {
        editor_insert(editor, key->paste, key->paste_length);
        return true;
    }
    if (edits[action] != NULL) {
        edits[action](editor);
        return true;
    }
    if (action != ACTION_NONE || key->code < 0x20 || key->code >= 0x110000) {
        return false;
    }
    char text[4];
    editor_insert(editor, text, utf8_encode(key->code, text));
    return true;
}
