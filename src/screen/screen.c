#include "screen/screen.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/notice.h"
#include "approval/command_network.h"
#include "base/clock.h"
#include "base/mem.h"
#include "command/command_trust.h"
#include "screen/keeper.h"
#include "screen/outbox.h"
#include "screen/read_ahead.h"
#include "screen/screen_boxes.h"
#include "screen/screen_frames.h"
#include "screen/screen_input.h"
#include "screen/screen_media.h"
#include "screen/screen_model.h"
#include "screen/screen_point.h"
#include "screen/screen_search.h"
#include "screen/screen_skills.h"
#include "screen/screen_state.h"
#include "screen/screen_voice.h"
#include "screen/slash.h"
#include "store/store.h"
#include "tui/keymap.h"

enum { IDLE_MS = 2000, INDEXING_MS = 50 };

/* Of a conversation that is taken up: more than anybody looks through row by row. */
enum { SHOWN_MESSAGES = 4000 };

/* --- status line and notices --- */

bool screen_busy(const struct screen *screen)
{
    return agent_busy(screen->app.agent) || screen->own.running ||
           (screen->outbox != NULL && !outbox_empty(screen->outbox));
}

void screen_refresh_status(struct screen *screen)
{
    const char *coming = screen_model_coming(screen);
    if (coming != NULL) {
        str_clear(&screen->activity);
        str_append_format(&screen->activity, "loading %s", coming);
    }
    struct tui_status status = {
        .model = screen->model_name.data,
        .mode = approval_mode_name(screen->mode),
        .sandbox = screen->sandbox.data,
        .sandbox_warning = screen->sandbox_warning,
        .thinking = screen->thinking,
        .busy = screen_busy(screen),
        .listening = screen_voice_active(screen),
        .activity = screen_voice_activity(screen),
        .jobs = (int)agent_jobs_running(screen->app.agent),
        .command_us = agent_command_since(screen->app.agent),
        .in_tmux = getenv("TMUX") != NULL,
        .context_used = screen->context_used,
        .context_size = screen->context_size,
        .tokens_per_second = screen->tokens_per_second,
    };
    tui_set_status(screen->tui, &status);
}

void screen_notice(struct screen *screen, bool is_error, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tui_add_notice(screen->tui, text, is_error);
}

static void set_activity(struct screen *screen, const char *text)
{
    str_clear(&screen->activity);
    str_append(&screen->activity, text);
}

/* --- a call as text --- */

/* "shell ls -la", "read_file notes.md": the tool and what it is about. */
static void call_title(const char *name, const json_t *arguments, struct str *out)
{
    static const char *const subjects[] = {"command", "path", "url", "pattern"};
    str_append(out, name);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        const char *text = json_string_value(json_object_get(arguments, subjects[i]));
        if (text != NULL) {
            str_append_format(out, " %s", text);
        }
    }
}

static void add_call(struct screen *screen, const char *call_id, const char *name,
                     const json_t *arguments)
{
    struct str title;
    str_init(&title);
    call_title(name, arguments, &title);
    tui_add_call(screen->tui, call_id, title.data);
    str_finish(&title);
}

void screen_end_call(struct screen *screen, const char *call_id, const json_t *result,
                     const char *output, bool failed)
{
    json_int_t code = json_integer_value(json_object_get(result, "exit_code"));
    char failure[24] = "failed";
    if (code != 0) {
        snprintf(failure, sizeof failure, "exit %lld", (long long)code);
    }
    output = output != NULL ? output : "";
    tui_end_call(screen->tui, call_id, output, strlen(output),
                 failed || code != 0 ? failure : NULL);
}

static void end_call(struct screen *screen, const char *call_id, const json_t *result, bool failed)
{
    screen_end_call(screen, call_id, result, json_string_value(json_object_get(result, "output")),
                    failed);
}

/* --- what the agent says --- */

static void usage(struct screen *screen, const struct agent_event *event)
{
    screen->context_used = (long)event->done;
    screen->context_size = (long)event->total;
    if (event->tokens_per_second > 0) {
        screen->tokens_per_second = event->tokens_per_second;
    }
}

