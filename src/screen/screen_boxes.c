#include "screen/screen_boxes.h"

#include <stdint.h>
#include <string.h>

#include <uv.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/conversation.h"
#include "chat/medium.h"
#include "media/overlay.h"
#include "media/png_write.h"
#include "screen/screen_state.h"

/* A cell shows about a sixtieth of a picture's width: thinner lines would not be seen there. */
enum { SHOWN_SIDE = 256, SHOWN_LINE = 4, SHOWN_LABELS = 12, FILE_LINES = 400 };

/* --- which --- */

/* The last picture of the last message before `end` that has some. */
static void find_picture(const struct chat_conversation *conversation, size_t end,
                         struct screen_boxes *found)
{
    found->picture = NULL;
    found->pictures = 0;
    found->coming = false;
    for (size_t i = end; found->pictures == 0 && i-- > 0;) {
        const struct chat_message *message = &conversation->messages[i];
        for (size_t part = 0; part < message->part_count; part++) {
            const struct chat_medium *medium = message->parts[part].medium;
            if (message->parts[part].kind == CHAT_PART_IMAGE ||
                message->parts[part].kind == CHAT_PART_VIDEO) {
                found->pictures++;
                found->picture = medium != NULL && medium->rgb != NULL ? medium : NULL;
                found->coming = medium == NULL && message->parts[part].handle != NULL;
            }
        }
    }
}

static enum boxes_answer read_answer(const struct chat_conversation *conversation, size_t place,
                                     const struct chat_message *answer, struct screen_boxes *found,
                                     struct err *err)
{
    struct boxes boxes;
    enum boxes_answer read = boxes_read(answer->text, strlen(answer->text), &boxes, err);
    if (read == BOXES_FOUND) {
        found->boxes = boxes;
        find_picture(conversation, place, found);
    }
    return read;
}

enum boxes_answer screen_boxes_last(const struct chat_conversation *conversation,
                                    struct screen_boxes *found, struct err *err)
{
    for (size_t i = conversation->count; i-- > 0;) {
        const struct chat_message *message = &conversation->messages[i];
        if (message->role == CHAT_MODEL) {
            enum boxes_answer read = read_answer(conversation, i, message, found, err);
            if (read != BOXES_NONE) {
                return read;
            }
        }
    }
    return BOXES_NONE;
}

/* --- drawn --- */

static void draw(struct overlay *overlay, const struct boxes *boxes, size_t line)
{
    for (size_t i = 0; i < boxes->count; i++) {
        const struct boxes_item *item = &boxes->items[i];
        const struct overlay_mark mark = {
            .top = boxes_pixel(item->top, overlay->height),
            .left = boxes_pixel(item->left, overlay->width),
            .bottom = boxes_pixel(item->bottom, overlay->height),
            .right = boxes_pixel(item->right, overlay->width),
            .number = (unsigned)i + 1,
        };
        overlay_draw(overlay, &mark, line);
    }
}

static void append_labels(struct str *out, const struct boxes *boxes, size_t most)
{
    size_t shown = boxes->count < most ? boxes->count : most;
    for (size_t i = 0; i < shown; i++) {
        const struct boxes_item *item = &boxes->items[i];
        str_append_format(out, "%s%zu  %s", i > 0 ? "\n" : "", i + 1,
                          item->label[0] != '\0' ? item->label
                          : item->point          ? "(a point)"
                                                 : "(no label)");
    }
    if (shown < boxes->count) {
        str_append_format(out, "\nand %zu more: /boxes lists them", boxes->count - shown);
    }
}

/* Into the place that was kept under `key`, or, when that is NULL, at the end. */
static void show_picture(struct screen *screen, const struct screen_boxes *found, const void *key)
{
    const struct chat_medium *picture = found->picture;
    struct overlay overlay;
    struct str text;
    if (!overlay_copy(picture->rgb, picture->width, picture->height, SHOWN_SIDE, &overlay)) {
        return;
    }
    str_init(&text);
    size_t longer = overlay.width > overlay.height ? overlay.width : overlay.height;
    draw(&overlay, &found->boxes, longer * SHOWN_LINE / SHOWN_SIDE);
    str_append_format(&text, "(found in a picture, %zu x %zu%s)", picture->width, picture->height,
                      found->pictures > 1 ? ", the last one of its message" : "");
    if (key != NULL) {
        tui_fill_picture(screen->tui, key, overlay.rgb, overlay.width, overlay.height, text.data);
    } else {
        tui_add_picture(screen->tui, overlay.rgb, overlay.width, overlay.height, text.data);
    }
    mem_free(overlay.rgb);
    str_finish(&text);
}

#define NOT_HERE "(the picture that this answer speaks of is not here any more)"

