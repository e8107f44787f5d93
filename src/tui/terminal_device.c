/* The modes that are put back are those that the terminal had when it was taken, so that what the
 * shell changed while we were suspended stays. */
#define NCURSES_WIDECHAR 1
#include "tui/terminal_device.h"

#include <assert.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>
#undef columns /* term.h makes words of the language its own */

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tui/terminal.h"

/* ESC_MS: how long an ESC may be the beginning of a sequence. Also how long a paste is looked after
 * for a second end mark. */
enum { ESC_MS = 25, READ_BYTES = 64 * 1024, OFF_BYTES = 256, COPY_MAX = 72 * 1024 };

/* Buttons and the wheel, in decimal numbers. */
#define MOUSE_ON  "\x1B[?1000h\x1B[?1006h"
#define MOUSE_OFF "\x1B[?1006l\x1B[?1000l"

/* For terminal_restore: the only state that a signal handler looks at. */
static struct termios saved_modes;
static char off_bytes[OFF_BYTES];
static size_t off_length;
static volatile sig_atomic_t taken; /* the terminal is ours at the moment */

/* Writes all of it, or as much as a dead terminal takes. Async-signal-safe. */
void terminal_device_write(const char *bytes, size_t length)
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
    terminal_device_write(text, strlen(text));
}

void terminal_restore(void)
{
    int saved_errno = errno;
    if (taken) {
        taken = 0;
        terminal_device_write(off_bytes, off_length);
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

/* xterm, and tmux in its place, tell Shift+Enter from Enter as soon as keys may be modified; what
 * else calls itself xterm knows the sequence or passes it over. */
static bool modifies_keys(void)
{
    const char *term = getenv("TERM");
    return term != NULL && (strncmp(term, "xterm-", 6) == 0 || strcmp(term, "xterm") == 0 ||
                            str_starts_with(term, "tmux"));
}

/* The end of everything that may have been switched on, in the order of going back. */
static void prepare_off(const struct terminal_device *device, const char *const *leave,
                        const char *leave_bytes)
{
    static const char *const always[] = {"rmkx", "sgr0", "cnorm", NULL};
    char value[64];
    struct str bytes;
    str_init(&bytes);
    str_append(&bytes, device->ansi ? "\x1B[?2026l" : "");
    str_append(&bytes, device->ansi ? "\x1B[?2004l" : "");
    str_append(&bytes, device->ansi ? MOUSE_OFF : "");
    str_append(&bytes, device->modifies_keys ? "\x1B[>4m" : "");
    str_append(&bytes, device->kitty ? "\x1B[<u" : "");
    for (const char *const *name = always; *name != NULL; name++) {
        str_append(&bytes, capability(*name, value));
    }
    for (const char *const *name = leave; *name != NULL; name++) {
        str_append(&bytes, capability(*name, value));
    }
    str_append(&bytes, leave_bytes);
    assert(bytes.length < sizeof off_bytes);
    memcpy(off_bytes, bytes.data, bytes.length);
    off_length = bytes.length;
    str_finish(&bytes);
}

void terminal_device_switch_on(const struct terminal_device *device)
{
    if (device->kitty) {
        write_text("\x1B[>3u"); /* keys told apart, and presses from releases */
    }
    if (device->modifies_keys) {
        write_text("\x1B[>4;1m");
    }
    if (device->ansi) {
        write_text("\x1B[?2004h");
    }
    if (device->mouse) {
        write_text(MOUSE_ON);
    }
}

void terminal_device_set_mouse(struct terminal_device *device, bool on)
{
    if (device->ansi && device->mouse != on) {
        device->mouse = on;
        write_text(on ? MOUSE_ON : MOUSE_OFF);
    }
}

void terminal_device_switch_off(const struct terminal_device *device)
{
    if (device->mouse) {
        write_text(MOUSE_OFF);
    }
    if (device->ansi) {
        write_text("\x1B[?2004l");
    }
    if (device->modifies_keys) {
        write_text("\x1B[>4m");
    }
    if (device->kitty) {
        write_text("\x1B[<u");
    }
}

bool terminal_device_copy(const struct terminal_device *device, const char *text, size_t length)
{
    static const char head[] = "\x1B]52;c;";
    const char *term = getenv("TERM");
    if (!device->ansi || length > COPY_MAX || (term != NULL && strcmp(term, "linux") == 0)) {
        return false;
    }
    size_t size = base64_length(length), head_length = sizeof head - 1;
    char *bytes = mem_alloc(head_length + size + 1, 1);
    memcpy(bytes, head, head_length);
    base64_encode(text, length, bytes + head_length);
    bytes[head_length + size] = '\a';
    terminal_device_write(bytes, head_length + size + 1);
    mem_free(bytes);
    return true;
}

/* --- keys --- */

static bool readable(int timeout_ms)
{
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&waiting, 1, timeout_ms) > 0 && (waiting.revents & POLLIN) != 0;
}

/* Takes what waits; false when nothing came within the time. */
static bool fill(struct terminal_device *device, int timeout_ms)
{
    char bytes[READ_BYTES];
    if (device->lost || !readable(timeout_ms)) {
        return false;
    }
    ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
    if (length > 0) {
        key_reader_feed(&device->keys, bytes, (size_t)length);
        return true;
    }
    if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
        device->lost = true;
    }
    return false;
}

