#include "tui/block.h"

#include <string.h>

#include "base/utf8.h"

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
    size_t lines = 0;
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
        if (++lines == BLOCK_LINES) {
            return close_block(block, at, cursor, at, true);
        }
    }
    block->length = length - block->start;
    return false;
}

/* Text up to where its meaning ends. */
static bool next_prose(const char *text, size_t length, struct block_cursor *cursor,
                       struct block *block)
{
    *block = (struct block){.kind = BLOCK_PROSE, .start = cursor->at, .joined = cursor->joined};
    bool after_blank = false, inside = false; /* inside: fenced code of a list item */
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
        if (end - block->start > BLOCK_BYTES) {
            size_t cut = at > block->start ? at : forced_cut(text, at);
            return close_block(block, cut, cursor, cut, true);
        }
        if (indent > 0 && indent < size && fence_run(line + indent, size - indent, &fence) != 0) {
            inside = !inside;
        }
        after_blank = blank_line(line, size);
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
