#include "tui/pen.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"
#include "tui/glyph.h"
#include "tui/terminal_device.h"

#define SYNC_ON  "\x1B[?2026h"
#define SYNC_OFF "\x1B[?2026l"

static const struct terminal_look plain = {-1, -1, 0};

/* No terminal has it on: the next look is begun anew. */
static const struct terminal_look unknown = {-2, -2, ~0U};

void pen_init(struct pen *pen, int colours, unsigned styles)
{
    *pen = (struct pen){.colours = colours, .styles = styles, .column = -1, .look = plain};
    str_init(&pen->out);
}

void pen_finish(struct pen *pen)
{
    str_finish(&pen->out);
}

void pen_doubt(struct pen *pen)
{
    pen->look = unknown;
    pen->column = -1;
    pen->row = pen->absolute ? -1 : pen->row;
}

/* --- movement --- */

/* Line feeds are shorter than a sequence up to so many rows. */
enum { FEEDS = 3, MOVE_BYTES = 48 };

static size_t place_bytes(char out[MOVE_BYTES], int row, int column)
{
    return (size_t)(column == 0 ? snprintf(out, MOVE_BYTES, "\x1B[%dH", row + 1)
                                : snprintf(out, MOVE_BYTES, "\x1B[%d;%dH", row + 1, column + 1));
}

static size_t step_bytes(char out[MOVE_BYTES], int down, bool sideways, int column)
{
    int length = 0;
    if (down > FEEDS) {
        length = snprintf(out, MOVE_BYTES, "\x1B[%dB", down);
    } else if (down < -1) {
        length = snprintf(out, MOVE_BYTES, "\x1B[%dA", -down);
    } else {
        length = snprintf(out, MOVE_BYTES, "%.*s", down > 0 ? down : 3,
                          down > 0   ? "\n\n\n"
                          : down < 0 ? "\x1B[A"
                                     : "");
    }
    if (sideways && column == 0) {
        out[length++] = '\r';
    } else if (sideways) {
        length += snprintf(out + length, (size_t)(MOVE_BYTES - length), "\x1B[%dG", column + 1);
    }
    return (size_t)length;
}

void pen_move(struct pen *pen, int row, int column)
{
    char place[MOVE_BYTES], steps[MOVE_BYTES];
    size_t step_length = step_bytes(steps, row - pen->row, column != pen->column, column);
    size_t length = pen->absolute ? place_bytes(place, row, column) : SIZE_MAX;
    if (pen->absolute && (pen->row < 0 || length < step_length)) {
        str_append_bytes(&pen->out, place, length);
    } else {
        str_append_bytes(&pen->out, steps, step_length);
    }
    pen->row = row;
    pen->column = column;
}

/* --- looks --- */

static const struct {
    unsigned style;
    char code;
} styles[] = {
    {TERMINAL_BOLD, '1'},      {TERMINAL_DIM, '2'},     {TERMINAL_ITALIC, '3'},
    {TERMINAL_UNDERLINE, '4'}, {TERMINAL_REVERSE, '7'},
};

/* A colour as a terminal of so many has it. */
static int colour_of(int colours, int colour)
{
    if (colour >= 16) {
        return colours >= 256 ? colour : -1; /* of a picture */
    }
    return colour >= 8 && colours < 16 ? colour - 8 : colour;
}

/* What a terminal of so many colours and these styles can show of a look. */
static struct terminal_look shown(int colours, unsigned has_styles, struct terminal_look look)
{
    if (colours < 8) { /* what has a background still stands out */
        look.style |= look.background >= 0 ? TERMINAL_REVERSE : 0;
        look.foreground = look.background = -1;
    } else if (colours < 16 && look.foreground >= 8 && look.foreground < 16) {
        look.style |= TERMINAL_BOLD; /* eight colours: the bright ones are bold */
    }
    look.foreground = colour_of(colours, look.foreground);
    look.background = colour_of(colours, look.background);
    look.style &= has_styles;
    return look;
}

/* `normal` and `bright`: the codes of the first eight colours, and of the next. */
static void append_colour(struct str *codes, int colour, int normal, int bright)
{
    if (colour >= 16) {
        str_append_format(codes, "%d;5;%d;", normal + 8, colour);
    } else if (colour >= 0) {
        str_append_format(codes, "%d;", colour < 8 ? normal + colour : bright + colour - 8);
    }
}

