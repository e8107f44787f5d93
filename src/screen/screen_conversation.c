#include "screen/screen_conversation.h"

#include "base/err.h"
#include "screen/screen_state.h"

const char *screen_conversation_id(struct screen *screen)
{
    const char *id = agent_conversation_id(screen->app.agent);
    if (id == NULL) {
        screen_notice(screen, true, "The conversation begins with the first message.");
    }
    return id;
}

bool screen_conversation_switch(struct screen *screen, const char *id, const char *words)
{
    struct err err;
    if (!app_switch_conversation(&screen->app, id, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return false;
    }
    tui_clear(screen->tui);
    screen->context_used = 0;
    screen_show_conversation(screen, agent_conversation(screen->app.agent), -1, NULL);
    screen_notice(screen, false, "%s", words);
    return true;
}

void screen_conversation_earlier(struct screen *screen, const char *argument)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    size_t first = screen_first_shown(conversation);
    (void)argument;
    if (first == 0) {
        screen_notice(screen, false, "All of this conversation is on the screen.");
        return;
    }
    tui_clear(screen->tui);
    screen_show_conversation(screen, conversation, (int64_t)first - 1, "Earlier is above.");
    tui_show_mark(screen->tui);
}
