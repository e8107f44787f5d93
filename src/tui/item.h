/* item: one entry of the transcript, with its text and the blocks that it is cut into.
 *
 * Knows how each kind of entry looks; knows nothing of scrolling. Owned by the transcript.
 */
#ifndef CARAT_TUI_ITEM_H
#define CARAT_TUI_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "tui/block.h"
#include "tui/layout.h"
#include "tui/syntax.h"

enum item_kind {
    ITEM_USER,
    ITEM_ANSWER,
    ITEM_THOUGHT,
    ITEM_CALL,
    ITEM_NOTICE,
    ITEM_ERROR,
    ITEM_PICTURE, /* the text says what it is */
};

/* What a part of an item shows. */
enum item_part_kind {
    ITEM_PART_BLOCK,  /* text[start..length) */
    ITEM_PART_TITLE,  /* a call's title */
    ITEM_PART_FOLDED, /* the beginning (or the end) of the text and a word about the rest */
};

struct item_part {
    enum item_part_kind kind;
    struct block block;
    struct syntax_state syntax; /* that code begins in */
    struct layout *layout;      /* NULL: not in view lately */
    int width;                  /* that the layout was made for */
    uint64_t number;            /* of the layout, among all that were made */
    unsigned frame;             /* that last used it */
};

struct item {
    enum item_kind kind;
    bool open;     /* more may be appended */
    bool running;  /* a call: its output streams, only the end of it is kept */
    bool expanded; /* how `parts` were cut */
    bool raw;      /* an answer as its source; the same */
    bool flipped;  /* folded where others are whole, or whole where they are folded */
    bool stale;    /* `parts` lack what was appended last */
    char *call_id, *title;
    char failure[24];        /* of a call, for its title; "" = it did not fail */
    struct picture *picture; /* of ITEM_PICTURE; NULL = the text alone */
    const void *awaited;     /* of an ITEM_PICTURE that is open: under which key it will come */
    struct str text;         /* visible form, valid UTF-8 */
    char pending[8];         /* bytes of a character that is not complete yet */
    size_t pending_length;
    size_t lines, words; /* of the text */
    bool in_word;
    size_t left_out; /* bytes over the limit */
    struct item_part *parts;
    size_t part_count, part_capacity;
    size_t closed; /* parts that will not change any more */
    struct block_cursor cursor;
};

void item_init(struct item *item, enum item_kind kind);
void item_finish(struct item *item);

/* Appends a piece of a stream. */
void item_append(struct item *item, const char *text, size_t length);
/* Drops the text and its parts, to be given another. */
void item_reset(struct item *item);
/* Nothing more will come: an unfinished character is shown as invalid. */
void item_close(struct item *item);
/* A title, state or folding changed: all parts are made anew. */
void item_touch(struct item *item);

/* Of an answer whose parts are up to date: whether what is closed ends where another block begins,
 * *at bytes of the text. Not so within fenced code, or where its source is shown. */
bool item_between_blocks(const struct item *item, size_t *at);
/* Closes it with the first `at` bytes of its text; what is behind is appended to `rest`. */
void item_take_rest(struct item *item, size_t at, struct str *rest);

/* Whether it is one that is shown folded, or whole. */
bool item_folds(const struct item *item);
/* Brings the parts up to date with the text. `raw`: an answer as its Markdown source. */
void item_prepare(struct item *item, bool expanded, bool raw);
/* Lays a part out; `gap` puts a blank row before it. */
struct layout *item_layout(const struct item *item, size_t part, int width, bool gap);

#endif
