/* edit_file: one exact piece of text, found once, replaced by another.
 *
 * What counts as found, and how lines end, is base/replacement's, which the question before an edit
 * uses too. When nothing matches the answer shows the line of the file that comes nearest, because
 * the usual causes (other spaces, a line number copied along) are easy to see next to it. The file
 * is held in memory, so it may have at most EDIT_LIMIT bytes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/replacement.h"
#include "base/utf8.h"

#include "capped.h"
#include "files.h"
#include "tool.h"

enum {
    EDIT_LIMIT = 16 * 1024 * 1024,
    SHOWN = 160,
    DIFFERENCE_LINES = 8, /* of what went and of what came, each */
    DIFFERENCE_LINE = 200,
    CUT_ROOM = 17,  /* of a line's mark, and of the words that it was cut */
    MORE_ROOM = 40, /* of the words that lines were left out */
    LEAST_LINE = 60 /* with its CUT_ROOM; sooner fewer lines */
};

struct edit {
    struct tool_context *context;
    const char *relative;
    struct replacement_text old_text, new_text;
    struct replacement_text content; /* of the file */
    struct replacement found;
    char *owned_new; /* with the file's line ends */
};

enum { PAIR_BITS = 4096 };

/* How alike two lines are, in 1/1000: the share of their pairs of neighbouring bytes, blanks left
 * out, that both have. A set of hashed pairs per wanted line makes this one pass over the file. */
struct likeness {
    uint64_t pairs[PAIR_BITS / 64];
    size_t count;
};

static size_t each_pair(struct replacement_text line, struct likeness *fill,
                        const struct likeness *compare)
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

static size_t blankless(struct replacement_text line)
{
    size_t count = 0;
    for (size_t i = 0; i < line.length; i++) {
        count += line.bytes[i] != ' ' && line.bytes[i] != '\t' && line.bytes[i] != '\r';
    }
    return count;
}

static struct replacement_text next_line(struct replacement_text *rest)
{
    const char *newline = memchr(rest->bytes, '\n', rest->length);
    size_t length = newline == NULL ? rest->length : (size_t)(newline - rest->bytes);
    struct replacement_text line = {rest->bytes, length};
    length += newline != NULL;
    rest->bytes += length;
    rest->length -= length;
    return line;
}

/* The line of the file most like the first line with something on it of the old text. False when
 * no line has half of it. */
