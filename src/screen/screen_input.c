#include "screen/screen_input.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "screen/draft.h"
#include "screen/input_history.h"
#include "screen/read_ahead.h"
#include "screen/screen_media.h"
#include "screen/screen_search.h"
#include "screen/screen_state.h"
#include "screen/slash.h"
#include "tui/keymap.h"

/* The draft is written this long after the first change that is not on disk. */
enum { DRAFT_MS = 400 };

/* --- opening and closing --- */

struct keymap *screen_input_read_keys(const struct config *config, struct err *err)
{
    struct keymap *keymap = keymap_create();
    const char *origin = "[keys]";
    bool ok = true;
    for (size_t i = 0; ok && i < config->key_count; i++) {
        origin = config->keys[i].origin;
        ok = keymap_bind(keymap, config->keys[i].action, config->keys[i].keys, err);
    }
    if (ok && !keymap_check(keymap, err)) {
        origin = "[keys]";
        ok = false;
    }
    if (!ok) {
        err_prefix(err, "%s", origin);
        keymap_destroy(keymap);
        return NULL;
    }
    return keymap;
}

static void files_ready(void *context, char *const *paths, size_t count)
{
    struct screen *screen = context;
    tui_set_files(screen->tui, false, paths, count);
}

static void folders_ready(void *context, char *const *paths, size_t count)
{
    struct screen *screen = context;
    tui_set_files(screen->tui, true, paths, count);
}

static void add_history(void *context, const char *text)
{
    struct screen *screen = context;
    tui_add_history(screen->tui, text);
}

void screen_input_open(struct screen *screen)
{
    input_history_read(screen->app.paths.state, add_history, screen);
    tui_set_theme(screen->tui, config_string(screen->config, OPTION_THEME));
    screen->vi = config_boolean(screen->config, OPTION_VI);
    tui_set_vi(screen->tui, screen->vi);
    tui_set_hold(screen->tui, config_boolean(screen->config, OPTION_VOICE_HOLD));
    tui_set_mouse(screen->tui, config_boolean(screen->config, OPTION_MOUSE));
    struct str draft;
    str_init(&draft);
    if (!screen->plain) {
        draft_find(screen->app.paths.state, screen->app.workspace, &draft);
    }
    if (draft.length > 0) {
        tui_set_draft(screen->tui, draft.data);
    }
    str_finish(&draft);
    screen->draft_revision = tui_draft_revision(screen->tui);
    screen->files =
        file_index_create(&screen->app.loop, screen->app.workspace, files_ready, screen);
    screen->folders =
        file_index_create_beside(&screen->app.loop, screen->app.workspace, folders_ready, screen);
    uv_timer_init(&screen->app.loop, &screen->draft_due);
    screen->draft_due.data = screen;
    read_ahead_open(screen);
}

static void keep_draft(struct screen *screen)
{
    struct err err;
    screen->draft_revision = tui_draft_revision(screen->tui);
    if (screen->plain) {
        return; /* the terminal edits the line: there is no draft */
    }
    if (!draft_keep(screen->app.paths.state, screen->app.workspace, tui_draft(screen->tui), &err) &&
        !screen->draft_failed) {
        screen->draft_failed = true; /* said once: it will not get better by being repeated */
        screen_notice(screen, true, "%s", err.text);
    }
}

void screen_input_close(struct screen *screen)
{
    keep_draft(screen);
    read_ahead_close(screen);
    file_index_stop(screen->files);
    file_index_stop(screen->folders);
    uv_close((uv_handle_t *)&screen->draft_due, NULL);
}

void screen_input_finish(struct screen *screen)
{
    file_index_destroy(screen->files);
    file_index_destroy(screen->folders);
    own_command_finish(&screen->own);
    screen_search_finish(screen);
}

/* --- the draft --- */

static void draft_due(uv_timer_t *handle)
{
    keep_draft(handle->data);
}

void screen_input_note_draft(struct screen *screen)
{
    read_ahead_note(screen);
    if (tui_draft_revision(screen->tui) != screen->draft_revision &&
        !uv_is_active((uv_handle_t *)&screen->draft_due)) {
        uv_timer_start(&screen->draft_due, draft_due, DRAFT_MS, 0);
    }
}

static void edited(void *context, const char *text, const char *why)
{
    struct screen *screen = context;
    tui_resume(screen->tui);
    screen_watch_keys(screen, true);
    if (text != NULL) {
        tui_set_draft(screen->tui, text);
    } else {
        screen_notice(screen, true, "%s", why);
    }
}

