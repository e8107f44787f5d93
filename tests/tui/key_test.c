/* Bytes in, keys out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "tui/key.h"
#include "tui/terminal.h"

#define CONTROL(letter) ((uint32_t)(letter)&0x1F)
#define ALT(key)        ((uint32_t)(key) | TERMINAL_KEY_ALT)

static const struct {
    const char *bytes;
    uint32_t key;
} cases[] = {
    {"a", 'a'},
    {"\xC3\xA9", 0xE9},
    {"\xF0\x9F\x91\x8D", 0x1F44D},
    {"\r", '\r'},
    {"\n", '\n'},
    {"\x03", CONTROL('C')},
    {"\x1A", CONTROL('Z')},
    {"\x13", CONTROL('S')},
    {"\x1F", CONTROL('_')},
    {"\x7F", TERMINAL_KEY_BACKSPACE},
    {"\x08", TERMINAL_KEY_BACKSPACE},
    {"\x1B", TERMINAL_KEY_ESCAPE},
    {"\x1B[A", TERMINAL_KEY_UP},
    {"\x1BOB", TERMINAL_KEY_DOWN},
    {"\x1B[C", TERMINAL_KEY_RIGHT},
    {"\x1B[1;5D", TERMINAL_KEY_WORD_LEFT},
    {"\x1B[1;5C", TERMINAL_KEY_WORD_RIGHT},
    {"\x1B[1;3D", ALT(TERMINAL_KEY_LEFT)},
    {"\x1B\x1B[D", ALT(TERMINAL_KEY_LEFT)},
    {"\x1BOd", TERMINAL_KEY_WORD_LEFT},
    {"\x1B[H", TERMINAL_KEY_HOME},
    {"\x1B[4~", TERMINAL_KEY_END},
    {"\x1B[1;5H", TERMINAL_KEY_TOP},
    {"\x1B[1;5F", TERMINAL_KEY_BOTTOM},
    {"\x1B[7^", TERMINAL_KEY_TOP},
    {"\x1B[3~", TERMINAL_KEY_DELETE},
    {"\x1B[5~", TERMINAL_KEY_PAGE_UP},
    {"\x1B[6~", TERMINAL_KEY_PAGE_DOWN},
    {"\x1B[Z", TERMINAL_KEY_BACKTAB},
    {"\x1B"
     "b",
     ALT('b')},
    {"\x1B\r", ALT('\r')},
    {"\x1B\x7F", ALT(TERMINAL_KEY_BACKSPACE)},
    {"\x1B\xC3\xA9", ALT(0xE9)},
    {"\x1B[", ALT('[')},
    {"\x1B]", ALT(']')},
    {"\x1B[13;2u", '\n'}, /* Shift+Enter */
    {"\x1B[27;2;13~", '\n'},
    {"\x1B[99;5u", CONTROL('C')},
    {"\x1B[27u", TERMINAL_KEY_ESCAPE},
    {"\x1B[116;3u", ALT('t')},
    {"\x1B[9;2u", TERMINAL_KEY_BACKTAB},
    {"\x1B[97:65;1:1u", 'a'},
    {"\x1B[57441u", TERMINAL_KEY_OTHER}, /* a modifier alone */
    {"\x1B[47;5u", 0x1F},
    {"\x1B[114;3u", 'r' | TERMINAL_KEY_ALT},
    {"\x1B[114;3:1u", 'r' | TERMINAL_KEY_ALT},
    {"\x1B[114;3:2u", 'r' | TERMINAL_KEY_ALT | TERMINAL_KEY_HELD},
    {"\x1B[114;3:3u", 'r' | TERMINAL_KEY_ALT | TERMINAL_KEY_RELEASED},
    {"\x1B[1;1:3A", TERMINAL_KEY_UP | TERMINAL_KEY_RELEASED},
    {"\x1B[3;1:2~", TERMINAL_KEY_DELETE | TERMINAL_KEY_HELD},
    {"\x1B[57441;2:3u", TERMINAL_KEY_OTHER}, /* Shift alone */
    {"\x1B[114:82;3u", 'r' | TERMINAL_KEY_ALT},
    {"\x1B[<2;1;1M", TERMINAL_KEY_OTHER}, /* a button that means nothing */
    {"\x1B[?1;2c", TERMINAL_KEY_OTHER},
    {"\x1B[I", TERMINAL_KEY_OTHER},
    {"\x1B[[A", TERMINAL_KEY_OTHER},
    {"\x1B]11;rgb:0/0/0\x1B\\", TERMINAL_KEY_OTHER},
    {"\x1BP1$r0m\x1B\\", TERMINAL_KEY_OTHER},
    {"\x1B]0;title\x07", TERMINAL_KEY_OTHER},
    {"\x1B[999999999999999999~", TERMINAL_KEY_OTHER},
    {"\xFF", TERMINAL_KEY_OTHER},
    {"\xC2\x9B", TERMINAL_KEY_OTHER},
    {"\xE2\x82", TERMINAL_KEY_OTHER}, /* cut off for good */
    {"\x1B[12", TERMINAL_KEY_OTHER},
};

/* Exactly one key comes of each, whether the bytes come together or one by one. */
static void test_sequences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            struct key_reader reader;
            struct terminal_key key = {0};
            key_reader_init(&reader);
            size_t length = strlen(cases[i].bytes);
            enum key_result result = KEY_NONE;
            for (size_t at = 0; at < length && result != KEY_READY; at++) {
                size_t piece = bytewise ? 1 : length;
                key_reader_feed(&reader, cases[i].bytes + at, piece);
                result = key_reader_next(&reader, false, &key);
                if (!bytewise) {
                    break;
                }
            }
            if (result == KEY_MORE) {
                result = key_reader_next(&reader, true, &key);
            }
            assert_int_equal(result, KEY_READY);
            if (key.code != cases[i].key) {
                fail_msg("case %zu: key %x, not %x", i, key.code, cases[i].key);
            }
            assert_int_equal(key_reader_next(&reader, true, &key), KEY_NONE);
            key_reader_finish(&reader);
        }
    }
}

