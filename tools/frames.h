/* frames: lines from a descriptor, one JSON object each, from a client that cannot be trusted.
 *
 * Reading and taking are apart, so that a server can look at its input while a call runs: fill
 * reads what is there and waits only as long as it is told, take cuts whole lines off what was
 * read. A line over FRAMES_LIMIT is reported once and skipped to its newline; memory stays within
 * the limit and one read. The descriptor may be blocking or not and is only ever borrowed.
 */
#ifndef CARAT_TOOLS_FRAMES_H
#define CARAT_TOOLS_FRAMES_H

#include <stdbool.h>

#include "base/str.h"

enum { FRAMES_LIMIT = 4 * 1024 * 1024 };

struct frames {
    int in;
    struct str buffer; /* read and not yet taken */
    size_t searched;   /* so many of its bytes hold no newline */
    bool skipping;     /* inside a line that was too long */
    bool ended;        /* end of input, or reading failed */
};

enum frames_kind { FRAMES_NONE, FRAMES_LINE, FRAMES_TOO_LONG };

void frames_init(struct frames *frames, int in);
void frames_finish(struct frames *frames);

/* Waits at most timeout_ms (-1 = for ever) for input and reads once. False when nothing came and
 * the input has not just ended; after the end always false. */
bool frames_fill(struct frames *frames, int timeout_ms);

/* Cuts the next line off, without its newline, into `line` (replaced). Blank lines are passed
 * over. After the end, bytes without a newline are a line too. */
enum frames_kind frames_take(struct frames *frames, struct str *line);

#endif
