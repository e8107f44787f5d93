#include "tui/pen.h"

#include <stddef.h>
#include <string.h>

static const struct terminal_look plain = {-1, -1, 0};

void pen_init(struct pen *pen, int colours)
{
    *pen = (struct pen){.colours = colours, .column = -1, .look = plain};
    str_init(&pen->out);
}

void pen_finish(struct pen *pen)
{
    str_finish(&pen->out);
}

/* --- movement --- */

/* Line feeds are shorter than a sequence up to so many rows. */
enum { FEEDS = 3 };

void pen_move(struct pen *pen, int row, int column)
{
    int down = row - pen->row;
    if (down > FEEDS) {
        str_append_format(&pen->out, "\x1B[%dB", down);
    } else if (down < -1) {
        str_append_format(&pen->out, "\x1B[%dA", -down);
    } else if (down == -1) {
        str_append(&pen->out, "\x1B[A");
    }
    for (int i = 0; i < down && down <= FEEDS; i++) {
        str_append_char(&pen->out, '\n');
    }
    if (column != pen->column) {
        if (column == 0) {
            str_append_char(&pen->out, '\r');
        } else {
            str_append_format(&pen->out, "\x1B[%dG", column + 1);
        }
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

/* What a terminal of so many colours can show of a look. */
static struct terminal_look shown(int colours, struct terminal_look look)
{
    if (colours < 8) { /* what has a background still stands out */
        look.style |= look.background >= 0 ? TERMINAL_REVERSE : 0;
        look.foreground = look.background = -1;
    } else if (colours < 16 && look.foreground >= 8 && look.foreground < 16) {
        look.style |= TERMINAL_BOLD; /* eight colours: the bright ones are bold */
    }
    look.foreground = colour_of(colours, look.foreground);
    look.background = colour_of(colours, look.background);
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
    look = shown(pen->colours, look);
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