static bool nearest(const struct edit *edit, struct replacement_text *best, size_t *number)
{
    struct likeness likeness = {{0}, 0};
    struct replacement_text rest = edit->old_text, wanted = {NULL, 0};
    while (rest.length > 0 && blankless(wanted = next_line(&rest)) == 0) {
    }
    each_pair(wanted, &likeness, NULL);
    rest = edit->content;
    size_t best_score = 0;
    for (size_t at = 1; rest.length > 0; at++) {
        struct replacement_text line = next_line(&rest);
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
static int shown(struct replacement_text text)
{
    return (int)(text.length > SHOWN ? utf8_complete_length(text.bytes, SHOWN) : text.length);
}

/* What explains at once why the text is not there; "" = nothing. */
static const char *hint_for(struct replacement_text old_text)
{
    size_t digits = 0;
    while (digits < old_text.length && old_text.bytes[digits] >= '0' &&
           old_text.bytes[digits] <= '9') {
        digits++;
    }
    if (digits > 0 && digits + 1 < old_text.length && old_text.bytes[digits] == ':' &&
        old_text.bytes[digits + 1] == ' ') {
        return " Leave out the line number that read_file shows.";
    }
    if (replacement_count(old_text, "\xEF\xBF\xBD") > 0) {
        return " Leave out U+FFFD, as which read_file shows bytes that are not UTF-8.";
    }
    return "";
}

static const char *example_of(struct files_example *example, const struct edit *edit,
                              struct replacement_text old_text, const char *new_text)
{
    return files_example(example, ", for example ",
                         json_pack("{s:s, s:s%, s:s}", "path", edit->relative, "old_text",
                                   old_text.bytes, old_text.length, "new_text", new_text));
}

/* Whether the whole line may stand in an example: shown whole, and found once. */
static bool is_exemplary(const struct edit *edit, struct replacement_text line)
{
    struct replacement found;
    return (size_t)shown(line) == line.length && memchr(line.bytes, '\0', line.length) == NULL &&
           replacement_find(edit->content, line, &found) && found.count == 1;
}

static void fail_missing(const struct edit *edit, struct tool_result *result)
{
    struct replacement_text line = {NULL, 0};
    size_t number = 0;
    struct replacement_text old_text = edit->old_text;
    const char *hint = hint_for(old_text);
    struct files_example example;
    bool found = nearest(edit, &line, &number);
    line.length -= found && line.length > 0 && line.bytes[line.length - 1] == '\r';
    if (found && !utf8_valid(line.bytes, (size_t)shown(line))) {
        tool_fail(result,
                  "old_text does not occur in %.200s. Received \"%.*s\"; the nearest is line %zu, "
                  "which holds bytes that are not UTF-8, and those cannot be in old_text.%s "
                  "Expected a piece of that line beside them, copied exactly, or shell with sed",
                  edit->relative, shown(old_text), old_text.bytes, number, hint);
        return;
    }
    if (found) {
        tool_fail(result,
                  "old_text does not occur in %.200s. Received \"%.*s\"; the nearest is line %zu: "
                  "\"%.*s\".%s Expected text copied exactly from the file%s",
                  edit->relative, shown(old_text), old_text.bytes, number, shown(line), line.bytes,
                  hint, is_exemplary(edit, line) ? example_of(&example, edit, line, "...") : "");
        return;
    }
    tool_fail(result,
              "old_text does not occur in %.200s, and no line is like it. Received \"%.*s\".%s "
              "Expected text copied exactly from the file; read it again with read_file%s",
              edit->relative, shown(old_text), old_text.bytes, hint,
              files_example(&example, " ", json_pack("{s:s}", "path", edit->relative)));
}

static void fail_ambiguous(const struct edit *edit, struct tool_result *result)
{
    const struct replacement *found = &edit->found;
    char lines[REPLACEMENT_LINES * 24] = "";
    size_t used = 0, listed = found->count < REPLACEMENT_LINES ? found->count : REPLACEMENT_LINES;
    for (size_t i = 0; i < listed; i++) {
        const char *between = i == 0 ? "" : (i + 1 == found->count ? " and " : ", ");
        int wrote = snprintf(lines + used, sizeof lines - used, "%s%zu", between, found->lines[i]);
        used += (size_t)wrote;
    }
    tool_fail(
        result,
        "old_text occurs %zu%s times in %.200s, in lines %s%s; expected exactly once. Received "
        "\"%.*s\": take in more of the text around the one that is meant, for example the "
        "whole line and the one before it",
        found->count, found->count == REPLACEMENT_PLACES ? " or more" : "", edit->relative, lines,
        listed < found->count ? ", ..." : "", shown(edit->old_text), edit->old_text.bytes);
}

/* Finds the one place, and what is put there. False with the result failed. */
static bool locate(struct edit *edit, struct tool_result *result)
{
    if (!replacement_find(edit->content, edit->old_text, &edit->found)) {
        tool_fail(result, "no memory to edit %.200s", edit->relative);
        return false;
    }
    if (edit->found.count != 1) {
        if (edit->found.count == 0) {
            fail_missing(edit, result);
        } else {
            fail_ambiguous(edit, result);
        }
        return false;
    }
    edit->owned_new =
        replacement_make(edit->content, &edit->found, edit->new_text, &edit->new_text.length);
    if (edit->owned_new == NULL) {
        tool_fail(result, "no memory to edit %.200s", edit->relative);
        return false;
    }
    edit->new_text.bytes = edit->owned_new;
    return true;
}

static size_t line_count(struct replacement_text text)
{
    return replacement_count(text, "\n") + (text.length > 0 && text.bytes[text.length - 1] != '\n');
}

/* How many lines are shown of what went and of what came, and how much of each. */
struct share {
    size_t went, came, most;
};

/* False when there is no room for any. */
static bool share_room(const struct capped *text, struct replacement_text went,
                       struct replacement_text came, struct share *share)
{
    size_t room = text->limit - text->length, lines[2] = {line_count(went), line_count(came)};
    if (room < 2 * (MORE_ROOM + LEAST_LINE)) {
        return false;
    }
    room -= 2 * MORE_ROOM;
    for (size_t i = 0; i < 2; i++) {
        lines[i] = lines[i] < DIFFERENCE_LINES ? lines[i] : DIFFERENCE_LINES;
    }
    while ((lines[0] + lines[1]) * LEAST_LINE > room) {
        lines[lines[1] > lines[0]]--;
    }
    size_t most = room / (lines[0] + lines[1]) - CUT_ROOM;
    *share =
        (struct share){lines[0], lines[1], most < DIFFERENCE_LINE ? most : (size_t)DIFFERENCE_LINE};
    return true;
}

/* The first lines with their mark; for all that is said of them there is room. */
static void append_lines(struct capped *text, char mark, struct replacement_text lines,
                         size_t count, size_t most)
{
    size_t left = line_count(lines) - count, limit = text->limit;
    for (size_t i = 0; i < count; i++) {
        struct replacement_text line = next_line(&lines);
        line.length -= line.length > 0 && line.bytes[line.length - 1] == '\r';
        capped_format(text, "\n%c", mark);
        text->limit = text->length + most;
        bool is_whole = capped_fill(text, line.bytes, line.length) == line.length;
        text->limit = limit;
        if (!is_whole) {
            capped_format(text, " ... (line cut)");
        }
    }
    if (left > 0) {
        capped_format(text, "\n%c ... (%zu more lines)", mark, left);
    }
}

static bool ends_line(struct replacement_text text, size_t at)
{
    return at == 0 || text.bytes[at - 1] == '\n';
}

/* Behind the `\n` of the line that holds this place. */
static size_t line_end(struct replacement_text text, size_t at)
{
    const char *newline = memchr(text.bytes + at, '\n', text.length - at);
    return newline != NULL ? (size_t)(newline - text.bytes) + 1 : text.length;
}

/* What the edit did, in few whole lines: the model has just written it, and sees where it landed.
 * The texts differ in one piece, so nothing need be searched for. */
static void append_difference(struct capped *text, const struct edit *edit,
                              struct replacement_text made)
{
    struct replacement_text was = edit->content;
    size_t place = edit->found.start, start = place, was_end = place + edit->found.length;
    size_t made_end = place + edit->new_text.length;
    while (start > 0 && was.bytes[start - 1] != '\n') {
        start--;
    }
    if (!ends_line(was, was_end) || !ends_line(made, made_end)) {
        was_end = line_end(was, was_end);
        made_end = line_end(made, made_end);
    }
    struct replacement_text before = {was.bytes, start};
    const struct replacement_text went = {was.bytes + start, was_end - start};
    const struct replacement_text came = {made.bytes + start, made_end - start};
    struct share share;
    if (!capped_format(text, "\n@@ line %zu @@", replacement_count(before, "\n") + 1) ||
        !share_room(text, went, came, &share)) {
        capped_note(text, "(no room for the lines that changed)");
        return;
    }
    append_lines(text, '-', went, share.went, share.most);
    append_lines(text, '+', came, share.came, share.most);
}

/* Writes the file with the piece that was found exchanged. */
static void replace(struct edit *edit, const struct workspace_state *expected,
                    struct tool_result *result)
{
    struct workspace *workspace = edit->context->workspace;
    struct workspace_state state;
    struct capped text;
    struct err err;
    size_t before = edit->found.start, rest = before + edit->found.length;
    size_t after = edit->content.length - rest;
    size_t size = before + edit->new_text.length + after;
    char *content = mem_try_alloc(size, 1);
    if (content == NULL || !capped_init(&text, edit->context->policy)) {
        mem_free(content);
        tool_fail(result, "no memory to edit %.200s", edit->relative);
        return;
    }
    memcpy(content, edit->content.bytes, before);
    memcpy(content + before, edit->new_text.bytes, edit->new_text.length);
    memcpy(content + before + edit->new_text.length, edit->content.bytes + rest, after);
    if (!workspace_write_file(workspace, edit->relative, content, size, expected, &err)) {
        files_fail(result, &err,
                   err.code == ERR_DENIED
                       ? "Nothing was changed"
                       : "Expected a plain file, for example {\"path\": \"notes.md\"}");
    } else {
        workspace_state_of_bytes(content, size, &state);
        workspace_remember(workspace, edit->relative, &state);
        files_say(&text, "changed", edit->relative);
        append_difference(&text, edit, (struct replacement_text){content, size});
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
        struct files_example example;
        tool_fail(result, "%s. Expected two different texts%s", reason,
                  example_of(&example, edit, (struct replacement_text){"colour", 6}, "color"));
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
    edit.content = (struct replacement_text){content, (size_t)state.size};
    if (locate(&edit, result)) {
        replace(&edit, &state, result);
    }
    mem_free(edit.owned_new);
    mem_free(content);
}