static void prefilling(struct screen *screen, const struct agent_event *event)
{
    str_clear(&screen->activity);
    if (event->done < event->total) {
        reading_note(&screen->reading, event->done, event->total, clock_monotonic_us());
        reading_append(&screen->reading, &screen->activity);
    } else {
        str_append(&screen->activity, "writing");
    }
}

static void ask(struct screen *screen, const struct agent_event *event)
{
    struct str title;
    str_init(&title);
    call_title(event->name, event->arguments, &title);
    screen_point_withdraw(screen); /* one question at a time */
    str_clear(&screen->asking);
    str_append(&screen->asking, event->call_id);
    set_activity(screen, "waiting for you");
    tui_ask(screen->tui, event->call_id, event->name, event->text);
    if (event->network != NULL) {
        struct str hosts;
        str_init(&hosts);
        command_network_describe(event->network, &hosts);
        tui_offer_network(screen->tui, hosts.data);
        str_finish(&hosts);
    }
    str_clear(&screen->rule);
    if (approval_rule_for(event->name, event->arguments, &screen->rule)) {
        tui_offer_always(screen->tui, screen->rule.data);
    }
    str_finish(&title);
}

static void withdraw_question(struct screen *screen)
{
    if (screen->asking.length > 0) {
        str_clear(&screen->asking);
        tui_withdraw(screen->tui);
    }
}

static void idle(uv_timer_t *handle);

static void turn_ended(struct screen *screen, const struct agent_event *event)
{
    uv_timer_start(&screen->idle, idle, IDLE_MS, 0);
    read_ahead_again(screen);
    withdraw_question(screen);
    set_activity(screen, "");
    screen->draw_now = true;
    tui_end_message(screen->tui);
    /* Why it failed was said when it did (AGENT_FAILED). */
    if (event->outcome != TURN_OK && event->outcome != TURN_FAILED) {
        screen_notice(screen, event->outcome != TURN_CANCELLED, "%s",
                      event->text != NULL ? event->text : turn_outcome_text(event->outcome));
    }
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct screen *screen = context;
    struct tui *tui = screen->tui;
    screen_voice_event(screen, event);
    switch (event->kind) {
    case AGENT_READY:
        screen_model_ready(screen, event->name);
        set_activity(screen, agent_busy(screen->app.agent) ? "reading" : "");
        screen->context_size = (long)event->total;
        read_ahead_again(screen);
        break;
    case AGENT_USER:
        tui_add_user(tui, event->text, event->length);
        screen_media_show(screen, event->message);
        screen_input_show_waiting(screen);
        set_activity(screen, "reading");
        break;
    case AGENT_PREFILL:
        prefilling(screen, event);
        break;
    case AGENT_TEXT:
        screen->pieces++;
        tui_add_text(tui, event->text, event->length);
        set_activity(screen, "writing");
        break;
    case AGENT_THOUGHT:
        screen->pieces++;
        tui_add_thought(tui, event->text, event->length);
        set_activity(screen, "thinking");
        break;
    case AGENT_MESSAGE:
        tui_end_message(tui);
        screen_boxes_show(screen, event->message);
        break;
    case AGENT_CALL:
        add_call(screen, event->call_id, event->name, event->arguments);
        break;
    case AGENT_APPROVAL:
        ask(screen, event);
        break;
    case AGENT_CALL_STARTED:
        withdraw_question(screen);
        set_activity(screen, event->name);
        break;
    case AGENT_CALL_OUTPUT:
        tui_call_output(tui, event->call_id, event->text, event->length);
        break;
    case AGENT_CALL_FINISHED:
        withdraw_question(screen);
        end_call(screen, event->call_id, event->result, event->failed || event->denied);
        screen_media_show(screen, event->message);
        break;
    case AGENT_USAGE:
        usage(screen, event);
        break;
    case AGENT_WORDS: /* screen_voice has them */
        break;
    case AGENT_BTW:
        set_activity(screen, "");
        screen_notice(screen, false, "Beside the conversation, not kept:\n%s",
                      event->length > 0 ? event->text : "(no answer in words)");
        break;
    case AGENT_PICTURE:
        screen_media_loaded(screen, event->message, event->done);
        break;
    case AGENT_NOTICE:
        screen_notice(screen, false, "%.*s", (int)event->length, event->text);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(screen, event);
        break;
    case AGENT_FAILED:
        set_activity(screen, "");
        screen_notice(screen, true, "%.*s", (int)event->length, event->text);
        break;
    }
    screen_refresh_status(screen);
}

