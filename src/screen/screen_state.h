/* screen_state: what screen.c, screen_input.c and slash.c share. */
#ifndef CARAT_SCREEN_SCREEN_STATE_H
#define CARAT_SCREEN_SCREEN_STATE_H

#include "app/app.h"
#include "base/str.h"
#include "screen/file_index.h"
#include "screen/outside_editor.h"
#include "screen/own_command.h"
#include "screen/reading.h"
#include "screen/slash_set.h"
#include "tui/terminal.h"
#include "tui/tui.h"

struct outbox;
struct store_hit;
struct tui_command;

struct screen {
    struct app app;
    struct config *config; /* /set changes it */
    struct slash_set_kept set_before[SLASH_SET_MOST];
    struct terminal *terminal;
    struct tui *tui;
    int keys_descriptor; /* the terminal opened once more, to wait on */
    uv_poll_t keys;
    uv_prepare_t before_wait; /* draws what is dirty before the loop sleeps */
    uv_timer_t frame;         /* the next moment a frame is due, or the model is asked */
    uv_timer_t idle;          /* when nothing has run for a while: work that may wait */
    uv_timer_t spin;          /* turns the spinner; runs only while something runs */
    uv_timer_t repaint;       /* the window had a new size a while ago */
    uv_timer_t settling;      /* the window's size changes: nothing is drawn until it stands */
    uv_signal_t resized, terminate, hung_up;
    uv_signal_t interrupted; /* plain: the terminal makes a signal of Ctrl+C */
    bool plain;              /* line by line; there is no `terminal` then */
    int64_t drawn_us, unsettled_us;
    bool draw_now; /* a key came, or a turn ended: that does not wait for the frame's time */
    size_t pieces; /* of text that came since the last frame */
    bool paced;    /* the model's tokens are fetched, a frame's worth at a time */
    enum approval_mode mode;
    bool thinking;
    bool vi; /* the input has vi's keys */
    struct str activity;
    struct reading reading; /* what the model reads at the moment */
    struct str asking;      /* id of the call that waits for the user's word; empty = none */
    struct str rule;        /* that "always" would write for it; empty = none */
    struct str model_name;
    struct str sandbox; /* words for the status line */
    bool sandbox_warning;
    long context_used, context_size;
    double tokens_per_second;
    struct own_command own;
    struct screen_voice *voice; /* screen_voice.h */
    struct outside_editor editor;
    struct file_index *files, *folders; /* for @; beside the workspace, for /add-dir */
    struct {
        struct store_hit *items;
        size_t count;
    } found;                    /* by the last search */
    struct screen_point *point; /* screen_point.h */
    struct tui_command *offers; /* screen_skills.h */
    size_t offer_count;
    struct outbox *outbox; /* messages whose pictures are being decoded */
    uv_timer_t draft_due;
    uv_timer_t ahead;      /* runs while a pause of the user's is waited for */
    size_t ahead_revision; /* of the draft that it was started for */
    size_t draft_revision; /* of the draft that is on disk */
    bool leaving;          /* was told that jobs would be stopped */
    bool draft_failed, history_failed;
};

/* Something runs: an answer, a command, the decoder of a picture. */
bool screen_busy(const struct screen *screen);
void screen_refresh_status(struct screen *screen);
/* `output` (NULL: none) under its call; an exit code that is not 0 stands in its first line. */
void screen_end_call(struct screen *screen, const char *call_id, const json_t *result,
                     const char *output, bool failed);
void screen_notice(struct screen *screen, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the run; with jobs only when asked twice. */
void screen_leave(struct screen *screen);
/* Stops listening to the terminal while something else has it. */
void screen_watch_keys(struct screen *screen, bool watch);
/* A screen is at the end of its conversation, so of a long one the end alone is shown: it opens as
 * quickly as a short one. The first message of that is the user's; 0 = all are shown. */
size_t screen_first_shown(const struct chat_conversation *conversation);
/* Shows a stored conversation's messages, all of them when `marked` is not among those at its end;
 * before message `marked` (-1: none) the words `mark`. */
void screen_show_conversation(struct screen *screen, const struct chat_conversation *conversation,
                              int64_t marked, const char *mark);

#endif
