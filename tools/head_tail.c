/* head_tail: see the header. All counting is in bytes of the stream, before repair, so that the
 * number that is reported is true whatever the bytes are. */
#include "head_tail.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

#include "tool.h"

struct view {
    const char *data;
    size_t length;
};

bool head_tail_init(struct head_tail *kept)
{
    memset(kept, 0, sizeof *kept);
    kept->head = mem_try_alloc(HEAD_TAIL_KEPT, 1);
    kept->ring = mem_try_alloc(HEAD_TAIL_KEPT, 1);
    if (kept->head == NULL || kept->ring == NULL) {
        head_tail_finish(kept);
        return false;
    }
    return true;
}

void head_tail_finish(struct head_tail *kept)
{
    mem_free(kept->head);
    mem_free(kept->ring);
    memset(kept, 0, sizeof *kept);
}

static uint64_t count_newlines(struct view text)
{
    uint64_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        count += text.data[i] == '\n';
    }
    return count;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void head_tail_append(struct head_tail *kept, const char *bytes, size_t length)
{
    kept->total += length;
    kept->newlines += count_newlines((struct view){bytes, length});

    size_t first = smaller(length, HEAD_TAIL_KEPT - kept->head_length);
    memcpy(kept->head + kept->head_length, bytes, first);
    kept->head_length += first;
    bytes += first;
    length -= first;

    if (length > HEAD_TAIL_KEPT) {
        bytes += length - HEAD_TAIL_KEPT;
        length = HEAD_TAIL_KEPT;
    }
    size_t until_end = smaller(length, HEAD_TAIL_KEPT - kept->ring_next);
    memcpy(kept->ring + kept->ring_next, bytes, until_end);
    memcpy(kept->ring, bytes + until_end, length - until_end);
    kept->ring_next = (kept->ring_next + length) % HEAD_TAIL_KEPT;
    kept->ring_length = smaller(kept->ring_length + length, HEAD_TAIL_KEPT);
}

/* The ring's bytes in the order in which they came. */
static void append_ring(const struct head_tail *kept, struct str *out)
{
    size_t start = (kept->ring_next + HEAD_TAIL_KEPT - kept->ring_length) % HEAD_TAIL_KEPT;
    size_t until_end = smaller(kept->ring_length, HEAD_TAIL_KEPT - start);
    str_append_bytes(out, kept->ring + start, until_end);
    str_append_bytes(out, kept->ring, kept->ring_length - until_end);
}

/* How many bytes the character at text[0] takes, and how many its repaired form. */
static size_t step(struct view text, size_t *repaired)
{
    size_t used;
    uint32_t code_point = utf8_decode(text.data, text.length, &used);
    *repaired = code_point >= UTF8_INCOMPLETE || code_point == 0 ? 3 : used;
    return used;
}

/* How long a beginning of `text` has at most `budget` bytes when repaired. */
static size_t fitting_head(struct view text, size_t budget)
{
    size_t at = 0, repaired;
    while (at < text.length) {
        size_t used = step((struct view){text.data + at, text.length - at}, &repaired);
        if (repaired > budget) {
            break;
        }
        budget -= repaired;
        at += used;
    }
    return at;
}

static size_t repaired_size(struct view text)
{
    size_t total = 0, repaired;
    for (size_t at = 0; at < text.length; total += repaired) {
        at += step((struct view){text.data + at, text.length - at}, &repaired);
    }
    return total;
}

/* How long an end of `text` has at most `budget` bytes when repaired. */
static size_t fitting_tail(struct view text, size_t budget)
{
    size_t left = repaired_size(text), at = 0, repaired;
    while (left > budget) {
        at += step((struct view){text.data + at, text.length - at}, &repaired);
        left -= repaired;
    }
    return text.length - at;
}

/* Shortens a beginning to whole lines, if that costs no more than half of it. */
static struct view end_at_line(struct view text)
{
    const char *newline = memrchr(text.data, '\n', text.length);
    size_t length = newline == NULL ? 0 : (size_t)(newline - text.data) + 1;
    return length > text.length / 2 ? (struct view){text.data, length} : text;
}

/* The same for an end. */
static struct view begin_at_line(struct view text)
{
    const char *newline = memchr(text.data, '\n', text.length);
    size_t skipped = newline == NULL ? text.length : (size_t)(newline - text.data) + 1;
    if (skipped >= text.length / 2) {
        return text;
    }
    return (struct view){text.data + skipped, text.length - skipped};
}

/* Without the rest of a character that the ring cut in two. */
static struct view begin_at_character(struct view text)
{
    for (int i = 0; i < 3 && text.length > 0 && (text.data[0] & 0xC0) == 0x80; i++) {
        text.data++;
        text.length--;
    }
    return text;
}

void head_tail_render(const struct head_tail *kept, size_t budget, struct str *out)
{
    struct str raw;
    str_init(&raw);
    str_append_bytes(&raw, kept->head, kept->head_length);
    append_ring(kept, &raw);

    uint64_t total = kept->total, newlines = kept->newlines;
    bool whole = total == raw.length;
    if (raw.length > 0 && raw.data[raw.length - 1] == '\n') {
        str_truncate(&raw, raw.length - 1);
        total--;
        newlines--;
    }
    struct view all = {raw.data, raw.length};
    if (whole && repaired_size(all) <= budget) {
        tool_append_repaired(out, all.data, all.length);
        str_finish(&raw);
        return;
    }

    struct view head = all, tail = all;
    if (!whole) {
        head.length = utf8_complete_length(raw.data, kept->head_length);
        tail.data += kept->head_length;
        tail.length -= kept->head_length;
        tail = begin_at_character(tail);
    }
    head.length = fitting_head(head, budget / 2);
    head = end_at_line(head);
    size_t tail_length = fitting_tail(tail, budget - budget / 2);
    tail = begin_at_line((struct view){tail.data + tail.length - tail_length, tail_length});

    tool_append_repaired(out, head.data, head.length);
    bool at_line = head.length == 0 || head.data[head.length - 1] == '\n';
    str_append_format(out, "%s[... %llu bytes, %llu lines left out ...]\n", at_line ? "" : "\n",
                      (unsigned long long)(total - head.length - tail.length),
                      (unsigned long long)(newlines - count_newlines(head) - count_newlines(tail)));
    tool_append_repaired(out, tail.data, tail.length);
    str_finish(&raw);
}