size_t screen_first_shown(const struct chat_conversation *conversation)
{
    size_t first = conversation->count > SHOWN_MESSAGES ? conversation->count - SHOWN_MESSAGES : 0;
    while (first > 0 && conversation->messages[first].role != CHAT_USER) {
        first--;
    }
    return first;
}

void screen_show_conversation(struct screen *screen, const struct chat_conversation *conversation,
                              int64_t marked, const char *mark)
{
    size_t first = screen_first_shown(conversation);
    first = marked >= 0 && (size_t)marked < first ? 0 : first;
    if (first > 0) {
        screen_notice(screen, false, "%zu earlier messages are not on the screen: /earlier", first);
    }
    for (size_t i = first; i < conversation->count; i++) {
        const struct chat_message *message = &conversation->messages[i];
        if ((int64_t)i == marked) {
            tui_add_mark(screen->tui, mark);
        }
        switch (message->role) {
        case CHAT_USER:
            tui_add_user(screen->tui, message->text, strlen(message->text));
            screen_media_show(screen, message);
            tui_add_history(screen->tui, message->text);
            break;
        case CHAT_MODEL:
            if (message->thought[0] != '\0') {
                tui_add_thought(screen->tui, message->thought, strlen(message->thought));
            }
            if (message->text[0] != '\0') {
                tui_add_text(screen->tui, message->text, strlen(message->text));
            }
            tui_end_message(screen->tui);
            for (size_t call = 0; call < message->call_count; call++) {
                add_call(screen, message->calls[call].id, message->calls[call].name,
                         message->calls[call].arguments);
            }
            screen_boxes_show(screen, message);
            if (!message->complete) {
                screen_notice(screen, false, "(interrupted here)");
            }
            break;
        case CHAT_TOOL:
            end_call(screen, message->call_id, message->result, message->failed);
            screen_media_show(screen, message);
            break;
        case CHAT_SYSTEM:
            break;
        }
    }
}

/* --- what the user wants --- */

static void decide(struct screen *screen, const struct tui_intent *intent)
{
    static const enum approval_answer answers[] = {[TUI_YES] = APPROVAL_YES,
                                                   [TUI_YES_SESSION] = APPROVAL_YES_SESSION,
                                                   [TUI_YES_ALWAYS] = APPROVAL_YES_ALWAYS,
                                                   [TUI_YES_NETWORK] = APPROVAL_YES_NETWORK,
                                                   [TUI_YES_NETWORK_SESSION] =
                                                       APPROVAL_YES_NETWORK_SESSION,
                                                   [TUI_NO] = APPROVAL_NO};
    enum approval_answer answer = answers[intent->decision];
    struct err err;
    if (screen_point_decide(screen, intent->decision == TUI_YES)) {
        return;
    }
    if (answer == APPROVAL_YES_ALWAYS) {
        bool kept = app_always(&screen->app, screen->rule.data, &err);
        answer = kept ? answer : APPROVAL_YES;
        screen_notice(screen, !kept, "%s%s", kept ? "Always allowed: " : "Only this once: ",
                      kept ? screen->rule.data : err.text);
    }
    char *call_id = mem_strdup(screen->asking.data);
    char *reason = mem_strndup(intent->text != NULL ? intent->text : "", intent->length);
    str_clear(&screen->asking);
    agent_decide(screen->app.agent, call_id, answer, reason);
    mem_free(reason);
    mem_free(call_id);
}

