/* Where a growing text is cut: pieces laid out one by one are what the whole is, and a text that
 * came in pieces is shown as one that came at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "tui/block.h"
#include "tui/glyph.h"
#include "tui/layout.h"
#include "tui/markdown.h"

#include "screen.h"

enum { TEXTS = 4000, WIDTH = 40 };

static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 33;
}

static void append_rows(const struct layout *layout, struct str *out)
{
    for (size_t row = 0; row < layout->count; row++) {
        const struct layout_row *line = &layout->rows[row];
        size_t at = line->start;
        for (size_t run = line->run; at < line->end; run++) {
            size_t end = layout->runs.items[run].end;
            end = end < line->end ? end : line->end;
            str_append_format(out, "%d:", (int)layout->runs.items[run].role);
            str_append_bytes(out, layout->text.data + at, end - at);
            str_append_char(out, '|');
            at = end;
        }
        str_append_char(out, '\n');
    }
}

static void append_layout(const char *text, size_t length, struct str *out)
{
    struct layout layout;
    struct layout_writer writer;
    layout_init(&layout);
    layout_writer_init(&writer, &layout, WIDTH, 0);
    markdown_layout(text, length, false, &writer);
    layout_writer_finish(&writer);
    append_rows(&layout, out);
    layout_finish(&layout);
}

/* Block by block, with a blank row before those that are not joined. Returns how many. */
static size_t append_blocks(const char *text, struct str *out)
{
    struct block_cursor cursor = {0};
    struct block block;
    size_t count = 0;
    for (bool more = true; more;) {
        more = block_next(text, strlen(text), &cursor, &block);
        if (block.length > 0) {
            str_append(out, count++ > 0 && !block.joined ? "\n" : "");
            append_layout(text + block.start, block.length, out);
        }
    }
    return count;
}

/* Lists of all kinds, none with a blank line: there nothing was ever cut but by the items. */
static void test_items(void **state)
{
    static const char *const lines[] = {
        "- a word",     "- **bold** and `code`",
        "- another",    "* a star",
        "+ a plus",     "1. one",
        "2. two",       "3. three",
        "2) two",       "  - nested",
        "  goes on",    "lazy",
        "- [ ] a task", "- - -",
        "---",          "-",
        "# Heading",    "> quote",
        "| a | b |",    "    deep",
        "   1. nested", "- a long item that is wrapped at the edge of the window",
        "*emphasis*",   "- ",
        "-not an item", "**",
        "1.",           "10. ten",
        "- ~~~",
    };
    enum { COUNT = sizeof lines / sizeof lines[0] };
    uint64_t random = 88172645463325252u;
    size_t cut = 0;
    (void)state;
    for (int i = 0; i < TEXTS; i++) {
        struct str text, whole, blocks;
        str_init(&text);
        str_init(&whole);
        str_init(&blocks);
        for (size_t n = 2 + next_number(&random) % 6; n > 0; n--) {
            size_t choice = next_number(&random) % (i % 2 == 0 ? COUNT : 8);
            str_append_format(&text, "%s\n", lines[choice]);
        }
        append_layout(text.data, text.length, &whole);
        cut += append_blocks(text.data, &blocks) > 1;
        if (strcmp(whole.data, blocks.data) != 0) {
            fail_msg("%s\nis as a whole\n%s\nand in blocks\n%s", text.data, whole.data,
                     blocks.data);
        }
        str_finish(&text);
        str_finish(&whole);
        str_finish(&blocks);
    }
    assert_in_range(cut, TEXTS / 8, TEXTS);
}

/* A comment over more lines than a block has is one to its end. */
static void test_code_goes_on(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 40, 60);
    tui_add_text(s.tui, "```c\n/* one\n", 12);
    for (int line = 0; line < 20; line++) {
        tui_add_text(s.tui, "int more;\n", 10);
    }
    tui_add_text(s.tui, "*/ int after;\n```\n", 18);
    tui_end_message(s.tui);
    mem_free(screen_text(&s));
    char *text = screen_text(&s);
    size_t row = 0;
    for (const char *at = text; strncmp(at, "  */ int", 8) != 0; at = strchr(at, '\n') + 1) {
        row++;
    }
    struct terminal_look comment = terminal_memory_look(s.terminal, 0, 2);
    struct terminal_look last = terminal_memory_look(s.terminal, (int)row - 1, 2);
    struct terminal_look keyword = terminal_memory_look(s.terminal, (int)row, 5);
    assert_int_equal(row, 21);
    assert_memory_equal(&last, &comment, sizeof last);
    assert_memory_not_equal(&keyword, &comment, sizeof keyword);
    mem_free(text);
    screen_close(&s);
}

static const char answer[] =
    "Some words:\n- one\n- two with **bold**\n  - nested\n- three\n\n1. first\n2. second\n\n   "
    "loose\n"
    "3. third\n\n```c\nint a = 1; /* b\nc\nd\ne\nf\ng\nh\ni\nj */\nreturn \"x\";\n```\n\n"
    "| Name | Value |\n| --- | --: |\n| a | 1 |\n| longer | |\n| | 22 |\n\nAn end.";

/* Each glyph of the screen with its look; a blank's cannot be seen. */
static char *picture_of(struct screen *screen)
{
    struct str out;
    struct glyph glyph;
    char *text = screen_text(screen);
    int row = 0, column = 0;
    str_init(&out);
    for (const char *at = text; *at != '\0'; at += glyph.used) {
        glyph_next(at, strlen(at), &glyph);
        str_append_bytes(&out, at, glyph.used);
        if (*at == '\n') {
            row++;
            column = 0;
            continue;
        }
        struct terminal_look look = terminal_memory_look(screen->terminal, row, column);
        if (*at != ' ') {
            str_append_format(&out, "%d,%u ", look.foreground, look.style);
        }
        column += glyph.width;
    }
    mem_free(text);
    return str_take(&out);
}

static void test_streamed(void **state)
{
    (void)state;
    struct screen whole, streamed;
    screen_open(&whole, 50, 60);
    screen_open(&streamed, 50, 60);
    tui_add_text(whole.tui, answer, strlen(answer));
    tui_end_message(whole.tui);
    for (size_t at = 0; at < strlen(answer); at++) {
        tui_add_text(streamed.tui, answer + at, 1);
        tui_draw(streamed.tui);
    }
    tui_end_message(streamed.tui);
    char *one = picture_of(&whole), *other = picture_of(&streamed);
    assert_string_equal(one, other);
    assert_true(screen_shows(&whole, "• three"));
    assert_true(screen_shows(&whole, "longer │"));
    mem_free(one);
    mem_free(other);
    screen_close(&whole);
    screen_close(&streamed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_code_goes_on),
        cmocka_unit_test(test_streamed),
    };
    return cmocka_run_group_tests_name("tui_block", tests, NULL, NULL);
}
