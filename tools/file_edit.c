/* edit_file: one exact piece of text, found once, replaced by another.
 *
 * Bytes are compared exactly. One concession: people and models write "\n", so in a file whose
 * lines end in "\r\n" the old text is tried with those endings too, and the new text gets them.
 * When nothing matches the answer shows the line of the file that comes nearest, because the usual
 * causes (other spaces, a line number copied along) are easy to see next to it. The file is held in
 * memory, so it may have at most EDIT_LIMIT bytes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

#include "capped.h"
#include "files.h"
#include "tool.h"

enum {
    EDIT_LIMIT = 16 * 1024 * 1024,
    SHOWN = 160,
    LINES_LISTED = 8,
    PLACES_LIMIT = 1000,
    DIFFERENCE_LINES = 8, /* of what went and of what came, each */
    DIFFERENCE_LINE = 200
};

struct piece {
    const char *bytes;
    size_t length;
};

struct edit {
    struct tool_context *context;
    const char *relative;
    struct piece old_text, new_text;
    struct piece content; /* of the file */
    char *owned_old;      /* with "\r\n", when that was needed */
    char *owned_new;
};

static size_t count_newlines(struct piece text, const char *ending, size_t length)
{
    size_t count = 0;
    const char *at = text.bytes, *end = text.bytes + text.length;
    while (at < end && (at = memmem(at, (size_t)(end - at), ending, length)) != NULL) {
        count++;
        at += length;
    }
    return count;
}

/* `text` with each "\n" that has no "\r" before it made "\r\n"; `before` is the byte in front of
 * the text. NULL without memory. */
static char *with_crlf(struct piece text, char before, size_t *length)
{
    char *out = mem_try_alloc(text.length + 1, 2);
    if (out == NULL) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '\n' && before != '\r') {
            out[at++] = '\r';
        }
        before = text.bytes[i];
        out[at++] = before;
    }
    *length = at;
    return out;
}

/* Where `needle` occurs: how often (overlapping ones too: "aa" is ambiguous in "aaa"; counting ends
 * at PLACES_LIMIT), the first place, and the line numbers of the first few. */
struct places {
    size_t count;
    const char *first;
    size_t lines[LINES_LISTED];
};

static struct places find(struct piece content, struct piece needle)
{
    struct places places = {0};
    const char *end = content.bytes + content.length, *counted = content.bytes;
    size_t line = 1;
    for (const char *at = content.bytes; at < end && places.count < PLACES_LIMIT; at++) {
        at = memmem(at, (size_t)(end - at), needle.bytes, needle.length);
        if (at == NULL) {
            break;
        }
        line += count_newlines((struct piece){counted, (size_t)(at - counted)}, "\n", 1);
        counted = at;
        if (places.count < LINES_LISTED) {
            places.lines[places.count] = line;
        }
        places.first = places.count == 0 ? at : places.first;
        places.count++;
    }
    return places;
}

enum { PAIR_BITS = 4096 };

/* How alike two lines are, in 1/1000: the share of their pairs of neighbouring bytes, blanks left
 * out, that both have. A set of hashed pairs per wanted line makes this one pass over the file. */
struct likeness {
    uint64_t pairs[PAIR_BITS / 64];
    size_t count;
};

static size_t each_pair(struct piece line, struct likeness *fill, const struct likeness *compare)
{
    unsigned char before = 0;
    size_t hits = 0;
    for (size_t i = 0; i < line.length; i++) {
        unsigned char c = (unsigned char)line.bytes[i];
        if (c == ' ' || c == '\t' || c == '\r') {
            continue;
        }
        unsigned slot = (before * 31u + c * 257u) % PAIR_BITS;
        before = c;
        if (fill != NULL) {
            fill->pairs[slot / 64] |= (uint64_t)1 << slot % 64;
            fill->count++;
        } else {
            hits += compare->pairs[slot / 64] >> slot % 64 & 1;
        }
    }
    return hits;
}

static size_t blankless(struct piece line)
{
    size_t count = 0;
    for (size_t i = 0; i < line.length; i++) {
        count += line.bytes[i] != ' ' && line.bytes[i] != '\t' && line.bytes[i] != '\r';
    }
    return count;
}

