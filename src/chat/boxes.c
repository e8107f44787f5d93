/* boxes: see boxes.h. */
#include "chat/boxes.h"

#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Each place where JSON might begin is tried, but no more than these: text full of brackets costs
 * no more than it is worth. */
enum { TRIES = 32, BOX_NUMBERS = 4, POINT_NUMBERS = 2 };

void boxes_finish(struct boxes *boxes)
{
    for (size_t i = 0; i < boxes->count; i++) {
        mem_free(boxes->items[i].label);
    }
    mem_free(boxes->items);
    *boxes = (struct boxes){0};
}

size_t boxes_pixel(double value, size_t side)
{
    double at = value / BOXES_SCALE * (double)side;
    return at <= 0 ? 0 : at >= (double)side ? side - 1 : (size_t)at;
}

/* --- one item --- */

static bool read_numbers(const json_t *list, size_t count, double *numbers, size_t place,
                         struct err *err)
{
    if (!json_is_array(list) || json_array_size(list) != count) {
        return err_set(err, ERR_FORMAT, "number %zu has no %zu numbers for its place", place,
                       count);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *number = json_array_get(list, i);
        double value = json_number_value(number);
        if (!json_is_number(number) || !(value >= 0 && value <= BOXES_SCALE)) {
            return err_set(err, ERR_FORMAT, "number %zu lies outside 0 to %d", place, BOXES_SCALE);
        }
        numbers[i] = value;
    }
    return true;
}

static bool read_item(const json_t *object, size_t place, struct boxes_item *item, struct err *err)
{
    const json_t *box = json_object_get(object, "box_2d"),
                 *point = json_object_get(object, "point");
    const json_t *label = json_object_get(object, "label");
    double at[BOX_NUMBERS];
    if ((box == NULL) == (point == NULL)) {
        return err_set(err, ERR_FORMAT, "number %zu has not one of \"box_2d\" and \"point\"",
                       place);
    }
    if (label != NULL && (!json_is_string(label) || json_string_length(label) > BOXES_LABEL_MAX)) {
        return err_set(err, ERR_FORMAT, "the label of number %zu is no text of at most %d bytes",
                       place, BOXES_LABEL_MAX);
    }
    if (box != NULL) {
        if (!read_numbers(box, BOX_NUMBERS, at, place, err)) {
            return false;
        }
        if (at[0] >= at[2] || at[1] >= at[3]) {
            return err_set(err, ERR_FORMAT, "number %zu has no area", place);
        }
    } else {
        if (!read_numbers(point, POINT_NUMBERS, at, place, err)) {
            return false;
        }
        at[2] = at[0];
        at[3] = at[1];
    }
    *item = (struct boxes_item){.top = at[0],
                                .left = at[1],
                                .bottom = at[2],
                                .right = at[3],
                                .point = box == NULL,
                                .label = mem_strdup(label != NULL ? json_string_value(label) : "")};
    return true;
}

/* --- a list --- */

static bool is_item(const json_t *value)
{
    return json_object_get(value, "box_2d") != NULL || json_object_get(value, "point") != NULL;
}

static enum boxes_answer read_list(const json_t *value, struct boxes *boxes, struct err *err)
{
    bool list = json_is_array(value);
    size_t count = list ? json_array_size(value) : 1;
    struct boxes read = {0};
    if (!is_item(list ? json_array_get(value, 0) : value)) {
        return BOXES_NONE;
    }
    if (count > BOXES_MAX) {
        err_set(err, ERR_LIMIT, "there are %zu of them, at most %d are drawn", count, BOXES_MAX);
        return BOXES_WRONG;
    }
    read.items = mem_zero(count, sizeof *read.items);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = list ? json_array_get(value, i) : value;
        if (!read_item(item, i + 1, &read.items[i], err)) {
            boxes_finish(&read);
            return BOXES_WRONG;
        }
        read.count++;
    }
    *boxes = read;
    return BOXES_FOUND;
}

enum boxes_answer boxes_read(const char *text, size_t length, struct boxes *boxes, struct err *err)
{
    size_t at = 0;
    if (length > BOXES_TEXT_MAX) {
        return BOXES_NONE;
    }
    for (int tries = 0; tries < TRIES; tries++) {
        json_error_t where;
        while (at < length && text[at] != '[' && text[at] != '{') {
            at++;
        }
        if (at == length) {
            return BOXES_NONE;
        }
        json_t *value = json_loadb(text + at, length - at,
                                   JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &where);
        enum boxes_answer answer = value != NULL ? read_list(value, boxes, err) : BOXES_NONE;
        json_decref(value);
        if (answer != BOXES_NONE) {
            return answer;
        }
        at += value != NULL ? (size_t)where.position : 1;
    }
    return BOXES_NONE;
}