static void test_two_escapes(void **state)
{
    (void)state;
    struct key_reader reader;
    struct terminal_key key;
    key_reader_init(&reader);
    key_reader_feed(&reader, "\x1B\x1B", 2);
    assert_int_equal(key_reader_next(&reader, false, &key), KEY_MORE);
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key.code, TERMINAL_KEY_ESCAPE);
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key.code, TERMINAL_KEY_ESCAPE);
    key_reader_finish(&reader);
}

static void test_described_sequence(void **state)
{
    (void)state;
    struct key_reader reader;
    struct terminal_key key;
    key_reader_init(&reader);
    key_reader_add_sequence(&reader, "\x1B[25~", TERMINAL_KEY_PAGE_UP);
    key_reader_add_sequence(&reader, "x", TERMINAL_KEY_END);
    key_reader_feed(&reader, "\x1B[25~x", 6);
    assert_int_equal(key_reader_next(&reader, false, &key), KEY_READY);
    assert_int_equal(key.code, TERMINAL_KEY_PAGE_UP);
    assert_int_equal(key_reader_next(&reader, false, &key), KEY_READY);
    assert_int_equal(key.code, 'x');
    key_reader_finish(&reader);
}

/* Feeds `bytes` in pieces, and expects one paste of `text` and then the keys `rest`. */
static void expect_paste(const char *bytes, size_t piece, const char *text, const char *rest)
{
    struct key_reader reader;
    struct terminal_key key;
    key_reader_init(&reader);
    size_t length = strlen(bytes);
    for (size_t at = 0; at < length; at += piece) {
        key_reader_feed(&reader, bytes + at, length - at < piece ? length - at : piece);
        enum key_result result = key_reader_next(&reader, false, &key);
        assert_true(result == KEY_PASTING || result == KEY_MORE);
    }
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key.code, TERMINAL_KEY_PASTE);
    assert_int_equal(key.paste_length, strlen(text));
    assert_memory_equal(key.paste, text, strlen(text));
    for (; *rest != '\0'; rest++) {
        assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
        assert_int_equal(key.code, (unsigned char)*rest);
    }
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_NONE);
    key_reader_finish(&reader);
}

static void test_paste(void **state)
{
    (void)state;
    static const size_t pieces[] = {1000, 1, 3, 7};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t piece = pieces[i];
        expect_paste("\x1B[200~two\rlines\x1B[201~", piece, "two\rlines", "");
        expect_paste("\x1B[200~\x1B[201~", piece, "", "");
        expect_paste("\x1B[200~a\x1B[31mb\x1B\x1B[C\x1B[201~xy", piece, "a\x1B[31mb\x1B\x1B[C",
                     "xy");
        /* A paste that tries to end itself and to type a command. */
        expect_paste("\x1B[200~harmless\x1B[201~rm -rf ~\r\x1B[201~", piece,
                     "harmless\x1B[201~rm -rf ~\r", "");
        expect_paste("\x1B[200~a\x1B[201~\x1B[200~b\x1B[201~evil\r\x1B[201~z", piece,
                     "a\x1B[201~\x1B[200~b\x1B[201~evil\r", "z");
    }
}

static void test_two_pastes(void **state)
{
    (void)state;
    struct key_reader reader;
    struct terminal_key key;
    static const char bytes[] = "\x1B[200~one\x1B[201~\x1B[200~two\x1B[201~";
    key_reader_init(&reader);
    key_reader_feed(&reader, bytes, sizeof bytes - 1);
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_memory_equal(key.paste, "one", 3);
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key.paste_length, 3);
    assert_memory_equal(key.paste, "two", 3);
    key_reader_finish(&reader);
}

static void test_endless_paste(void **state)
{
    (void)state;
    struct key_reader reader;
    struct terminal_key key;
    size_t size = 4096, fed = 0;
    char *block = mem_alloc(size, 1);
    memset(block, 'x', size);
    key_reader_init(&reader);
    key_reader_feed(&reader, "\x1B[200~", 6);
    while (fed < (size_t)KEY_PASTE_LIMIT + 1024 * 1024) {
        key_reader_feed(&reader, block, size);
        assert_int_equal(key_reader_next(&reader, false, &key), KEY_PASTING);
        fed += size;
        assert_true(reader.input.length <= (size_t)KEY_PASTE_LIMIT + 64);
    }
    key_reader_feed(&reader, "\x1B[20", 4); /* the end mark in two pieces */
    assert_int_equal(key_reader_next(&reader, false, &key), KEY_PASTING);
    key_reader_feed(&reader, "1~", 2);
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key.paste_length, KEY_PASTE_LIMIT);
    /* A paste that never ends is left with Ctrl-C. */
    key_reader_feed(&reader, "\x1B[200~abc", 9);
    assert_int_equal(key_reader_next(&reader, false, &key), KEY_PASTING);
    key_reader_feed(&reader, "\x03", 1);
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key.paste_length, 3);
    key_reader_finish(&reader);
    mem_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),          cmocka_unit_test(test_two_escapes),
        cmocka_unit_test(test_described_sequence), cmocka_unit_test(test_paste),
        cmocka_unit_test(test_two_pastes),         cmocka_unit_test(test_endless_paste),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
