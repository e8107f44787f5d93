/* The real terminal: the demo program runs on a pseudo terminal, and every byte that it writes is
 * looked at: against a grammar of what ncurses and we may send, and for which modes are left on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

enum { PATIENCE_US = 20 * 1000000 };

struct pty {
    pid_t pid;
    int fd;
    struct str output;
    struct termios before;
};

static const char *demo; /* path of the program */

static void start_screen(struct pty *pty, const char *mode, const char *kind, const char *term,
                         const char *variable)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 640, .ws_ypixel = 480};
    int copy;
    str_init(&pty->output);
    pty->pid = forkpty(&pty->fd, NULL, NULL, &size);
    assert_true(pty->pid >= 0);
    if (pty->pid == 0) {
        setenv("TERM", term, 1);
        setenv("LC_ALL", "C", 1);
        unsetenv("NO_COLOR");
        unsetenv("LINES");
        unsetenv("COLUMNS");
        if (variable != NULL) {
            setenv(variable, "1", 1);
        }
        /* The demo waits for a byte, so that the modes can be read before it changes them. */
        (void)!read(STDIN_FILENO, &copy, 1);
        execl(demo, demo, mode, kind, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(tcgetattr(pty->fd, &pty->before), 0);
    assert_int_equal(fcntl(pty->fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(write(pty->fd, "\n", 1), 1);
}

static void start(struct pty *pty, const char *mode, const char *term, const char *variable)
{
    start_screen(pty, mode, NULL, term, variable);
}

/* Takes what was written within `ms`; false when the other side is closed. */
static bool take(struct pty *pty, int ms)
{
    char bytes[65536];
    struct pollfd waiting = {.fd = pty->fd, .events = POLLIN};
    if (poll(&waiting, 1, ms) <= 0) {
        return true;
    }
    ssize_t length = read(pty->fd, bytes, sizeof bytes);
    if (length > 0) {
        str_append_bytes(&pty->output, bytes, (size_t)length);
        return true;
    }
    return length < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Waits until `text` was written behind offset `from`. */
static void wait_for(struct pty *pty, size_t from, const char *text)
{
    int64_t start_us = clock_monotonic_us();
    while (memmem(pty->output.data + from, pty->output.length - from, text, strlen(text)) == NULL) {
        if (!take(pty, 50) || clock_monotonic_us() - start_us > PATIENCE_US) {
            fail_msg("'%s' did not come; the last bytes: %s", text,
                     pty->output.data + (pty->output.length > 400 ? pty->output.length - 400 : 0));
        }
    }
}

/* The first frame of the demo, all of it. */
static void wait_for_frame(struct pty *pty)
{
    wait_for(pty, 0, "ready");
    wait_for(pty, (size_t)(strstr(pty->output.data, "ready") - pty->output.data), "\x1B[?2026l");
}

static void send_bytes(struct pty *pty, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(pty->fd, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else {
            assert_true(errno == EAGAIN || errno == EINTR);
        }
        assert_true(take(pty, written > 0 ? 0 : 5));
    }
}

static void send_text(struct pty *pty, const char *text)
{
    send_bytes(pty, text, strlen(text));
}

/* The end of the process, with what it wrote last. Returns its wait status. */
static int finish(struct pty *pty)
{
    int status = 0;
    int64_t start_us = clock_monotonic_us();
    while (waitpid(pty->pid, &status, WNOHANG) == 0) {
        take(pty, 20);
        if (clock_monotonic_us() - start_us > PATIENCE_US) {
            kill(pty->pid, SIGKILL);
            fail_msg("the program does not end");
        }
    }
    while (take(pty, 0)) {
        struct pollfd waiting = {.fd = pty->fd, .events = POLLIN};
        if (poll(&waiting, 1, 50) <= 0) {
            break;
        }
    }
    return status;
}

static void release(struct pty *pty)
{
    close(pty->fd);
    str_finish(&pty->output);
}

static void expect_same_modes(struct pty *pty)
{
    struct termios after;
    assert_int_equal(tcgetattr(pty->fd, &after), 0);
    assert_int_equal(after.c_iflag, pty->before.c_iflag);
    assert_int_equal(after.c_oflag, pty->before.c_oflag);
    assert_int_equal(after.c_cflag, pty->before.c_cflag);
    assert_int_equal(after.c_lflag, pty->before.c_lflag);
    assert_memory_equal(after.c_cc, pty->before.c_cc, sizeof after.c_cc);
}

/* --- the grammar of what may be written --- */

struct modes {
    bool alternate, paste, hidden, synchronised, application_keys, kitty, modified_keys, coloured;
    int clears, frames;
    int pictures, deleted, strips; /* sent to be kept, taken away, painted in sixels */
};

static void private_mode(struct modes *modes, long number, bool on)
{
    switch (number) {
    case 1:
        modes->application_keys = on;
        break;
    case 25:
        modes->hidden = !on;
        break;
    case 47: /* rxvt */
    case 1049:
        modes->alternate = on;
        break;
    case 2004:
        modes->paste = on;
        break;
    case 2026:
        assert_int_equal(modes->synchronised, !on); /* frames do not nest */
        modes->synchronised = on;
        modes->frames += on;
        break;
    case 1000: /* the mouse, which nobody asked for here */
    case 1006:
        assert_false(on);
        break;
    case 7:
    case 12:
    case 1034:
        break; /* wrap, blink and meta, by some descriptions */
    default:
        fail_msg("mode %ld was set", number);
    }
}

static void check_csi(struct modes *modes, const char *body, size_t length)
{
    char final = body[length - 1], text[64];
    assert_true(length < sizeof text);
    memcpy(text, body, length);
    text[length] = '\0';
    if (text[0] == '?') {
        char *end = text + 1;
        assert_true(final == 'h' || final == 'l' || final == 'c');
        while (final != 'c' && *end != final) {
            private_mode(modes, strtol(end, &end, 10), final == 'h');
            end += *end == ';';
        }
        return;
    }
    if (strcmp(text, ">3u") == 0 || strcmp(text, "<u") == 0) {
        modes->kitty = text[0] == '>';
        return;
    }
    if (strcmp(text, ">4;1m") == 0 ||
        strcmp(text, ">4m") == 0) { /* keys with modifiers told apart */
        modes->modified_keys = length > 3;
        return;
    }
    if (final == 't') { /* xterm keeps and restores its title around the alternate screen */
        assert_true(strcmp(text, "22;0;0t") == 0 || strcmp(text, "23;0;0t") == 0);
        return;
    }
    if (strchr("ABCDGHIJKLMPSTXZ@bdhlmrf", final) == NULL ||
        strspn(text, "0123456789;") != length - 1) {
        fail_msg("a foreign sequence was written: ESC [ %s", text);
    }
    modes->clears += final == 'J' && modes->frames > 1;
    for (char *at = text; final == 'm' && *at != 'm'; at += *at == ';') {
        long style = strtol(at, &at, 10);
        modes->coloured |= (style >= 30 && style <= 38) || (style >= 40 && style <= 48) ||
                           (style >= 90 && style <= 107);
    }
}

/* Graphics, in no other form than ours: for kitty keys without a question and base64; sixels in
 * numbers and the signs from ? to ~. */
static size_t check_graphics(struct modes *modes, const char *bytes, size_t length)
{
    static const char base64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const char *end = memmem(bytes, length, "\x1B\\", 2);
    assert_non_null(end);
    char *body = mem_strndup(bytes + 2, (size_t)(end - bytes) - 2);
    if (bytes[1] == '_') {
        char *data = strchr(body, ';');
        assert_true(body[0] == 'G' && strstr(body, "q=2") != NULL);
        assert_true(data == NULL || data[1 + strspn(data + 1, base64)] == '\0');
        assert_true(strspn(body + 1, "aTUqfipsvcrdIm=,0123456789") == strcspn(body + 1, ";"));
        modes->pictures += strncmp(body, "Ga=T,U=1,", 9) == 0;
        modes->deleted += strncmp(body, "Ga=d,d=I,", 9) == 0;
    } else {
        assert_true(strncmp(body, "0;1q\"1;1;", 9) == 0);
        for (const char *at = body + 9; *at != '\0'; at++) {
            assert_true((*at >= '?' && *at <= '~') || strchr("0123456789;#!$-", *at) != NULL);
        }
        modes->strips++;
    }
    mem_free(body);
    return (size_t)(end - bytes) + 2;
}

/* One sequence at ESC; returns its length. */
static size_t check_escape(struct modes *modes, const char *bytes, size_t length)
{
    assert_true(length >= 2);
    if (bytes[1] == '[') {
        size_t at = 2;
        while (at < length && !(bytes[at] >= 0x40 && bytes[at] <= 0x7E)) {
            at++;
        }
        assert_true(at < length);
        check_csi(modes, bytes + 2, at - 1);
        return at + 1;
    }
    if (bytes[1] == '(' || bytes[1] == ')') {
        assert_true(length >= 3 && (bytes[2] == 'B' || bytes[2] == '0'));
        return 3;
    }
    if (bytes[1] == '_' || bytes[1] == 'P') {
        return check_graphics(modes, bytes, length);
    }
    if (strchr("=>M78", bytes[1]) == NULL) {
        fail_msg("a foreign sequence was written: ESC %c", bytes[1]);
    }
    modes->application_keys = bytes[1] == '=' || (bytes[1] != '>' && modes->application_keys);
    return 2;
}

static struct modes check_output(const struct pty *pty)
{
    struct modes modes = {0};
    const char *bytes = pty->output.data;
    size_t length = pty->output.length, used;
    for (size_t at = 0; at < length; at += used) {
        if (bytes[at] == 0x1B) {
            used = check_escape(&modes, bytes + at, length - at);
            continue;
        }
        uint32_t c = utf8_decode(bytes + at, length - at, &used);
        if (c >= UTF8_INCOMPLETE || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
            (c < 0x20 && strchr("\r\n\b\t\x0E\x0F", (int)c) == NULL)) {
            fail_msg("a foreign byte was written: %x at %zu", (unsigned char)bytes[at], at);
        }
    }
    return modes;
}

static void expect_all_off(const struct modes *modes)
{
    assert_false(modes->alternate);
    assert_false(modes->paste);
    assert_false(modes->hidden);
    assert_false(modes->synchronised);
    assert_false(modes->application_keys);
    assert_false(modes->kitty);
    assert_false(modes->modified_keys);
}

/* --- tests --- */

/* Text that attacks, on terminals of several kinds: nothing foreign is written, all is put back. */
static void test_hostile(void **state)
{
    (void)state;
    /* On the last one ncurses draws: its description has no region that scrolls. */
    static const char *const terms[] = {
        "xterm-256color", "screen-256color", "tmux-256color", "linux", "vt100", "rxvt", "ansi"};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct pty pty;
        start(&pty, "hostile", terms[i], NULL);
        wait_for(&pty, 0, "once");
        send_text(&pty, "\x1B");
        wait_for(&pty, 0, "refused");
        send_text(&pty, "\x0F\x0F/quit\r");
        assert_int_equal(finish(&pty), 0);
        struct modes modes = check_output(&pty);
        expect_all_off(&modes);
        expect_same_modes(&pty);
        assert_true(modes.frames >= 2);
        assert_int_equal(modes.pictures + modes.strips, 0); /* of the attack's */
        release(&pty);
    }
}

static void end_by_signal(int number)
{
    struct pty pty;
    start(&pty, "stream", "xterm-256color", NULL);
    wait_for(&pty, 0, "streamed words");
    kill(pty.pid, number);
    int status = finish(&pty);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
    /* The signal may have come in the middle of a frame: its tail is cut, and the rest is ours. */
    static const char off[] = "\x1B[?2026l\x1B[?2004l";
    const char *last = NULL, *at = pty.output.data;
    while ((at = strstr(at, off)) != NULL) {
        last = at++;
    }
    assert_non_null(last);
    assert_non_null(strstr(last, "\x1B[?1049l"));
    assert_null(strstr(last, "\x1B[?25l"));
    expect_same_modes(&pty);
    release(&pty);
}

static void test_sudden_end(void **state)
{
    (void)state;
    end_by_signal(SIGTERM);
    end_by_signal(SIGSEGV);
}

static void test_hangup(void **state)
{
    (void)state;
    struct pty pty;
    int status;
    start(&pty, NULL, "xterm-256color", NULL);
    wait_for_frame(&pty);
    close(pty.fd);
    int64_t start_us = clock_monotonic_us();
    while (waitpid(pty.pid, &status, WNOHANG) == 0) {
        if (clock_monotonic_us() - start_us > PATIENCE_US) {
            kill(pty.pid, SIGKILL);
            fail_msg("the program does not notice that its terminal is gone");
        }
        usleep(10000);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    str_finish(&pty.output);
}

/* A megabyte, with an end mark and a command inside: it arrives as text and nothing of it runs. */
static void test_paste(void **state)
{
    (void)state;
    struct pty pty;
    struct str text;
    start(&pty, NULL, "xterm-256color", NULL);
    wait_for_frame(&pty);
    str_init(&text);
    str_append(&text, "\x1B[200~first\r/quit\r");
    while (text.length < 1024 * 1024) {
        str_append(&text, "a line of a large paste\r");
    }
    str_append(&text, "\x1B[201~\r/quit\r\x1B[201~");
    int64_t start_us = clock_monotonic_us();
    send_bytes(&pty, text.data, text.length);
    /* One paste, the false end mark and all behind it included; it stands there as a word. */
    size_t lines = 0;
    for (size_t i = 0; i < text.length; i++) {
        lines += text.data[i] == '\r';
    }
    struct str word;
    str_init(&word);
    str_append_format(&word, "[pasted %zu lines]", lines);
    wait_for(&pty, 0, word.data);
    str_finish(&word);
    assert_true(clock_monotonic_us() - start_us < 10 * 1000000);
    send_text(&pty, "\x03");
    wait_for(&pty, 0, "Ask something");
    send_text(&pty, "still here\r");
    wait_for(&pty, 0, "You said");
    send_text(&pty, "/quit\r");
    assert_int_equal(finish(&pty), 0);
    struct modes modes = check_output(&pty);
    expect_all_off(&modes);
    str_finish(&text);
    release(&pty);
}

static void test_resizes(void **state)
{
    (void)state;
    struct pty pty;
    start(&pty, "stream", "xterm-256color", NULL);
    wait_for(&pty, 0, "streamed words");
    srandom(5);
    for (int i = 0; i < 200; i++) {
        struct winsize size = {.ws_row = (unsigned short)(random() % 200),
                               .ws_col = (unsigned short)(random() % 500)};
        if (i % 4 == 0) {
            size.ws_row = (unsigned short)(random() % 3);
            size.ws_col = (unsigned short)(random() % 3);
        }
        assert_int_equal(ioctl(pty.fd, TIOCSWINSZ, &size), 0);
        assert_true(take(&pty, 2));
    }
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    assert_int_equal(ioctl(pty.fd, TIOCSWINSZ, &size), 0);
    size_t from = pty.output.length;
    wait_for(&pty, from, "gemma-4-e2b");
    send_text(&pty, "/quit\r");
    assert_int_equal(finish(&pty), 0);
    struct modes modes = check_output(&pty);
    expect_all_off(&modes);
    expect_same_modes(&pty);
    release(&pty);
}

/* Streaming never clears the screen, and a frame is a few hundred bytes, not a screenful. */
static void test_stream(void **state)
{
    (void)state;
    struct pty pty;
    start(&pty, NULL, "xterm-256color", NULL);
    wait_for_frame(&pty);
    size_t from = pty.output.length;
    send_text(&pty, "/stream\r");
    wait_for(&pty, from, "writing");
    wait_for(&pty, from, "end of stream");
    size_t streamed = pty.output.length - from;
    send_text(&pty, "\x04");
    assert_int_equal(finish(&pty), 0);
    struct modes modes = check_output(&pty);
    assert_int_equal(modes.clears, 0);
    assert_true(modes.frames > 100);
    if (streamed / (size_t)modes.frames > 600) {
        fail_msg("%zu bytes in %d frames", streamed, modes.frames);
    }
    assert_true(modes.coloured);
    release(&pty);
}

/* A picture on both kinds of screen, scrolled away, resized and left: sent once or in strips, in
 * frames, and not left in the terminal's memory by a full screen. */
static void test_graphics(void **state)
{
    (void)state;
    static const char *const forms[] = {"kitty", "sixel"}, *const kinds[] = {NULL, "inline"};
    for (size_t i = 0; i < 4; i++) {
        struct pty pty;
        bool kitty = i % 2 == 0, full = kinds[i / 2] == NULL;
        struct winsize size = {.ws_row = 30, .ws_col = 70, .ws_xpixel = 560, .ws_ypixel = 600};
        start_screen(&pty, forms[i % 2], kinds[i / 2], "xterm-256color", NULL);
        wait_for(&pty, 0, "(a picture, 96 x 96)");
        wait_for_frame(&pty);
        size_t from = pty.output.length;
        assert_int_equal(ioctl(pty.fd, TIOCSWINSZ, &size), 0);
        wait_for(&pty, from, "gemma-4-e2b");
        for (int said = 0; said < 8; said++) { /* until it has scrolled away */
            char words[] = "aaaaaaaa\r"; /* other letters each time, so that all of them are sent */
            memset(words, 'a' + said, 8);
            send_text(&pty, words);
            words[8] = '\0';
            wait_for(&pty, from, words);
        }
        send_text(&pty, "/quit\r");
        assert_int_equal(finish(&pty), 0);
        struct modes modes = check_output(&pty);
        expect_all_off(&modes);
        expect_same_modes(&pty);
        assert_int_equal(modes.pictures, kitty);
        assert_int_equal(modes.deleted, kitty && full);
        assert_in_range(modes.strips, kitty ? 0 : 9, kitty ? 0 : full ? 2000 : 16);
        release(&pty);
    }
}

static void test_no_color(void **state)
{
    (void)state;
    struct pty pty;
    start(&pty, NULL, "xterm-256color", "NO_COLOR");
    wait_for_frame(&pty);
    send_text(&pty, "\x04");
    assert_int_equal(finish(&pty), 0);
    struct modes modes = check_output(&pty);
    assert_false(modes.coloured);
    assert_non_null(strstr(pty.output.data, "漢字")); /* although the locale is C */
    release(&pty);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const terms[] = {"dumb", "no-such-terminal", "unknown"};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct pty pty;
        start(&pty, NULL, terms[i], NULL);
        int status = finish(&pty);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
        assert_non_null(strstr(pty.output.data, "or cannot move its cursor"));
        assert_null(strchr(pty.output.data, 0x1B));
        expect_same_modes(&pty);
        release(&pty);
    }
    struct str command;
    char line[512] = "";
    str_init(&command);
    str_append_format(&command, "%s </dev/null 2>&1", demo);
    FILE *pipe = popen(command.data, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    assert_int_equal(WEXITSTATUS(pclose(pipe)), 1);
    assert_non_null(strstr(line, "carat exec"));
    str_finish(&command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),  cmocka_unit_test(test_sudden_end),
        cmocka_unit_test(test_hangup),   cmocka_unit_test(test_paste),
        cmocka_unit_test(test_resizes),  cmocka_unit_test(test_stream),
        cmocka_unit_test(test_no_color), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_graphics),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: pty_test PATH-OF-DEMO\n");
        return 2;
    }
    demo = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
