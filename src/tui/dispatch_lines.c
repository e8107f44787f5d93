/* dispatch_lines: what a line means, where there are lines in place of keys: an answer to the
 * question that stands, or a message. */
#include <string.h>

#include "base/str.h"
#include "tui/dispatch.h"
#include "tui/editor.h"
#include "tui/tui_state.h"

/* What a line says: y, a, p where a rule is offered, or n with a reason behind it. A p is read out
 * once more and counts after a second line that says y. DIALOG_OPEN: nothing is decided yet. */
static enum dialog_answer read_answer(struct tui *tui, const struct str *line, const char **reason)
{
    struct dialog *dialog = &tui->dialog;
    const char letter = line->length > 0 ? line->data[0] : '\0';
    bool alone = line->length == 1, confirming = dialog->confirming;
    size_t blanks = line->length > 1 ? strspn(line->data + 1, " ,:") : 0;
    *reason = line->data + line->length;
    dialog->confirming = false;
    if (confirming && alone && letter == 'y') {
        return DIALOG_YES_ALWAYS;
    }
    if (confirming) {
        plain_notice(tui->plain, "no rule was written; y, a, p, or n and why not:", false);
    } else if (alone && letter == 'y') {
        return DIALOG_YES;
    } else if (alone && letter == 'a' && !dialog->once) {
        return DIALOG_YES_SESSION;
    } else if (alone && (letter == 'w' || letter == 'W') && dialog->network != NULL) {
        return letter == 'w' ? DIALOG_YES_NETWORK : DIALOG_YES_NETWORK_SESSION;
    } else if (alone && letter == 'p' && dialog->rule != NULL) {
        dialog->confirming = true;
        plain_confirm(tui->plain, dialog->rule);
    } else if (letter == 'n' && (alone || blanks > 0)) {
        *reason = line->data + 1 + blanks;
        return DIALOG_NO;
    } else {
        plain_notice(tui->plain,
                     dialog->once           ? "say y, or n"
                     : dialog->rule != NULL ? "say y, a, p, or n and why not"
                                            : "say y, a, or n and why not",
                     true);
    }
    return DIALOG_OPEN;
}

static void answer_line(struct tui *tui, const struct str *line)
{
    const char *reason;
    enum dialog_answer answer = read_answer(tui, line, &reason);
    if (answer == DIALOG_OPEN) {
        return;
    }
    struct tui_intent intent = {.kind = TUI_DECIDE,
                                .text = reason,
                                .length = strlen(reason),
                                .decision = dispatch_decisions[answer]};
    dialog_close(&tui->dialog);
    tui->plain->asking = false;
    tui->callback(tui->context, &intent);
}

void dispatch_lines(struct tui *tui)
{
    struct str line, clean;
    str_init(&line);
    str_init(&clean);
    while (plain_read(tui->plain, &line)) {
        str_clear(&clean);
        editor_append_clean(&clean, line.data, line.length);
        if (tui->dialog.active) {
            answer_line(tui, &clean);
        } else if (clean.data[strspn(clean.data, " \t\n")] != '\0') {
            struct tui_intent intent = {
                .kind = TUI_SUBMIT, .text = clean.data, .length = clean.length};
            tui->callback(tui->context, &intent);
        }
        tui->dirty = true;
        str_clear(&line);
    }
    str_finish(&line);
    str_finish(&clean);
}
