/* What may follow the first byte of a UTF-8 sequence is a table (Unicode 15, table 3-7). */
#include "chat/grammar_json.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "chat/grammar.h"

static const struct {
    uint8_t first, last;   /* the leading byte */
    uint8_t continuations; /* how many bytes follow */
    uint8_t low, high;     /* of the second byte; all later ones are 80..BF */
} sequences[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
    {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF},
    {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

static bool begin_sequence(struct grammar_state *state, unsigned char byte)
{
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        if (byte >= sequences[i].first && byte <= sequences[i].last) {
            state->continuations = sequences[i].continuations;
            state->low_byte = sequences[i].low;
            state->high_byte = sequences[i].high;
            return true;
        }
    }
    return false;
}

static bool in_string(struct grammar_state *state, unsigned char byte)
{
    if (state->continuations > 0) {
        bool good = byte >= state->low_byte && byte <= state->high_byte;
        state->continuations--;
        state->low_byte = 0x80;
        state->high_byte = 0xBF;
        return good;
    }
    if (byte == '\\') {
        state->phase = GRAMMAR_ESCAPE;
        return true;
    }
    return (byte >= 0x20 && byte < 0x80) || begin_sequence(state, byte);
}

static bool in_escape(struct grammar_state *state, unsigned char byte)
{
    if (byte == 'u') {
        state->phase = GRAMMAR_UNICODE;
        state->first = state->length = 0;
        return true;
    }
    state->phase = GRAMMAR_STRING;
    return byte != '\0' && strchr("\"\\/bfnrt", byte) != NULL;
}

static bool in_unicode(struct grammar_state *state, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char small = byte >= 'A' && byte <= 'F' ? (unsigned char)(byte + 32) : byte;
    const char *digit = small == '\0' ? NULL : strchr(digits, small);
    if (digit == NULL) {
        return false;
    }
    state->first = state->first * 16 + (uint32_t)(digit - digits);
    state->length++;
    if (state->length == 2 && state->first >= 0xD8 && state->first <= 0xDF) {
        return false;
    }
    if (state->length == 4) {
        state->phase = GRAMMAR_STRING;
        return state->first != 0;
    }
    return true;
}

bool grammar_json_byte(struct grammar_state *state, unsigned char byte)
{
    switch (state->phase) {
    case GRAMMAR_ESCAPE:
        return in_escape(state, byte);
    case GRAMMAR_UNICODE:
        return in_unicode(state, byte);
    default:
        return in_string(state, byte);
    }
}

void grammar_json_escape(struct str *out, const char *text, size_t length)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        const char *found = byte == '\0' ? NULL : strchr(plain, byte);
        if (found != NULL) {
            str_append_char(out, '\\');
            str_append_char(out, letters[found - plain]);
        } else if (byte < 0x20) {
            str_append_format(out, "\\u%04x", byte);
        } else {
            str_append_char(out, text[i]);
        }
    }
}

bool grammar_json_is_plain(const char *bytes, size_t length)
{
    struct grammar_state state = {.phase = GRAMMAR_STRING};
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '"' || byte == '\\' || !in_string(&state, byte)) {
            return false;
        }
    }
    return state.continuations == 0;
}
