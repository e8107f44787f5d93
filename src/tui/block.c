#include "tui/block.h"

#include <string.h>

#include "base/utf8.h"
#include "tui/code.h"

/* The end of the line at `at`, without its newline; `*complete` when there is one. */
static size_t line_end(const char *text, size_t length, size_t at, bool *complete)
{
    const char *newline = memchr(text + at, '\n', length - at);
    *complete = newline != NULL;
    return newline == NULL ? length : (size_t)(newline - text);
}

static size_t indentation(const char *line, size_t length)
{
    size_t indent = 0;
    while (indent < length && (line[indent] == ' ' || line[indent] == '\t')) {
        indent++;
    }
    return indent;
}

static bool blank_line(const char *line, size_t length)
{
    return indentation(line, length) == length;
}

/* How many fence characters open or close fenced code here; 0 = it is no fence. */
static size_t fence_run(const char *line, size_t length, char *fence)
{
    if (length == 0 || (line[0] != '`' && line[0] != '~')) {
        return 0;
    }
    size_t run = 1;
    while (run < length && line[run] == line[0]) {
        run++;
    }
    if (run < 3 || (line[0] == '`' && memchr(line + run, '`', length - run) != NULL)) {
        return 0;
    }
    *fence = line[0];
    return run;
}

static bool closes_fence(const char *line, size_t length, const struct block_cursor *cursor)
{
    char fence = 0;
    size_t run = fence_run(line, length, &fence);
    return run >= cursor->fence_length && fence == cursor->fence &&
           blank_line(line + run, length - run);
}

/* A last line that may yet become the closing fence is better not shown. */
static bool may_close_fence(const char *line, size_t length, const struct block_cursor *cursor)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] != cursor->fence) {
            return false;
        }
    }
    return true;
}

static bool close_block(struct block *block, size_t end, struct block_cursor *cursor, size_t at,
                        bool joined)
{
    block->length = end - block->start;
    cursor->at = at;
    cursor->joined = joined;
    return true;
}

/* Where to cut a line that alone is over the bound: behind a space when there is one. */
static size_t forced_cut(const char *text, size_t start)
{
    size_t end = start + utf8_complete_length(text + start, BLOCK_BYTES);
    for (size_t at = end; at > start + BLOCK_BYTES / 2; at--) {
        if (text[at - 1] == ' ') {
            return at;
        }
    }
    return end;
}

/* Lines of fenced code. Returns as block_next; `*ended` when the fence closed with nothing before
 * it, so that there is no block here. */
static bool next_code(const char *text, size_t length, struct block_cursor *cursor,
                      struct block *block, bool *ended)
{
    *block = (struct block){.kind = BLOCK_CODE,
                            .start = cursor->at,
                            .info = cursor->info,
                            .info_length = cursor->info_length,
                            .joined = cursor->joined};
    bool pairs = code_pairs_lines(text + cursor->info, cursor->info_length);
    size_t lines = 0, most = pairs ? BLOCK_LINES : BLOCK_CODE_LINES;
    for (size_t at = cursor->at; at < length;) {
        bool complete;
        size_t end = line_end(text, length, at, &complete);
        if (complete && closes_fence(text + at, end - at, cursor)) {
            *ended = at == block->start;
            cursor->fence = 0;
            return close_block(block, at, cursor, end + 1, false);
        }
        if (end - block->start > BLOCK_BYTES) {
            size_t cut = at > block->start ? at : forced_cut(text, at);
            return close_block(block, cut, cursor, cut, true);
        }
        if (!complete) {
            bool held = may_close_fence(text + at, end - at, cursor);
            block->length = (held ? at : end) - block->start;
            return false;
        }
        at = end + 1;
        if (++lines == most) {
            return close_block(block, at, cursor, at, true);
        }
    }
    block->length = length - block->start;
    return false;
}

/* What an item of a list begins with. */
struct marker {
    char sign; /* of '-', '+', '*', or what stands behind a number: '.', ')'; 0: it is none */
    unsigned number;
    size_t width; /* where what it marks begins */
};

/* The marker of a line at the margin, once there is more than a marker: until then the line may
 * become a rule. */
static struct marker find_marker(const char *line, size_t length)
{
    enum { DIGITS = 9 };
    struct marker marker = {0};
    size_t at = 0;
    while (at < length && at < DIGITS && line[at] >= '0' && line[at] <= '9') {
        marker.number = marker.number * 10 + (unsigned)(line[at++] - '0');
    }
    const char *signs = at > 0 ? ".)" : "-+*";
    if (at + 1 >= length || strchr(signs, line[at]) == NULL || line[at] == '\0' ||
        line[at + 1] != ' ') {
        return (struct marker){0};
    }
    marker.width = at + 1 + indentation(line + at + 1, length - at - 1);
    for (size_t rest = at + 1; rest < length; rest++) {
        if (line[rest] != ' ' && line[rest] != line[at]) {
            marker.sign = line[at];
            break;
        }
    }
    return marker;
}

