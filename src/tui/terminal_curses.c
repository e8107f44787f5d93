/* The process's own terminal through ncurses.
 *
 * ncurses draws; the keys are read here, byte by byte, since a paste of a megabyte must be quick
 * and an ESC must not be guessed at twice (key.c). The input is never made non-blocking: that flag
 * belongs to the open file, which the shell shares; poll() says when to read instead.
 *
 * Whatever is switched on here is switched off by `off_bytes`, which are prepared at the start, so
 * that a signal handler can write them without touching ncurses. Every frame is wrapped in
 * synchronised output (mode 2026); terminals that do not know it ignore it.
 *
 * Leaves to the caller: signals. ncurses would catch INT, TERM, TSTP and WINCH by itself; it gets
 * them masked out while it starts.
 */
#define NCURSES_WIDECHAR 1
#include "tui/terminal.h"

#include <assert.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>
#undef columns /* term.h makes words of the language its own */

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "tui/glyph.h"
#include "tui/key.h"

/* ESC_MS: how long an ESC may be the beginning of a sequence. Also how long a paste is looked after
 * for a second end mark. */
enum { ESC_MS = 25, READ_BYTES = 64 * 1024, OFF_BYTES = 256, RUN_CELLS = 256 };

struct curses {
    struct terminal terminal;
    SCREEN *screen;
    struct key_reader keys;
    bool lost, suspended;
    bool colours, ansi, kitty;
    int rows, columns;
    int cursor_row, cursor_column;
};

/* For terminal_curses_restore: the only state that a signal handler looks at. */
static struct termios saved_modes;
static char off_bytes[OFF_BYTES];
static size_t off_length;
static volatile sig_atomic_t taken; /* the terminal is ours at the moment */

static struct curses *curses_of(struct terminal *terminal)
{
    return (struct curses *)terminal;
}

/* Writes all of it, or as much as a dead terminal takes. Async-signal-safe. */
static void write_bytes(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd waiting = {.fd = STDOUT_FILENO, .events = POLLOUT};
            if (poll(&waiting, 1, 1000) <= 0) {
                return;
            }
        } else if (written < 0 && errno != EINTR) {
            return;
        }
    }
}

static void write_text(const char *text)
{
    write_bytes(text, strlen(text));
}

void terminal_curses_restore(void)
{
    int saved_errno = errno;
    if (taken) {
        taken = 0;
        write_bytes(off_bytes, off_length);
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
    }
    errno = saved_errno;
}

/* --- on and off --- */

/* A capability without its padding ("$<5>"); "" when the terminal has none. */
static const char *capability(const char *name, char out[64])
{
    const char *value = tigetstr(name);
    size_t length = 0;
    if (value == NULL || value == (char *)-1) {
        return "";
    }
    while (*value != '\0' && length < 63) {
        if (value[0] == '$' && value[1] == '<') {
            const char *end = strchr(value, '>');
            value = end == NULL ? value + strlen(value) : end + 1;
            continue;
        }
        out[length++] = *value++;
    }
    out[length] = '\0';
    return out;
}

/* Terminals that tell Shift+Enter from Enter when asked to (the kitty keyboard protocol). Others
 * might take the question for something else. */
static bool knows_kitty_keys(void)
{
    static const char *const names[] = {"xterm-kitty", "foot", "xterm-ghostty", "wezterm",
                                        "alacritty"};
    const char *term = getenv("TERM");
    for (size_t i = 0; term != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (str_starts_with(term, names[i])) {
            return true;
        }
    }
    return false;
}

static void prepare_off(const struct curses *curses)
{
    char rmkx[64], sgr0[64], cnorm[64], rmcup[64];
    int length =
        snprintf(off_bytes, sizeof off_bytes, "%s%s%s%s%s%s", curses->ansi ? "\x1B[?2026l" : "",
                 curses->kitty ? "\x1B[<u" : "", curses->ansi ? "\x1B[?2004l" : "",
                 capability("rmkx", rmkx), capability("sgr0", sgr0), capability("cnorm", cnorm));
    assert(length > 0 || !curses->ansi);
    length += snprintf(off_bytes + length, sizeof off_bytes - (size_t)length, "%s",
                       capability("rmcup", rmcup));
    off_length = (size_t)length < sizeof off_bytes ? (size_t)length : sizeof off_bytes - 1;
}

