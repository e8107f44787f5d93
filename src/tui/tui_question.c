/* tui_question: questions about calls, as tui.h offers them: on the screen or line by line. */
#include "tui/dispatch.h"
#include "tui/tui.h"
#include "tui/tui_state.h"

static void open_question(struct tui *tui, const char *title, const char *description, bool once)
{
    if (tui->plain != NULL) {
        dispatch_lines(tui); /* what was typed before the question is no answer to it */
        plain_ask(tui->plain, title, description, once);
    }
    dialog_open(&tui->dialog, title, description);
    tui->searching = false;
    tui->help = false;
    tui->typing_ahead = true;
    tui->dirty = true;
}

void tui_ask(struct tui *tui, const char *call_id, const char *title, const char *description)
{
    (void)call_id; /* one question at a time: the answer can only be to this one */
    open_question(tui, title, description, false);
}

void tui_ask_once(struct tui *tui, const char *title, const char *description)
{
    open_question(tui, title, description, true);
    dialog_only_once(&tui->dialog);
}

void tui_offer_always(struct tui *tui, const char *rule)
{
    dialog_offer_always(&tui->dialog, rule);
    if (tui->plain != NULL) {
        plain_offer(tui->plain, rule);
    }
    tui->dirty = true;
}

void tui_offer_network(struct tui *tui, const char *hosts)
{
    dialog_offer_network(&tui->dialog, hosts);
    if (tui->plain != NULL) {
        plain_offer_network(tui->plain, hosts);
    }
    tui->dirty = true;
}

void tui_withdraw(struct tui *tui)
{
    dialog_close(&tui->dialog);
    if (tui->plain != NULL) {
        tui->plain->asking = false;
    }
    tui->dirty = true;
}
