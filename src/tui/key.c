#include "tui/key.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "tui/terminal.h"

enum { ESC = 0x1B, CONTROL_C = 3 };
/* Modifiers as xterm counts them: 1 + these. */
enum { SHIFT = 1, ALTERNATE = 2, CONTROL = 4 };

static const char paste_begin[] = "\x1B[200~", paste_end[] = "\x1B[201~";
enum { MARK = sizeof paste_begin - 1 };

/* Final byte of CSI (or of SS3), or number before '~', to key. */
struct code {
    unsigned code;
    uint32_t key;
};

static const struct code letters[] = {
    {'A', TERMINAL_KEY_UP},      {'B', TERMINAL_KEY_DOWN}, {'C', TERMINAL_KEY_RIGHT},
    {'D', TERMINAL_KEY_LEFT},    {'F', TERMINAL_KEY_END},  {'H', TERMINAL_KEY_HOME},
    {'Z', TERMINAL_KEY_BACKTAB},
};
static const struct code numbers[] = {
    {1, TERMINAL_KEY_HOME},    {3, TERMINAL_KEY_DELETE},    {4, TERMINAL_KEY_END},
    {5, TERMINAL_KEY_PAGE_UP}, {6, TERMINAL_KEY_PAGE_DOWN}, {7, TERMINAL_KEY_HOME},
    {8, TERMINAL_KEY_END},
};
/* rxvt: a lower-case final byte behind ESC O means Ctrl. */
static const struct code rxvt_letters[] = {
    {'c', TERMINAL_KEY_WORD_RIGHT},
    {'d', TERMINAL_KEY_WORD_LEFT},
};

static uint32_t find(const struct code *codes, size_t count, unsigned code)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i].code == code) {
            return codes[i].key;
        }
    }
    return TERMINAL_KEY_OTHER;
}

#define FIND(codes, code) find(codes, sizeof codes / sizeof codes[0], code)

void key_reader_init(struct key_reader *reader)
{
    memset(reader, 0, sizeof *reader);
    str_init(&reader->input);
    str_init(&reader->paste);
}

void key_reader_finish(struct key_reader *reader)
{
    str_finish(&reader->input);
    str_finish(&reader->paste);
}

void key_reader_add_sequence(struct key_reader *reader, const char *bytes, uint32_t key)
{
    size_t most = sizeof reader->extra / sizeof reader->extra[0];
    if (bytes[0] != ESC || strlen(bytes) < 3 || strlen(bytes) >= sizeof reader->extra[0].bytes ||
        reader->extra_count == most) {
        return;
    }
    struct key_sequence *sequence = &reader->extra[reader->extra_count++];
    snprintf(sequence->bytes, sizeof sequence->bytes, "%s", bytes);
    sequence->key = key;
}

void key_reader_feed(struct key_reader *reader, const char *bytes, size_t length)
{
    if (reader->at == reader->input.length) {
        str_clear(&reader->input);
        reader->at = 0;
    }
    if (reader->pasting && length == 1 && bytes[0] == CONTROL_C) {
        /* Ctrl-C on its own ends a paste whose end was lost, or nothing could be typed again. */
        bytes = paste_end;
        length = MARK;
    }
    str_append_bytes(&reader->input, bytes, length);
    size_t waiting = reader->input.length - reader->at;
    if (reader->pasting && waiting > KEY_PASTE_LIMIT + MARK) {
        /* Only the tail can hold (half of) the end mark. */
        size_t excess = waiting - KEY_PASTE_LIMIT - MARK;
        str_remove(&reader->input, reader->at + KEY_PASTE_LIMIT - length, excess);
        reader->scanned = 0;
    }
}

/* --- modifiers --- */

static uint32_t with_modifiers(uint32_t key, unsigned modifiers)
{
    unsigned bits = modifiers > 0 ? modifiers - 1 : 0;
    if (bits & CONTROL) {
        switch (key) {
        case TERMINAL_KEY_LEFT:
            return TERMINAL_KEY_WORD_LEFT;
        case TERMINAL_KEY_RIGHT:
            return TERMINAL_KEY_WORD_RIGHT;
        case TERMINAL_KEY_HOME:
            return TERMINAL_KEY_TOP;
        case TERMINAL_KEY_END:
            return TERMINAL_KEY_BOTTOM;
        default:
            break;
        }
    }
    return bits & ALTERNATE ? key | TERMINAL_KEY_ALT : key;
}