bool terminal_device_read(struct terminal_device *device, struct terminal_key *key)
{
    bool settled = false;
    for (;;) {
        switch (key_reader_next(&device->keys, settled, key)) {
        case KEY_READY:
            return true;
        case KEY_NONE:
        case KEY_PASTING:
            if (!fill(device, 0)) {
                return false;
            }
            settled = false;
            break;
        case KEY_MORE:
            settled = !fill(device, ESC_MS);
            break;
        }
    }
}

bool terminal_device_lost(const struct terminal_device *device)
{
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    if (device->lost) {
        return true;
    }
    return poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

bool terminal_device_size(int *rows, int *columns)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        return false;
    }
    *rows = size.ws_row;
    *columns = size.ws_col;
    return true;
}

bool terminal_device_cell(int *width, int *height)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0 ||
        size.ws_xpixel < size.ws_col || size.ws_ypixel < size.ws_row) {
        return false;
    }
    *width = size.ws_xpixel / size.ws_col;
    *height = size.ws_ypixel / size.ws_row;
    return true;
}

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

/* Reads what is known of TERM, which the functions of terminfo ask from then on. */
static bool look_up(void)
{
    int found = 0;
    return setupterm(NULL, STDOUT_FILENO, &found) == OK && tigetflag("gn") <= 0 &&
           tigetflag("hc") <= 0 && tigetstr("cup") != NULL && tigetstr("cup") != (char *)-1;
}

bool terminal_draws(void)
{
    bool draws = look_up();
    if (cur_term != NULL) {
        del_curterm(cur_term); /* what draws looks it up again */
    }
    return draws;
}

static bool check_terminal(struct err *err)
{
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return err_set(err, ERR_UNAVAILABLE,
                       "standard %s is no terminal: use `carat exec` without one",
                       isatty(STDIN_FILENO) ? "output" : "input");
    }
    if (!look_up()) {
        return err_set(err, ERR_UNSUPPORTED,
                       "the terminal type TERM=%s is not known here, or cannot move its cursor",
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

bool terminal_device_open(struct terminal_device *device, const char *const *leave,
                          const char *leave_bytes, struct err *err)
{
    if (!check_terminal(err) || !set_locale(err)) {
        return false;
    }
    if (tcgetattr(STDIN_FILENO, &saved_modes) != 0) {
        return err_errno(err, ERR_IO, "reading the terminal's modes");
    }
    const char *move_cursor = tigetstr("cup");
    *device = (struct terminal_device){0};
    device->ansi = move_cursor[0] == '\x1B' && move_cursor[1] == '[';
    device->kitty = device->ansi && knows_kitty_keys();
    device->modifies_keys = device->ansi && !device->kitty && modifies_keys();
    prepare_off(device, leave, leave_bytes);
    key_reader_init(&device->keys);
    add_sequences(&device->keys);
    return true;
}

void terminal_device_close(struct terminal_device *device)
{
    key_reader_finish(&device->keys);
}

void terminal_device_take(void)
{
    tcgetattr(STDIN_FILENO, &saved_modes);
    taken = 1;
}

void terminal_device_give_back(void)
{
    taken = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
}

void terminal_recover(bool full)
{
    const char *const leave[] = {full ? "rmcup" : NULL, NULL};
    struct terminal_device device;
    if (terminal_device_open(&device, leave, full ? "" : "\r\n\x1B[J", NULL)) {
        terminal_device_write(off_bytes, off_length);
        terminal_device_close(&device);
    }
}

bool terminal_device_wants_colours(void)
{
    const char *none = getenv("NO_COLOR"), *some = getenv("CLICOLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    if (none != NULL && none[0] != '\0') {
        return false;
    }
    bool forced = force != NULL && force[0] != '\0' && strcmp(force, "0") != 0;
    return forced || some == NULL || strcmp(some, "0") != 0;
}

bool terminal_device_takes_canvas(void)
{
    static const char *const sequences[][2] = {
        {"cup", "\x1B[%i%p1%d;%p2%dH"}, {"csr", "\x1B[%i%p1%d;%p2%dr"}, {"el", "\x1B[K"}};
    char value[64];
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (strcmp(capability(sequences[i][0], value), sequences[i][1]) != 0) {
            return false;
        }
    }
    return tigetflag("xenl") > 0;
}

int terminal_device_colours(void)
{
    int colours = tigetnum("colors");
    return terminal_device_wants_colours() && colours > 0 ? colours : 0;
}

/* Where a description lacks italics, their code may be another style's. */
unsigned terminal_device_styles(void)
{
    char value[64];
    return TERMINAL_BOLD | TERMINAL_UNDERLINE | TERMINAL_REVERSE |
           (capability("dim", value)[0] != '\0' ? TERMINAL_DIM : 0) |
           (capability("sitm", value)[0] != '\0' ? TERMINAL_ITALIC : 0);
}