/* True when what is switched on need not be switched off for a look: all of it is in that, too, or
 * is a colour that another takes the place of. Codes that switch off one style are longer than to
 * begin anew, and not every terminal knows all of them. */
static bool can_add(const struct terminal_look *from, const struct terminal_look *to)
{
    return (from->style & ~to->style) == 0 && (from->foreground < 0 || to->foreground >= 0) &&
           (from->background < 0 || to->background >= 0);
}

void pen_use(struct pen *pen, struct terminal_look look)
{
    look = shown(pen->colours, pen->styles, look);
    struct terminal_look from = pen->look;
    if (memcmp(&look, &from, sizeof look) == 0) {
        return;
    }
    pen->look = look;
    bool adds = can_add(&from, &look);
    if (!adds) {
        from = plain;
    }
    str_append(&pen->out, "\x1B[");
    size_t begin = pen->out.length;
    if (!adds && (look.style != 0 || look.foreground >= 0 || look.background >= 0)) {
        str_append(&pen->out, "0;");
    }
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        if ((look.style & ~from.style & styles[i].style) != 0) {
            str_append_char(&pen->out, styles[i].code);
            str_append_char(&pen->out, ';');
        }
    }
    if (look.foreground != from.foreground) {
        append_colour(&pen->out, look.foreground, 30, 90);
    }
    if (look.background != from.background) {
        append_colour(&pen->out, look.background, 40, 100);
    }
    if (pen->out.length > begin) {
        str_truncate(&pen->out, pen->out.length - 1);
    }
    str_append_char(&pen->out, 'm');
}

bool pen_blank_is_plain(struct terminal_look look)
{
    return look.background < 0 && (look.style & (TERMINAL_UNDERLINE | TERMINAL_REVERSE)) == 0;
}

void pen_use_blank(struct pen *pen)
{
    if (!pen_blank_is_plain(pen->look)) {
        pen_use(pen, plain);
    }
}

/* --- what is drawn --- */

/* The terminal counts cells by its own tables; where ours differ (a newer character), the glyph is
 * replaced, so that the cursor is never in doubt. */
static void append_glyph(struct str *out, const struct glyph *glyph)
{
    size_t used, end = 0;
    for (size_t at = 0; at < glyph->length; at += used) {
        uint32_t c = utf8_decode(glyph->text + at, glyph->length - at, &used);
        assert(c < UTF8_INCOMPLETE && c >= 0x20 && !(c >= 0x7F && c < 0xA0));
        if (wcwidth((wchar_t)c) != (at == 0 ? glyph->width : 0)) {
            break;
        }
        end = at + used;
    }
    if (end > 0) {
        str_append_bytes(out, glyph->text, end);
    } else {
        str_append(out, glyph->width == 2 ? "\xEF\xBF\xBD " : "\xEF\xBF\xBD");
    }
}

int pen_put(struct pen *pen, int row, int column, const char *text, size_t length,
            struct terminal_look look, int columns)
{
    struct glyph glyph;
    pen_move(pen, row, column);
    pen_use(pen, look);
    for (size_t at = 0; at < length; at += glyph.used) {
        glyph_next(text + at, length - at, &glyph);
        if (column + glyph.width > columns) {
            break;
        }
        if (glyph.width > 0) {
            append_glyph(&pen->out, &glyph);
            column += glyph.width;
        }
    }
    /* Behind the last cell terminals differ about where the cursor is. */
    pen->column = column < columns ? column : -1;
    return column;
}

/* DECSC and DECRC, because terminals differ about where graphics leave the cursor. */
void pen_graphics(struct pen *pen, int row, int column, const char *bytes, size_t length)
{
    if (row >= 0) {
        pen_move(pen, row, column);
        str_append(&pen->out, "\x1B"
                              "7");
    }
    str_append_bytes(&pen->out, bytes, length);
    str_append(&pen->out, row >= 0 ? "\x1B"
                                     "8"
                                   : "");
}

void pen_send_frame(struct pen *pen)
{
    if (pen->out.length > 0) {
        str_insert(&pen->out, 0, SYNC_ON, strlen(SYNC_ON));
        str_append(&pen->out, SYNC_OFF);
        terminal_device_write(pen->out.data, pen->out.length);
        str_clear(&pen->out);
    }
}
