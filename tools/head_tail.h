/* head_tail: the beginning and the end of a stream of any length, in little memory.
 *
 * A command may write a gigabyte; what its reader needs is how it began and how it ended. The first
 * HEAD_TAIL_KEPT bytes stay, the last HEAD_TAIL_KEPT turn in a ring, the middle is counted and
 * forgotten. Rendering cuts once more, to what the model may be given, and always says what was
 * left out.
 */
#ifndef CARAT_TOOLS_HEAD_TAIL_H
#define CARAT_TOOLS_HEAD_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

enum { HEAD_TAIL_KEPT = 300 * 1024 };

struct head_tail {
    char *head, *ring; /* HEAD_TAIL_KEPT each */
    size_t head_length;
    size_t ring_length; /* bytes in the ring */
    size_t ring_next;   /* where the next byte goes */
    uint64_t total;     /* bytes that came */
    uint64_t newlines;  /* among them */
};

/* False when there is no memory. */
bool head_tail_init(struct head_tail *kept);
void head_tail_finish(struct head_tail *kept);
void head_tail_append(struct head_tail *kept, const char *bytes, size_t length);

/* Appends the text in at most `budget` bytes (counted after repair: invalid UTF-8 and NULs become
 * U+FFFD), less exactly one final newline. What does not fit is left out of the middle, at the
 * borders of lines if these are near and of characters otherwise, and a line says how much:
 * "[... N bytes, M lines left out ...]" (which comes on top of the budget). */
void head_tail_render(const struct head_tail *kept, size_t budget, struct str *out);

#endif