/* Jobs end with the conversation, so leaving one that has some is asked for twice. */
void screen_leave(struct screen *screen)
{
    size_t jobs = agent_jobs_running(screen->app.agent);
    if (jobs > 0 && !screen->leaving) {
        screen->leaving = true;
        screen_notice(screen, false, "%zu job%s would be stopped (/jobs); once more to leave", jobs,
                      jobs == 1 ? "" : "s");
        return;
    }
    app_stop(&screen->app, EXIT_CODE_OK);
}

static void cycle_mode(struct screen *screen)
{
    /* Around, but no further than the project allows. */
    screen->mode =
        screen->mode >= app_mode_ceiling(screen->config) ? APPROVAL_READ_ONLY : screen->mode + 1;
    agent_set_mode(screen->app.agent, screen->mode);
}

static void suspend(struct screen *screen)
{
    tui_suspend(screen->tui);
    raise(
        SIGSTOP); /* SIGTSTP may be ignored or blocked by the shell's job control; STOP never is */
    tui_resume(screen->tui);
}

static void intent(void *context, const struct tui_intent *intent)
{
    struct screen *screen = context;
    switch (intent->kind) {
    case TUI_SUBMIT:
    case TUI_QUEUE:
        screen_input_submit(screen, intent->text, intent->length, intent->kind == TUI_SUBMIT);
        break;
    case TUI_EDIT:
        screen_input_edit(screen, intent->text);
        break;
    case TUI_COMMAND:
        slash_run(screen, intent->text);
        break;
    case TUI_WANT_FILES:
        screen_input_want_files(screen);
        break;
    case TUI_WANT_FOLDERS:
        screen_input_want_folders(screen);
        break;
    case TUI_INTERRUPT:
        if (!screen_voice_interrupt(screen) && !screen_media_stop(screen) &&
            !screen_input_interrupt(screen) && !screen_model_interrupt(screen)) {
            agent_cancel(screen->app.agent);
        }
        break;
    case TUI_DECIDE:
        decide(screen, intent);
        break;
    case TUI_QUIT:
        screen_leave(screen);
        break;
    case TUI_CYCLE_MODE:
        cycle_mode(screen);
        break;
    case TUI_TOGGLE_THINKING:
        screen->thinking = !screen->thinking;
        agent_set_thinking(screen->app.agent, screen->thinking);
        break;
    case TUI_TALK:
        screen_voice_toggle(screen);
        break;
    case TUI_PASTE_PICTURE:
        screen_media_paste(screen);
        break;
    case TUI_SUSPEND:
        suspend(screen);
        break;
    }
    screen_refresh_status(screen);
}

/* --- the loop --- */

static void keys_ready(uv_poll_t *handle, int status, int events)
{
    struct screen *screen = handle->data;
    (void)events;
    agent_disturb(screen->app.agent);
    screen_voice_key(screen);
    if (status < 0 || !tui_read_keys(screen->tui, clock_monotonic_us())) {
        app_stop(&screen->app, EXIT_CODE_OK); /* the terminal is gone; everything is on disk */
    }
    screen->draw_now = true;
}

/* What may wait: saving what the model has read, indexing what was said. Ends by itself. */
static void idle(uv_timer_t *handle)
{
    struct screen *screen = handle->data;
    struct err err;
    bool left = false;
    if (agent_busy(screen->app.agent)) {
        return;
    }
    agent_keep_session(screen->app.agent);
    agent_suggest_title(screen->app.agent);
    if (store_search_work(screen->app.store, &left, &err) && left) {
        uv_timer_start(&screen->idle, idle, INDEXING_MS, 0);
    }
}

static void on_resize(uv_signal_t *handle, int signal)
{
    struct screen *screen = handle->data;
    (void)signal;
    screen_frames_resized(screen);
}

static void on_interrupt(uv_signal_t *handle, int signal)
{
    struct screen *screen = handle->data;
    (void)signal;
    tui_interrupt(screen->tui, clock_monotonic_us());
}

static void on_terminate(uv_signal_t *handle, int signal)
{
    struct screen *screen = handle->data;
    app_stop(&screen->app, signal == SIGTERM ? EXIT_CODE_SIGTERM : EXIT_CODE_OK);
}

/* What libuv waits on it makes non-blocking, and standard input is shared with the shell that
 * started us: it would stay so after we are gone, however we go. So the terminal is opened once
 * more. */
