/* screen: a tui on a terminal in memory, and what it was made to say. For the tests of this folder.
 */
#ifndef CARAT_TESTS_TUI_SCREEN_H
#define CARAT_TESTS_TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "tui/terminal.h"
#include "tui/tui.h"

#define CONTROL(letter) ((uint32_t)(letter)&0x1F)
#define ALT(key)        ((uint32_t)(key) | TERMINAL_KEY_ALT)

struct screen {
    struct terminal *terminal;
    struct tui *tui;
    struct str intents; /* "SUBMIT hello\n", one line an intent */
    long long now_us;
};

void screen_open(struct screen *screen, int rows, int columns);
/* The same inline: the terminal scrolls by itself. */
void screen_open_inline(struct screen *screen, int rows, int columns);
void screen_close(struct screen *screen);

/* Keys, each with the screen drawn afterwards. The clock moves on by a second before each call. */
void screen_key(struct screen *screen, uint32_t key);
void screen_type(struct screen *screen, const char *text);
void screen_paste(struct screen *screen, const char *text);
/* The same with the clock standing still: a burst, a double press. */
void screen_key_at_once(struct screen *screen, uint32_t key);

void screen_status(struct screen *screen, bool busy, const char *activity);

/* The rows of the screen now; mem_free. Draws first. */
char *screen_text(struct screen *screen);
bool screen_shows(struct screen *screen, const char *text);
/* What was asked of the application since the last time; "" when nothing. A view until the next
 * call of any function here. */
const char *screen_intents(struct screen *screen);

/* Compares with screens/NAME.txt. With UPDATE_SCREENS=1 in the environment the file is written
 * instead: look at the difference before committing it. */
void screen_expect(struct screen *screen, const char *name);

#endif
