/* tui: the screen one talks on. The front door of this folder.
 *
 * Knows nothing of engines, tools or files: it is told what to show, turns keys into intents, and
 * hands those out through one callback. Draws at most once each time tui_draw is called, and only
 * what changed. All text that it is given may be hostile: it passes base/visible before it reaches
 * the terminal. Loop thread; nothing blocks.
 */
#ifndef CARAT_TUI_TUI_H
#define CARAT_TUI_TUI_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct terminal;
struct tui;

enum tui_intent_kind {
    TUI_SUBMIT,       /* text: a message, a /command or a !command; while busy: steers what runs */
    TUI_QUEUE,        /* text: a message for the time when what runs is done */
    TUI_EDIT,         /* text: the input, to be written on in an editor; then tui_set_draft */
    TUI_COMMAND,      /* text: a /command that a key stands for; the input stays as it is */
    TUI_WANT_FILES,   /* a file's name begins to be typed: tui_set_files */
    TUI_WANT_FOLDERS, /* a folder's, that a command takes: the same */
    TUI_INTERRUPT,    /* stop what runs */
    TUI_DECIDE,       /* answer to the approval that is shown */
    TUI_QUIT,
    TUI_CYCLE_MODE,
    TUI_TOGGLE_THINKING,
    TUI_TALK,          /* open the microphone; while it is open: what was said is whole */
    TUI_PASTE_PICTURE, /* the one in the clipboard */
    TUI_SUSPEND,       /* Ctrl-Z: the caller stops the process; tui_resume afterwards */
};

enum tui_decision {
    TUI_YES,
    TUI_YES_SESSION,
    TUI_YES_ALWAYS,
    TUI_YES_NETWORK, /* once, with the hosts that were offered */
    TUI_YES_NETWORK_SESSION,
    TUI_NO
};

struct tui_intent {
    enum tui_intent_kind kind;
    const char *text; /* SUBMIT, QUEUE, EDIT, COMMAND; DECIDE with TUI_NO: the reason, may be "" */
    size_t length;
    enum tui_decision decision;
};

typedef void tui_callback(void *context, const struct tui_intent *intent);

/* `terminal` is borrowed. */
struct keymap;
struct tui *tui_create(struct terminal *terminal, tui_callback *callback, void *context);
/* The same, spoken line by line (plain.h): `in` and `out` are descriptors, borrowed. */
struct tui *tui_create_plain(int in, int out, tui_callback *callback, void *context);
/* Ctrl+C, where the terminal makes a signal of it: as the key. */
void tui_interrupt(struct tui *tui, long long now_us);
/* Takes the key map in place of the standard one; it is checked. */
void tui_set_keymap(struct tui *tui, struct keymap *keymap);
void tui_set_vi(struct tui *tui, bool vi);
/* Whether the space bar, held on an empty input, talks as long as it is held (hold.h). */
void tui_set_hold(struct tui *tui, bool talks);
/* It is held just now: tui_tick is to be called, for its end may be told by silence alone. */
bool tui_holds(const struct tui *tui);
/* Whether the mouse scrolls and clicks, on a full screen; else it is the terminal's own. */
void tui_set_mouse(struct tui *tui, bool mouse);
/* colour, light, contrast or mono; another name changes nothing. */
void tui_set_theme(struct tui *tui, const char *name);
void tui_destroy(struct tui *tui);

/* Reads the keys that are waiting. False when the terminal is gone. `now_us`: monotonic, for double
 * presses. */
bool tui_read_keys(struct tui *tui, long long now_us);
/* Turns the spinner, at most five times a second, takes back hints that are over, and ends a hold
 * that is. To be called with each frame while something runs. */
void tui_tick(struct tui *tui, long long now_us);
void tui_resize(struct tui *tui);
/* A full screen's every cell is written again with the next frame, as if the terminal had lost it.
 */
void tui_repaint(struct tui *tui);
/* Redraws what changed; nothing when nothing did. */
void tui_draw(struct tui *tui);
bool tui_dirty(const struct tui *tui);
void tui_suspend(struct tui *tui); /* gives the terminal back */
void tui_resume(struct tui *tui);  /* takes it again and redraws all */

/* --- the transcript --- */
void tui_add_user(struct tui *tui, const char *text, size_t length);
void tui_add_text(struct tui *tui, const char *text,
                  size_t length); /* streaming answer; opens one if needed */
void tui_add_thought(struct tui *tui, const char *text,
                     size_t length);   /* streaming thought, shown folded */
void tui_end_message(struct tui *tui); /* the streaming answer is complete */
void tui_add_call(struct tui *tui, const char *call_id, const char *title);
void tui_call_output(struct tui *tui, const char *call_id, const char *text, size_t length);
/* `failure`: a word or two for its first line, "exit 2"; NULL = it did not fail. */
void tui_end_call(struct tui *tui, const char *call_id, const char *result, size_t length,
                  const char *failure);
void tui_add_notice(struct tui *tui, const char *text, bool is_error);
/* A notice as a place to come back to, and going there: it becomes the first row in view. Where
 * what was shown has left for the terminal's scrollback, the notice is all there is. */
