#include "tui/statusline.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "tui/glyph.h"
#include "tui/surface.h"
#include "tui/tui.h"

/* A command that has run for so long may be one to go on without. */
enum { OFFER_US = 3000000 };

enum { GAP = 2, SEGMENTS = 7, WARNING = 9 };

void statusline_init(struct statusline *line)
{
    memset(line, 0, sizeof *line);
    line->model = mem_strdup("");
    line->mode = mem_strdup("");
    line->sandbox = mem_strdup("");
    line->activity = mem_strdup("");
}

void statusline_finish(struct statusline *line)
{
    mem_free(line->model);
    mem_free(line->mode);
    mem_free(line->sandbox);
    mem_free(line->activity);
}

static bool replace(char **field, const char *text)
{
    if (strcmp(*field, text == NULL ? "" : text) == 0) {
        return false;
    }
    mem_free(*field);
    *field = mem_strdup(text == NULL ? "" : text);
    return true;
}

bool statusline_set(struct statusline *line, const struct tui_status *status)
{
    bool changed = replace(&line->model, status->model);
    changed |= replace(&line->mode, status->mode);
    changed |= replace(&line->sandbox, status->sandbox);
    changed |= replace(&line->activity, status->activity);
    changed |= line->sandbox_warning != status->sandbox_warning ||
               line->thinking != status->thinking || line->busy != status->busy ||
               line->listening != status->listening || line->jobs != status->jobs ||
               line->command_us != status->command_us || line->in_tmux != status->in_tmux ||
               line->context_used != status->context_used ||
               line->context_size != status->context_size ||
               line->tokens_per_second < status->tokens_per_second ||
               line->tokens_per_second > status->tokens_per_second;
    line->sandbox_warning = status->sandbox_warning;
    line->thinking = status->thinking;
    line->busy = status->busy;
    line->listening = status->listening;
    line->jobs = status->jobs;
    line->offers = line->offers && line->command_us == status->command_us;
    line->command_us = status->command_us;
    line->in_tmux = status->in_tmux;
    line->context_used = status->context_used;
    line->context_size = status->context_size;
    line->tokens_per_second = status->tokens_per_second;
    return changed;
}

bool statusline_tick(struct statusline *line, long long now_us)
{
    bool offers = line->command_us > 0 && now_us - line->command_us >= OFFER_US;
    bool changed = offers != line->offers;
    line->offers = offers;
    return changed;
}

struct segment {
    struct str text;
    enum theme_role role;
    int importance; /* the least important goes first */
    bool shown;
};

static void add_segment(struct segment *segments, size_t *count, enum theme_role role,
                        int importance)
{
    struct segment *segment = &segments[(*count)++];
    str_init(&segment->text);
    segment->role = role;
    segment->importance = importance;
    segment->shown = true;
}

static size_t make_segments(const struct statusline *line, struct segment *segments)
{
    size_t count = 0;
    add_segment(segments, &count, THEME_FAINT, 3);
    if (line->tokens_per_second > 0) {
        int digits = line->tokens_per_second < 100 ? 1 : 0;
        str_append_format(&segments[0].text, "%.*f tokens/s", digits, line->tokens_per_second);
    }
    add_segment(segments, &count, THEME_FAINT, 4);
    if (line->context_size > 0) {
        long percent = (long)(100.0 * (double)line->context_used / (double)line->context_size);
        str_append_format(&segments[1].text, "context %ld of %ld", line->context_used,
                          line->context_size);
        segments[1].role = percent >= 80 ? THEME_BUSY : THEME_FAINT;
    }
    add_segment(segments, &count, THEME_FAINT, 2);
    if (line->thinking) {
        str_append(&segments[2].text, "thinking on");
    }
    add_segment(segments, &count, THEME_FAINT, 1);
    str_append(&segments[3].text, line->model);
    add_segment(segments, &count, THEME_KEY, 6);
    str_append(&segments[4].text, line->mode);
    add_segment(segments, &count, line->sandbox_warning ? THEME_WARNING : THEME_SAFE,
                line->sandbox_warning ? WARNING : 5);
    str_append(&segments[5].text, line->sandbox);
    add_segment(segments, &count, THEME_BUSY, 7);
    if (line->jobs > 0) {
        str_append_format(&segments[6].text, "%d job%s", line->jobs, line->jobs == 1 ? "" : "s");
    }
    return count;
}

