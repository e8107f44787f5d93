/* Any text and keys, on any size, on a full screen or, of an odd number of bytes, inline: nothing
 * asserts, and after a full redraw a full screen is the same.
 *
 * The input is a run of (command byte, length byte, that many bytes of text). What a command
 * changed is drawn before the next one, or together with that when its byte is 128 or more.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "tui/terminal.h"
#include "tui/tui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *context, const struct tui_intent *intent)
{
    (void)context;
    assert(strlen(intent->text) == intent->length);
}

static void command(struct tui *tui, struct terminal *terminal, unsigned number, const char *text,
                    size_t length)
{
    static const struct tui_command commands[] = {{"help", "h", NULL}, {"clear", "c", NULL}};
    switch (number % 16) {
    case 0:
        tui_add_user(tui, text, length);
        break;
    case 1:
    case 2:
    case 3:
        tui_add_text(tui, text, length);
        break;
    case 4:
        tui_add_thought(tui, text, length);
        break;
    case 5:
        tui_end_message(tui);
        break;
    case 6:
        tui_add_call(tui, "c", text);
        break;
    case 7:
        tui_call_output(tui, "c", text, length);
        break;
    case 8:
        tui_end_call(tui, "c", text, length, length % 2 ? "exit 2" : NULL);
        break;
    case 9:
        tui_ask(tui, "c", text, text);
        break;
    case 10:
        terminal_memory_resize(terminal, length > 0 ? (unsigned char)text[0] % 40 : 0,
                               length > 1 ? (unsigned char)text[1] % 90 : 0);
        tui_resize(tui);
        break;
    case 11:
        for (size_t i = 0; i < length; i++) {
            terminal_memory_key(terminal, TERMINAL_KEY_UP + (unsigned char)text[i] % 20);
        }
        break;
    case 14:
        for (size_t i = 0; i + 2 < length; i += 3) {
            static const uint32_t kinds[] = {TERMINAL_MOUSE_PRESS, TERMINAL_MOUSE_WHEEL_UP,
                                             TERMINAL_MOUSE_WHEEL_DOWN};
            terminal_memory_key(terminal, terminal_mouse(kinds[(unsigned char)text[i] % 3],
                                                         (unsigned char)text[i + 1],
                                                         (unsigned char)text[i + 2]));
        }
        break;
    case 12:
        tui_set_commands(tui, commands, 2);
        terminal_memory_paste(terminal, text);
        break;
    case 13:
        tui_add_notice(tui, text, length % 2);
        break;
    default:
        terminal_memory_type(terminal, text);
        break;
    }
}

static void check_redraw(struct tui *tui, struct terminal *terminal)
{
    char *before = terminal_memory_screen(terminal);
    tui_resize(tui);
    tui_draw(tui);
    char *after = terminal_memory_screen(terminal);
    assert(strcmp(before, after) == 0);
    mem_free(before);
    mem_free(after);
}

static void run(struct terminal *terminal, bool full, const uint8_t *data, size_t size)
{
    struct tui *tui = tui_create(terminal, ignore, NULL);
    long long now_us = 0;
    tui_draw(tui);
    for (size_t at = 0; at + 2 <= size;) {
        size_t length = data[at + 1] % 64;
        length = size - at - 2 < length ? size - at - 2 : length;
        char *text = mem_strndup((const char *)data + at + 2, length);
        command(tui, terminal, data[at], text, length);
        mem_free(text);
        now_us += data[at] * 5000LL;
        tui_read_keys(tui, now_us);
        if (data[at] < 128) {
            tui_draw(tui);
        }
        at += 2 + length;
    }
    tui_draw(tui);
    if (full) {
        check_redraw(tui, terminal);
    }
    tui_destroy(tui);
    terminal->ops->destroy(terminal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool full = size % 2 == 0;
    run(full ? terminal_memory_create(24, 60) : terminal_memory_create_inline(24, 60), full, data,
        size);
    return 0;
}