void screen_input_edit(struct screen *screen, const char *text)
{
    struct err err;
    screen_watch_keys(screen, false); /* they are the editor's */
    tui_suspend(screen->tui);
    if (!outside_editor_start(&screen->editor, &screen->app.loop, text, edited, screen, &err)) {
        edited(screen, NULL, err.text);
    }
}

void screen_input_want_files(struct screen *screen)
{
    file_index_refresh(screen->files);
}

void screen_input_want_folders(struct screen *screen)
{
    file_index_refresh(screen->folders);
}

/* --- sending --- */

void screen_input_show_waiting(struct screen *screen)
{
    struct tui_waiting waiting[TUI_WAITING_MOST];
    size_t count = agent_waiting_count(screen->app.agent), shown = 0;
    for (; shown < count && shown < TUI_WAITING_MOST; shown++) {
        waiting[shown].text = agent_waiting_text(screen->app.agent, shown, &waiting[shown].steers);
    }
    tui_set_waiting(screen->tui, waiting, shown, count);
}

static bool run_own(struct screen *screen, const char *command, struct err *err)
{
    if (agent_busy(screen->app.agent)) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it, then say !%s",
                       command);
    }
    if (!own_command_start(&screen->own, screen->app.toolproc, command, err)) {
        return false;
    }
    struct str title;
    str_init(&title);
    str_append_format(&title, "! %s", screen->own.command);
    tui_add_call(screen->tui, screen->own.id, title.data);
    agent_watch_command(screen->app.agent, screen->own.id, screen->own.command);
    str_finish(&title);
    return true;
}

void screen_input_submit(struct screen *screen, const char *text, size_t length, bool steers)
{
    struct err err;
    char *copy = mem_strndup(text, length);
    bool ok = input_history_add(screen->app.paths.state, copy, &err);
    if (!ok && !screen->history_failed) {
        screen->history_failed = true; /* said once, as of the draft */
        screen_notice(screen, true, "%s", err.text);
    }
    ok = true;
    if (copy[0] == '!') {
        ok = run_own(screen, copy + 1, &err);
    } else if (copy[0] == '/' && slash_run(screen, copy)) {
        ok = true;
    } else if (copy[strspn(copy, " \t\n")] != '\0') {
        ok = !screen->own.running ||
             err_set(&err, ERR_ARGUMENT, "!%s still runs; Esc stops it", screen->own.command);
        if (ok) {
            screen_media_send(screen, copy, steers);
        }
    }
    if (!ok) {
        screen_notice(screen, true, "%s", err.text);
        tui_set_draft(screen->tui, copy); /* nothing that was typed is lost */
    }
    mem_free(copy);
    screen_input_show_waiting(screen);
}

/* --- the user's own command --- */

bool screen_input_interrupt(struct screen *screen)
{
    bool running = screen->own.running;
    own_command_cancel(&screen->own, screen->app.toolproc);
    return running;
}

/* The model is told of what the user did, and gives no answer. */
static void note(struct screen *screen, const struct str *message)
{
    struct err err;
    if (!agent_note(screen->app.agent, message->data, message->length, &err)) {
        screen_notice(screen, true, "the model was not told of the command: %s", err.text);
    }
}

void screen_input_background(struct screen *screen)
{
    struct str told, shown, message;
    struct err err;
    str_init(&told);
    str_init(&shown);
    str_init(&message);
    if (!agent_background(screen->app.agent, &told, &shown, &err)) {
        screen_notice(screen, true, "%s", err.text);
    } else if (screen->own.running) {
        own_command_leave(&screen->own, told.data, &message);
        tui_end_call(screen->tui, screen->own.id, shown.data, shown.length, NULL);
        note(screen, &message);
    }
    str_finish(&told);
    str_finish(&shown);
    str_finish(&message);
}

bool screen_input_tool_finished(void *context, const char *call_id,
                                const struct toolproc_result *result)
{
    struct screen *screen = context;
    if (!own_command_is(&screen->own, call_id)) {
        return false;
    }
    struct str message, shown;
    str_init(&message);
    str_init(&shown);
    agent_tool_finished(screen->app.agent, call_id, result);
    own_command_end(&screen->own, result, &message, &shown);
    screen_end_call(screen, call_id, result->response, shown.data,
                    result->failed || result->unavailable != NULL);
    note(screen, &message);
    str_finish(&message);
    str_finish(&shown);
    screen_refresh_status(screen);
    return true;
}
