/* kitty: the bytes of kitty's graphics protocol, as far as pictures in text need it.
 *
 * A picture is sent once, under a number, with a size in cells and no place: a "virtual placement".
 * It is then shown by cells of text, each a placeholder (U+10EEEE) whose marks say which cell of
 * the picture it is and whose foreground colour is the number. So a picture scrolls, is cut, is
 * covered and leaves like text, whoever moves the text, tmux included, and nothing of it can be
 * left behind. No answer is asked for (q=2).
 *
 * Facts from the protocol's description (sw.kovidgoyal.net/kitty/graphics-protocol).
 */
#ifndef CARAT_TUI_KITTY_H
#define CARAT_TUI_KITTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

enum {
    KITTY_CELL_BYTES = 16, /* of a placeholder with its marks, at most */
    KITTY_CELLS = 64,      /* the most columns or rows: numbers that marks are known for */
};

/* U+10EEEE in UTF-8; in text of others it is shown as what it is not. */
#define KITTY_PLACEHOLDER "\xF4\x8E\xBB\xAE"

/* The terminal's name for a picture of ours, and the colour (16 to 255) that names it in a cell:
 * text in the sixteen colours can never name one. */
uint32_t kitty_name(unsigned number);
int kitty_colour(unsigned number);

/* Cell (row, column) of picture `number`, each under KITTY_CELLS; returns its bytes. */
size_t kitty_cell(char out[KITTY_CELL_BYTES], unsigned number, int row, int column);

/* `tmux`: wrapped, to be passed through by it (its option allow-passthrough).
 * rgb[height][width][3], shown in columns x rows cells with its aspect kept. */
void kitty_append_picture(struct str *out, unsigned number, const uint8_t *rgb, int width,
                          int height, int columns, int rows, bool tmux);
/* Another size in cells for one that was sent. */
void kitty_append_size(struct str *out, unsigned number, int columns, int rows, bool tmux);
/* Takes a picture and its cells away for good. */
void kitty_append_delete(struct str *out, unsigned number, bool tmux);

#endif
