/* boxes: where a model says that things are in a picture.
 *
 * Asked for it, Gemma answers with JSON: a list of {"box_2d": [top, left, bottom, right], "label":
 * "..."}, for places without a size {"point": [y, x], "label": "..."}; one alone may stand without
 * the list. The numbers are 0 to 1000 of the picture's height or width, whatever its size, from its
 * upper left corner. The JSON stands alone, in a fence or among other words.
 *
 * Strict: a list counts as a whole or not at all, because a list of which half is drawn looks as if
 * the rest were not there. Other keys of an item change nothing. A label is text of the model's:
 * data to be shown, and only through base/visible. Pure.
 */
#ifndef CARAT_CHAT_BOXES_H
#define CARAT_CHAT_BOXES_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
    BOXES_SCALE = 1000,
    BOXES_MAX = 100,
    BOXES_LABEL_MAX = 200,       /* bytes */
    BOXES_TEXT_MAX = 256 * 1024, /* of an answer that is looked into */
};

struct boxes_item {
    double top, left, bottom, right; /* 0..BOXES_SCALE; of a point top = bottom, left = right */
    bool point;
    char *label; /* "" = none */
};

struct boxes {
    struct boxes_item *items;
    size_t count;
};

enum boxes_answer {
    BOXES_NONE,  /* the text speaks of none */
    BOXES_FOUND, /* *boxes is the caller's: boxes_finish */
    BOXES_WRONG, /* it does, but they cannot be used: *err says why */
};

/* The first list in text[0..length). *boxes is written with BOXES_FOUND alone. */
enum boxes_answer boxes_read(const char *text, size_t length, struct boxes *boxes, struct err *err);
void boxes_finish(struct boxes *boxes);

/* The pixel of `side` (1 or more) in which a value of 0..BOXES_SCALE lies. */
size_t boxes_pixel(double value, size_t side);

#endif