/* A key reported by its character (CSI u, or CSI 27;m;c~): as the bytes of old would have said. */
static uint32_t from_character(unsigned code, unsigned modifiers)
{
    unsigned bits = modifiers > 0 ? modifiers - 1 : 0;
    uint32_t key = code;
    if (code == ESC) {
        key = TERMINAL_KEY_ESCAPE;
    } else if (code == 127 || code == 8) {
        key = TERMINAL_KEY_BACKSPACE;
    } else if (code == '\t' && (bits & SHIFT)) {
        key = TERMINAL_KEY_BACKTAB;
    } else if (code == '\r' && (bits & (SHIFT | CONTROL))) {
        key = '\n';
    } else if (code >= 0xE000 && code <= 0xF8FF) {
        return TERMINAL_KEY_OTHER; /* keys with no character, e.g. a modifier alone */
    } else if ((code >= 0x80 && code < 0xA0) || (code >= 0xD800 && code < 0xE000)) {
        return TERMINAL_KEY_OTHER; /* no character at all */
    } else if (code > 0x10FFFF || (code < 0x20 && code != '\t' && code != '\r')) {
        return TERMINAL_KEY_OTHER;
    } else if ((bits & CONTROL) && (code == '/' || (code >= '@' && code < 0x7F))) {
        key = code == '/' ? 0x1F : code & 0x1F;
    } else if ((bits & CONTROL) && code > 0x20 && code < '@') {
        return TERMINAL_KEY_OTHER;
    }
    return bits & ALTERNATE ? key | TERMINAL_KEY_ALT : key;
}

/* --- sequences --- */

/* The key of CSI with its parameters. */
static uint32_t csi_key(const unsigned *parameters, size_t count, unsigned char final)
{
    unsigned modifiers = count > 1 ? parameters[1] : 0;
    if (final == 'u') {
        return from_character(parameters[0], modifiers);
    }
    if (final == '~' && parameters[0] == 27 && count > 2) {
        return from_character(parameters[2], modifiers);
    }
    if (final == '~') {
        return with_modifiers(FIND(numbers, parameters[0]), modifiers);
    }
    if (final == '^' || final == '@') { /* rxvt: Ctrl */
        return with_modifiers(FIND(numbers, parameters[0]), 1 + CONTROL);
    }
    return with_modifiers(FIND(letters, final), modifiers);
}

/* The mouse (mode 1006): a button, a column and a row, and whether it was pressed. */
static uint32_t mouse_key(const unsigned *parameters, size_t count, bool pressed)
{
    enum { MODIFIERS = 4 | 8 | 16, WHEEL = 64 };
    unsigned button = parameters[0] & ~(unsigned)MODIFIERS;
    unsigned column = parameters[1] - 1, row = parameters[2] - 1;
    if (count != 3 || !pressed || column > TERMINAL_MOUSE_MOST || row > TERMINAL_MOUSE_MOST) {
        return TERMINAL_KEY_OTHER;
    }
    switch (button) {
    case 0:
        return terminal_mouse(TERMINAL_MOUSE_PRESS, (int)row, (int)column);
    case WHEEL:
        return terminal_mouse(TERMINAL_MOUSE_WHEEL_UP, (int)row, (int)column);
    case WHEEL + 1:
        return terminal_mouse(TERMINAL_MOUSE_WHEEL_DOWN, (int)row, (int)column);
    default:
        return TERMINAL_KEY_OTHER;
    }
}

/* Events as kitty counts them: 1 pressed, 2 held, 3 let go. */
static uint32_t happened(uint32_t key, unsigned event)
{
    enum { HELD = 2, RELEASED = 3 };
    if (key == TERMINAL_KEY_OTHER || (event != HELD && event != RELEASED)) {
        return key;
    }
    return key | (event == HELD ? TERMINAL_KEY_HELD : TERMINAL_KEY_RELEASED);
}

