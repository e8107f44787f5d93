/* kv_marks: see kv_marks.h. A noted point becomes a copy in kv_marks_before, at the last moment.
 * Then the ring holds at least KV_CACHE_SLACK positions behind it: a ring has room for the window,
 * a chunk and the slack, and the chunk to be stored is the first that does not fit. */
#include "text/kv_marks.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/kv_cache.h"

enum { NOTES_MAX = 64 };

struct kv_marks {
    size_t copy_positions; /* most positions of a copy */
    size_t position_bytes; /* of keys and values of all rings */
    size_t most;           /* copies */
    size_t note_count;
    size_t copy_count;
    size_t notes[NOTES_MAX]; /* ascending; the rings hold what these look back on */
    struct kv_marks_copy
        copies[KV_MARKS_COPIES]; /* ascending by `from`; behind them unused memory */
};

static size_t positions_of_a_copy(size_t window)
{
    return window - 1 + KV_CACHE_SLACK;
}

static size_t most_copies(size_t copy_bytes, size_t budget)
{
    size_t most = budget / copy_bytes;
    return most < 2 ? 2 : most < KV_MARKS_COPIES ? most : KV_MARKS_COPIES;
}

uint64_t kv_marks_plan(const struct kv_cache_plan *cache, size_t window, size_t context,
                       size_t budget)
{
    size_t copy_bytes = positions_of_a_copy(window) * cache->ring_position_bytes;
    if (copy_bytes == 0 || context <= cache->ring) {
        return 0; /* nothing is ever lost */
    }
    return (uint64_t)copy_bytes * most_copies(copy_bytes, budget);
}

struct kv_marks *kv_marks_create(const struct kv_cache *cache, size_t budget, struct err *err)
{
    struct kv_marks *marks = mem_try_zero(1, sizeof *marks);
    if (marks == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the marks of a session");
        return NULL;
    }
    for (int l = 0; l < kv_cache_layers(cache); l++) {
        if (kv_cache_layer(cache, l) == KV_LAYER_RING) {
            marks->position_bytes += 2 * kv_cache_row_bytes(cache, l);
        }
    }
    if (marks->position_bytes == 0) {
        return marks; /* nothing is ever lost */
    }
    marks->copy_positions = positions_of_a_copy(kv_cache_window(cache));
    marks->most = most_copies(marks->copy_positions * marks->position_bytes, budget);
    return marks;
}

void kv_marks_destroy(struct kv_marks *marks)
{
    if (marks == NULL) {
        return;
    }
    for (size_t i = 0; i < KV_MARKS_COPIES; i++) {
        mem_free(marks->copies[i].rows);
    }
    mem_free(marks);
}

size_t kv_marks_bytes(const struct kv_marks *marks)
{
    size_t bytes = 0;
    for (size_t i = 0; i < KV_MARKS_COPIES; i++) {
        bytes += marks->copies[i].rows != NULL ? marks->copy_positions * marks->position_bytes : 0;
    }
    return bytes;
}

/* --- points --- */

void kv_marks_note(struct kv_marks *marks, const struct kv_cache *cache, size_t position)
{
    size_t count = marks->note_count;
    bool covered = count > 0 && position <= marks->notes[count - 1] + KV_CACHE_SLACK;
    if (marks->most > 0 && position > 0 && !covered && count < NOTES_MAX &&
        kv_cache_can_resume(cache, position)) {
        marks->notes[marks->note_count++] = position;
    }
}

/* The point that a copy was made for. */
static size_t first_point(const struct kv_cache *cache, const struct kv_marks_copy *copy)
{
    return copy->from == 0 ? 0 : copy->from + kv_cache_window(cache) - 1;
}

void kv_marks_pass(struct kv_marks *marks, const struct kv_cache *cache, size_t position)
{
    size_t last = 0;
    if (marks->note_count > 0) {
        last = marks->notes[marks->note_count - 1];
    } else if (marks->copy_count > 0) {
        last = first_point(cache, &marks->copies[marks->copy_count - 1]);
    }
    if (position >= last + KV_MARKS_STRIDE) {
        kv_marks_note(marks, cache, position);
    }
}

/* --- copies --- */

/* Moves rows begin..end-1 of a copy out of the rings, or back into them. */
static void transfer(const struct kv_marks_copy *copy, struct kv_cache *cache, size_t begin,
                     size_t end, bool out)
{
    unsigned char *keys = copy->rows;
    for (int l = 0; l < kv_cache_layers(cache); l++) {
        if (kv_cache_layer(cache, l) != KV_LAYER_RING) {
            continue;
        }
        size_t row_bytes = kv_cache_row_bytes(cache, l);
        unsigned char *values = keys + copy->stride * row_bytes;
        struct kv_run run;
        for (size_t p = begin; p < end; p += run.count) {
            run = kv_cache_run(cache, l, p, end);
            size_t at = (p - copy->from) * row_bytes, size = run.count * row_bytes;
            memcpy(out ? keys + at : run.keys, out ? run.keys : keys + at, size);
            memcpy(out ? values + at : run.values, out ? run.values : values + at, size);
        }
        keys = values + copy->stride * row_bytes;
    }
}

/* Takes a copy out of the list; its memory goes behind the others. */
static void drop_copy(struct kv_marks *marks, size_t index)
{
    struct kv_marks_copy dropped = marks->copies[index];
    marks->copy_count--;
    for (size_t i = index; i < marks->copy_count; i++) {
        marks->copies[i] = marks->copies[i + 1];
    }
    marks->copies[marks->copy_count] = dropped;
}

