#include "tui/graphics.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "tui/kitty.h"
#include "tui/picture.h"
#include "tui/sixel.h"
#include "tui/terminal.h"

/* Where a terminal does not say how large its cells are: those of the VT340, which many take for
 * sixels whatever their font is. */
enum { CELL_WIDTH = 10, CELL_HEIGHT = 20 };

void graphics_init(struct graphics *graphics)
{
    memset(graphics, 0, sizeof *graphics);
    str_init(&graphics->bytes);
}

void graphics_finish(struct graphics *graphics)
{
    mem_free(graphics->strips);
    mem_free(graphics->held);
    str_finish(&graphics->bytes);
}

void graphics_clear(struct graphics *graphics)
{
    graphics->count = 0;
}

void graphics_add(struct graphics *graphics, const struct graphics_strip *strip)
{
    vec_room(&graphics->strips, &graphics->capacity, graphics->count + 1, sizeof *strip);
    graphics->strips[graphics->count++] = *strip;
}

static bool of_kitty(const struct picture *picture)
{
    return picture->form == PICTURE_KITTY || picture->form == PICTURE_KITTY_TMUX;
}

size_t graphics_cell(const struct graphics_strip *strip, int column, char *out)
{
    static const char blank[] = "\xC2\xA0"; /* U+00A0: drawn over when it goes, unlike a space */
    if (of_kitty(strip->picture)) {
        return kitty_cell(out, strip->picture->number, strip->part, column);
    }
    memcpy(out, blank, sizeof blank - 1);
    return sizeof blank - 1;
}

/* --- kitty: pictures that the terminal holds --- */

static struct graphics_held *find_held(struct graphics *graphics, unsigned number)
{
    for (size_t i = 0; i < graphics->held_count; i++) {
        if (graphics->held[i].number == number) {
            return &graphics->held[i];
        }
    }
    return NULL;
}

static void append_needed(struct graphics *graphics, const struct graphics_strip *strip)
{
    const struct picture *picture = strip->picture;
    struct graphics_held *held = find_held(graphics, picture->number);
    bool tmux = picture->form == PICTURE_KITTY_TMUX;
    if (held == NULL) {
        kitty_append_picture(&graphics->bytes, picture->number, picture->rgb, picture->width,
                             picture->height, strip->columns, strip->rows, tmux);
        vec_room(&graphics->held, &graphics->held_capacity, graphics->held_count + 1,
                 sizeof *graphics->held);
        held = &graphics->held[graphics->held_count++];
    } else if (held->columns != strip->columns || held->rows != strip->rows) {
        kitty_append_size(&graphics->bytes, picture->number, strip->columns, strip->rows, tmux);
    }
    *held = (struct graphics_held){picture->number, strip->columns, strip->rows, tmux};
}

bool graphics_send(struct graphics *graphics, struct terminal *terminal)
{
    str_clear(&graphics->bytes);
    for (size_t i = 0; i < graphics->count; i++) {
        if (of_kitty(graphics->strips[i].picture)) {
            append_needed(graphics, &graphics->strips[i]);
        }
    }
    if (graphics->bytes.length == 0) {
        return false;
    }
    terminal->ops->graphics(terminal, -1, 0, graphics->bytes.data, graphics->bytes.length);
    return true;
}

void graphics_forget(struct graphics *graphics)
{
    graphics->held_count = 0;
}

void graphics_drop(struct graphics *graphics, struct terminal *terminal)
{
    str_clear(&graphics->bytes);
    for (size_t i = 0; i < graphics->held_count; i++) {
        kitty_append_delete(&graphics->bytes, graphics->held[i].number, graphics->held[i].tmux);
    }
    graphics->held_count = 0;
    if (graphics->bytes.length > 0) {
        terminal->ops->graphics(terminal, -1, 0, graphics->bytes.data, graphics->bytes.length);
    }
}

/* --- sixels --- */

void graphics_paint(struct graphics *graphics, struct terminal *terminal,
                    const struct graphics_strip *strip)
{
    const struct sixel *sixel = strip->picture->sixel;
    int cell_width, cell_height;
    size_t width, height;
    if (sixel == NULL) {
        return;
    }
    if (!terminal->ops->cell(terminal, &cell_width, &cell_height)) {
        cell_width = CELL_WIDTH;
        cell_height = CELL_HEIGHT;
    }
    picture_fit((size_t)sixel->width, (size_t)sixel->height,
                (size_t)strip->columns * (size_t)cell_width,
                (size_t)strip->rows * (size_t)cell_height, &width, &height);
    str_clear(&graphics->bytes);
    sixel_append(&graphics->bytes, sixel, (int)width, (int)height, strip->part * cell_height,
                 cell_height);
    if (graphics->bytes.length > 0) {
        terminal->ops->graphics(terminal, strip->row, strip->column, graphics->bytes.data,
                                graphics->bytes.length);
    }
}