/* CSI: ESC [ parameters intermediates final. Returns bytes used, 0 = incomplete. */
static size_t read_csi(const char *bytes, size_t length, uint32_t *key)
{
    unsigned parameters[4] = {0}, event = 0;
    size_t count = 1, at = 2;
    bool plain = true;
    if (at < length && bytes[at] == '[') { /* the Linux console's function keys: ESC [ [ A */
        *key = TERMINAL_KEY_OTHER;
        return length > 3 ? 4 : 0;
    }
    for (; at < length; at++) {
        unsigned char c = (unsigned char)bytes[at];
        if (c >= '0' && c <= '9') {
            unsigned *last = &parameters[count - 1];
            *last = *last < 10000000 ? *last * 10 + (c - '0') : *last;
        } else if (c == ';') {
            count += count < 4;
        } else if (c == ':') {
            /* Behind the modifiers: what happened to the key. Behind others: not asked for. */
            if (count == 2 && at + 1 < length && bytes[at + 1] >= '1' && bytes[at + 1] <= '3') {
                event = (unsigned)(bytes[at + 1] - '0');
            }
            while (at + 1 < length && bytes[at + 1] >= '0' && bytes[at + 1] <= ':') {
                at++;
            }
        } else if (c >= 0x20 && c <= 0x3F) {
            plain = false;
        } else if (c >= 0x40 && c <= 0x7E) {
            bool mouse = bytes[2] == '<' && (c == 'M' || c == 'm');
            *key = plain   ? happened(csi_key(parameters, count, c), event)
                   : mouse ? mouse_key(parameters, count, c == 'M')
                           : TERMINAL_KEY_OTHER;
            return at + 1;
        } else {
            *key = TERMINAL_KEY_OTHER; /* broken off: what comes is read anew */
            return at;
        }
    }
    return 0;
}

/* A string sequence (OSC, DCS, APC, PM, SOS): a reply of the terminal. Up to BEL or ESC \. */
static size_t read_string(const char *bytes, size_t length, uint32_t *key)
{
    *key = TERMINAL_KEY_OTHER;
    for (size_t at = 2; at < length; at++) {
        if (bytes[at] == 7) {
            return at + 1;
        }
        if (bytes[at] == ESC) {
            if (at + 1 == length) {
                return 0;
            }
            return bytes[at + 1] == '\\' ? at + 2 : at;
        }
    }
    return 0;
}

static size_t read_character(const char *bytes, size_t length, uint32_t *key)
{
    size_t used;
    uint32_t c = utf8_decode(bytes, length, &used);
    if (c == UTF8_INCOMPLETE) {
        return 0;
    }
    if (c == UTF8_INVALID) {
        *key = TERMINAL_KEY_OTHER;
    } else if (c == 0x7F || c == 8) {
        *key = TERMINAL_KEY_BACKSPACE;
    } else if (c >= 0x80 && c < 0xA0) {
        *key = TERMINAL_KEY_OTHER;
    } else {
        *key = c;
    }
    return used;
}

/* Sequences of this terminal's description. `*partial`: the input may become one. */
static size_t read_extra(const struct key_reader *reader, const char *bytes, size_t length,
                         uint32_t *key, bool *partial)
{
    *partial = false;
    for (size_t i = 0; i < reader->extra_count; i++) {
        size_t size = strlen(reader->extra[i].bytes);
        size_t common = size < length ? size : length;
        if (memcmp(reader->extra[i].bytes, bytes, common) == 0) {
            if (size <= length) {
                *key = reader->extra[i].key;
                return size;
            }
            *partial = true;
        }
    }
    return 0;
}

