/* pointer: see pointer.h. */
#include "desktop/pointer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "desktop/program.h"

enum { STEPS = 2, WORDS = 8, CLICKING_MS = 5000, SAID_BYTES = 16384 };

#define X_WORD "%x"
#define Y_WORD "%y"

static const struct pointer_way {
    enum display_kind kind;
    const char *program, *package;
    const char *steps[STEPS][WORDS];
} ways[] = {
    {DISPLAY_X11,
     "xdotool",
     "xdotool",
     {{"xdotool", "mousemove", X_WORD, Y_WORD, "click", "1"}}}, /* one connection: in this order */
    {DISPLAY_WAYLAND,
     "ydotool",
     "ydotool",
     {{"ydotool", "mousemove", "--absolute", "-x", X_WORD, "-y", Y_WORD},
      {"ydotool", "click", "0xC0"}}}, /* left, down and up */
};

static const struct pointer_way *find_way(enum display_kind kind)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (ways[i].kind == kind) {
            return &ways[i];
        }
    }
    return NULL;
}

const char *pointer_choose(enum display_kind kind, pointer_found *found, struct err *err)
{
    const struct pointer_way *way = find_way(kind);
    if (way == NULL) {
        err_set(err, ERR_UNAVAILABLE,
                "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set");
        return NULL;
    }
    if (!found(way->program)) {
        err_set(err, ERR_NOT_FOUND, "no program that clicks: install %s", way->package);
        return NULL;
    }
    return way->program;
}

static bool is_there(const char *program)
{
    struct str path;
    str_init(&path);
    bool found = program_find(program, &path);
    str_finish(&path);
    return found;
}

const char *pointer_program(struct err *err)
{
    return pointer_choose(display_kind(), is_there, err);
}

/* The ydotool of before 1.0 takes other words and would click somewhere else. It is told by its
 * help, which is a failure there and ends with this command. */
static bool knows_places(const struct pointer_way *way, const atomic_bool *stop, struct err *err)
{
    const char *words[] = {way->program, "--help", NULL};
    struct program_limits limits = {CLICKING_MS, SAID_BYTES, stop};
    struct err complaint = {0};
    struct str said;
    if (way->kind != DISPLAY_WAYLAND) {
        return true;
    }
    str_init(&said);
    bool old =
        !program_run(words, &limits, &said, &complaint) && strstr(complaint.text, "click") != NULL;
    str_finish(&said);
    return !old || err_set(err, ERR_UNSUPPORTED,
                           "this ydotool is too old to be told a place: 1.0 or newer is needed");
}

static bool take_step(const struct pointer_way *way, int step, int x, int y,
                      const atomic_bool *stop, struct err *err)
{
    const char *words[WORDS + 1] = {NULL};
    char across[16], down[16];
    struct program_limits limits = {CLICKING_MS, SAID_BYTES, stop};
    struct str said;
    snprintf(across, sizeof across, "%d", x);
    snprintf(down, sizeof down, "%d", y);
    for (int i = 0; i < WORDS && way->steps[step][i] != NULL; i++) {
        const char *word = way->steps[step][i];
        words[i] = strcmp(word, X_WORD) == 0 ? across : strcmp(word, Y_WORD) == 0 ? down : word;
    }
    str_init(&said);
    bool ok = program_run(words, &limits, &said, err);
    str_finish(&said);
    return ok;
}

bool pointer_click(int x, int y, const atomic_bool *stop, struct err *err)
{
    const struct pointer_way *way = find_way(display_kind());
    if (x < 0 || y < 0) {
        return err_set(err, ERR_ARGUMENT, "%d, %d lies outside the screen", x, y);
    }
    if (pointer_program(err) == NULL || way == NULL || !knows_places(way, stop, err)) {
        return false;
    }
    for (int i = 0; i < STEPS && way->steps[i][0] != NULL; i++) {
        if (!take_step(way, i, x, y, stop, err)) {
            return false;
        }
    }
    return true;
}