/* What ncurses does not know to switch on. */
static void switch_on(const struct curses *curses)
{
    if (curses->kitty) {
        write_text("\x1B[>1u");
    }
    if (curses->ansi) {
        write_text("\x1B[?2004h");
    }
}

static void switch_off(const struct curses *curses)
{
    if (curses->ansi) {
        write_text("\x1B[?2004l");
    }
    if (curses->kitty) {
        write_text("\x1B[<u");
    }
}

static void set_modes(void)
{
    raw();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    idlok(stdscr, TRUE); /* scrolling moves rows instead of sending them again */
    scrollok(stdscr, FALSE);
}

/* --- size --- */

static void curses_size(struct terminal *terminal, int *rows, int *columns)
{
    struct curses *curses = curses_of(terminal);
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        curses->rows = size.ws_row;
        curses->columns = size.ws_col;
    } /* 0 means unknown: what ncurses found stays */
    if (!curses->suspended && is_term_resized(curses->rows, curses->columns)) {
        resize_term(curses->rows, curses->columns);
        clearok(curscr, TRUE);
    }
    *rows = curses->rows;
    *columns = curses->columns;
}

/* --- drawing --- */

static int colour(int number)
{
    /* Eight colours: the bright ones are bold. What a picture asks for beyond that is not there. */
    return number < COLORS ? number : number < 16 ? number - 8 : -1;
}

static attr_t attributes(const struct curses *curses, struct terminal_look look, int *pair)
{
    static const struct {
        unsigned style;
        attr_t attribute;
    } table[] = {
        {TERMINAL_BOLD, A_BOLD},       {TERMINAL_DIM, A_DIM},
        {TERMINAL_ITALIC, A_ITALIC},   {TERMINAL_UNDERLINE, A_UNDERLINE},
        {TERMINAL_REVERSE, A_REVERSE},
    };
    attr_t result = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        result |= look.style & table[i].style ? table[i].attribute : 0;
    }
    *pair = 0;
    if (curses->colours && (look.foreground >= 0 || look.background >= 0)) {
        result |= look.foreground >= COLORS ? A_BOLD : 0;
        *pair = alloc_pair(colour(look.foreground), colour(look.background));
        *pair = *pair < 0 ? 0 : *pair;
    } else if (look.background >= 0) {
        result |= A_REVERSE; /* no colours: what has a background still stands out */
    }
    return result;
}

/* One glyph as ncurses wants it. ncurses counts cells by wcwidth(); where that differs from ours (a
 * newer character), the glyph is replaced, so that the cursor is never in doubt. Returns how many
 * cells of `out` are used. */
static int make_cells(const struct glyph *glyph, attr_t attribute, int pair, cchar_t *out)
{
    wchar_t wide[CCHARW_MAX + 1];
    size_t count = 0, used;
    for (size_t at = 0; at < glyph->length && count < CCHARW_MAX; at += used) {
        uint32_t c = utf8_decode(glyph->text + at, glyph->length - at, &used);
        assert(c < UTF8_INCOMPLETE && c >= 0x20 && !(c >= 0x7F && c < 0xA0));
        wide[count++] = (wchar_t)c;
    }
    wide[count] = L'\0';
    if (wcwidth(wide[0]) == glyph->width) {
        for (size_t i = 1; i < count; i++) {
            if (wcwidth(wide[i]) != 0) {
                wide[i] = L'\0';
                break;
            }
        }
        setcchar(out, wide, attribute, 0, &pair);
        return 1;
    }
    for (int i = 0; i < glyph->width; i++) {
        setcchar(&out[i], i == 0 ? L"\uFFFD" : L" ", attribute, 0, &pair);
    }
    return glyph->width;
}

static void curses_put(struct terminal *terminal, int row, int column, const char *text,
                       size_t length, struct terminal_look look)
{
    struct curses *curses = curses_of(terminal);
    cchar_t cells[RUN_CELLS + 2];
    int pair, count = 0, start = column;
    attr_t attribute = attributes(curses, look, &pair);
    struct glyph glyph;
    if (row < 0 || row >= LINES || column < 0 || curses->suspended) {
        return;
    }
    for (size_t at = 0; at < length; at += glyph.used) {
        glyph_next(text + at, length - at, &glyph);
        if (column + glyph.width > COLS) {
            break;
        }
        if (glyph.width == 0) {
            continue;
        }
        count += make_cells(&glyph, attribute, pair, cells + count);
        column += glyph.width;
        if (count >= RUN_CELLS) {
            mvadd_wchnstr(row, start, cells, count);
            start = column;
            count = 0;
        }
    }
    if (count > 0) {
        mvadd_wchnstr(row, start, cells, count);
    }
}