/* ESC and what follows. Returns bytes used, 0 = incomplete. */
static size_t read_escape(const struct key_reader *reader, const char *bytes, size_t length,
                          uint32_t *key)
{
    bool partial;
    size_t used = read_extra(reader, bytes, length, key, &partial);
    if (used > 0 || partial || length == 1) {
        return used;
    }
    switch (bytes[1]) {
    case '[':
        return read_csi(bytes, length, key);
    case 'O':
        if (length < 3) {
            return 0;
        }
        *key = FIND(letters, (unsigned char)bytes[2]);
        if (*key == TERMINAL_KEY_OTHER) {
            *key = bytes[2] == 'M' ? '\r' : FIND(rxvt_letters, (unsigned char)bytes[2]);
        }
        return 3;
    case ']':
    case 'P':
    case '_':
    case '^':
    case 'X':
        return read_string(bytes, length, key);
    case ESC:
        if (length == 2) {
            return 0;
        }
        if (bytes[2] == '[' || bytes[2] == 'O') { /* some send Alt as one ESC more */
            used = read_escape(reader, bytes + 1, length - 1, key);
            *key |= TERMINAL_KEY_ALT;
            return used == 0 ? 0 : used + 1;
        }
        *key = TERMINAL_KEY_ESCAPE;
        return 1;
    default:
        used = read_character(bytes + 1, length - 1, key);
        *key |= TERMINAL_KEY_ALT;
        return used == 0 ? 0 : used + 1;
    }
}

/* --- paste --- */

static const char *find_mark(const char *bytes, size_t length, const char *mark)
{
    return length < MARK ? NULL : memmem(bytes, length, mark, MARK);
}

/* The end mark that really ends the paste: the last one in `bytes` with no begin mark of its own.
 * `first` is the offset of the first end mark. */
static size_t true_end(const char *bytes, size_t length, size_t first)
{
    size_t end = first, depth = 0;
    for (size_t at = first + MARK; at + MARK <= length; at++) {
        const char *next = memchr(bytes + at, ESC, length - at);
        if (next == NULL || length - (size_t)(next - bytes) < MARK) {
            break;
        }
        at = (size_t)(next - bytes);
        if (memcmp(next, paste_begin, MARK) == 0) {
            depth++;
        } else if (memcmp(next, paste_end, MARK) == 0 && depth > 0) {
            depth--;
        } else if (memcmp(next, paste_end, MARK) == 0) {
            end = at;
        }
    }
    return end;
}

static enum key_result read_paste(struct key_reader *reader, bool settled, struct terminal_key *key)
{
    const char *bytes = reader->input.data + reader->at;
    size_t length = reader->input.length - reader->at;
    size_t from = reader->scanned > MARK ? reader->scanned - MARK : 0;
    const char *mark = find_mark(bytes + from, length - from, paste_end);
    if (mark == NULL) {
        reader->scanned = length;
        return KEY_PASTING;
    }
    if (!settled) {
        return KEY_MORE;
    }
    size_t end = true_end(bytes, length, (size_t)(mark - bytes));
    size_t kept = end < KEY_PASTE_LIMIT ? end : KEY_PASTE_LIMIT;
    str_clear(&reader->paste);
    str_append_bytes(&reader->paste, bytes, kept);
    reader->at += end + MARK;
    reader->pasting = false;
    *key = (struct terminal_key){TERMINAL_KEY_PASTE, reader->paste.data, reader->paste.length};
    return KEY_READY;
}

enum key_result key_reader_next(struct key_reader *reader, bool settled, struct terminal_key *key)
{
    if (reader->pasting) {
        return read_paste(reader, settled, key);
    }
    const char *bytes = reader->input.data + reader->at;
    size_t length = reader->input.length - reader->at, used;
    uint32_t code = 0;
    if (length == 0) {
        return KEY_NONE;
    }
    if (length >= MARK && memcmp(bytes, paste_begin, MARK) == 0) {
        reader->at += MARK;
        reader->pasting = true;
        reader->scanned = 0;
        return read_paste(reader, settled, key);
    }
    used = bytes[0] == ESC ? read_escape(reader, bytes, length, &code)
                           : read_character(bytes, length, &code);
    if (used == 0 && !settled) {
        return KEY_MORE;
    }
    if (used == 0 && bytes[0] == ESC && length == 2 && strchr("[O]P_^X", bytes[1]) != NULL) {
        used = 2; /* Alt with a key that also opens a sequence */
        code = (uint32_t)bytes[1] | TERMINAL_KEY_ALT;
    } else if (used == 0 && bytes[0] == ESC && length <= 2) {
        used = 1;
        code = TERMINAL_KEY_ESCAPE;
    } else if (used == 0) {
        used = length; /* a sequence that broke off */
        code = TERMINAL_KEY_OTHER;
    }
    reader->at += used;
    *key = (struct terminal_key){code, NULL, 0};
    return KEY_READY;
}