/* The older copy that is missed least: without it a cut behind it costs the tokens back to the one
 * before it, and cuts are the rarer the further back they are. */
static size_t least_missed(const struct kv_marks *marks, const struct kv_cache *cache, size_t held)
{
    size_t newest = KV_MARKS_NEWEST < marks->most ? KV_MARKS_NEWEST : marks->most - 1;
    size_t best = 0, before = 0;
    double least = 0;
    for (size_t i = 0; i + newest < marks->copy_count; i++) {
        size_t point = first_point(cache, &marks->copies[i]);
        double cost = (double)(point - before) / (double)(held - point + 1);
        if (i == 0 || cost < least) {
            least = cost;
            best = i;
        }
        before = point;
    }
    return best;
}

/* A new last copy, or NULL when there is no memory. At most most - 1 may be there. */
static struct kv_marks_copy *append_copy(struct kv_marks *marks, size_t from, size_t to)
{
    struct kv_marks_copy *copy = &marks->copies[marks->copy_count];
    if (copy->rows == NULL) {
        copy->rows = mem_try_alloc(marks->copy_positions, marks->position_bytes);
    }
    if (copy->rows == NULL) {
        return NULL;
    }
    copy->from = from;
    copy->to = to;
    copy->stride = to - from;
    marks->copy_count++;
    return copy;
}

static void make_copy(struct kv_marks *marks, struct kv_cache *cache, size_t point, size_t held)
{
    size_t from = kv_cache_needed(cache, point);
    size_t to = point + KV_CACHE_SLACK < held ? point + KV_CACHE_SLACK : held;
    for (size_t i = marks->copy_count; i-- > 0;) { /* what the new one covers, too, is not needed */
        if (marks->copies[i].from >= from && marks->copies[i].to <= to) {
            drop_copy(marks, i);
        }
    }
    if (marks->copy_count == marks->most) {
        drop_copy(marks, least_missed(marks, cache, held));
    }
    const struct kv_marks_copy *copy = append_copy(marks, from, to);
    if (copy != NULL) {
        transfer(copy, cache, from, to, true);
    }
}

const struct kv_marks_copy *kv_marks_copies(const struct kv_marks *marks, size_t *count)
{
    *count = marks->copy_count;
    return marks->copies;
}

bool kv_marks_add(struct kv_marks *marks, const struct kv_cache *cache, size_t from, size_t to,
                  struct kv_marks_copy *copy, struct err *err)
{
    struct kv_marks_copy wanted = {.from = from, .to = to};
    size_t count = marks->copy_count, before = count > 0 ? marks->copies[count - 1].from : 0;
    if (to < first_point(cache, &wanted) || to - from > marks->copy_positions || from < before) {
        return err_set(err, ERR_FORMAT, "no copy of the rings has positions %zu to %zu", from, to);
    }
    if (count == marks->most) { /* fewer fit here than there: the newest count */
        drop_copy(marks, 0);
    }
    const struct kv_marks_copy *added = append_copy(marks, from, to);
    if (added == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a copy of the rings");
    }
    *copy = *added;
    return true;
}

void kv_marks_before(struct kv_marks *marks, struct kv_cache *cache, size_t held, size_t to)
{
    size_t ring = kv_cache_ring(cache);
    size_t oldest = to > ring ? to - ring : 0;
    size_t lost = 0;
    while (lost < marks->note_count && kv_cache_needed(cache, marks->notes[lost]) < oldest) {
        make_copy(marks, cache, marks->notes[lost], held);
        lost++;
    }
    marks->note_count -= lost;
    memmove(marks->notes, marks->notes + lost, marks->note_count * sizeof marks->notes[0]);
}

/* --- going back --- */

/* The last point up to `position` that this copy, and what the rings hold behind it, allow; 0 when
 * there is none. */
static size_t reach(const struct kv_marks_copy *copy, const struct kv_cache *cache, size_t held,
                    size_t position)
{
    size_t end = copy->to >= kv_cache_oldest(cache) ? held : copy->to;
    size_t point = position < end ? position : end;
    return point >= first_point(cache, copy) ? point : 0;
}

size_t kv_marks_restore(struct kv_marks *marks, struct kv_cache *cache, size_t held,
                        size_t position)
{
    if (kv_cache_can_resume(cache, position)) {
        return position;
    }
    const struct kv_marks_copy *best = NULL;
    size_t point = 0;
    for (size_t i = 0; i < marks->copy_count; i++) {
        size_t other = reach(&marks->copies[i], cache, held, position);
        if (other > point) {
            best = &marks->copies[i];
            point = other;
        }
    }
    if (best == NULL) {
        kv_cache_restart(cache);
        return 0;
    }
    size_t ring = kv_cache_ring(cache), oldest = kv_cache_oldest(cache);
    size_t begin = point > ring + best->from ? point - ring : best->from;
    size_t end = point < best->to ? point : best->to;
    if (point > best->to || best->to >= oldest) { /* the rings hold the rest themselves */
        end = end < oldest ? end : oldest;
    }
    transfer(best, cache, begin, end, false);
    kv_cache_reach(cache, begin);
    return point;
}

void kv_marks_cut(struct kv_marks *marks, const struct kv_cache *cache, size_t position)
{
    while (marks->note_count > 0 && marks->notes[marks->note_count - 1] > position) {
        marks->note_count--;
    }
    for (size_t i = marks->copy_count; i-- > 0;) {
        struct kv_marks_copy *copy = &marks->copies[i];
        copy->to = copy->to < position ? copy->to : position;
        if (copy->to < first_point(cache, copy) || copy->to == 0) {
            drop_copy(marks, i);
        }
    }
}
