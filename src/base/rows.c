#include "rows.h"

#include <string.h>

#include "utf8.h"

size_t rows_first(const char *text, size_t length, size_t *step)
{
    size_t most = length > ROWS_BYTES ? ROWS_BYTES + 1 : length;
    const char *newline = memchr(text, '\n', most);
    if (newline != NULL) {
        *step = (size_t)(newline - text) + 1;
        return *step - 1;
    }
    *step = length > ROWS_BYTES ? utf8_complete_length(text, ROWS_BYTES) : length;
    return *step;
}

struct rows rows_within(const char *text, size_t length, size_t most)
{
    struct rows rows = {0};
    size_t step;
    while (rows.bytes < length) {
        size_t row = rows_first(text + rows.bytes, length - rows.bytes, &step);
        if (rows.bytes + step > most) {
            break;
        }
        rows.bytes += step;
        rows.broken |= row == step && rows.bytes < length;
        rows.count++;
    }
    return rows;
}

const char *rows_name(bool broken)
{
    return broken ? "lines, long ones broken at 1000 bytes" : "lines";
}
