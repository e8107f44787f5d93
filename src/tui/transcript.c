#include "tui/transcript.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "tui/item.h"
#include "tui/picture.h"
#include "tui/surface.h"

/* Layouts that may be held before those out of view are dropped. */
enum { LAYOUTS = 512 };

/* A row: that of a part of an item. `row` may equal the number of rows: just behind the part. */
struct place {
    size_t item, part, row;
};

struct transcript {
    struct item *items;
    size_t count, capacity;
    bool expanded;
    bool raw; /* answers as their source */
    bool following;
    bool marked;
    size_t mark;       /* an item */
    size_t noticed;    /* where the open block began, in the answer that streams in, at a notice */
    struct place top;  /* first row in view; set by the last draw while following */
    struct place left; /* inline: the first row that has not left */
    size_t forgotten;  /* inline: items whose text is the terminal's now */
    int width, height;
    uint64_t layouts; /* made so far: their numbers */
    size_t held;      /* layouts in memory; more may be counted than there are until a sweep */
    unsigned frame;
};

struct transcript *transcript_create(void)
{
    struct transcript *transcript = mem_zero(1, sizeof *transcript);
    transcript->following = true;
    transcript->width = 80;
    return transcript;
}

void transcript_clear(struct transcript *transcript)
{
    for (size_t i = 0; i < transcript->count; i++) {
        item_finish(&transcript->items[i]);
    }
    transcript->count = 0;
    transcript->following = true;
    transcript->marked = false;
    transcript->top = transcript->left = (struct place){0};
    transcript->forgotten = 0;
    transcript->held = 0;
}

void transcript_destroy(struct transcript *transcript)
{
    if (transcript == NULL) {
        return;
    }
    transcript_clear(transcript);
    mem_free(transcript->items);
    mem_free(transcript);
}

static struct item *prepared(struct transcript *transcript, size_t index);

/* --- items --- */

static struct item *add_item(struct transcript *transcript, enum item_kind kind)
{
    vec_room(&transcript->items, &transcript->capacity, transcript->count + 1,
             sizeof *transcript->items);
    struct item *item = &transcript->items[transcript->count++];
    item_init(item, kind);
    return item;
}

/* The answer or thought that streams in; notices may stand behind it. NULL: none does. */
static struct item *open_stream(struct transcript *transcript)
{
    for (size_t i = transcript->count; i > 0; i--) {
        struct item *item = &transcript->items[i - 1];
        if (item->open && (item->kind == ITEM_ANSWER || item->kind == ITEM_THOUGHT)) {
            return item;
        }
        if (item->kind != ITEM_NOTICE && item->kind != ITEM_ERROR) {
            return NULL;
        }
    }
    return NULL;
}

void transcript_end_message(struct transcript *transcript)
{
    struct item *stream = open_stream(transcript);
    if (stream != NULL) {
        item_close(stream);
    }
}

static void add_whole(struct transcript *transcript, enum item_kind kind, const char *text,
                      size_t length)
{
    transcript_end_message(transcript);
    struct item *item = add_item(transcript, kind);
    item_append(item, text, length);
    item_close(item);
}

/* Behind a notice an answer goes on in an item of its own as soon as the block is over in which the
 * notice came: within one, Markdown would lose its meaning. */
static void flow_on(struct transcript *transcript, size_t index)
{
    struct item *item = prepared(transcript, index);
    size_t at;
    if (!item_between_blocks(item, &at) || at <= transcript->noticed) {
        return;
    }
    struct str rest;
    str_init(&rest);
    item_take_rest(item, at, &rest);
    item_append(add_item(transcript, ITEM_ANSWER), rest.data, rest.length);
    str_finish(&rest);
}

static void add_stream(struct transcript *transcript, enum item_kind kind, const char *text,
                       size_t length)
{
    struct item *stream = open_stream(transcript);
    if (stream == NULL || stream->kind != kind) {
        transcript_end_message(transcript);
        stream = add_item(transcript, kind);
    }
    item_append(stream, text, length);
    size_t index = (size_t)(stream - transcript->items);
    if (index + 1 < transcript->count) {
        flow_on(transcript, index);
    }
}

