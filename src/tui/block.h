/* block: cuts a growing text into pieces that can be laid out once and for all.
 *
 * A closed block never changes again, whatever is appended; only the open tail is laid out anew
 * when text streams in. Blocks are bounded (BLOCK_LINES lines or about BLOCK_BYTES), so the cost of
 * a token is bounded too. Pure; the text is valid UTF-8.
 *
 * Markdown is cut where its meaning does not reach across: before a line that starts at the margin
 * after a blank one, before the items of a tight list at the margin, around fenced code there, and
 * fenced code after each few lines. Two losses are accepted: a link reference defined in another
 * block is not resolved, and a block over the bound is cut anyway.
 */
#ifndef CARAT_TUI_BLOCK_H
#define CARAT_TUI_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

enum { BLOCK_LINES = 64, BLOCK_CODE_LINES = 8, BLOCK_BYTES = 16 * 1024 };

enum block_kind { BLOCK_PROSE, BLOCK_CODE };

struct block {
    enum block_kind kind;
    size_t start, length;
    size_t info, info_length; /* code: what stands behind its fence */
    bool joined;              /* goes on where the block before it stopped: no blank row between */
};

/* Where the next block begins and what it begins in. Starts zeroed. */
struct block_cursor {
    size_t at;
    char fence; /* inside fenced code: its character */
    size_t fence_length;
    size_t info, info_length;
    bool joined;
};

/* The next block of Markdown. True: it is closed and the cursor has moved on. False: it is the
 * open tail (maybe empty) and the cursor stays, to look again when there is more. */
bool block_next(const char *text, size_t length, struct block_cursor *cursor, struct block *block);

/* The same for text without structure: cut by lines alone. */
bool block_next_lines(const char *text, size_t length, struct block_cursor *cursor,
                      struct block *block);

#endif
