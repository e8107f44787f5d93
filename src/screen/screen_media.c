#include "screen/screen_media.h"

#include <stdlib.h>
#include <string.h>

#include "app/mentions.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "chat/conversation.h"
#include "chat/medium.h"
#include "screen/outbox.h"
#include "screen/screen_boxes.h"
#include "screen/screen_state.h"
#include "tui/terminal_device.h"

/* --- what the terminal can show: it is never asked --- */

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

/* Its own name, which comes through ssh, or what it leaves in the environment of its programs.
 * Within tmux and screen these are the marks of whichever terminal started them. */
static enum tui_pictures known_graphics(void)
{
    static const struct {
        const char *variable, *beginning;
        enum tui_pictures how;
    } table[] = {
        {"TERM", "xterm-kitty", TUI_PICTURES_KITTY},
        {"TERM", "xterm-ghostty", TUI_PICTURES_KITTY},
        {"TERM_PROGRAM", "ghostty", TUI_PICTURES_KITTY},
        {"TERM", "foot", TUI_PICTURES_SIXEL},
        {"TERM", "mlterm", TUI_PICTURES_SIXEL},
        {"TERM", "contour", TUI_PICTURES_SIXEL},
        {"TERM", "wezterm", TUI_PICTURES_SIXEL},
        {"TERM_PROGRAM", "WezTerm", TUI_PICTURES_SIXEL},
        {"TERM_PROGRAM", "mintty", TUI_PICTURES_SIXEL},
        {"TERM_PROGRAM", "iTerm.app", TUI_PICTURES_SIXEL},
        {"KONSOLE_VERSION", "23", TUI_PICTURES_SIXEL},
        {"KONSOLE_VERSION", "24", TUI_PICTURES_SIXEL},
        {"KONSOLE_VERSION", "25", TUI_PICTURES_SIXEL},
    };
    /* A terminal started from another inherits that one's window, but has a mark of its own. */
    static const char *const others[] = {"TERM_PROGRAM", "XTERM_VERSION", "VTE_VERSION",
                                         "KONSOLE_VERSION", "ALACRITTY_WINDOW_ID"};
    const char *term = getenv("TERM");
    if (is_set("TMUX") || is_set("STY") || term == NULL || str_starts_with(term, "screen") ||
        str_starts_with(term, "tmux")) {
        return TUI_PICTURES_OFF;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *value = getenv(table[i].variable);
        if (value != NULL && str_starts_with(value, table[i].beginning)) {
            return table[i].how;
        }
    }
    bool other = !is_set("KITTY_WINDOW_ID");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        other = other || is_set(others[i]);
    }
    return other ? TUI_PICTURES_OFF : TUI_PICTURES_KITTY;
}