void transcript_add_user(struct transcript *transcript, const char *text, size_t length)
{
    add_whole(transcript, ITEM_USER, text, length);
    transcript_to_end(transcript);
}

void transcript_add_answer(struct transcript *transcript, const char *text, size_t length)
{
    add_stream(transcript, ITEM_ANSWER, text, length);
}

void transcript_add_thought(struct transcript *transcript, const char *text, size_t length)
{
    add_stream(transcript, ITEM_THOUGHT, text, length);
}

/* It does not wait for an answer that streams in, nor cut its block in two. */
void transcript_add_notice(struct transcript *transcript, const char *text, bool is_error)
{
    struct item *stream = open_stream(transcript);
    size_t at;
    if (stream != NULL && stream == &transcript->items[transcript->count - 1]) {
        stream = prepared(transcript, transcript->count - 1);
        transcript->noticed = stream->cursor.at;
        if (stream->kind != ITEM_ANSWER ||
            (item_between_blocks(stream, &at) && at == stream->text.length)) {
            item_close(stream);
        }
    }
    struct item *item = add_item(transcript, is_error ? ITEM_ERROR : ITEM_NOTICE);
    item_append(item, text, strlen(text));
    item_close(item);
}

void transcript_add_picture(struct transcript *transcript, struct picture *picture,
                            const char *text)
{
    add_whole(transcript, ITEM_PICTURE, text, strlen(text));
    transcript->items[transcript->count - 1].picture = picture;
}

void transcript_await_picture(struct transcript *transcript, const void *key, const char *text)
{
    transcript_add_picture(transcript, NULL, text);
    struct item *item = &transcript->items[transcript->count - 1];
    item->open = true;
    item->awaited = key;
}

void transcript_fill_picture(struct transcript *transcript, const void *key,
                             struct picture *picture, const char *text)
{
    for (size_t i = transcript->count; i > 0; i--) {
        struct item *item = &transcript->items[i - 1];
        if (item->kind == ITEM_PICTURE && item->open && item->awaited == key) {
            item_reset(item);
            item_append(item, text, strlen(text));
            item_close(item);
            item->picture = picture;
            item->awaited = NULL;
            item_touch(item);
            return;
        }
    }
    picture_destroy(picture);
}

void transcript_add_call(struct transcript *transcript, const char *call_id, const char *title)
{
    transcript_end_message(transcript);
    struct item *item = add_item(transcript, ITEM_CALL);
    item->running = true;
    item->call_id = mem_strdup(call_id);
    item->title = mem_strdup(title);
    for (char *c = item->title; *c != '\0'; c++) {
        if (*c == '\t') {
            *c = ' ';
        }
    }
}

/* The open call of that name; the newest one, when a name is used again. */
static struct item *find_call(struct transcript *transcript, const char *call_id)
{
    for (size_t i = transcript->count; i > 0; i--) {
        struct item *item = &transcript->items[i - 1];
        if (item->kind == ITEM_CALL && item->open && strcmp(item->call_id, call_id) == 0) {
            return item;
        }
    }
    return NULL;
}

void transcript_call_output(struct transcript *transcript, const char *call_id, const char *text,
                            size_t length)
{
    struct item *item = find_call(transcript, call_id);
    if (item != NULL) {
        item_append(item, text, length);
    }
}

void transcript_end_call(struct transcript *transcript, const char *call_id, const char *result,
                         size_t length, const char *failure)
{
    struct item *item = find_call(transcript, call_id);
    if (item == NULL) {
        return;
    }
    item->running = false;
    if (length > 0) {
        item_reset(item);
        item_append(item, result, length);
    }
    snprintf(item->failure, sizeof item->failure, "%s", failure != NULL ? failure : "");
    item_close(item);
    item_touch(item);
}

void transcript_toggle_folding(struct transcript *transcript)
{
    transcript->expanded = !transcript->expanded;
    for (size_t i = 0; i < transcript->count; i++) {
        transcript->items[i].flipped = false;
    }
}