static int segment_columns(const struct segment *segments, size_t count)
{
    int columns = 0;
    for (size_t i = 0; i < count; i++) {
        if (segments[i].shown && segments[i].text.length > 0) {
            columns += glyph_columns(segments[i].text.data, segments[i].text.length) + GAP;
        }
    }
    return columns;
}

/* Leaves segments out until they fit. */
static void fit(struct segment *segments, size_t count, int columns)
{
    while (segment_columns(segments, count) > columns) {
        struct segment *least = NULL;
        for (size_t i = 0; i < count; i++) {
            if (segments[i].shown && segments[i].text.length > 0 &&
                (least == NULL || segments[i].importance < least->importance)) {
                least = &segments[i];
            }
        }
        if (least == NULL || segment_columns(segments, count) <=
                                 glyph_columns(least->text.data, least->text.length) + GAP) {
            return; /* the last one stays and is cut */
        }
        least->shown = false;
    }
}

/* Which key puts the command into the background. tmux keeps its own key, unless pressed twice. */
static int draw_offer(const struct statusline *line, struct surface *surface, int row, int column)
{
    int limit = surface_columns(surface);
    if (!line->offers || line->key[0] == '\0' || limit < 72) {
        return column;
    }
    bool twice = line->in_tmux && strcmp(line->key, "Ctrl+B") == 0;
    column = surface_text(surface, row, column, limit, "  ", THEME_FAINT);
    column = surface_text(surface, row, column, limit, line->key, THEME_KEY);
    column = surface_text(surface, row, column, limit, twice ? " twice" : "", THEME_FAINT);
    return surface_text(surface, row, column, limit, ": to the background", THEME_FAINT);
}

/* What happens now: the hint, or the activity, or which keys there are. */
static int draw_left(const struct statusline *line, struct surface *surface, int row,
                     const char *hint, unsigned tick)
{
    static const char *const spinner[] = {"|", "/", "-", "\\"};
    int limit = surface_columns(surface), column = 0;
    if (line->listening) { /* an open microphone is never hidden */
        column = surface_text(surface, row, 0, limit, line->activity, THEME_WARNING);
        return limit < 60 ? column
                          : surface_text(surface, row, column, limit,
                                         "  Enter: done, Esc: throw away", THEME_FAINT);
    }
    if (hint != NULL) {
        return surface_text(surface, row, 0, limit, hint, THEME_BUSY);
    }
    if (line->busy) {
        /* In no colour: it is sent again and again, and a colour is dearer than it. */
        column = surface_text(surface, row, 0, limit, spinner[tick % 4], THEME_TEXT);
        column = surface_text(surface, row, column, limit, " ", THEME_TEXT);
        column = surface_text(surface, row, column, limit,
                              line->activity[0] != '\0' ? line->activity : "working", THEME_BUSY);
        if (limit >= 60) {
            column = surface_text(surface, row, column, limit, "  Esc interrupts", THEME_FAINT);
        }
        return draw_offer(line, surface, row, column);
    }
    return surface_text(surface, row, 0, limit, limit >= 60 ? "? keys  / commands" : "? keys",
                        THEME_FAINT);
}

void statusline_draw(const struct statusline *line, struct surface *surface, int row,
                     const char *hint, unsigned tick)
{
    struct segment segments[SEGMENTS];
    int limit = surface_columns(surface);
    size_t count = make_segments(line, segments);
    int left = draw_left(line, surface, row, hint, tick);
    fit(segments, count, limit - left);
    int column = limit - segment_columns(segments, count) + GAP;
    column = column < 0 ? 0 : column;
    /* A warning is worth more than the left side; nothing else is. */
    bool overlaps = column < left + GAP;
    for (size_t i = 0; i < count; i++) {
        bool wanted = !overlaps || segments[i].importance == WARNING;
        if (segments[i].shown && segments[i].text.length > 0 && wanted) {
            surface_fill(surface, row, column < GAP ? 0 : column - GAP, column, " ", THEME_TEXT);
            column = surface_put(surface, row, column, limit, segments[i].text.data,
                                 segments[i].text.length, segments[i].role);
            column += GAP;
        }
    }
    for (size_t i = 0; i < count; i++) {
        str_finish(&segments[i].text);
    }
}
