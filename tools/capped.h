/* capped: the text of one tool result, never larger than the policy allows.
 *
 * One allocation of the cap at the start, so that a large file or page cannot make us grow. The
 * text is valid UTF-8 without NULs at all times: what is not becomes U+FFFD on the way in. Room for
 * one note is kept back, so that whoever leaves something out can always say so: nothing is cut in
 * silence.
 */
#ifndef CARAT_TOOLS_CAPPED_H
#define CARAT_TOOLS_CAPPED_H

#include <stdbool.h>
#include <stddef.h>

struct policy;

enum { CAPPED_NOTE_ROOM = 240, CAPPED_WHOLE_BYTES = 600 * 1024 };

struct capped {
    char *data;
    size_t length;
    size_t limit; /* of the text without the note */
};

/* False when there is no memory. A cap of under 160 tokens is taken as 160. */
bool capped_init(struct capped *text, const struct policy *policy);
/* The same for a client that keeps what is not shown (policy.h, "keep_whole"): room for
 * CAPPED_WHOLE_BYTES; files_succeed cuts. */
bool capped_init_whole(struct capped *text, const struct policy *policy);
void capped_finish(struct capped *text);

/* How many bytes the policy lets a result have. */
size_t capped_bytes(const struct policy *policy);

/* All of it, or false and nothing when it does not fit. */
bool capped_add(struct capped *text, const char *bytes, size_t length);
bool capped_format(struct capped *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As many whole characters as fit; returns how many of the bytes were taken. */
size_t capped_fill(struct capped *text, const char *bytes, size_t length);
/* The closing remark on a line of its own; longer ones than the room are cut. Once at most. */
void capped_note(struct capped *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