bool transcript_toggle_raw(struct transcript *transcript)
{
    transcript->raw = !transcript->raw;
    return transcript->raw;
}

/* --- walking --- */

static struct item *prepared(struct transcript *transcript, size_t index)
{
    struct item *item = &transcript->items[index];
    const struct place *left = &transcript->left;
    bool leaving = index == left->item && (left->part > 0 || left->row > 0);
    item_prepare(item, transcript->expanded != item->flipped,
                 leaving ? item->raw : transcript->raw);
    return item;
}

static void drop_layout(struct transcript *transcript, struct item_part *part)
{
    if (part->layout != NULL) {
        layout_finish(part->layout);
        mem_free(part->layout);
        part->layout = NULL;
        transcript->held -= transcript->held > 0;
    }
}

static const struct layout *layout_of(struct transcript *transcript, size_t index, size_t number)
{
    struct item *item = &transcript->items[index];
    struct item_part *part = &item->parts[number];
    if (part->layout != NULL && part->width != transcript->width) {
        drop_layout(transcript, part);
    }
    if (part->layout == NULL) {
        bool gap = number == 0 ? index > 0
                               : item->kind == ITEM_ANSWER && !item->raw && !part->block.joined;
        part->layout = item_layout(item, number, transcript->width, gap);
        part->width = transcript->width;
        part->number = ++transcript->layouts;
        transcript->held++;
    }
    part->frame = transcript->frame;
    return part->layout;
}

static size_t rows_at(struct transcript *transcript, const struct place *place)
{
    return layout_of(transcript, place->item, place->part)->count;
}

/* Items and parts change between draws: makes the place one that exists. False: there is nothing.
 */
static bool settle(struct transcript *transcript, struct place *place)
{
    while (place->item < transcript->count) {
        struct item *item = prepared(transcript, place->item);
        if (item->part_count > 0) {
            if (place->part >= item->part_count) {
                place->part = item->part_count - 1;
                place->row = SIZE_MAX;
            }
            size_t rows = rows_at(transcript, place);
            place->row = place->row > rows ? rows : place->row;
            return true;
        }
        *place = (struct place){place->item + 1, 0, 0};
    }
    return false;
}

/* To just behind the last row of the part before. False at the beginning. */
static bool part_before(struct transcript *transcript, struct place *place)
{
    struct place at = *place;
    while (at.part == 0) {
        if (at.item == 0) {
            return false;
        }
        at.item--;
        at.part = prepared(transcript, at.item)->part_count;
    }
    at.part--;
    at.row = rows_at(transcript, &at);
    *place = at;
    return true;
}

/* To the first row of the part behind. False at the end. */
static bool part_behind(struct transcript *transcript, struct place *place)
{
    struct place at = {place->item, place->part + 1, 0};
    while (at.part >= prepared(transcript, at.item)->part_count) {
        if (at.item + 1 >= transcript->count) {
            return false;
        }
        at = (struct place){at.item + 1, 0, 0};
    }
    *place = at;
    return true;
}

static void move_up(struct transcript *transcript, struct place *place, size_t rows)
{
    while (rows > 0) {
        if (place->row == 0) {
            if (!part_before(transcript, place)) {
                return;
            }
            continue;
        }
        size_t step = place->row < rows ? place->row : rows;
        place->row -= step;
        rows -= step;
    }
}

static void move_down(struct transcript *transcript, struct place *place, size_t rows)
{
    for (;;) {
        size_t left = rows_at(transcript, place) - place->row;
        if (rows < left) {
            place->row += rows;
            return;
        }
        rows -= left;
        place->row += left;
        if (!part_behind(transcript, place)) {
            return;
        }
    }
}

/* The top of the window whose last row is the last row of all. False: there is nothing. */
static bool last_window(struct transcript *transcript, struct place *place)
{
    *place = (struct place){transcript->count, 0, 0};
    if (!part_before(transcript, place)) {
        return false;
    }
    move_up(transcript, place, transcript->height > 0 ? (size_t)transcript->height : 0);
    return true;
}

static bool before(const struct place *a, const struct place *b)
{
    if (a->item != b->item) {
        return a->item < b->item;
    }
    return a->part != b->part ? a->part < b->part : a->row < b->row;
}

