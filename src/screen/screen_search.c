#include "screen_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command_sessions.h"
#include "screen/screen_conversation.h"
#include "screen/screen_state.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

enum { HITS = 15 };

void screen_search_finish(struct screen *screen)
{
    for (size_t i = 0; i < screen->found.count; i++) {
        store_hit_finish(&screen->found.items[i]);
    }
    mem_free(screen->found.items);
    screen->found.items = NULL;
    screen->found.count = 0;
}

void screen_search(struct screen *screen, const char *words)
{
    struct err err;
    struct store_hit *hits;
    size_t count;
    bool left = false;
    store_search_work(screen->app.store, &left, NULL);
    if (!store_search(screen->app.store, words, HITS, &hits, &count, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    screen_search_finish(screen);
    screen->found.items = hits;
    screen->found.count = count;
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < count; i++) {
        str_append_format(&text, "%2zu  ", i + 1);
        command_sessions_hit(&text, &hits[i]);
        str_append_char(&text, '\n');
    }
    str_append(&text, count > 0 ? "/open N shows one at its place." : "Nothing was found.");
    str_append(&text, left ? " Not everything is indexed yet." : "");
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

/* A result is shown with its call, which is the model's: its place is that message. -1: a title was
 * found, or what was found is not there any more. */
static int64_t place_of(const struct chat_conversation *conversation, int64_t ordinal)
{
    int64_t place = ordinal < (int64_t)conversation->count ? ordinal : -1;
    while (place > 0 && conversation->messages[place].role == CHAT_TOOL) {
        place--;
    }
    return place;
}

static void show_at(struct screen *screen, const struct store_hit *hit)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    int64_t place = place_of(conversation, hit->ordinal);
    struct str words;
    str_init(&words);
    str_append(&words, "Found here: ");
    command_sessions_snippet(&words, hit);
    tui_clear(screen->tui);
    screen_show_conversation(screen, conversation, place, words.data);
    tui_show_mark(screen->tui);
    str_finish(&words);
}

void screen_search_open(struct screen *screen, const char *number)
{
    char *end = NULL;
    unsigned long wanted = number[0] != '\0' ? strtoul(number, &end, 10) : 1;
    if (screen->found.count == 0) {
        screen_notice(screen, true, "There is nothing to open: /search WORDS finds it.");
        return;
    }
    if ((end != NULL && *end != '\0') || wanted < 1 || wanted > screen->found.count) {
        screen_notice(screen, true, "/open N: the last search found 1 to %zu", screen->found.count);
        return;
    }
    const struct store_hit *hit = &screen->found.items[wanted - 1];
    const char *present = agent_conversation_id(screen->app.agent);
    bool here = present != NULL && strcmp(present, hit->conversation.id) == 0;
    if (here || screen_conversation_switch(screen, hit->conversation.id, "Taken up again.")) {
        show_at(screen, hit);
    }
}