static int open_for_waiting(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 ? fd : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

void screen_watch_keys(struct screen *screen, bool watch)
{
    if (watch) {
        uv_poll_start(&screen->keys, UV_READABLE | UV_DISCONNECT, keys_ready);
    } else {
        uv_poll_stop(&screen->keys);
    }
}

static void watch(struct screen *screen)
{
    uv_loop_t *loop = &screen->app.loop;
    screen->keys_descriptor = open_for_waiting();
    uv_poll_init(loop, &screen->keys, screen->keys_descriptor);
    uv_timer_init(loop, &screen->idle);
    screen->idle.data = screen;
    uv_signal_init(loop, &screen->resized);
    uv_signal_init(loop, &screen->terminate);
    uv_signal_init(loop, &screen->hung_up);
    uv_signal_init(loop, &screen->interrupted);
    screen->interrupted.data = screen;
    screen->keys.data = screen;
    screen->resized.data = screen->terminate.data = screen->hung_up.data = screen;
    screen_watch_keys(screen, true);
    screen_frames_start(screen);
    uv_signal_start(&screen->resized, on_resize, SIGWINCH);
    uv_signal_start(&screen->terminate, on_terminate, SIGTERM);
    uv_signal_start(&screen->hung_up, on_terminate, SIGHUP);
    /* On a screen Ctrl+C is a key; as a signal it comes from elsewhere and means an end. */
    uv_signal_start(&screen->interrupted, screen->plain ? on_interrupt : on_terminate, SIGINT);
}

static void stop_watching(struct screen *screen)
{
    uv_handle_t *handles[] = {
        (uv_handle_t *)&screen->keys,    (uv_handle_t *)&screen->before_wait,
        (uv_handle_t *)&screen->frame,   (uv_handle_t *)&screen->spin,
        (uv_handle_t *)&screen->resized, (uv_handle_t *)&screen->terminate,
        (uv_handle_t *)&screen->hung_up, (uv_handle_t *)&screen->interrupted,
        (uv_handle_t *)&screen->idle,    (uv_handle_t *)&screen->settling,
        (uv_handle_t *)&screen->repaint,
    };
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
        uv_close(handles[i], NULL);
    }
}

/* A crash, or SIGQUIT, must not leave the terminal in raw mode. */
static void on_crash(int signal_number)
{
    terminal_restore(); /* NOLINT(bugprone-signal-handler,cert-sig30-c): made for this */
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void guard_terminal(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT};
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        signal(crashes[i], on_crash);
    }
    signal(SIGPIPE, SIG_IGN);
    mem_on_exhausted(terminal_restore);
}

static void describe_sandbox(struct screen *screen)
{
    const char *kind = config_string(screen->config, OPTION_SANDBOX);
    bool read_only = strcmp(kind, "read-only") == 0;
    screen->sandbox_warning = strcmp(kind, "danger-full-access") == 0;
    str_append(&screen->sandbox, screen->sandbox_warning ? "NO SANDBOX"
                                 : read_only             ? "sandbox, read-only"
                                                         : "sandbox");
}

static void finish(struct screen *screen)
{
    tui_destroy(screen->tui);
    screen_skills_finish(screen);
    if (screen->terminal != NULL) {
        screen->terminal->ops->destroy(screen->terminal);
    }
    str_finish(&screen->activity);
    str_finish(&screen->asking);
    str_finish(&screen->rule);
    str_finish(&screen->model_name);
    str_finish(&screen->sandbox);
}

static void submit_words(struct screen *screen, size_t first)
{
    const struct config_list *words = &screen->config->words;
    struct str text;
    str_init(&text);
    for (size_t i = first; i < words->count; i++) {
        str_append_format(&text, "%s%s", i > first ? " " : "", words->items[i]);
    }
    if (text.length > 0) {
        screen_input_submit(screen, text.data, text.length, true);
    }
    str_finish(&text);
}

/* A terminal that only prints, or that says nothing of itself, gets lines; so does one of which
 * nothing is known here, and that is told (*unknown). */