/* --- the window --- */

/* What has left a normal screen is the terminal's to scroll, and its text is forgotten here. */
static bool has_left(const struct transcript *transcript)
{
    return before(&(struct place){0}, &transcript->left);
}

void transcript_scroll(struct transcript *transcript, int rows)
{
    struct place last;
    if (has_left(transcript) || !last_window(transcript, &last)) {
        return;
    }
    if (transcript->following || !settle(transcript, &transcript->top)) {
        transcript->top = last;
    }
    if (rows < 0) {
        move_up(transcript, &transcript->top, (size_t)-rows);
    } else {
        move_down(transcript, &transcript->top, (size_t)rows);
    }
    transcript->following = !before(&transcript->top, &last);
}

void transcript_to_start(struct transcript *transcript)
{
    struct place last;
    transcript->top = (struct place){0};
    if (!has_left(transcript) && last_window(transcript, &last) &&
        settle(transcript, &transcript->top)) {
        transcript->following = !before(&transcript->top, &last);
    }
}

void transcript_toggle_at(struct transcript *transcript, int row)
{
    struct place place = transcript->top;
    if (row < 0 || has_left(transcript) || !settle(transcript, &place)) {
        return;
    }
    move_down(transcript, &place, (size_t)row);
    struct item *item = &transcript->items[place.item];
    if (place.row < rows_at(transcript, &place) && item_folds(item)) {
        item->flipped = !item->flipped;
        transcript->following = false; /* what was clicked stays where it is */
    }
}

void transcript_to_end(struct transcript *transcript)
{
    transcript->following = true;
}

void transcript_mark(struct transcript *transcript)
{
    transcript->marked = true;
    transcript->mark = transcript->count;
}

/* The next draw knows the window's size, and follows again when the end is in view. */
void transcript_to_mark(struct transcript *transcript)
{
    if (transcript->marked) {
        transcript->top = (struct place){transcript->mark, 0, 0};
        transcript->following = false;
    }
}

bool transcript_following(const struct transcript *transcript)
{
    return transcript->following;
}

/* Drops the layouts that this frame did not use. */
static void sweep(struct transcript *transcript)
{
    transcript->held = 0;
    for (size_t i = 0; i < transcript->count; i++) {
        struct item *item = &transcript->items[i];
        for (size_t part = 0; part < item->part_count; part++) {
            if (item->parts[part].frame != transcript->frame) {
                drop_layout(transcript, &item->parts[part]);
            }
        }
    }
    for (size_t i = 0; i < transcript->count; i++) {
        for (size_t part = 0; part < transcript->items[i].part_count; part++) {
            transcript->held += transcript->items[i].parts[part].layout != NULL;
        }
    }
}

/* A row of a layout is the same wherever and whenever it is drawn. */
static uint64_t name_of(const struct transcript *transcript, const struct place *place)
{
    enum { ROW_BITS = 24 }; /* a part has fewer rows: block.h */
    uint64_t number = transcript->items[place->item].parts[place->part].number;
    return number << ROW_BITS | (place->row & ((1U << ROW_BITS) - 1));
}

static void draw_row(struct transcript *transcript, const struct place *place,
                     const struct layout *layout, struct surface *surface, int row)
{
    uint64_t key = name_of(transcript, place);
    if (!surface_keep(surface, row, key)) {
        layout_draw_row(layout, place->row, surface, row, 0, transcript->width);
        surface_name(surface, row, key);
    }
}

/* Rows [row, end) of the surface. */
static void draw_from(struct transcript *transcript, struct place place, struct surface *surface,
                      int row, int end)
{
    while (row < end) {
        const struct layout *layout = layout_of(transcript, place.item, place.part);
        for (; row < end && place.row < layout->count; row++, place.row++) {
            draw_row(transcript, &place, layout, surface, row);
        }
        if (place.row == layout->count && !part_behind(transcript, &place)) {
            return;
        }
    }
}