static struct piece next_line(struct piece *rest)
{
    const char *newline = memchr(rest->bytes, '\n', rest->length);
    size_t length = newline == NULL ? rest->length : (size_t)(newline - rest->bytes);
    struct piece line = {rest->bytes, length};
    length += newline != NULL;
    rest->bytes += length;
    rest->length -= length;
    return line;
}

/* The line of the file most like the first line with something on it of the old text. False when
 * no line has half of it. */
static bool nearest(const struct edit *edit, struct piece *best, size_t *number)
{
    struct likeness likeness = {{0}, 0};
    struct piece rest = edit->old_text, wanted = {NULL, 0};
    while (rest.length > 0 && blankless(wanted = next_line(&rest)) == 0) {
    }
    each_pair(wanted, &likeness, NULL);
    rest = edit->content;
    size_t best_score = 0;
    for (size_t at = 1; rest.length > 0; at++) {
        struct piece line = next_line(&rest);
        size_t hits = each_pair(line, NULL, &likeness);
        size_t sum = likeness.count + blankless(line);
        size_t score = sum == 0 ? 0 : 2000 * (hits < likeness.count ? hits : likeness.count) / sum;
        if (score > best_score) {
            best_score = score;
            *best = line;
            *number = at;
        }
    }
    return best_score >= 500;
}

/* The start of a text, whole characters, for an error message. */
static int shown(struct piece text)
{
    return (int)(text.length > SHOWN ? utf8_complete_length(text.bytes, SHOWN) : text.length);
}

static void fail_missing(const struct edit *edit, struct tool_result *result)
{
    struct piece line = {NULL, 0};
    size_t number = 0, digits = 0;
    struct piece old_text = edit->old_text;
    while (digits < old_text.length && old_text.bytes[digits] >= '0' &&
           old_text.bytes[digits] <= '9') {
        digits++;
    }
    bool numbered = digits > 0 && digits + 1 < old_text.length && old_text.bytes[digits] == ':' &&
                    old_text.bytes[digits + 1] == ' ';
    const char *hint = numbered ? " Leave out the line number that read_file shows." : "";
    if (nearest(edit, &line, &number)) {
        line.length -= line.length > 0 && line.bytes[line.length - 1] == '\r';
        tool_fail(result,
                  "old_text does not occur in %.200s. Received \"%.*s\"; the nearest is line %zu: "
                  "\"%.*s\".%s Expected text copied exactly from the file, for example "
                  "{\"path\": \"%.200s\", \"old_text\": \"%.*s\", \"new_text\": \"...\"}",
                  edit->relative, shown(old_text), old_text.bytes, number, shown(line), line.bytes,
                  hint, edit->relative, shown(line), line.bytes);
        return;
    }
    tool_fail(result,
              "old_text does not occur in %.200s, and no line is like it. Received \"%.*s\".%s "
              "Expected text copied exactly from the file; read it again with read_file {\"path\": "
              "\"%.200s\"}",
              edit->relative, shown(old_text), old_text.bytes, hint, edit->relative);
}

static void fail_ambiguous(const struct edit *edit, const struct places *places,
                           struct tool_result *result)
{
    char lines[LINES_LISTED * 24] = "";
    size_t used = 0, listed = places->count < LINES_LISTED ? places->count : LINES_LISTED;
    for (size_t i = 0; i < listed; i++) {
        const char *between = i == 0 ? "" : (i + 1 == places->count ? " and " : ", ");
        int wrote = snprintf(lines + used, sizeof lines - used, "%s%zu", between, places->lines[i]);
        used += (size_t)wrote;
    }
    tool_fail(
        result,
        "old_text occurs %zu%s times in %.200s, in lines %s%s; expected exactly once. Received "
        "\"%.*s\": take in more of the text around the one that is meant, for example the "
        "whole line and the one before it",
        places->count, places->count == PLACES_LIMIT ? " or more" : "", edit->relative, lines,
        listed < places->count ? ", ..." : "", shown(edit->old_text), edit->old_text.bytes);
}

