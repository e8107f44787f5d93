#include "screen/screen_frames.h"

#include "agent/agent.h"
#include "base/clock.h"
#include "infer/infer.h"
#include "screen/screen_input.h"
#include "screen/screen_state.h"
#include "tui/tui.h"

/* Fifteen frames a second: a reader sees text that flows. */
enum { FRAME_US = 66667, SPIN_MS = 250 };

/* So often it is looked whether the space bar is still held. */
enum { HOLD_MS = 50 };

/* A timer may be early by this much, by the clock; it is not worth another one. */
enum { TIMER_US = 1500 };

/* A size that has stood this long stays; who drags a window's edge sees a frame now and then. */
enum { SETTLED_MS = 40, UNSETTLED_MOST_MS = 400 };

/* tmux tells a size at most four times a second, and cuts what is drawn at the size it has by then.
 * When it comes back to the size that it told last, it tells nothing. On the normal screen a frame
 * for another size would draw over what was said, so there nothing is drawn before it is certain,
 * however long that takes. */
enum { REPAINT_MS = 600, SETTLED_INLINE_MS = 350 };

static void spin(uv_timer_t *handle)
{
    struct screen *screen = handle->data;
    tui_tick(screen->tui, clock_monotonic_us());
}

/* While a question stands there, nothing works but the user. */
static void run_spinner(struct screen *screen)
{
    bool holds = tui_holds(screen->tui);
    bool works = holds || (screen_busy(screen) && screen->asking.length == 0);
    bool running = uv_is_active((uv_handle_t *)&screen->spin);
    uint64_t period = holds ? HOLD_MS : SPIN_MS;
    if (works && (!running || uv_timer_get_repeat(&screen->spin) != period)) {
        uv_timer_start(&screen->spin, spin, period, period);
    } else if (!works && running) {
        uv_timer_stop(&screen->spin);
        screen_refresh_status(screen); /* what ended may have said nothing */
    }
}

static void set_paced(struct screen *screen, bool paced)
{
    screen->paced = paced;
    infer_pace(screen->app.infer, paced);
}

/* Wakes the loop, and before_wait draws. An answer that has not gone on for the time of a frame is
 * not worth looking at again: its next token shall wake us. */
static void frame_due(uv_timer_t *handle)
{
    struct screen *screen = handle->data;
    if (screen->paced) {
        app_poll_model(&screen->app);
        if (screen->pieces == 0) {
            set_paced(screen, false);
        }
    }
}

static void start_frame(struct screen *screen, int64_t microseconds)
{
    uv_timer_start(&screen->frame, frame_due, (uint64_t)(microseconds / 1000 + 1), 0);
}

static void draw(struct screen *screen, int64_t now)
{
    if (screen->pieces > 1 && !screen->paced) {
        set_paced(screen, true);
    }
    screen->pieces = 0;
    screen->drawn_us = now;
    agent_keep_shown(screen->app.agent);
    tui_draw(screen->tui);
}

static void before_wait(uv_prepare_t *handle)
{
    struct screen *screen = handle->data;
    run_spinner(screen);
    screen_input_note_draft(screen);
    if (uv_is_active((uv_handle_t *)&screen->settling)) {
        return;
    }
    bool waits = uv_is_active((uv_handle_t *)&screen->frame), at_once = screen->draw_now;
    screen->draw_now = false;
    int64_t now = clock_monotonic_us(), left = screen->drawn_us + FRAME_US - now;
    bool due = !waits && left < TIMER_US;
    if (tui_dirty(screen->tui) && (at_once || due)) {
        draw(screen, now);
        left = FRAME_US;
    }
    if (!waits && (screen->paced || tui_dirty(screen->tui))) {
        start_frame(screen, left > 0 ? left : FRAME_US);
    }
}

static void repaint(uv_timer_t *handle)
{
    struct screen *screen = handle->data;
    tui_repaint(screen->tui);
}

static void settled(uv_timer_t *handle)
{
    struct screen *screen = handle->data;
    screen->unsettled_us = 0;
    tui_resize(screen->tui);
    uv_timer_start(&screen->repaint, repaint, REPAINT_MS, 0);
}

static bool is_inline(const struct screen *screen)
{
    return screen->terminal != NULL && screen->terminal->ops->region != NULL;
}

void screen_frames_resized(struct screen *screen)
{
    int64_t now = clock_monotonic_us();
    screen->unsettled_us = screen->unsettled_us > 0 ? screen->unsettled_us : now;
    int64_t left_ms = UNSETTLED_MOST_MS - (now - screen->unsettled_us) / 1000;
    left_ms = is_inline(screen) ? SETTLED_INLINE_MS : left_ms < SETTLED_MS ? left_ms : SETTLED_MS;
    uv_timer_start(&screen->settling, settled, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

void screen_frames_start(struct screen *screen)
{
    uv_loop_t *loop = &screen->app.loop;
    uv_timer_init(loop, &screen->frame);
    uv_timer_init(loop, &screen->spin);
    uv_timer_init(loop, &screen->settling);
    uv_timer_init(loop, &screen->repaint);
    uv_prepare_init(loop, &screen->before_wait);
    screen->frame.data = screen->spin.data = screen->settling.data = screen->repaint.data = screen;
    screen->before_wait.data = screen;
    uv_prepare_start(&screen->before_wait, before_wait);
}