void transcript_draw(struct transcript *transcript, struct surface *surface, int height)
{
    struct place last;
    transcript->frame++;
    transcript->width = surface_columns(surface);
    transcript->height = height;
    if (height <= 0 || transcript->width <= 0 || !last_window(transcript, &last)) {
        return;
    }
    if (transcript->following || !settle(transcript, &transcript->top) ||
        !before(&transcript->top, &last)) {
        transcript->top = last;
        transcript->following = true;
    }
    int before = surface_find(surface, name_of(transcript, &transcript->top));
    if (before < height) {
        surface_scroll(surface, height, before);
    }
    draw_from(transcript, transcript->top, surface, 0, height);
    if (transcript->held > LAYOUTS) {
        sweep(transcript);
    }
}

/* --- inline --- */

/* Whether a part will look the same for good. A call's title changes when it ends. */
static bool is_final(const struct item *item, size_t part)
{
    return !item->open || (item->kind == ITEM_ANSWER && part < item->closed);
}

/* The part at or behind a place; false when there is none yet. */
static bool next_part(struct transcript *transcript, struct place *place)
{
    while (place->item < transcript->count) {
        if (place->part < prepared(transcript, place->item)->part_count) {
            return true;
        }
        if (transcript->items[place->item].open) {
            return false; /* more may come */
        }
        *place = (struct place){place->item + 1, 0, 0};
    }
    return false;
}

size_t transcript_settled(struct transcript *transcript, int width, size_t most)
{
    size_t rows = 0;
    transcript->width = width;
    struct place place = transcript->left;
    while (rows < most && next_part(transcript, &place) &&
           is_final(&transcript->items[place.item], place.part)) {
        size_t all = rows_at(transcript, &place);
        rows += all > place.row ? all - place.row : 0;
        place = (struct place){place.item, place.part + 1, 0};
    }
    return rows < most ? rows : most;
}

/* The text of what has left is the terminal's now: since the frame that it was drawn into has been
 * sent, which was not so when it left. */
static void forget(struct transcript *transcript)
{
    size_t from = transcript->forgotten;
    transcript->forgotten = transcript->left.item;
    for (size_t i = from; i < transcript->forgotten; i++) {
        struct item *item = &transcript->items[i];
        enum item_kind kind = item->kind;
        for (size_t part = 0; part < item->part_count; part++) {
            drop_layout(transcript, &item->parts[part]);
        }
        item_finish(item);
        item_init(item, kind);
        item_close(item);
    }
}

void transcript_settle(struct transcript *transcript, struct surface *surface, size_t rows)
{
    int row = 0;
    forget(transcript);
    while ((size_t)row < rows && next_part(transcript, &transcript->left)) {
        struct place *place = &transcript->left;
        const struct layout *layout = layout_of(transcript, place->item, place->part);
        for (; (size_t)row < rows && place->row < layout->count; row++) {
            layout_draw_row(layout, place->row++, surface, row, 0, transcript->width);
        }
        if (place->row >= layout->count) {
            drop_layout(transcript, &transcript->items[place->item].parts[place->part]);
            *place = (struct place){place->item, place->part + 1, 0};
        }
    }
    next_part(transcript, &transcript->left);
}

size_t transcript_alive(struct transcript *transcript, int width)
{
    size_t rows = 0;
    transcript->width = width;
    struct place place = transcript->left;
    for (;;) {
        while (place.item < transcript->count &&
               place.part >= prepared(transcript, place.item)->part_count) {
            place = (struct place){place.item + 1, 0, 0};
        }
        if (place.item == transcript->count) {
            return rows;
        }
        rows += rows_at(transcript, &place) - place.row;
        place = (struct place){place.item, place.part + 1, 0};
    }
}

void transcript_draw_alive(struct transcript *transcript, struct surface *surface, int row,
                           int height)
{
    size_t rows = transcript_alive(transcript, surface_columns(surface));
    struct place place = transcript->left;
    if (rows == 0 || height <= 0 || !settle(transcript, &place)) {
        return;
    }
    if (rows > (size_t)height) {
        move_down(transcript, &place, rows - (size_t)height);
    }
    draw_from(transcript, place, surface, row, row + height);
}