static void curses_clear_line(struct terminal *terminal, int row, int from_column)
{
    if (row >= 0 && row < LINES && from_column >= 0 && from_column < COLS &&
        !curses_of(terminal)->suspended) {
        move(row, from_column);
        clrtoeol();
    }
}

static void curses_cursor(struct terminal *terminal, int row, int column)
{
    curses_of(terminal)->cursor_row = row;
    curses_of(terminal)->cursor_column = column;
}

static void curses_flush(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    if (curses->suspended) {
        return;
    }
    bool visible = curses->cursor_row >= 0 && curses->cursor_row < LINES &&
                   curses->cursor_column >= 0 && curses->cursor_column < COLS;
    if (curses->ansi) {
        write_text("\x1B[?2026h");
    }
    curs_set(visible ? 1 : 0);
    if (visible) {
        move(curses->cursor_row, curses->cursor_column);
    }
    wnoutrefresh(stdscr);
    doupdate();
    if (curses->ansi) {
        write_text("\x1B[?2026l");
    }
}

static void curses_repaint(struct terminal *terminal)
{
    (void)terminal;
    clearok(curscr, TRUE);
}

/* --- keys --- */

static bool readable(int timeout_ms)
{
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&waiting, 1, timeout_ms) > 0 && (waiting.revents & POLLIN) != 0;
}

/* Takes what waits; false when nothing came within the time. */
static bool fill(struct curses *curses, int timeout_ms)
{
    char bytes[READ_BYTES];
    if (curses->lost || !readable(timeout_ms)) {
        return false;
    }
    ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
    if (length > 0) {
        key_reader_feed(&curses->keys, bytes, (size_t)length);
        return true;
    }
    if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
        curses->lost = true;
    }
    return false;
}

static bool curses_read(struct terminal *terminal, struct terminal_key *key)
{
    struct curses *curses = curses_of(terminal);
    bool settled = false;
    if (curses->suspended) {
        return false;
    }
    for (;;) {
        switch (key_reader_next(&curses->keys, settled, key)) {
        case KEY_READY:
            return true;
        case KEY_NONE:
        case KEY_PASTING:
            if (!fill(curses, 0)) {
                return false;
            }
            settled = false;
            break;
        case KEY_MORE:
            settled = !fill(curses, ESC_MS);
            break;
        }
    }
}

