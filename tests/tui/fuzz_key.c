/* Any bytes from a terminal: the reader ends, uses up all, and gives only keys that exist. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/key.h"
#include "tui/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct key_reader *reader, bool settled)
{
    struct terminal_key key;
    while (key_reader_next(reader, settled, &key) == KEY_READY) {
        uint32_t held = key.code & (TERMINAL_KEY_HELD | TERMINAL_KEY_RELEASED);
        uint32_t code = key.code & ~(uint32_t)(TERMINAL_KEY_ALT | held);
        if (key.code & TERMINAL_MOUSE) {
            assert(key.code == terminal_mouse(key.code & TERMINAL_MOUSE_KIND,
                                              terminal_mouse_row(code),
                                              terminal_mouse_column(code)));
            assert((key.code & TERMINAL_MOUSE_KIND) <= TERMINAL_MOUSE_WHEEL_DOWN &&
                   key.paste == NULL);
            continue;
        }
        assert(code <= TERMINAL_KEY_OTHER);
        assert(held != (TERMINAL_KEY_HELD | TERMINAL_KEY_RELEASED));
        assert((key.code == TERMINAL_KEY_PASTE) == (key.paste != NULL));
        assert(code < 0x80 || code >= 0xA0);
    }
}

/* The first byte says how the rest is cut into pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_reader reader;
    if (size == 0) {
        return 0;
    }
    size_t piece = 1 + data[0] % 16;
    key_reader_init(&reader);
    key_reader_add_sequence(&reader, "\x1B[25~", TERMINAL_KEY_PAGE_UP);
    for (size_t at = 1; at < size; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        key_reader_feed(&reader, (const char *)data + at, length);
        take(&reader, data[at] % 8 == 0);
    }
    take(&reader, true);
    if (reader.pasting) {
        key_reader_feed(&reader, "\x03", 1);
        take(&reader, true);
    }
    assert(!reader.pasting && reader.at == reader.input.length);
    key_reader_finish(&reader);
    return 0;
}
