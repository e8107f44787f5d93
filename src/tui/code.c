#include "tui/code.h"

#include <string.h>
#include <strings.h>

#include "tui/layout.h"
#include "tui/syntax.h"

/* Lines of one sign in a row that are paired with those of the other; and bytes that two lines
 * share at least before what differs is worth a mark. */
enum { PAIRS = 64, SHARED = 3 };

struct line {
    const char *text;
    size_t length;
};

static struct line line_at(const char *text, size_t length, size_t at)
{
    const char *newline = memchr(text + at, '\n', length - at);
    size_t end = newline == NULL ? length : (size_t)(newline - text);
    return (struct line){text + at, end - at};
}

/* --- languages --- */

static void add_span(void *context, const char *text, size_t length, enum theme_role role)
{
    layout_add(context, text, length, role);
}

static bool is_name(const char *name, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(name, wanted, length) == 0;
}

/* Without what may stand behind the name. */
static size_t name_length(const char *language, size_t length)
{
    size_t name = 0;
    while (name < length && strchr(" \t{,:", language[name]) == NULL) {
        name++;
    }
    return name;
}

bool code_pairs_lines(const char *language, size_t language_length)
{
    size_t name = name_length(language, language_length);
    return is_name(language, name, "diff") || is_name(language, name, "patch");
}

void code_layout(struct layout_writer *writer, const char *language, size_t language_length,
                 struct syntax_state *state, const char *text, size_t length, code_end_line *end)
{
    if (code_pairs_lines(language, language_length)) {
        code_layout_difference(writer, text, length, end);
        return;
    }
    const struct syntax_language *known =
        syntax_find(language, name_length(language, language_length));
    for (size_t at = 0; at < length && !writer->full;) {
        struct line line = line_at(text, length, at);
        if (known != NULL) {
            syntax_line(known, state, line.text, line.length, add_span, writer);
        } else {
            layout_add(writer, line.text, line.length, THEME_CODE_BLOCK);
        }
        end(writer);
        at += line.length + 1;
    }
}

static void pass_span(void *context, const char *text, size_t length, enum theme_role role)
{
    (void)context, (void)text, (void)length, (void)role;
}

void code_pass(const char *language, size_t language_length, struct syntax_state *state,
               const char *text, size_t length)
{
    const struct syntax_language *known =
        syntax_find(language, name_length(language, language_length));
    for (size_t at = 0; known != NULL && at < length;) {
        struct line line = line_at(text, length, at);
        syntax_line(known, state, line.text, line.length, pass_span, NULL);
        at += line.length + 1;
    }
}

/* --- differences --- */

/* '+', '-', '@' for what is about the difference itself, else ' '. */
static char sign(const struct line *line)
{
    const char *text = line->text;
    bool file = line->length >= 4 && (memcmp(text, "--- ", 4) == 0 || memcmp(text, "+++ ", 4) == 0);
    if (file || (line->length >= 2 && memcmp(text, "@@", 2) == 0)) {
        return '@';
    }
    return line->length > 0 && (*text == '+' || *text == '-') ? *text : ' ';
}

static bool inside_character(const struct line *line, size_t at)
{
    return at < line->length && ((unsigned char)line->text[at] & 0xC0) == 0x80;
}

/* What two lines share in front, their signs counted as shared, and behind; cut at characters. */
static void find_shared(const struct line *a, const struct line *b, size_t *front, size_t *back)
{
    size_t most = a->length < b->length ? a->length : b->length;
    size_t head = 1, tail = 0;
    while (head < most && a->text[head] == b->text[head]) {
        head++;
    }
    while (head > 1 && (inside_character(a, head) || inside_character(b, head))) {
        head--;
    }
    while (tail + head < most && a->text[a->length - tail - 1] == b->text[b->length - tail - 1]) {
        tail++;
    }
    while (tail > 0 && inside_character(a, a->length - tail)) {
        tail--;
    }
    *front = head;
    *back = tail;
}

/* A line whose middle is marked where it differs from `other`; whole when it all differs. */
static void add_changed(struct layout_writer *writer, const struct line *line,
                        const struct line *other)
{
    bool comes = line->text[0] == '+';
    enum theme_role plain = comes ? THEME_ADDED : THEME_REMOVED;
    enum theme_role marked = comes ? THEME_ADDED_WORD : THEME_REMOVED_WORD;
    size_t front = line->length, back = 0;
    if (other != NULL) {
        find_shared(line, other, &front, &back);
        if (front - 1 + back < SHARED) {
            front = line->length;
            back = 0;
        }
    }
    layout_add(writer, line->text, front, plain);
    layout_add(writer, line->text + front, line->length - front - back, marked);
    layout_add(writer, line->text + line->length - back, back, plain);
}

/* Lines of one sign from `*at` on; more than PAIRS are left for the next call. */
static size_t take_run(const char *text, size_t length, size_t *at, char wanted, struct line *run)
{
    size_t count = 0;
    while (*at < length && count < PAIRS) {
        struct line line = line_at(text, length, *at);
        if (sign(&line) != wanted) {
            break;
        }
        run[count++] = line;
        *at += line.length + 1;
    }
    return count;
}

void code_layout_difference(struct layout_writer *writer, const char *text, size_t length,
                            code_end_line *end)
{
    struct line gone[PAIRS], come[PAIRS];
    for (size_t at = 0; at < length && !writer->full;) {
        size_t gone_count = take_run(text, length, &at, '-', gone);
        size_t come_count = take_run(text, length, &at, '+', come);
        bool paired = gone_count == come_count;
        for (size_t i = 0; i < gone_count; i++) {
            add_changed(writer, &gone[i], paired ? &come[i] : NULL);
            end(writer);
        }
        for (size_t i = 0; i < come_count; i++) {
            add_changed(writer, &come[i], paired ? &gone[i] : NULL);
            end(writer);
        }
        if (gone_count + come_count == 0) {
            struct line line = line_at(text, length, at);
            layout_add(writer, line.text, line.length,
                       sign(&line) == '@' ? THEME_FAINT : THEME_TEXT);
            end(writer);
            at += line.length + 1;
        }
    }
}

bool code_is_difference(const char *text, size_t length)
{
    bool signs = false, place = false;
    for (size_t at = 0; at < length;) {
        struct line line = line_at(text, length, at);
        char c = sign(&line);
        place |= line.length >= 2 && memcmp(line.text, "@@", 2) == 0;
        signs |= c == '+' || c == '-';
        at += line.length + 1;
    }
    return place && signs;
}
