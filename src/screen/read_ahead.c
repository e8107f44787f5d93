#include "screen/read_ahead.h"

#include <string.h>

#include "screen/screen_state.h"

/* Shorter than the pause before Enter, longer than one between two keys. */
enum { PAUSE_MS = 300 };

static void paused(uv_timer_t *handle)
{
    struct screen *screen = handle->data;
    const char *draft = tui_draft(screen->tui);
    if (draft[0] != '/' && draft[0] != '!' && draft[strspn(draft, " \t\n")] != '\0') {
        agent_read_ahead(screen->app.agent, draft, strlen(draft));
    }
}

void read_ahead_open(struct screen *screen)
{
    uv_timer_init(&screen->app.loop, &screen->ahead);
    screen->ahead.data = screen;
    screen->ahead_revision = tui_draft_revision(screen->tui);
}

void read_ahead_close(struct screen *screen)
{
    uv_close((uv_handle_t *)&screen->ahead, NULL);
}

void read_ahead_note(struct screen *screen)
{
    size_t revision = tui_draft_revision(screen->tui);
    if (revision != screen->ahead_revision) {
        screen->ahead_revision = revision;
        read_ahead_again(screen);
    }
}

void read_ahead_again(struct screen *screen)
{
    if (!screen->plain) { /* the terminal edits the line there: it comes when it is sent */
        uv_timer_start(&screen->ahead, paused, PAUSE_MS, 0);
    }
}
