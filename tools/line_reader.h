/* line_reader: the lines of a file of any size, in bounded memory.
 *
 * Reads in pieces; of each line the first `most` bytes are kept and the rest is only counted. Room
 * for them is made as lines need it; without memory for more, less of a line is kept. The ending
 * ("\n", "\r\n") is not part of a line. A last line without "\n" counts; an empty file has none. A
 * line can be as long as the file, so whoever must stay able to stop is asked between pieces, not
 * between lines. Owns its buffers, borrows the descriptor.
 */
#ifndef CARAT_TOOLS_LINE_READER_H
#define CARAT_TOOLS_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/replacement.h"

enum { LINE_READER_LEAST = 4096, LINE_READER_PIECE = 64 * 1024 };

struct line_reader {
    int fd;
    bool (*stop)(void *context); /* true: read no further; may be NULL */
    void *context;
    char *buffer; /* the piece */
    size_t position, filled;
    char *line;                   /* NUL-terminated; may hold NULs itself */
    size_t room;                  /* for what of it is kept */
    size_t most;                  /* that may be kept */
    size_t length;                /* of what was kept */
    uint64_t size;                /* of the whole line */
    uint64_t number;              /* of this line, from 1 */
    struct replacement_form form; /* of the lines so far */
    bool failed;                  /* a read failed: errno tells */
    bool stopped;                 /* `stop` said so */
};

/* Begins at the descriptor's offset; `most` is LINE_READER_LEAST or more. False when there is no
 * memory. */
bool line_reader_init(struct line_reader *reader, int fd, size_t most, bool (*stop)(void *context),
                      void *context);
void line_reader_finish(struct line_reader *reader);
/* Moves to the next line; false at the end, on failure and when stopped. */
bool line_reader_next(struct line_reader *reader);

#endif