/* Finds the one place, with the file's own line endings if need be. NULL with the result failed. */
static const char *locate(struct edit *edit, struct tool_result *result)
{
    size_t newlines = count_newlines(edit->content, "\n", 1);
    size_t crlf = count_newlines(edit->content, "\r\n", 2);
    struct places places = find(edit->content, edit->old_text);
    bool converted = false;
    if (places.count == 0 && crlf > 0 &&
        memchr(edit->old_text.bytes, '\n', edit->old_text.length) != NULL) {
        struct piece old_text = {NULL, 0};
        edit->owned_old = with_crlf(edit->old_text, '\0', &old_text.length);
        if (edit->owned_old == NULL) {
            tool_fail(result, "no memory to edit %.200s", edit->relative);
            return NULL;
        }
        old_text.bytes = edit->owned_old;
        places = find(edit->content, old_text);
        converted = places.count > 0;
        edit->old_text = converted ? old_text : edit->old_text;
    }
    if (places.count != 1) {
        if (places.count == 0) {
            fail_missing(edit, result);
        } else {
            fail_ambiguous(edit, &places, result);
        }
        return NULL;
    }
    if (converted || (crlf > 0 && crlf == newlines)) {
        size_t length = 0;
        char before = places.first > edit->content.bytes ? places.first[-1] : '\0';
        edit->owned_new = with_crlf(edit->new_text, before, &length);
        if (edit->owned_new == NULL) {
            tool_fail(result, "no memory to edit %.200s", edit->relative);
            return NULL;
        }
        edit->new_text = (struct piece){edit->owned_new, length};
    }
    return places.first;
}

/* Lines with their mark, the first DIFFERENCE_LINES of them. */
static void append_lines(struct capped *text, char mark, struct piece lines)
{
    size_t shown = 0, at = 0;
    while (at < lines.length && shown < DIFFERENCE_LINES) {
        const char *line = lines.bytes + at;
        const char *newline = memchr(line, '\n', lines.length - at);
        size_t length = newline != NULL ? (size_t)(newline - line) : lines.length - at;
        size_t cut =
            length > DIFFERENCE_LINE ? utf8_complete_length(line, DIFFERENCE_LINE) : length;
        cut -= cut == length && cut > 0 && line[cut - 1] == '\r';
        capped_format(text, "\n%c", mark);
        capped_fill(text, line, cut);
        if (length > DIFFERENCE_LINE) {
            capped_format(text, " ... (line cut)");
        }
        at += length + 1;
        shown++;
    }
    if (at < lines.length) {
        struct piece rest = {lines.bytes + at, lines.length - at};
        size_t more = count_newlines(rest, "\n", 1) + (rest.bytes[rest.length - 1] != '\n');
        capped_format(text, "\n%c ... (%zu more lines)", mark, more);
    }
}

static bool ends_line(struct piece text, size_t at)
{
    return at == 0 || text.bytes[at - 1] == '\n';
}

/* Behind the `\n` of the line that holds this place. */
static size_t line_end(struct piece text, size_t at)
{
    const char *newline = memchr(text.bytes + at, '\n', text.length - at);
    return newline != NULL ? (size_t)(newline - text.bytes) + 1 : text.length;
}

/* What the edit did, in few whole lines: the model has just written it, and sees where it landed.
 * The texts differ in one piece, so nothing need be searched for. */
static void append_difference(struct capped *text, const struct edit *edit, size_t place,
                              struct piece made)
{
    struct piece was = edit->content;
    size_t start = place, was_end = place + edit->old_text.length;
    size_t made_end = place + edit->new_text.length;
    while (start > 0 && was.bytes[start - 1] != '\n') {
        start--;
    }
    if (!ends_line(was, was_end) || !ends_line(made, made_end)) {
        was_end = line_end(was, was_end);
        made_end = line_end(made, made_end);
    }
    struct piece before = {was.bytes, start};
    capped_format(text, "\n@@ line %zu @@", count_newlines(before, "\n", 1) + 1);
    append_lines(text, '-', (struct piece){was.bytes + start, was_end - start});
    append_lines(text, '+', (struct piece){made.bytes + start, made_end - start});
}

