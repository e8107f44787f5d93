/* terminal_device: the process's own terminal below any way of drawing: its modes, its keys, its
 * end.
 *
 * Both kinds of screen on the real terminal (ncurses, inline) stand on it. Input is never made
 * non-blocking: that flag belongs to the open file, which the shell shares; poll() says when to
 * read instead. Whatever is switched on is switched off by bytes that are prepared at the start, so
 * that a signal handler can write them (terminal_restore) without touching ncurses.
 */
#ifndef CARAT_TUI_TERMINAL_DEVICE_H
#define CARAT_TUI_TERMINAL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/key.h"

struct err;

struct terminal_device {
    struct key_reader keys;
    bool lost;
    bool ansi;  /* its sequences are those of ANSI, so it may be told of modes that it ignores */
    bool kitty; /* it tells Shift+Enter from Enter when asked */
    bool modifies_keys; /* the same, in xterm's way */
    bool mouse;         /* it is asked to report the mouse */
};

/* Checks the terminal, the locale and its description, and remembers its modes. `leave`: names of
 * capabilities (terminfo) that are sent at the end, besides the standard ones; ended by NULL.
 * Nothing is written yet. False with a sentence when stdin or stdout is none, or TERM is unknown.
 */
bool terminal_device_open(struct terminal_device *device, const char *const *leave,
                          const char *leave_bytes, struct err *err);
void terminal_device_close(struct terminal_device *device);

/* From here on terminal_restore has something to do; the modes are those of now. */
void terminal_device_take(void);
/* It has nothing to do any more, and the modes are as they were. */
void terminal_device_give_back(void);

/* What neither ncurses nor we ask of a description: pastes in brackets, keys told apart. */
void terminal_device_switch_on(const struct terminal_device *device);
void terminal_device_switch_off(const struct terminal_device *device);

/* Has the terminal report the mouse, from now on or no more. */
void terminal_device_set_mouse(struct terminal_device *device, bool on);

/* Writes all of it, or as much as a dead terminal takes. Async-signal-safe. */
void terminal_device_write(const char *bytes, size_t length);

/* Asks for the text to be put into the clipboard (OSC 52), which is not answered. False: this
 * terminal is not asked, or it is more than any takes. */
bool terminal_device_copy(const struct terminal_device *device, const char *text, size_t length);

bool terminal_device_read(struct terminal_device *device, struct terminal_key *key);
bool terminal_device_lost(const struct terminal_device *device);
/* False: unknown; the values stay. */
bool terminal_device_size(int *rows, int *columns);
/* The size of a cell in pixels, as far as the terminal told it to its line. False: it did not. */
bool terminal_device_cell(int *width, int *height);

/* Whether the user's environment wants colours: NO_COLOR takes them away, and so does CLICOLOR=0
 * unless CLICOLOR_FORCE insists. */
bool terminal_device_wants_colours(void);

/* By the description that was read: whether a canvas can be drawn on (canvas.h): its sequences are
 * those of ANSI, it has a region that scrolls, and its last cell is not the end of the screen. */
bool terminal_device_takes_canvas(void);
/* By the same: how many colours there are and are wanted, 0 = none, and the styles
 * that there are (enum terminal_style). */
int terminal_device_colours(void);
unsigned terminal_device_styles(void);

#endif
