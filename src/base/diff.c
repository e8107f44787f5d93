/* diff: the greedy algorithm of Myers (1986) over lines.
 *
 * Equal lines at both ends are put aside first. For each number d of edits the furthest point on
 * every diagonal is kept, so that the way back can be walked; that is d^2 numbers in all, which is
 * why d is bounded. The result is two rows of marks: old lines that go, new lines that come.
 */
#include "diff.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"
#include "str.h"

struct line {
    const char *bytes;
    size_t length; /* with its newline */
    uint64_t hash;
};

struct lines {
    struct line *items;
    size_t count;
    bool *marked; /* goes (old) or comes (new) */
};

static struct lines split(struct diff_text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        count += text.bytes[i] == '\n' || i + 1 == text.length;
    }
    struct lines lines = {.items = mem_zero(count + 1, sizeof *lines.items),
                          .marked = mem_zero(count + 1, sizeof *lines.marked)};
    size_t at = 0;
    while (at < text.length) {
        const char *newline = memchr(text.bytes + at, '\n', text.length - at);
        size_t length =
            newline != NULL ? (size_t)(newline - text.bytes) + 1 - at : text.length - at;
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < length; i++) {
            hash = (hash ^ (unsigned char)text.bytes[at + i]) * UINT64_C(0x100000001b3);
        }
        lines.items[lines.count++] = (struct line){text.bytes + at, length, hash};
        at += length;
    }
    return lines;
}

static void lines_finish(struct lines *lines)
{
    mem_free(lines->items);
    mem_free(lines->marked);
}

static bool same(const struct line *a, const struct line *b)
{
    return a->hash == b->hash && a->length == b->length &&
           memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void mark(struct lines *lines, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        lines->marked[i] = true;
    }
}

/* --- the search --- */

/* The part of both texts between what is equal at their ends. */
struct middle {
    struct lines *old_lines, *new_lines;
    size_t start;
    long old_count, new_count;
};

/* trace[d] holds the furthest x of diagonals -d..d; it begins at d * d. */
static long *furthest(long *trace, long d, long k)
{
    return trace + d * d + k + d;
}

static long slide(const struct middle *middle, long x, long k)
{
    while (x < middle->old_count && x - k < middle->new_count &&
           same(&middle->old_lines->items[middle->start + (size_t)x],
                &middle->new_lines->items[middle->start + (size_t)(x - k)])) {
        x++;
    }
    return x;
}

/* Where the last of d edits leads on diagonal k before it slides: down (a new line comes) from
 * diagonal k + 1, or right (an old line goes) from k - 1, whichever gets further; -1 = nowhere. */
static long last_edit(const struct middle *middle, long *trace, long d, long k, bool *down)
{
    long below = k + 1 <= d - 1 ? *furthest(trace, d - 1, k + 1) : -1;
    long beside = k - 1 >= -(d - 1) ? *furthest(trace, d - 1, k - 1) : -1;
    below = below >= 0 && below - k <= middle->new_count ? below : -1;
    beside = beside >= 0 && beside + 1 <= middle->old_count ? beside + 1 : -1;
    *down = below >= beside;
    return *down ? below : beside;
}

/* The number of edits, or -1 when it is over the limit. */
static long search(const struct middle *middle, long *trace)
{
    for (long d = 0; d <= DIFF_EDITS_LIMIT; d++) {
        for (long k = -d; k <= d; k++) {
            *furthest(trace, d, k) = -1;
        }
        for (long k = -d; k <= d; k += 2) {
            bool down;
            long x = d > 0 ? last_edit(middle, trace, d, k, &down) : 0;
            if (x < 0) {
                continue;
            }
            x = slide(middle, x, k);
            *furthest(trace, d, k) = x;
            if (x >= middle->old_count && x - k >= middle->new_count) {
                return d;
            }
        }
    }
    return -1;
}

static void walk_back(const struct middle *middle, long *trace, long d)
{
    long x = middle->old_count, y = middle->new_count;
    for (; d > 0; d--) {
        long k = x - y;
        bool down;
        last_edit(middle, trace, d, k, &down);
        if (down) {
            x = *furthest(trace, d - 1, k + 1);
            y = x - (k + 1);
            middle->new_lines->marked[middle->start + (size_t)y] = true;
        } else {
            x = *furthest(trace, d - 1, k - 1);
            y = x - (k - 1);
            middle->old_lines->marked[middle->start + (size_t)x] = true;
        }
    }
}