/* A line that may be an item with nothing in it. */
static bool may_be_marker(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\0' || strchr("-+*0123456789.) ", line[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool begins_list(const char *line, size_t length)
{
    return find_marker(line, length).sign != 0 || may_be_marker(line, length);
}

static bool is_ordered(const struct marker *marker)
{
    return marker->sign == '.' || marker->sign == ')';
}

/* Whether a line at the margin begins an item that is laid out the same by itself: a tight list's
 * next one, or the first one behind what is no list. */
static bool begins_item(const struct marker *first, const struct marker *marker)
{
    if (marker->sign == 0) {
        return false;
    }
    unsigned number = first->sign == 0 ? 1 : first->number + 1;
    return (first->sign == 0 || first->sign == marker->sign) &&
           (!is_ordered(marker) || marker->number == number);
}

/* Text up to where its meaning ends. */
static bool next_prose(const char *text, size_t length, struct block_cursor *cursor,
                       struct block *block)
{
    *block = (struct block){.kind = BLOCK_PROSE, .start = cursor->at, .joined = cursor->joined};
    bool after_blank = false, inside = false; /* inside: fenced code of a list item */
    bool cuts_items = false;                  /* since there was no blank line */
    struct marker first = {0};
    for (size_t at = cursor->at; at < length;) {
        bool complete;
        size_t end = line_end(text, length, at, &complete);
        const char *line = text + at;
        size_t size = end - at, indent = indentation(line, size);
        char fence;
        if (size > 0 && indent == 0 && at > block->start &&
            ((after_blank && !inside) || fence_run(line, size, &fence) != 0)) {
            return close_block(block, at, cursor, at, false);
        }
        struct marker marker = indent == 0 ? find_marker(line, size) : (struct marker){0};
        if (at == block->start) {
            first = marker;
            cuts_items = indent == 0 && (marker.sign != 0 || !may_be_marker(line, size));
        } else if (cuts_items && !inside && begins_item(&first, &marker)) {
            return close_block(block, at, cursor, at, first.sign != 0);
        } else if (first.sign != 0 ? indent < first.width
                                   : begins_list(line + indent, size - indent)) {
            cuts_items = false; /* this line may have ended a list, or have begun one */
        }
        if (end - block->start > BLOCK_BYTES) {
            size_t cut = at > block->start ? at : forced_cut(text, at);
            return close_block(block, cut, cursor, cut, true);
        }
        if (after_blank && first.sign != 0 && indent < size) {
            block->joined = false; /* an item of several paragraphs: the list is not tight */
        }
        if (indent > 0 && indent < size && fence_run(line + indent, size - indent, &fence) != 0) {
            inside = !inside;
        }
        after_blank = blank_line(line, size);
        cuts_items &= !after_blank;
        if (!complete) {
            break;
        }
        at = end + 1;
    }
    block->length = length - block->start;
    return false;
}

/* Skips blank lines and an opening fence. False when the line here is not complete enough to tell
 * what it is. */
static bool open_block(const char *text, size_t length, struct block_cursor *cursor)
{
    while (cursor->fence == 0 && cursor->at < length) {
        bool complete;
        size_t end = line_end(text, length, cursor->at, &complete);
        const char *line = text + cursor->at;
        size_t size = end - cursor->at;
        char fence = 0;
        size_t run = fence_run(line, size, &fence);
        if (blank_line(line, size)) {
            if (!complete) {
                return false;
            }
            cursor->at = end + 1;
            cursor->joined = false;
        } else if (run != 0) {
            if (!complete) {
                return false; /* the rest of the line names the language */
            }
            size_t info = cursor->at + run;
            while (info < end && (text[info] == ' ' || text[info] == '\t')) {
                info++;
            }
            *cursor = (struct block_cursor){.at = end + 1,
                                            .fence = fence,
                                            .fence_length = run,
                                            .info = info,
                                            .info_length = end - info};
        } else {
            return true;
        }
    }
    return true;
}

bool block_next(const char *text, size_t length, struct block_cursor *cursor, struct block *block)
{
    for (;;) {
        if (!open_block(text, length, cursor)) {
            *block =
                (struct block){.kind = BLOCK_PROSE, .start = cursor->at, .joined = cursor->joined};
            return false;
        }
        if (cursor->fence == 0) {
            return next_prose(text, length, cursor, block);
        }
        bool ended = false;
        bool closed = next_code(text, length, cursor, block, &ended);
        if (!ended) {
            return closed;
        }
    }
}

bool block_next_lines(const char *text, size_t length, struct block_cursor *cursor,
                      struct block *block)
{
    *block = (struct block){.kind = BLOCK_CODE, .start = cursor->at, .joined = cursor->joined};
    size_t lines = 0;
    for (size_t at = cursor->at; at < length;) {
        bool complete;
        size_t end = line_end(text, length, at, &complete);
        if (end - block->start > BLOCK_BYTES) {
            size_t cut = at > block->start ? at : forced_cut(text, at);
            return close_block(block, cut, cursor, cut, true);
        }
        if (!complete) {
            break;
        }
        at = end + 1;
        if (++lines == BLOCK_LINES) {
            return close_block(block, at, cursor, at, true);
        }
    }
    block->length = length - block->start;
    return false;
}
