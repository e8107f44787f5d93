#include "screen/screen_point.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/visible.h"
#include "chat/medium.h"
#include "desktop/pointer.h"
#include "screen/screen_boxes.h"
#include "screen/screen_state.h"

/* One click, from the question to its end. */
struct screen_point {
    uv_work_t work;
    struct screen *screen; /* NULL: it is gone */
    int x, y;
    bool clicking; /* the user has said yes */
    bool ok;
    atomic_bool stop;
    struct err err;
};

/* --- where --- */

/* The middle of an item, on the screen. */
static void place_of(const struct boxes_item *item, const struct chat_medium_screen *on, int *x,
                     int *y)
{
    *x = on->left + (int)boxes_pixel((item->left + item->right) / 2, (size_t)on->width);
    *y = on->top + (int)boxes_pixel((item->top + item->bottom) / 2, (size_t)on->height);
}

/* The item that the argument names, from 1; 0 when it names none. */
static size_t choose(struct screen *screen, const struct boxes *boxes, const char *argument)
{
    char *end;
    unsigned long number = strtoul(argument, &end, 10);
    if (argument[0] == '\0' && boxes->count == 1) {
        return 1;
    }
    if (argument[0] < '0' || argument[0] > '9' || *end != '\0' || number < 1 ||
        number > boxes->count) {
        screen_notice(screen, argument[0] != '\0',
                      "/point%s%s: say a number from 1 to %zu (/boxes)",
                      argument[0] != '\0' ? " " : "", argument, boxes->count);
        return 0;
    }
    return number;
}

/* NULL when a click can be asked about; else why not. */
static const char *obstacle(const struct screen *screen, const struct screen_boxes *found)
{
    const struct chat_medium *picture = found->picture;
    if (screen->mode == APPROVAL_READ_ONLY) {
        return "A click changes things, and the mode is read-only (/mode).";
    }
    if (picture == NULL || !picture->screen.taken) {
        return "That answer is not about a picture of the screen that was taken in this run: /shot "
               "takes one.";
    }
    if (found->pictures != 1) {
        return "Several pictures came with that message, and the answer does not say which one it "
               "is about: /shot takes one alone.";
    }
    if (!picture->screen.known) {
        return "Where that picture lies on the screen is not known, because the program that took "
               "it does not say. With slop (X11) or grim and slurp (Wayland) it is; /shot alone "
               "takes the whole screen.";
    }
    return NULL;
}

/* --- asking --- */

static void ask(struct screen *screen, const struct boxes_item *item, const struct chat_medium *of,
                const char *program)
{
    struct screen_point *point = mem_zero(1, sizeof *point);
    struct str text;
    long long age = (clock_monotonic_us() - of->screen.taken_us) / 1000000;
    point->screen = screen;
    point->work.data = point;
    atomic_init(&point->stop, false);
    place_of(item, &of->screen, &point->x, &point->y);
    screen->point = point;
    str_init(&text);
    str_append_format(&text, "click (left button) at %d, %d of the screen, by %s\n", point->x,
                      point->y, program);
    str_append(&text, "what the model says is there: ");
    visible_append(&text, item->label, strlen(item->label), VISIBLE_APPROVAL);
    str_append_format(&text, "%s\nthe picture is %lld s old; what is there now is clicked on",
                      item->label[0] == '\0' ? "(nothing)" : "", age);
    tui_ask_once(screen->tui, "point", text.data);
    str_finish(&text);
}

void screen_point_run(struct screen *screen, const char *argument)
{
    struct screen_boxes found;
    struct err err;
    if (screen->point != NULL || screen->asking.length > 0) {
        screen_notice(screen, true, "%s",
                      screen->asking.length > 0 ? "Answer the question first."
                                                : "A click is on its way.");
        return;
    }
    switch (screen_boxes_last(agent_conversation(screen->app.agent), &found, &err)) {
    case BOXES_NONE:
        screen_notice(screen, true, "No answer here says where something is: /shot, then ask.");
        return;
    case BOXES_WRONG:
        screen_notice(screen, true, "The boxes of the last answer cannot be used: %s.", err.text);
        return;
    case BOXES_FOUND:
        break;
    }
    const char *why_not = obstacle(screen, &found);
    const char *program = why_not == NULL ? pointer_program(&err) : NULL;
    if (program == NULL) {
        screen_notice(screen, true, "%s", why_not != NULL ? why_not : err.text);
    } else {
        size_t number = choose(screen, &found.boxes, argument);
        if (number > 0) {
            ask(screen, &found.boxes.items[number - 1], found.picture, program);
        }
    }
    boxes_finish(&found.boxes);
}

/* --- clicking --- */

static void click_on_thread(uv_work_t *work)
{
    struct screen_point *point = work->data;
    point->ok = pointer_click(point->x, point->y, &point->stop, &point->err);
}

static void on_clicked(uv_work_t *work, int status)
{
    struct screen_point *point = work->data;
    struct screen *screen = point->screen;
    if (screen != NULL) {
        bool ok = status == 0 && point->ok;
        screen->point = NULL;
        if (ok) {
            screen_notice(screen, false, "Clicked at %d, %d.", point->x, point->y);
        } else {
            screen_notice(screen, true, "No click: %s", point->err.text);
        }
    }
    mem_free(point);
}

bool screen_point_decide(struct screen *screen, bool yes)
{
    struct screen_point *point = screen->point;
    if (point == NULL || point->clicking) {
        return false;
    }
    if (yes) {
        point->clicking = true;
        uv_queue_work(&screen->app.loop, &point->work, click_on_thread, on_clicked);
    } else {
        screen->point = NULL;
        mem_free(point);
        screen_notice(screen, false, "Nothing was clicked.");
    }
    return true;
}

void screen_point_withdraw(struct screen *screen)
{
    if (screen_point_decide(screen, false)) {
        tui_withdraw(screen->tui);
    }
}

void screen_point_close(struct screen *screen)
{
    struct screen_point *point = screen->point;
    screen->point = NULL;
    if (point != NULL && point->clicking) {
        point->screen = NULL;
        atomic_store(&point->stop, true);
    } else {
        mem_free(point);
    }
}