static void compare(struct lines *before, struct lines *after)
{
    size_t start = 0, end = 0;
    while (start < before->count && start < after->count &&
           same(&before->items[start], &after->items[start])) {
        start++;
    }
    while (end < before->count - start && end < after->count - start &&
           same(&before->items[before->count - 1 - end], &after->items[after->count - 1 - end])) {
        end++;
    }
    struct middle middle = {before, after, start, (long)(before->count - start - end),
                            (long)(after->count - start - end)};
    long total = middle.old_count + middle.new_count;
    long most = total < DIFF_EDITS_LIMIT ? total : DIFF_EDITS_LIMIT;
    long *trace = mem_alloc((size_t)((most + 1) * (most + 1)), sizeof *trace);
    long d = search(&middle, trace);
    if (d >= 0) {
        walk_back(&middle, trace, d);
    } else {
        mark(before, start, before->count - end);
        mark(after, start, after->count - end);
    }
    mem_free(trace);
}

/* --- hunks --- */

struct writer {
    struct str *out;
    size_t limit, written, missing;
};

static void write_line(struct writer *writer, char sign, const struct line *line)
{
    if (writer->limit > 0 && writer->written == writer->limit) {
        writer->missing++;
        return;
    }
    writer->written++;
    str_append_char(writer->out, sign);
    str_append_bytes(writer->out, line->bytes, line->length);
    if (line->bytes[line->length - 1] != '\n') {
        str_append(writer->out, "\n\\ No newline at end of file\n");
    }
}

/* Places in both texts; old and new lines that are not marked are passed in step. */
struct place {
    size_t old_line, new_line;
};

static bool at_change(const struct lines *before, const struct lines *after, struct place at)
{
    return (at.old_line < before->count && before->marked[at.old_line]) ||
           (at.new_line < after->count && after->marked[at.new_line]);
}

static struct place next(const struct lines *before, const struct lines *after, struct place at)
{
    if (at.old_line < before->count && before->marked[at.old_line]) {
        at.old_line++;
    } else if (at.new_line < after->count && after->marked[at.new_line]) {
        at.new_line++;
    } else {
        at.old_line++;
        at.new_line++;
    }
    return at;
}

/* The end of the hunk that begins at a change: DIFF_CONTEXT lines after the last change that has
 * another within twice that. */
static struct place hunk_end(const struct lines *before, const struct lines *after, struct place at)
{
    size_t equal = 0;
    struct place end = at;
    while (at.old_line < before->count || at.new_line < after->count) {
        bool change = at_change(before, after, at);
        at = next(before, after, at);
        equal = change ? 0 : equal + 1;
        if (equal <= DIFF_CONTEXT) {
            end = at;
        }
        if (equal > 2 * DIFF_CONTEXT) {
            break;
        }
    }
    return end;
}

static void write_hunk(struct writer *writer, const struct lines *before, const struct lines *after,
                       struct place from, struct place to)
{
    size_t old_count = to.old_line - from.old_line, new_count = to.new_line - from.new_line;
    if (writer->limit == 0 || writer->written < writer->limit) {
        str_append_format(writer->out, "@@ -%zu,%zu +%zu,%zu @@\n", from.old_line + (old_count > 0),
                          old_count, from.new_line + (new_count > 0), new_count);
    }
    while (from.old_line < to.old_line || from.new_line < to.new_line) {
        if (from.old_line < to.old_line && before->marked[from.old_line]) {
            write_line(writer, '-', &before->items[from.old_line]);
        } else if (from.new_line < to.new_line && after->marked[from.new_line]) {
            write_line(writer, '+', &after->items[from.new_line]);
        } else {
            write_line(writer, ' ', &before->items[from.old_line]);
        }
        from = next(before, after, from);
    }
}

static void write_hunks(struct writer *writer, const struct lines *before,
                        const struct lines *after)
{
    struct place at = {0, 0}, written = {0, 0};
    while (at.old_line < before->count || at.new_line < after->count) {
        if (!at_change(before, after, at)) {
            at = next(before, after, at);
            continue;
        }
        size_t room = at.old_line - written.old_line;
        size_t back = room < DIFF_CONTEXT ? room : DIFF_CONTEXT;
        struct place from = {at.old_line - back, at.new_line - back};
        struct place to = hunk_end(before, after, at);
        write_hunk(writer, before, after, from, to);
        at = written = to;
    }
}

static size_t count_marked(const struct lines *lines)
{
    size_t count = 0;
    for (size_t i = 0; i < lines->count; i++) {
        count += lines->marked[i];
    }
    return count;
}

struct diff_counts diff_append(struct str *out, struct diff_text before, struct diff_text after,
                               size_t line_limit)
{
    struct lines old_lines = split(before), new_lines = split(after);
    compare(&old_lines, &new_lines);
    struct writer writer = {out, line_limit, 0, 0};
    write_hunks(&writer, &old_lines, &new_lines);
    if (writer.missing > 0) {
        str_append_format(out, "[%zu more lines of the difference]\n", writer.missing);
    }
    struct diff_counts counts = {count_marked(&old_lines), count_marked(&new_lines)};
    lines_finish(&old_lines);
    lines_finish(&new_lines);
    return counts;
}
