/* statusline: the last row: what happens on the left, what holds on the right.
 *
 * Where there is no room, segments go in a fixed order; a sandbox warning goes last of all.
 */
#ifndef CARAT_TUI_STATUSLINE_H
#define CARAT_TUI_STATUSLINE_H

#include <stdbool.h>

struct surface;
struct tui_status;

struct statusline {
    char *model, *mode, *sandbox, *activity;
    bool sandbox_warning, thinking, busy, listening, in_tmux;
    int jobs;
    long long command_us; /* as in tui_status */
    bool offers;          /* to put that command into the background: it has run for a while */
    char key[24];         /* that does it; "" = none */
    long context_used, context_size;
    double tokens_per_second;
};

void statusline_init(struct statusline *line);
void statusline_finish(struct statusline *line);
/* Copies. NULL texts count as empty. False when nothing changed. */
bool statusline_set(struct statusline *line, const struct tui_status *status);
/* Whether what is offered now is something else than before. */
bool statusline_tick(struct statusline *line, long long now_us);
/* `hint` is shown instead of what happens when it is not NULL; `tick` turns the spinner. */
void statusline_draw(const struct statusline *line, struct surface *surface, int row,
                     const char *hint, unsigned tick);

#endif