static bool wants_plain(const struct config *config, bool *unknown)
{
    const char *term = getenv("TERM");
    bool plain = config_boolean(config, OPTION_PLAIN) || term == NULL || term[0] == '\0' ||
                 strcmp(term, "dumb") == 0;
    *unknown = !plain && !terminal_draws();
    return plain || *unknown;
}

enum exit_code screen_run(struct config *config, size_t first, const struct screen_place *place)
{
    struct screen screen = {.config = config, .thinking = config_boolean(config, OPTION_THINKING)};
    struct err err;
    str_init(&screen.activity);
    str_init(&screen.asking);
    str_init(&screen.rule);
    str_init(&screen.model_name);
    str_init(&screen.sandbox);
    describe_sandbox(&screen);
    struct keymap *keymap = screen_input_read_keys(config, &err);
    if (keymap == NULL) {
        notice_print(err.text);
        finish(&screen);
        return EXIT_CODE_USAGE;
    }
    struct app_face face = {agent_event, &screen, screen_input_tool_finished};
    command_trust_ask_once(config);
    bool unknown;
    screen.plain = wants_plain(config, &unknown);
    bool full = strcmp(config_string(config, OPTION_SCREEN), "inline") != 0;
    if (!screen.plain) {
        keeper_start(full);
    }
    guard_terminal(); /* first of all: the engine, which starts with the app, asks it last */
    bool opened = app_open(&screen.app, config, false, face, &err);
    if (opened && !screen.plain) {
        screen.terminal = full ? terminal_curses_create(&err) : terminal_inline_create(&err);
    }
    if (!opened || (screen.terminal == NULL && !screen.plain)) {
        notice_print(err.text);
        enum exit_code code = opened ? EXIT_CODE_USAGE : screen.app.exit_code;
        if (opened) {
            app_close(&screen.app);
        }
        keymap_destroy(keymap);
        finish(&screen);
        return code;
    }
    screen.tui = screen.plain ? tui_create_plain(STDIN_FILENO, STDOUT_FILENO, intent, &screen)
                              : tui_create(screen.terminal, intent, &screen);
    tui_set_keymap(screen.tui, keymap);
    screen_skills_offer(&screen);
    screen.mode = app_mode(config, false);
    str_append(&screen.model_name, "loading");
    screen_input_open(&screen);
    screen_voice_open(&screen);
    screen_media_open(&screen);
    if (place != NULL) {
        screen_search_show(&screen, place->ordinal, place->words);
    } else {
        screen_show_conversation(&screen, agent_conversation(screen.app.agent), -1, NULL);
    }
    if (unknown) {
        screen_notice(&screen, false,
                      "The terminal type TERM=%s is not known here, so carat talks line by line; "
                      "TERM=xterm-256color is right for most terminals.",
                      getenv("TERM"));
    }
    for (size_t i = 0; i < screen.app.notices.count; i++) {
        screen_notice(&screen, false, "%s", screen.app.notices.items[i]);
    }
    if (screen.app.skills_summary != NULL) {
        screen_notice(&screen, false, "Skills: %s", screen.app.skills_summary);
    }
    if (screen.app.instructions_summary != NULL) {
        screen_notice(&screen, false, "Read: %s", screen.app.instructions_summary);
    }
    screen_refresh_status(&screen);
    watch(&screen);
    screen_media_send_options(&screen);
    submit_words(&screen, first);
    app_run(&screen.app);
    tui_draw(screen.tui);
    screen_input_close(&screen);
    screen_voice_close(&screen);
    screen_media_close(&screen);
    screen_point_close(&screen);
    stop_watching(&screen);
    const char *id = agent_conversation_id(screen.app.agent);
    char *shown = mem_strdup(id != NULL ? id : "");
    app_close(&screen.app);
    screen_input_finish(&screen);
    screen_voice_finish(&screen);
    close(screen.keys_descriptor); /* the loop has let go of it */
    enum exit_code code = screen.app.exit_code;
    finish(&screen);
    if (shown[0] != '\0') {
        printf("carat resume %s\n", shown);
    }
    mem_free(shown);
    return code;
}