static bool curses_lost(const struct terminal *terminal)
{
    const struct curses *curses = (const struct curses *)terminal;
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    if (curses->lost) {
        return true;
    }
    return poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* --- suspend, resume, end --- */

static void curses_suspend(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    if (curses->suspended) {
        return;
    }
    curses->suspended = true;
    switch_off(curses);
    curs_set(1);
    endwin();
    taken = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
}

static void curses_resume(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    int rows, columns;
    if (!curses->suspended) {
        return;
    }
    tcgetattr(STDIN_FILENO, &saved_modes); /* the shell's own, as they are now */
    curses->suspended = false;
    taken = 1;
    reset_prog_mode();
    set_modes();
    curses_size(terminal, &rows, &columns);
    clearok(curscr, TRUE);
    refresh();
    switch_on(curses);
}

static void curses_destroy(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    curses_suspend(terminal);
    delscreen(curses->screen);
    key_reader_finish(&curses->keys);
    mem_free(curses);
}

static const struct terminal_ops curses_ops = {
    .size = curses_size,
    .put = curses_put,
    .clear_line = curses_clear_line,
    .cursor = curses_cursor,
    .flush = curses_flush,
    .repaint = curses_repaint,
    .read = curses_read,
    .lost = curses_lost,
    .suspend = curses_suspend,
    .resume = curses_resume,
    .destroy = curses_destroy,
};

/* --- start --- */

static bool utf8_locale(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Only the characters' part of the locale: numbers must go on being written with a point. */
static bool set_locale(struct err *err)
{
    setlocale(LC_CTYPE, "");
    if (!utf8_locale()) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
    if (!utf8_locale()) {
        return err_set(err, ERR_UNAVAILABLE,
                       "the terminal's character set is %s, and carat needs UTF-8: set LC_ALL to a "
                       "UTF-8 locale, or use `carat exec`",
                       nl_langinfo(CODESET));
    }
    return true;
}

static bool check_terminal(struct err *err)
{
    const char *term = getenv("TERM");
    int found = 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return err_set(err, ERR_UNAVAILABLE,
                       "standard %s is no terminal: use `carat exec` without one",
                       isatty(STDIN_FILENO) ? "output" : "input");
    }
    if (setupterm(NULL, STDOUT_FILENO, &found) != OK || tigetflag("gn") > 0 ||
        tigetflag("hc") > 0) {
        return err_set(err, ERR_UNSUPPORTED,
                       "the terminal type TERM=%s is not known here: set TERM to what the terminal "
                       "is, or use `carat exec`",
                       term == NULL ? "" : term);
    }
    if (tigetstr("cup") == NULL || tigetstr("cup") == (char *)-1) {
        return err_set(err, ERR_UNSUPPORTED,
                       "the terminal type TERM=%s cannot move its cursor: use `carat exec`",
                       term == NULL ? "" : term);
    }
    return true;
}

static void add_sequences(struct key_reader *keys)
{
    static const struct {
        const char *capability;
        uint32_t key;
    } table[] = {
        {"kcuu1", TERMINAL_KEY_UP},        {"kcud1", TERMINAL_KEY_DOWN},
        {"kcub1", TERMINAL_KEY_LEFT},      {"kcuf1", TERMINAL_KEY_RIGHT},
        {"khome", TERMINAL_KEY_HOME},      {"kend", TERMINAL_KEY_END},
        {"kpp", TERMINAL_KEY_PAGE_UP},     {"knp", TERMINAL_KEY_PAGE_DOWN},
        {"kdch1", TERMINAL_KEY_DELETE},    {"kcbt", TERMINAL_KEY_BACKTAB},
        {"kLFT5", TERMINAL_KEY_WORD_LEFT}, {"kRIT5", TERMINAL_KEY_WORD_RIGHT},
        {"kHOM5", TERMINAL_KEY_TOP},       {"kEND5", TERMINAL_KEY_BOTTOM},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *bytes = tigetstr((char *)table[i].capability);
        if (bytes != NULL && bytes != (char *)-1) {
            key_reader_add_sequence(keys, bytes, table[i].key);
        }
    }
}

/* newterm, without the signal handlers that it would install. */
static SCREEN *start_screen(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
    enum { COUNT = sizeof signals / sizeof signals[0] };
    struct sigaction before[COUNT], ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < COUNT; i++) {
        sigaction(signals[i], &ignore, &before[i]);
    }
    SCREEN *screen = newterm(NULL, stdout, stdin);
    for (size_t i = 0; i < COUNT; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    return screen;
}

struct terminal *terminal_curses_create(struct err *err)
{
    if (!check_terminal(err) || !set_locale(err)) {
        return NULL;
    }
    if (tcgetattr(STDIN_FILENO, &saved_modes) != 0) {
        err_errno(err, ERR_IO, "reading the terminal's modes");
        return NULL;
    }
    const char *no_colour = getenv("NO_COLOR");
    const char *move_cursor = tigetstr("cup");
    struct curses *curses = mem_zero(1, sizeof *curses);
    curses->terminal.ops = &curses_ops;
    curses->ansi = move_cursor[0] == '\x1B' && move_cursor[1] == '[';
    curses->kitty = curses->ansi && knows_kitty_keys();
    prepare_off(curses);
    key_reader_init(&curses->keys);
    add_sequences(&curses->keys);
    del_curterm(cur_term); /* newterm reads the description again, into one of its own */
    fflush(stdout);
    taken = 1; /* from the first byte that changes the terminal on */
    curses->screen = start_screen();
    if (curses->screen == NULL) {
        terminal_curses_restore();
        key_reader_finish(&curses->keys);
        mem_free(curses);
        err_set(err, ERR_UNAVAILABLE, "ncurses cannot use this terminal: use `carat exec`");
        return NULL;
    }
    if ((no_colour == NULL || no_colour[0] == '\0') && has_colors()) {
        start_color();
        curses->colours = use_default_colors() == OK;
    }
    typeahead(-1); /* a waiting key must not break a frame off */
    set_modes();
    curses->rows = LINES;
    curses->columns = COLS;
    refresh();
    switch_on(curses);
    return &curses->terminal;
}
