#include "screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

static void on_intent(void *context, const struct tui_intent *intent)
{
    static const char *const names[] = {
        [TUI_SUBMIT] = "SUBMIT",
        [TUI_INTERRUPT] = "INTERRUPT",
        [TUI_DECIDE] = "DECIDE",
        [TUI_QUIT] = "QUIT",
        [TUI_CYCLE_MODE] = "CYCLE_MODE",
        [TUI_TOGGLE_THINKING] = "TOGGLE_THINKING",
        [TUI_SUSPEND] = "SUSPEND",
        [TUI_QUEUE] = "QUEUE",
        [TUI_EDIT] = "EDIT",
        [TUI_WANT_FILES] = "WANT_FILES",
        [TUI_WANT_FOLDERS] = "WANT_FOLDERS",
        [TUI_COMMAND] = "COMMAND",
        [TUI_TALK] = "TALK",
    };
    static const char *const decisions[] = {[TUI_YES] = "yes",
                                            [TUI_YES_SESSION] = "session",
                                            [TUI_YES_ALWAYS] = "always",
                                            [TUI_NO] = "no"};
    struct screen *screen = context;
    assert_int_equal(strlen(intent->text), intent->length);
    str_append(&screen->intents, names[intent->kind]);
    if (intent->kind == TUI_DECIDE) {
        str_append_format(&screen->intents, " %s", decisions[intent->decision]);
    }
    if (intent->length > 0) {
        str_append_format(&screen->intents, " %s", intent->text);
    }
    str_append(&screen->intents, "\n");
}

static void open_on(struct screen *screen, struct terminal *terminal)
{
    screen->terminal = terminal;
    screen->tui = tui_create(screen->terminal, on_intent, screen);
    screen->now_us = 0;
    str_init(&screen->intents);
}

void screen_open(struct screen *screen, int rows, int columns)
{
    open_on(screen, terminal_memory_create(rows, columns));
}

void screen_open_inline(struct screen *screen, int rows, int columns)
{
    open_on(screen, terminal_memory_create_inline(rows, columns));
}

void screen_close(struct screen *screen)
{
    tui_destroy(screen->tui);
    screen->terminal->ops->destroy(screen->terminal);
    str_finish(&screen->intents);
}

static void read_and_draw(struct screen *screen)
{
    assert_true(tui_read_keys(screen->tui, screen->now_us));
    tui_draw(screen->tui);
}

void screen_key_at_once(struct screen *screen, uint32_t key)
{
    terminal_memory_key(screen->terminal, key);
    read_and_draw(screen);
}

void screen_key(struct screen *screen, uint32_t key)
{
    screen->now_us += 2000000;
    screen_key_at_once(screen, key);
}

void screen_type(struct screen *screen, const char *text)
{
    screen->now_us += 2000000;
    terminal_memory_type(screen->terminal, text);
    read_and_draw(screen);
}

void screen_paste(struct screen *screen, const char *text)
{
    screen->now_us += 2000000;
    terminal_memory_paste(screen->terminal, text);
    read_and_draw(screen);
}

void screen_status(struct screen *screen, bool busy, const char *activity)
{
    struct tui_status status = {.model = "gemma-4-e2b",
                                .mode = "ask",
                                .sandbox = "sandbox",
                                .busy = busy,
                                .activity = activity,
                                .context_used = 1200,
                                .context_size = 8192};
    tui_set_status(screen->tui, &status);
}

char *screen_text(struct screen *screen)
{
    tui_draw(screen->tui);
    return terminal_memory_screen(screen->terminal);
}

bool screen_shows(struct screen *screen, const char *text)
{
    char *all = screen_text(screen);
    bool found = strstr(all, text) != NULL;
    if (!found) {
        print_message("not on the screen: %s\n%s", text, all);
    }
    mem_free(all);
    return found;
}

const char *screen_intents(struct screen *screen)
{
    static char copy[65536];
    snprintf(copy, sizeof copy, "%s", screen->intents.data);
    str_clear(&screen->intents);
    return copy;
}

void screen_expect(struct screen *screen, const char *name)
{
    struct str path, expected, actual;
    struct err err;
    int row, column;
    str_init(&path);
    str_init(&expected);
    str_init(&actual);
    str_append_format(&path, "%s/%s.txt", TEST_SCREENS, name);
    char *text = screen_text(screen);
    terminal_memory_cursor(screen->terminal, &row, &column);
    str_append_format(&actual, "%scursor %d %d\n", text, row, column);
    if (getenv("UPDATE_SCREENS") != NULL) {
        FILE *file = fopen(path.data, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(actual.data, 1, actual.length, file), actual.length);
        assert_int_equal(fclose(file), 0);
        str_append(&expected, actual.data);
    } else if (!file_read(path.data, 1024 * 1024, &expected, &err)) {
        fail_msg("%s", err.text);
    }
    if (strcmp(expected.data, actual.data) != 0) {
        print_message("screen %s should be\n%s\nand is\n%s\n", name, expected.data, actual.data);
        fail_msg("screen %s differs", name);
    }
    mem_free(text);
    str_finish(&path);
    str_finish(&expected);
    str_finish(&actual);
}
