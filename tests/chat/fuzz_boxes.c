/* An answer with or without boxes: what is taken lies within the picture, and what is not says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "chat/boxes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boxes boxes;
    struct err err = {0};
    switch (boxes_read((const char *)data, size, &boxes, &err)) {
    case BOXES_FOUND:
        must(boxes.count >= 1 && boxes.count <= BOXES_MAX);
        for (size_t i = 0; i < boxes.count; i++) {
            const struct boxes_item *item = &boxes.items[i];
            size_t length = strlen(item->label);
            must(item->top >= 0 && item->left >= 0);
            must(item->bottom <= BOXES_SCALE && item->right <= BOXES_SCALE);
            must(item->point ? item->top == item->bottom && item->left == item->right
                             : item->top < item->bottom && item->left < item->right);
            must(length <= BOXES_LABEL_MAX && utf8_valid(item->label, length));
            must(boxes_pixel(item->bottom, 1) == 0 && boxes_pixel(item->right, 640) < 640);
        }
        boxes_finish(&boxes);
        break;
    case BOXES_WRONG:
        must(err.code != ERR_NONE && err.text[0] != '\0');
        break;
    case BOXES_NONE:
        must(err.code == ERR_NONE);
        break;
    }
    return 0;
}
