#include "tui/mouse.h"

#include <stdbool.h>

#include "base/mem.h"
#include "tui/editor.h"
#include "tui/terminal.h"
#include "tui/transcript.h"
#include "tui/tui_state.h"

enum { WHEEL_ROWS = 3 };

static void wheel(struct tui *tui, bool up)
{
    int rows = up ? -WHEEL_ROWS : WHEEL_ROWS;
    if (tui->dialog.active) {
        dialog_scroll(&tui->dialog, rows);
    } else if (tui->picker.active) {
        picker_scroll(&tui->picker, rows);
    } else if (!tui->help) {
        transcript_scroll(tui->transcript, rows);
    }
}

static bool presses(uint32_t code)
{
    return (code & TERMINAL_MOUSE_KIND) == TERMINAL_MOUSE_PRESS;
}

char *mouse_chosen(struct tui *tui, uint32_t code)
{
    int entry = terminal_mouse_row(code) - tui->drawn.dialog - 1; /* below its title */
    bool chosen = presses(code) && tui->picker.active && !tui->dialog.active && entry >= 0 &&
                  picker_select(&tui->picker, (size_t)entry);
    return chosen ? mem_strdup(picker_command(&tui->picker)) : NULL;
}

void mouse_act(struct tui *tui, uint32_t code)
{
    int row = terminal_mouse_row(code), input = row - tui->drawn.input;
    if (!presses(code)) {
        wheel(tui, (code & TERMINAL_MOUSE_KIND) == TERMINAL_MOUSE_WHEEL_UP);
    } else if (tui->help || tui->dialog.active || tui->picker.active || tui->searching) {
        return;
    } else if (row < tui->transcript_rows) {
        transcript_toggle_at(tui->transcript, row);
    } else if (input >= 0 && input < tui->drawn.input_rows) {
        editor_click(tui->editor, input, terminal_mouse_column(code));
    }
}