void tui_add_mark(struct tui *tui, const char *text);
void tui_show_mark(struct tui *tui);
/* How a picture is shown: a line of words, cells of signs, cells of 256 colours, the graphics of
 * kitty's protocol (also passed through tmux), sixels. */
enum tui_pictures {
    TUI_PICTURES_OFF,
    TUI_PICTURES_SIGNS,
    TUI_PICTURES_COLOURS,
    TUI_PICTURES_KITTY,
    TUI_PICTURES_KITTY_TMUX,
    TUI_PICTURES_SIXEL,
};
void tui_set_pictures(struct tui *tui, enum tui_pictures how);
/* rgb[height][width][3], each 1 or more; `text` says what it is. */
void tui_add_picture(struct tui *tui, const unsigned char *rgb, size_t width, size_t height,
                     const char *text);
/* A picture that is not here yet: `text` stands in its place until tui_fill_picture gives it under
 * the same key (any pointer that is no other picture's), or, with `rgb` NULL, says that there is
 * none. What was cleared meanwhile is not filled. */
void tui_await_picture(struct tui *tui, const void *key, const char *text);
void tui_fill_picture(struct tui *tui, const void *key, const unsigned char *rgb, size_t width,
                      size_t height, const char *text);
void tui_clear(struct tui *tui);
/* Shows answers as the Markdown that they are, or laid out again; what it is then. Inline what has
 * left for the scrollback stays as it is. */
bool tui_toggle_raw(struct tui *tui);
/* Asks the terminal to put the text into the clipboard (OSC 52). It does not say whether it did;
 * false: this one cannot be asked, or the text is too long for it. */
bool tui_copy(struct tui *tui, const char *text, size_t length);

/* --- the rest of the screen --- */
/* Asks y / a / n about a call until answered or withdrawn. A burst of typing that began before goes
 * on into the input and answers nothing; a yes counts once the end of the description was shown. */
void tui_ask(struct tui *tui, const char *call_id, const char *title, const char *description);
/* The same for what no session and no rule may allow: only y and n. */
void tui_ask_once(struct tui *tui, const char *title, const char *description);
/* Behind tui_ask: p offers to allow for good what this rule says, and asks once more. */
void tui_offer_always(struct tui *tui, const char *rule);
/* Behind tui_ask: w offers to let the command reach these hosts, once; W for this session. */
void tui_offer_network(struct tui *tui, const char *hosts);
void tui_withdraw(struct tui *tui);

/* Offers a list to choose from, above the input; what is chosen comes as TUI_COMMAND, and Esc
 * leaves it. Copies. Line by line all of it is said, each entry behind its command. */
struct tui_choice {
    const char *text;
    const char *command;
};
void tui_pick(struct tui *tui, const char *title, const struct tui_choice *choices, size_t count);

struct tui_status {
    const char *model;
    const char *mode;     /* "ask", "read-only", ... */
    const char *sandbox;  /* "sandbox" or a warning */
    bool sandbox_warning; /* shown in red */
    bool thinking;
    bool busy;            /* something runs: Esc interrupts */
    bool listening;       /* the microphone is open, and `activity` says so: always shown */
    const char *activity; /* "reading 120 of 900", "writing", "shell", or "" */
    int jobs;             /* commands that run in the background */
    /* Since when a command runs that can go there (monotonic, us); 0 = none does. TUI_COMMAND
     * "/background" asks for it. */
    long long command_us;
    bool in_tmux; /* which keeps a first Ctrl+B for itself */
    long context_used, context_size;
    double tokens_per_second; /* 0 = not known */
};
/* What the user said that waits for what runs. */
enum { TUI_WAITING_MOST = 3 };
struct tui_waiting {
    const char *text;
    bool steers; /* goes in before the next step; else when the turn is over */
};
/* Copies. The first `count` (at most TUI_WAITING_MOST) of `total` are shown. */
void tui_set_waiting(struct tui *tui, const struct tui_waiting *waiting, size_t count,
                     size_t total);
void tui_set_status(struct tui *tui, const struct tui_status *status);
struct tui_command {
    const char *name; /* without the slash */
    const char *help;
    const char *choices; /* words that it takes, "on|off"; NULL = none are known */
};
/* In place of such words: a folder, of those that tui_set_files was given. */
#define TUI_CHOICE_FOLDER "/"
/* The commands that are offered after a slash, in this order. Borrowed for good. */
void tui_set_commands(struct tui *tui, const struct tui_command *commands, size_t count);
/* Input history of earlier conversations, oldest first. */
void tui_add_history(struct tui *tui, const char *text);
/* Files to offer after an @, relative to the workspace, folders with a slash; or, with `folders`,
 * what commands are offered that take one. Borrowed until the next call. */
void tui_set_files(struct tui *tui, bool folders, char *const *paths, size_t count);
/* What is being written, pastes unfolded, e.g. to keep a draft; a view until the next call. */
const char *tui_draft(struct tui *tui);
/* Changes whenever the draft does. */
size_t tui_draft_revision(const struct tui *tui);
void tui_set_draft(struct tui *tui, const char *text);

#endif