/* Writes the file with the piece at `place` exchanged. */
static void replace(struct edit *edit, const char *place, const struct workspace_state *expected,
                    struct tool_result *result)
{
    struct workspace *workspace = edit->context->workspace;
    struct workspace_state state;
    struct capped text;
    struct err err;
    size_t before = (size_t)(place - edit->content.bytes);
    size_t after = edit->content.length - before - edit->old_text.length;
    size_t size = before + edit->new_text.length + after;
    char *content = mem_try_alloc(size, 1);
    if (content == NULL || !capped_init(&text, edit->context->policy)) {
        mem_free(content);
        tool_fail(result, "no memory to edit %.200s", edit->relative);
        return;
    }
    memcpy(content, edit->content.bytes, before);
    memcpy(content + before, edit->new_text.bytes, edit->new_text.length);
    memcpy(content + before + edit->new_text.length, place + edit->old_text.length, after);
    if (!workspace_write_file(workspace, edit->relative, content, size, expected, &err)) {
        tool_fail(result,
                  "%s. Expected a plain file that nothing else is changing; read it again "
                  "with read_file {\"path\": \"%.200s\"}",
                  err.text, edit->relative);
    } else {
        workspace_state_of_bytes(content, size, &state);
        workspace_remember(workspace, edit->relative, &state);
        capped_format(&text, "changed %s", edit->relative);
        append_difference(&text, edit, before, (struct piece){content, size});
        tool_succeed(result, text.data, text.length);
    }
    capped_finish(&text);
    mem_free(content);
}

/* The whole file; NULL with the result failed. */
static char *read_all(int fd, const char *relative, int64_t size, struct tool_result *result)
{
    if (size > EDIT_LIMIT) {
        tool_fail(result,
                  "%.200s has %lld bytes, and edit_file takes at most %d. Use shell with "
                  "sed, for example {\"command\": \"sed -i 's/old/new/' FILE\"}",
                  relative, (long long)size, EDIT_LIMIT);
        return NULL;
    }
    char *bytes = mem_try_alloc((size_t)size, 1);
    if (bytes == NULL) {
        tool_fail(result, "no memory to edit %.200s", relative);
        return NULL;
    }
    for (int64_t at = 0; at < size;) {
        ssize_t got = pread(fd, bytes + at, (size_t)(size - at), at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            tool_fail(result, "reading %.200s: %s", relative,
                      got < 0 ? strerror(errno) : "it became shorter meanwhile");
            mem_free(bytes);
            return NULL;
        }
        at += got;
    }
    return bytes;
}

static bool check_texts(const struct edit *edit, struct tool_result *result)
{
    const char *reason = NULL;
    if (edit->old_text.length == 0) {
        reason = "old_text is empty; to make a new file use write_file";
    } else if (edit->old_text.length == edit->new_text.length &&
               memcmp(edit->old_text.bytes, edit->new_text.bytes, edit->old_text.length) == 0) {
        reason = "old_text and new_text are the same, so nothing would change";
    }
    if (reason != NULL) {
        tool_fail(result,
                  "%s. Expected two different texts, for example {\"path\": \"%.200s\", "
                  "\"old_text\": \"colour\", \"new_text\": \"color\"}",
                  reason, edit->relative);
    }
    return reason == NULL;
}

void file_edit_call(struct tool_context *context, const json_t *arguments,
                    struct tool_result *result)
{
    char relative[WORKSPACE_PATH_LIMIT];
    struct workspace_state state;
    struct edit edit = {.context = context, .relative = relative};
    if (!files_path(context, arguments, NULL, relative, result)) {
        return;
    }
    edit.old_text.bytes = files_text(arguments, "old_text", NULL, &edit.old_text.length, result);
    if (edit.old_text.bytes == NULL) {
        return;
    }
    edit.new_text.bytes = files_text(arguments, "new_text", NULL, &edit.new_text.length, result);
    if (edit.new_text.bytes == NULL || !check_texts(&edit, result) ||
        !files_may_write(context, relative, result)) {
        return;
    }
    int fd = files_open_known(context, relative, &state, result);
    if (fd < 0) {
        return;
    }
    char *content = read_all(fd, relative, state.size, result);
    close(fd);
    if (content == NULL) {
        return;
    }
    edit.content = (struct piece){content, (size_t)state.size};
    const char *place = locate(&edit, result);
    if (place != NULL) {
        replace(&edit, place, &state, result);
    }
    mem_free(edit.owned_old);
    mem_free(edit.owned_new);
    mem_free(content);
}
