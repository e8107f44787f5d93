#include "tui/sixel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { CHANNELS = 3, BITS = 4, BINS = 1 << (CHANNELS * BITS), BAND = 6 };

/* --- colours --- */

/* The pixels whose colours agree in their upper bits. */
struct bin {
    uint64_t sum[CHANNELS];
    uint32_t count;
    uint16_t number;
};

/* Some bins that will be one colour: bins[start..end). */
struct box {
    size_t start, end;
    int channel; /* along which they differ most */
    int reach;   /* by how much; 0 = cannot be cut */
};

static unsigned bin_of(const uint8_t rgb[CHANNELS])
{
    return (unsigned)(rgb[0] >> BITS) << 2 * BITS | (unsigned)(rgb[1] >> BITS) << BITS |
           (unsigned)(rgb[2] >> BITS);
}

static int mean(const struct bin *bin, int channel)
{
    return bin->count == 0 ? 0 : (int)((bin->sum[channel] + bin->count / 2) / bin->count);
}

static void measure(const struct bin *bins, struct box *box)
{
    box->reach = 0;
    for (int channel = 0; channel < CHANNELS; channel++) {
        int least = 255, most = 0;
        for (size_t i = box->start; i < box->end; i++) {
            int value = mean(&bins[i], channel);
            least = value < least ? value : least;
            most = value > most ? value : most;
        }
        if (most - least > box->reach) {
            box->reach = most - least;
            box->channel = channel;
        }
    }
}

#define COMPARE(name, channel)                      \
    static int name(const void *a, const void *b)   \
    {                                               \
        return mean(a, channel) - mean(b, channel); \
    }
COMPARE(by_red, 0)
COMPARE(by_green, 1)
COMPARE(by_blue, 2)

/* Cuts a box where half of its pixels are on either side; the upper half goes to `other`. */
static void cut(struct bin *bins, struct box *box, struct box *other)
{
    static int (*const orders[])(const void *, const void *) = {by_red, by_green, by_blue};
    qsort(bins + box->start, box->end - box->start, sizeof *bins, orders[box->channel]);
    uint64_t all = 0, below = 0;
    for (size_t i = box->start; i < box->end; i++) {
        all += bins[i].count;
    }
    size_t middle = box->start;
    while (middle + 1 < box->end && (middle == box->start || below < all / 2)) {
        below += bins[middle++].count;
    }
    *other = (struct box){.start = middle, .end = box->end};
    box->end = middle;
    measure(bins, box);
    measure(bins, other);
}

/* Cuts the box whose colours differ most until there are as many as may be. */
static int divide(struct bin *bins, size_t count, struct box *boxes)
{
    int made = 1;
    boxes[0] = (struct box){.start = 0, .end = count};
    measure(bins, &boxes[0]);
    while (made < SIXEL_COLOURS) {
        struct box *widest = &boxes[0];
        for (int i = 1; i < made; i++) {
            widest = boxes[i].reach > widest->reach ? &boxes[i] : widest;
        }
        if (widest->reach == 0) {
            break;
        }
        cut(bins, widest, &boxes[made++]);
    }
    return made;
}

/* Chooses the colours; `of_bin` says which one each bin is shown in. */
static void choose_colours(struct sixel *sixel, struct bin *bins, size_t count, uint8_t *of_bin)
{
    struct box boxes[SIXEL_COLOURS];
    sixel->count = divide(bins, count, boxes);
    for (int i = 0; i < sixel->count; i++) {
        struct bin all = {0};
        for (size_t b = boxes[i].start; b < boxes[i].end; b++) {
            for (int channel = 0; channel < CHANNELS; channel++) {
                all.sum[channel] += bins[b].sum[channel];
            }
            all.count += bins[b].count;
            of_bin[bins[b].number] = (uint8_t)i;
        }
        for (int channel = 0; channel < CHANNELS; channel++) {
            sixel->colours[i][channel] = (uint8_t)mean(&all, channel);
        }
    }
}

struct sixel *sixel_create(const uint8_t *rgb, int width, int height)
{
    size_t pixels = (size_t)width * (size_t)height, count = 0;
    struct sixel *sixel = mem_zero(1, sizeof *sixel);
    struct bin *bins = mem_zero(BINS, sizeof *bins);
    uint8_t of_bin[BINS] = {0};
    sixel->width = width;
    sixel->height = height;
    sixel->pixels = mem_alloc(pixels, 1);
    for (size_t i = 0; i < pixels; i++) {
        struct bin *bin = &bins[bin_of(rgb + i * CHANNELS)];
        for (int channel = 0; channel < CHANNELS; channel++) {
            bin->sum[channel] += rgb[i * CHANNELS + (size_t)channel];
        }
        bin->count++;
    }
    for (size_t i = 0; i < BINS; i++) {
        if (bins[i].count > 0) {
            bins[i].number = (uint16_t)i;
            bins[count++] = bins[i];
        }
    }
    choose_colours(sixel, bins, count, of_bin);
    for (size_t i = 0; i < pixels; i++) {
        sixel->pixels[i] = of_bin[bin_of(rgb + i * CHANNELS)];
    }
    mem_free(bins);
    return sixel;
}

