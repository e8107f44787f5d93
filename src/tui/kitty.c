#include "tui/kitty.h"

#include <assert.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

/* COLOURS: numbers that a colour beyond the sixteen of text can say. NAMES: of the fourth byte of a
 * name, which a mark says and which may not be 0. PIECE: of base64 in one sequence. */
enum { TEXT_COLOURS = 16, COLOURS = 240, NAMES = 63, PIECE = 4096 };

/* The marks that stand for 0, 1, 2 ...: those of class 230 that belong to no composed letter. */
static const uint16_t marks[KITTY_CELLS] = {
    0x0305, 0x030D, 0x030E, 0x0310, 0x0312, 0x033D, 0x033E, 0x033F, 0x0346, 0x034A, 0x034B,
    0x034C, 0x0350, 0x0351, 0x0352, 0x0357, 0x035B, 0x0363, 0x0364, 0x0365, 0x0366, 0x0367,
    0x0368, 0x0369, 0x036A, 0x036B, 0x036C, 0x036D, 0x036E, 0x036F, 0x0483, 0x0484, 0x0485,
    0x0486, 0x0487, 0x0592, 0x0593, 0x0594, 0x0595, 0x0597, 0x0598, 0x0599, 0x059C, 0x059D,
    0x059E, 0x059F, 0x05A0, 0x05A1, 0x05A8, 0x05A9, 0x05AB, 0x05AC, 0x05AF, 0x05C4, 0x0610,
    0x0611, 0x0612, 0x0613, 0x0614, 0x0615, 0x0616, 0x0617, 0x0657, 0x0658,
};

int kitty_colour(unsigned number)
{
    return (int)(TEXT_COLOURS + number % COLOURS);
}

static unsigned fourth_byte(unsigned number)
{
    return 1 + number / COLOURS % NAMES;
}

uint32_t kitty_name(unsigned number)
{
    return fourth_byte(number) << 24 | (uint32_t)kitty_colour(number);
}

size_t kitty_cell(char out[KITTY_CELL_BYTES], unsigned number, int row, int column)
{
    assert(row >= 0 && row < KITTY_CELLS && column >= 0 && column < KITTY_CELLS);
    const uint32_t code_points[] = {marks[row], marks[column], marks[fourth_byte(number)]};
    size_t length = sizeof KITTY_PLACEHOLDER - 1;
    memcpy(out, KITTY_PLACEHOLDER, length);
    for (size_t i = 0; i < sizeof code_points / sizeof code_points[0]; i++) {
        char mark[4];
        size_t size = utf8_encode(code_points[i], mark);
        memcpy(out + length, mark, size);
        length += size;
    }
    return length;
}

/* --- sequences --- */

static void begin(struct str *out, bool tmux)
{
    str_append(out, tmux ? "\x1BPtmux;\x1B\x1B_G" : "\x1B_G");
}

static void end(struct str *out, bool tmux)
{
    str_append(out, tmux ? "\x1B\x1B\\\x1B\\" : "\x1B\\");
}

void kitty_append_picture(struct str *out, unsigned number, const uint8_t *rgb, int width,
                          int height, int columns, int rows, bool tmux)
{
    size_t size = (size_t)width * (size_t)height * 3, length = base64_length(size);
    char *text = mem_alloc(length + 1, 1);
    base64_encode(rgb, size, text);
    for (size_t at = 0; at < length; at += PIECE) {
        size_t piece = length - at < PIECE ? length - at : PIECE;
        begin(out, tmux);
        if (at == 0) {
            str_append_format(out, "a=T,U=1,q=2,f=24,i=%u,p=1,s=%d,v=%d,c=%d,r=%d,",
                              kitty_name(number), width, height, columns, rows);
        } else {
            str_append(out, "q=2,");
        }
        str_append_format(out, "m=%d;", at + piece < length);
        str_append_bytes(out, text + at, piece);
        end(out, tmux);
    }
    mem_free(text);
}

void kitty_append_size(struct str *out, unsigned number, int columns, int rows, bool tmux)
{
    begin(out, tmux);
    str_append_format(out, "a=p,U=1,q=2,i=%u,p=1,c=%d,r=%d", kitty_name(number), columns, rows);
    end(out, tmux);
}

void kitty_append_delete(struct str *out, unsigned number, bool tmux)
{
    begin(out, tmux);
    str_append_format(out, "a=d,d=I,q=2,i=%u", kitty_name(number));
    end(out, tmux);
}
