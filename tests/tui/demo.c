/* A small program on the real terminal: what the pty test runs, and what one tries by hand.
 *
 *     demo            a conversation; what is typed is echoed as an answer, /ask asks, /quit ends
 *     demo hostile    the same with text that attacks the terminal
 *     demo stream     streams an answer, then ends
 *     demo kitty      with a picture, by kitty's protocol; sixel: in sixels
 *     demo kitty inline
 *
 * Ends on TUI_QUIT with 0, on a lost terminal with 3. SIGTERM and SIGSEGV put the terminal back in
 * the handler, as the application does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "tui/terminal.h"
#include "tui/tui.h"

static struct tui *tui;
static bool quit, busy;
static int stream_left;
static volatile sig_atomic_t resized;

static void show_status(void)
{
    struct tui_status status = {.model = "gemma-4-e2b",
                                .mode = "ask",
                                .sandbox = "sandbox",
                                .busy = busy,
                                .activity = busy ? "writing" : "",
                                .context_used = 1234,
                                .context_size = 8192,
                                .tokens_per_second = busy ? 17.3 : 0};
    tui_set_status(tui, &status);
}

static void answer(const char *text)
{
    tui_add_text(tui, text, strlen(text));
}

static void submit(const char *text, size_t length)
{
    if (strcmp(text, "/quit") == 0) {
        quit = true;
        return;
    }
    tui_add_user(tui, text, length);
    if (strcmp(text, "/ask") == 0) {
        tui_ask(tui, "c9", "shell wants to run", "make -C build test && git status --short");
        return;
    }
    if (strcmp(text, "/stream") == 0) {
        stream_left = 300;
        busy = true;
        return;
    }
    answer("You said:\n\n> ");
    tui_add_text(tui, text, length);
    tui_end_message(tui);
}

static void on_intent(void *context, const struct tui_intent *intent)
{
    (void)context;
    switch (intent->kind) {
    case TUI_SUBMIT:
        submit(intent->text, intent->length);
        break;
    case TUI_INTERRUPT:
        stream_left = 0;
        busy = false;
        tui_end_message(tui);
        tui_add_notice(tui, "interrupted", false);
        break;
    case TUI_DECIDE:
        tui_add_notice(tui, intent->decision == TUI_NO ? "refused" : "allowed", false);
        break;
    case TUI_QUIT:
        quit = true;
        break;
    case TUI_SUSPEND:
        tui_suspend(tui);
        raise(SIGSTOP);
        tui_resume(tui);
        break;
    default:
        tui_add_notice(tui, "an intent without text", false);
        break;
    }
    show_status();
}

static void on_end(int number)
{
    terminal_restore();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

static void conversation(bool hostile)
{
    static const struct tui_command commands[] = {{"ask", "ask a question", NULL},
                                                  {"stream", "stream an answer", NULL},
                                                  {"quit", "end", NULL}};
    tui_set_commands(tui, commands, 3);
    static const char question[] = "What does this project build, and how large is it?";
    tui_add_user(tui, question, sizeof question - 1);
    static const char thought[] = "The user wants an overview. I list the files first.";
    tui_add_thought(tui, thought, sizeof thought - 1);
    tui_add_call(tui, "c1", "shell: wc -l src/*/*.c");
    static const char output[] = "  108 src/tui/action.c\n  221 src/tui/block.c\n   79 "
                                 "src/tui/completion.c\n  264 src/tui/dialog.c\n  442 "
                                 "src/tui/dispatch.c\n  538 src/tui/editor.c\n  207 "
                                 "src/tui/glyph.c\n 1859 total\n";
    tui_end_call(tui, "c1", output, sizeof output - 1, NULL);
    answer("It builds **carat**, a terminal agent.\n\n- `src/tui` is the *screen*\n- `engine` "
           "runs the model\n\n| Folder | Lines |\n|---|--:|\n| src/tui | 1859 |\n\n```c\nint "
           "main(void)\n```\n\nMore in [the plan](https://example.org/plan). 漢字 👍\n");
    tui_end_message(tui);
    if (hostile) {
        static const char evil[] = "\x1B]52;c;ZXZpbA==\x07\x1B]0;owned\x07\x1B[2J\x1B[31m\x9B"
                                   "5n\xC2\x9B"
                                   "6n\xE2\x80\xAEtxt\x1B[?1049l\x1B"
                                   "c";
        tui_add_user(tui, evil, sizeof evil - 1);
        tui_add_text(tui, evil, sizeof evil - 1);
        tui_add_call(tui, "c2", evil);
        tui_end_call(tui, "c2", evil, sizeof evil - 1, "exit 2");
        tui_ask(tui, "c2", evil, evil);
    }
    tui_add_notice(tui, "ready", false);
    show_status();
}

/* A picture as `how` says, red to the right and green downwards. */
static void picture(const char *how)
{
    enum { SIDE = 96 };
    static unsigned char rgb[SIDE * SIDE * 3];
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        rgb[i * 3] = (unsigned char)(i % SIDE * 2);
        rgb[i * 3 + 1] = (unsigned char)(i / SIDE * 2);
    }
    tui_set_pictures(tui, strcmp(how, "kitty") == 0 ? TUI_PICTURES_KITTY : TUI_PICTURES_SIXEL);
    tui_add_picture(tui, rgb, SIDE, SIDE, "(a picture, 96 x 96)");
}

static void step(void)
{
    if (stream_left > 0 && --stream_left > 0) {
        answer(stream_left % 9 == 0 ? "streamed words.\n\n" : "streamed words and ");
    } else if (busy) {
        busy = false;
        tui_end_message(tui);
        tui_add_notice(tui, "end of stream", false);
        show_status();
    }
}

static int run(void)
{
    sigset_t waiting;
    sigprocmask(SIG_SETMASK, NULL, &waiting);
    sigdelset(&waiting, SIGWINCH);
    while (!quit) {
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        struct timespec tick = {.tv_nsec = 15000000};
        int ready = ppoll(&keys, 1, busy ? &tick : NULL, &waiting); /* a new size comes in here */
        if (ready < 0 && errno != EINTR) {
            return 2;
        }
        if (resized) {
            resized = 0;
            tui_resize(tui);
        }
        if (ready > 0 && !tui_read_keys(tui, clock_monotonic_us())) {
            return 3;
        }
        if (busy) {
            step();
            tui_tick(tui, clock_monotonic_us());
        }
        tui_draw(tui);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct sigaction winch = {.sa_handler = on_resize}; /* no SA_RESTART: it must end poll() */
    const char *mode = argc > 1 ? argv[1] : "";
    struct terminal *terminal =
        argc > 2 ? terminal_inline_create(&err) : terminal_curses_create(&err);
    if (terminal == NULL) {
        fprintf(stderr, "demo: %s\n", err.text);
        return 1;
    }
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGWINCH);
    sigprocmask(SIG_BLOCK, &blocked, NULL); /* but where it waits, so that none is missed */
    sigaction(SIGWINCH, &winch, NULL);
    signal(SIGHUP, SIG_IGN); /* so that only the terminal itself says that it is gone */
    signal(SIGTERM, on_end);
    signal(SIGSEGV, on_end);
    tui = tui_create(terminal, on_intent, NULL);
    conversation(strcmp(mode, "hostile") == 0);
    if (strcmp(mode, "stream") == 0) {
        submit("/stream", 7);
    }
    if (strcmp(mode, "kitty") == 0 || strcmp(mode, "sixel") == 0) {
        picture(mode);
    }
    tui_draw(tui);
    int status = run();
    tui_destroy(tui);
    terminal->ops->destroy(terminal);
    return status;
}
