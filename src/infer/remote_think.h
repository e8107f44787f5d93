/* remote_think: takes the thought out of an answer's text, where a server leaves it there.
 *
 * Servers that know their model send its thought in a field of its own. Those that do not pass on
 * what it wrote: <think> ... </think> before the answer. Only at the very beginning is that a
 * thought; anywhere else it is text. A tag may be cut anywhere between pieces. Pure.
 */
#ifndef CARAT_INFER_REMOTE_THINK_H
#define CARAT_INFER_REMOTE_THINK_H

#include <stdbool.h>
#include <stddef.h>

/* Zero it to begin. */
struct remote_think {
    enum { REMOTE_THINK_START, REMOTE_THINK_THOUGHT, REMOTE_THINK_TEXT } state;
    char held[16]; /* the beginning of what may become a tag */
    size_t held_length;
};

typedef void remote_think_callback(void *context, bool thought, const char *bytes, size_t length);

void remote_think_feed(struct remote_think *think, const char *bytes, size_t length,
                       remote_think_callback *said, void *context);
/* Nothing follows: hands out what was held back. */
void remote_think_end(struct remote_think *think, remote_think_callback *said, void *context);

#endif