void sixel_destroy(struct sixel *sixel)
{
    if (sixel != NULL) {
        mem_free(sixel->pixels);
        mem_free(sixel);
    }
}

/* --- bytes --- */

/* What is painted: the picture's pixel rows [top, bottom) of width x height. */
struct view {
    const struct sixel *sixel;
    int width, height, top, bottom;
    uint8_t *band;    /* [BAND][width], the colours of a band; NOTHING where there is no row */
    uint8_t *columns; /* [width], the same of one colour as sixels */
};

enum { NOTHING = 0xFF };

static const uint8_t *row_of(const struct view *view, int y)
{
    const struct sixel *sixel = view->sixel;
    int row = (int)((int64_t)y * sixel->height / view->height);
    return sixel->pixels + (size_t)row * (size_t)sixel->width;
}

static void scale_band(const struct view *view, int y)
{
    memset(view->band, NOTHING, (size_t)BAND * (size_t)view->width);
    for (int i = 0; i < BAND && y + i < view->bottom; i++) {
        const uint8_t *row = row_of(view, y + i);
        uint8_t *out = view->band + (size_t)i * (size_t)view->width;
        for (int x = 0; x < view->width; x++) {
            out[x] = row[(int64_t)x * view->sixel->width / view->width];
        }
    }
}

/* False: the band has none of that colour. */
static bool find_columns(const struct view *view, uint8_t colour)
{
    bool any = false;
    memset(view->columns, 0, (size_t)view->width);
    for (int i = 0; i < BAND; i++) {
        const uint8_t *row = view->band + (size_t)i * (size_t)view->width;
        for (int x = 0; x < view->width; x++) {
            bool same = row[x] == colour;
            view->columns[x] |= (uint8_t)(same << i);
            any |= same;
        }
    }
    return any;
}

static void append_run(struct str *out, uint8_t column, int count)
{
    char sign = (char)('?' + column);
    if (count > 3) {
        str_append_format(out, "!%d%c", count, sign);
        return;
    }
    while (count-- > 0) {
        str_append_char(out, sign);
    }
}

/* Empty columns at the end are left out. */
static void append_columns(struct str *out, const uint8_t *columns, int width)
{
    while (width > 0 && columns[width - 1] == 0) {
        width--;
    }
    for (int x = 0, end; x < width; x = end) {
        for (end = x + 1; end < width && columns[end] == columns[x]; end++) {
        }
        append_run(out, columns[x], end - x);
    }
}

static void append_colours(struct str *out, const struct view *view)
{
    bool used[SIXEL_COLOURS] = {false};
    for (int y = view->top; y < view->bottom; y++) {
        const uint8_t *row = row_of(view, y);
        for (int x = 0; x < view->sixel->width; x++) {
            used[row[x]] = true;
        }
    }
    for (int i = 0; i < view->sixel->count; i++) {
        const uint8_t *rgb = view->sixel->colours[i];
        if (used[i]) {
            str_append_format(out, "#%d;2;%d;%d;%d", i, (rgb[0] * 100 + 127) / 255,
                              (rgb[1] * 100 + 127) / 255, (rgb[2] * 100 + 127) / 255);
        }
    }
}

void sixel_append(struct str *out, const struct sixel *sixel, int to_width, int to_height, int top,
                  int rows)
{
    struct view view = {.sixel = sixel, .width = to_width, .height = to_height, .top = top};
    view.bottom = rows < to_height - top ? top + rows : to_height;
    if (to_width < 1 || top < 0 || view.bottom <= top) {
        return;
    }
    view.band = mem_alloc((size_t)to_width, BAND + 1);
    view.columns = view.band + (size_t)BAND * (size_t)to_width;
    /* Square pixels; what is not painted keeps what was there. */
    str_append_format(out, "\x1BP0;1q\"1;1;%d;%d", to_width, view.bottom - top);
    append_colours(out, &view);
    for (int y = top; y < view.bottom; y += BAND) {
        bool first = true;
        str_append(out, y > top ? "-" : "");
        scale_band(&view, y);
        for (int colour = 0; colour < sixel->count; colour++) {
            if (find_columns(&view, (uint8_t)colour)) {
                str_append_format(out, first ? "#%d" : "$#%d", colour);
                append_columns(out, view.columns, to_width);
                first = false;
            }
        }
    }
    str_append(out, "\x1B\\");
    mem_free(view.band);
}
