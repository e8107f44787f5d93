#include "screen/screen_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "command/command_sessions.h"
#include "screen/screen_conversation.h"
#include "screen/screen_state.h"
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

/* What was found, to choose from. */
static void offer(struct screen *screen, bool left)
{
    struct tui_choice choices[HITS];
    struct str texts[HITS];
    char commands[HITS][16];
    size_t count = screen->found.count;
    for (size_t i = 0; i < count; i++) {
        str_init(&texts[i]);
        command_sessions_hit_choice(&texts[i], &screen->found.items[i]);
        snprintf(commands[i], sizeof commands[i], "/open %zu", i + 1);
        choices[i] = (struct tui_choice){texts[i].data, commands[i]};
    }
    if (count > 0) {
        tui_pick(screen->tui, "Enter opens it at its place, Esc leaves (/open N later)", choices,
                 count);
    } else {
        screen_notice(screen, false, "Nothing was found.");
    }
    if (left) {
        screen_notice(screen, false, "Not everything is indexed yet.");
    }
    for (size_t i = 0; i < count; i++) {
        str_finish(&texts[i]);
    }
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
    offer(screen, left);
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

void screen_search_show(struct screen *screen, int64_t ordinal, const char *words)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    struct str mark;
    str_init(&mark);
    str_append_format(&mark, "Found here: %s", words);
    tui_clear(screen->tui);
    screen_show_conversation(screen, conversation, place_of(conversation, ordinal), mark.data);
    tui_show_mark(screen->tui);
    str_finish(&mark);
}

static void show_at(struct screen *screen, const struct store_hit *hit)
{
    struct str words;
    str_init(&words);
    command_sessions_snippet(&words, hit);
    screen_search_show(screen, hit->ordinal, words.data);
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