static void show(struct screen *screen, const struct screen_boxes *found,
                 const struct chat_message *answer, size_t labels)
{
    struct str text;
    str_init(&text);
    if (found->picture != NULL) {
        show_picture(screen, found, NULL);
    } else if (found->coming && answer != NULL) {
        tui_await_picture(screen->tui, answer->text, "(found in a picture)");
    } else {
        tui_add_notice(screen->tui,
                       found->pictures == 0 ? "(there is no picture before this answer)" : NOT_HERE,
                       false);
    }
    append_labels(&text, &found->boxes, labels);
    if (found->picture != NULL && found->picture->screen.known && found->pictures == 1) {
        str_append(&text, "\n/point N clicks there, after your yes");
    }
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

void screen_boxes_show(struct screen *screen, const struct chat_message *answer)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    struct screen_boxes found;
    struct err err;
    /* Not looked for: a conversation that goes on shows all its answers. */
    uintptr_t first = (uintptr_t)conversation->messages;
    size_t offset = ((uintptr_t)answer - first) / sizeof *answer;
    size_t place =
        (uintptr_t)answer >= first && offset < conversation->count ? offset : conversation->count;
    switch (read_answer(conversation, place, answer, &found, &err)) {
    case BOXES_FOUND:
        show(screen, &found, answer, SHOWN_LABELS);
        boxes_finish(&found.boxes);
        break;
    case BOXES_WRONG:
        screen_notice(screen, false, "The boxes of this answer are not drawn: %s.", err.text);
        break;
    case BOXES_NONE:
        break;
    }
}

void screen_boxes_loaded(struct screen *screen, const struct chat_medium *picture)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    for (size_t i = 0; i < conversation->count; i++) {
        const struct chat_message *answer = &conversation->messages[i];
        struct screen_boxes found;
        struct err err;
        if (answer->role != CHAT_MODEL ||
            read_answer(conversation, i, answer, &found, &err) != BOXES_FOUND) {
            continue;
        }
        if (found.picture != NULL && found.picture == picture) {
            show_picture(screen, &found, answer->text);
        } else if (found.picture == NULL && !found.coming) {
            tui_fill_picture(screen->tui, answer->text, NULL, 0, 0, NOT_HERE);
        }
        boxes_finish(&found.boxes);
    }
}

/* --- kept --- */

/* A PNG file of a large picture takes seconds: made on one of libuv's threads. */
struct keeping {
    uv_work_t work;
    struct screen *screen;
    struct overlay overlay;
    char *path;
    bool ok;
    struct err err;
};

static void keep_on_thread(uv_work_t *work)
{
    struct keeping *keeping = work->data;
    unsigned char *bytes;
    size_t size;
    if (png_write(keeping->overlay.rgb, keeping->overlay.width, keeping->overlay.height, &bytes,
                  &size, &keeping->err)) {
        keeping->ok = file_write_named(keeping->path, ".", bytes, size, &keeping->err);
        mem_free(bytes);
    }
}

static void on_kept(uv_work_t *work, int status)
{
    struct keeping *keeping = work->data;
    bool ok = status == 0 && keeping->ok;
    screen_notice(keeping->screen, !ok, "%s%s", ok ? "Written to " : keeping->err.text,
                  ok ? keeping->path : "");
    mem_free(keeping->overlay.rgb);
    mem_free(keeping->path);
    mem_free(keeping);
}

static void keep(struct screen *screen, const struct screen_boxes *found, const char *path)
{
    const struct chat_medium *picture = found->picture;
    struct overlay overlay;
    if (picture == NULL ||
        !overlay_copy(picture->rgb, picture->width, picture->height, 0, &overlay)) {
        screen_notice(screen, true, "%s",
                      picture == NULL ? "The picture that these boxes are about is not here."
                                      : "There is no memory for a copy of the picture.");
        return;
    }
    size_t longer = overlay.width > overlay.height ? overlay.width : overlay.height;
    draw(&overlay, &found->boxes, longer / FILE_LINES + 1);
    struct keeping *keeping = mem_zero(1, sizeof *keeping);
    keeping->screen = screen;
    keeping->overlay = overlay;
    keeping->path = mem_strdup(path);
    keeping->work.data = keeping;
    uv_queue_work(&screen->app.loop, &keeping->work, keep_on_thread, on_kept);
}

void screen_boxes_run(struct screen *screen, const char *argument)
{
    struct screen_boxes found;
    struct err err;
    if (argument[0] != '\0' && !str_ends_with(argument, ".png")) {
        screen_notice(screen, true, "/boxes %s: say /boxes, or a file that ends in .png", argument);
        return;
    }
    switch (screen_boxes_last(agent_conversation(screen->app.agent), &found, &err)) {
    case BOXES_NONE:
        screen_notice(screen, false,
                      "No answer here has boxes. Ask about a picture: \"Where is the ...? Answer "
                      "with JSON, box_2d and label.\"");
        return;
    case BOXES_WRONG:
        screen_notice(screen, true, "The boxes of the last answer cannot be used: %s.", err.text);
        return;
    case BOXES_FOUND:
        break;
    }
    if (argument[0] != '\0') {
        keep(screen, &found, argument);
    } else {
        show(screen, &found, NULL, BOXES_MAX);
    }
    boxes_finish(&found.boxes);
}
