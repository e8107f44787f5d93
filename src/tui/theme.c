#include "tui/theme.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { DEFAULT = -1, RED = 1, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

static const struct terminal_look colour[THEME_ROLES] = {
    [THEME_TEXT] = {DEFAULT, DEFAULT, 0},
    [THEME_USER] = {DEFAULT, DEFAULT, TERMINAL_BOLD},
    [THEME_HEADING] = {BLUE, DEFAULT, TERMINAL_BOLD},
    [THEME_STRONG] = {DEFAULT, DEFAULT, TERMINAL_BOLD},
    [THEME_EMPHASIS] = {DEFAULT, DEFAULT, TERMINAL_ITALIC},
    [THEME_STRONG_EMPHASIS] = {DEFAULT, DEFAULT, TERMINAL_BOLD | TERMINAL_ITALIC},
    [THEME_CODE] = {CYAN, DEFAULT, 0},
    [THEME_CODE_BLOCK] = {CYAN, DEFAULT, 0},
    [THEME_LINK] = {BLUE, DEFAULT, TERMINAL_UNDERLINE},
    [THEME_FAINT] = {DEFAULT, DEFAULT, TERMINAL_DIM},
    [THEME_QUOTE] = {DEFAULT, DEFAULT, TERMINAL_DIM},
    [THEME_THOUGHT] = {DEFAULT, DEFAULT, TERMINAL_DIM | TERMINAL_ITALIC},
    [THEME_CALL] = {YELLOW, DEFAULT, TERMINAL_BOLD},
    [THEME_CALL_DONE] = {GREEN, DEFAULT, TERMINAL_BOLD},
    [THEME_OUTPUT] = {DEFAULT, DEFAULT, TERMINAL_DIM},
    [THEME_FAILED] = {RED, DEFAULT, TERMINAL_BOLD},
    [THEME_NOTICE] = {MAGENTA, DEFAULT, 0},
    [THEME_RULE] = {DEFAULT, DEFAULT, TERMINAL_DIM},
    [THEME_PROMPT] = {CYAN, DEFAULT, TERMINAL_BOLD},
    [THEME_BUSY] = {YELLOW, DEFAULT, 0},
    [THEME_SAFE] = {GREEN, DEFAULT, 0},
    [THEME_WARNING] = {WHITE, RED, TERMINAL_BOLD},
    [THEME_QUESTION] = {YELLOW, DEFAULT, TERMINAL_BOLD},
    [THEME_KEY] = {CYAN, DEFAULT, TERMINAL_BOLD},
    [THEME_SELECTED] = {DEFAULT, DEFAULT, TERMINAL_REVERSE},
    [THEME_KEYWORD] = {MAGENTA, DEFAULT, 0},
    [THEME_STRING] = {GREEN, DEFAULT, 0},
    [THEME_NUMBER] = {YELLOW, DEFAULT, 0},
    [THEME_COMMENT] = {DEFAULT, DEFAULT, TERMINAL_DIM},
    [THEME_ADDED] = {GREEN, DEFAULT, 0},
    [THEME_REMOVED] = {RED, DEFAULT, 0},
    [THEME_ADDED_WORD] = {GREEN, DEFAULT, TERMINAL_BOLD | TERMINAL_REVERSE},
    [THEME_REMOVED_WORD] = {RED, DEFAULT, TERMINAL_BOLD | TERMINAL_REVERSE},
};

/* What differs from the first table. */
struct change {
    enum theme_role role;
    struct terminal_look look;
};

enum { CHANGES = 8 };

struct theme {
    const char *name;
    bool mono; /* no colour at all; what has a background is reversed */
    struct change changes[CHANGES];
    size_t count;
};

static const struct theme themes[] = {
    {.name = "colour"},
    /* Yellow and cyan are hard to read on white. */
    {.name = "light",
     .changes = {{THEME_CODE, {BLUE, DEFAULT, 0}},
                 {THEME_CODE_BLOCK, {BLUE, DEFAULT, 0}},
                 {THEME_CALL, {MAGENTA, DEFAULT, TERMINAL_BOLD}},
                 {THEME_PROMPT, {BLUE, DEFAULT, TERMINAL_BOLD}},
                 {THEME_BUSY, {MAGENTA, DEFAULT, 0}},
                 {THEME_QUESTION, {MAGENTA, DEFAULT, TERMINAL_BOLD}},
                 {THEME_KEY, {BLUE, DEFAULT, TERMINAL_BOLD}},
                 {THEME_NUMBER, {BLUE, DEFAULT, 0}}},
     .count = 8},
    /* Nothing is dim. */
    {.name = "contrast",
     .changes = {{THEME_FAINT, {DEFAULT, DEFAULT, 0}},
                 {THEME_QUOTE, {DEFAULT, DEFAULT, TERMINAL_ITALIC}},
                 {THEME_THOUGHT, {DEFAULT, DEFAULT, TERMINAL_ITALIC}},
                 {THEME_OUTPUT, {DEFAULT, DEFAULT, 0}},
                 {THEME_RULE, {DEFAULT, DEFAULT, TERMINAL_BOLD}},
                 {THEME_COMMENT, {DEFAULT, DEFAULT, TERMINAL_ITALIC}},
                 {THEME_STRING, {GREEN, DEFAULT, TERMINAL_BOLD}},
                 {THEME_KEYWORD, {MAGENTA, DEFAULT, TERMINAL_BOLD}}},
     .count = 8},
    {.name = "mono", .mono = true},
};

const struct theme *theme_find(const char *name)
{
    for (size_t i = 0; i < sizeof themes / sizeof themes[0]; i++) {
        if (strcmp(themes[i].name, name) == 0) {
            return &themes[i];
        }
    }
    return NULL;
}

struct terminal_look theme_look(const struct theme *theme, enum theme_role role)
{
    if ((unsigned)role >= THEME_SIXEL) {
        return colour[THEME_TEXT];
    }
    if ((unsigned)role >= THEME_KITTY) {
        return (struct terminal_look){(int)((unsigned)role & 0xFF), DEFAULT, 0};
    }
    if ((unsigned)role >= THEME_PIXELS) {
        return (struct terminal_look){(int)((unsigned)role >> 8 & 0xFF),
                                      (int)((unsigned)role & 0xFF), 0};
    }
    struct terminal_look look = colour[role];
    for (size_t i = 0; i < theme->count; i++) {
        if (theme->changes[i].role == role) {
            look = theme->changes[i].look;
        }
    }
    if (theme->mono) {
        look.style |= look.background >= 0 ? TERMINAL_REVERSE : 0;
        look.foreground = look.background = DEFAULT;
    }
    return look;
}