static bool knows_256_colours(void)
{
    static const char *const names[] = {"256color",  "kitty",   "foot",
                                        "alacritty", "ghostty", "direct"};
    const char *term = getenv("TERM");
    for (size_t i = 0; term != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strstr(term, names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* What kitty's pictures are named by is a colour; cells of unknown size cannot hold sixels. */
static enum tui_pictures choose_pictures(struct screen *screen)
{
    const char *how = config_string(screen->config, OPTION_PICTURES);
    bool detect = strcmp(how, "auto") == 0;
    bool colours = terminal_device_wants_colours() &&
                   strcmp(config_string(screen->config, OPTION_THEME), "mono") != 0;
    int width, height;
    enum tui_pictures graphics = detect ? known_graphics() : TUI_PICTURES_OFF;
    bool kitty = strcmp(how, "kitty") == 0 || graphics == TUI_PICTURES_KITTY;
    if (strcmp(how, "off") == 0 || screen->terminal == NULL) {
        return TUI_PICTURES_OFF;
    }
    if (kitty && colours && knows_256_colours()) {
        return is_set("TMUX") ? TUI_PICTURES_KITTY_TMUX : TUI_PICTURES_KITTY;
    }
    if (strcmp(how, "sixel") == 0 ||
        (graphics == TUI_PICTURES_SIXEL && colours &&
         screen->terminal->ops->cell(screen->terminal, &width, &height))) {
        return TUI_PICTURES_SIXEL;
    }
    bool cells = strcmp(how, "cells") == 0 || (!detect && kitty && colours) ||
                 (detect && colours && knows_256_colours());
    return cells ? TUI_PICTURES_COLOURS : TUI_PICTURES_SIGNS;
}

/* --- on the screen --- */

static void describe(const struct chat_medium *medium, struct str *text)
{
    str_append_format(text, "(a picture, %zu x %zu)", medium->width, medium->height);
}

static void show(struct screen *screen, const struct chat_medium *medium)
{
    struct str text;
    str_init(&text);
    describe(medium, &text);
    tui_add_picture(screen->tui, medium->rgb, medium->width, medium->height, text.data);
    str_finish(&text);
}

void screen_media_show(struct screen *screen, const struct chat_message *message)
{
    for (size_t i = 0; message != NULL && i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        bool picture = part->kind == CHAT_PART_IMAGE || part->kind == CHAT_PART_VIDEO;
        bool goes_on = i > 0 && part->kind == CHAT_PART_VIDEO &&
                       part[-1].kind == CHAT_PART_VIDEO; /* a clip's first is enough */
        if (!picture || goes_on) {
            continue;
        }
        if (part->medium != NULL) {
            show(screen, part->medium);
        } else if (part->handle != NULL) {
            tui_await_picture(screen->tui, part, "(a picture)");
        }
    }
}

void screen_media_loaded(struct screen *screen, const struct chat_message *message, size_t part)
{
    const struct chat_medium *medium = message->parts[part].medium;
    struct str text;
    str_init(&text);
    if (medium != NULL && medium->picture) {
        describe(medium, &text);
        tui_fill_picture(screen->tui, &message->parts[part], medium->rgb, medium->width,
                         medium->height, text.data);
        screen_boxes_loaded(screen, medium);
    } else {
        tui_fill_picture(screen->tui, &message->parts[part], NULL, 0, 0,
                         "(a picture was here; its file cannot be read any more)");
        screen_boxes_loaded(screen, NULL);
    }
    str_finish(&text);
}

/* --- what comes out of the box --- */

static void attached(void *context, struct chat_medium *medium, bool with_text)
{
    struct screen *screen = context;
    agent_attach_medium(screen->app.agent, medium);
    if (!with_text && medium->frames != NULL) {
        screen_notice(screen, false,
                      "%zu pictures of a clip go with your next message (/detach takes it back).",
                      medium->frame_count);
    } else if (!with_text && medium->picture) {
        screen_notice(screen, false,
                      "A picture of %zu x %zu goes with your next message (/detach takes it back).",
                      medium->width, medium->height);
    }
}

static void sent(void *context, const char *text, bool steers)
{
    struct screen *screen = context;
    struct agent *agent = screen->app.agent;
    struct err err;
    bool ok = steers ? agent_steer(agent, text, strlen(text), &err)
                     : agent_submit(agent, text, strlen(text), &err);
    if (!ok) {
        screen_notice(screen, true, "%s", err.text);
        tui_set_draft(screen->tui, text); /* nothing that was typed is lost */
    }
    screen_refresh_status(screen);
}

static void failed(void *context, const char *text, const struct err *err)
{
    struct screen *screen = context;
    screen_notice(screen, err->code != ERR_CANCELLED, "%s",
                  err->code == ERR_CANCELLED ? "Stopped." : err->text);
    if (text != NULL && tui_draft(screen->tui)[0] == '\0') {
        tui_set_draft(screen->tui, text);
    }
    screen_refresh_status(screen);
}

void screen_media_open(struct screen *screen)
{
    const struct attachment_tool tool = {screen->app.paths.tool_program, screen->app.workspace};
    const struct outbox_callbacks callbacks = {attached, sent, failed, screen};
    tui_set_pictures(screen->tui, choose_pictures(screen));
    screen->outbox = outbox_create(&screen->app.loop, &tool, &callbacks);
}

void screen_media_close(struct screen *screen)
{
    outbox_destroy(screen->outbox);
}

bool screen_media_stop(struct screen *screen)
{
    return outbox_stop(screen->outbox);
}

/* --- what goes in --- */

struct sources {
    struct decoding_source *items;
    size_t count, capacity;
};

static void add_file(struct sources *sources, const char *path, bool picture)
{
    vec_room(&sources->items, &sources->capacity, sources->count + 1, sizeof *sources->items);
    sources->items[sources->count++] = (struct decoding_source){
        .origin = DECODING_FILE, .picture = picture, .path = mem_strdup(path)};
}

static void post(struct screen *screen, const char *text, bool steers, struct sources *sources)
{
    outbox_post(screen->outbox, text, steers, sources->items, sources->count);
    for (size_t i = 0; i < sources->count; i++) {
        mem_free((char *)sources->items[i].path);
    }
    mem_free(sources->items);
}

void screen_media_send(struct screen *screen, const char *text, bool steers)
{
    struct sources sources = {0};
    struct str path;
    size_t at = 0;
    bool picture;
    str_init(&path);
    while (mentions_next(text, &at, screen->app.workspace, getenv("HOME"), &path, &picture)) {
        add_file(&sources, path.data, picture);
    }
    str_finish(&path);
    post(screen, text, steers, &sources);
}

void screen_media_send_options(struct screen *screen)
{
    static const enum option options[] = {OPTION_IMAGE, OPTION_AUDIO};
    struct sources sources = {0};
    for (size_t o = 0; o < 2; o++) {
        const struct config_list *files = config_list(screen->config, options[o]);
        for (size_t i = 0; i < files->count; i++) {
            add_file(&sources, files->items[i], options[o] == OPTION_IMAGE);
        }
    }
    if (sources.count > 0) {
        post(screen, NULL, false, &sources);
    }
    if (config_string(screen->config, OPTION_SHOT) != NULL) {
        screen_media_shoot(screen, config_string(screen->config, OPTION_SHOT));
    }
}

void screen_media_shoot(struct screen *screen, const char *argument)
{
    struct decoding_source source = {.origin = DECODING_SCREEN, .picture = true};
    if (!capture_area_parse(argument, &source.area)) {
        screen_notice(screen, true, "/shot %s: say screen, window or region", argument);
        return;
    }
    if (source.area != CAPTURE_SCREEN) {
        screen_notice(screen, false, "Choose the %s with the mouse; Esc here gives it up.",
                      capture_area_name(source.area));
    }
    outbox_post(screen->outbox, NULL, false, &source, 1);
}

void screen_media_paste(struct screen *screen)
{
    const struct decoding_source source = {.origin = DECODING_CLIPBOARD, .picture = true};
    outbox_post(screen->outbox, NULL, false, &source, 1);
}

void screen_media_detach(struct screen *screen, const char *argument)
{
    size_t count = agent_attached(screen->app.agent);
    (void)argument;
    agent_detach(screen->app.agent, 0);
    screen_notice(screen, false,
                  count > 0 ? "What was attached is taken back." : "Nothing is attached.");
}
