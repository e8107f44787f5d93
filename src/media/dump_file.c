/* dump_file: see dump_file.h. */
#include "media/dump_file.h"

#include "base/err.h"
#include "base/mem.h"
#include "media/picture_file.h"

enum {
    VERSION = 7,
    Z_PIXMAP = 2,
    TRUE_COLOUR = 4,
    DIRECT_COLOUR = 5,
    COLOUR_BYTES = 12,
    CHANNELS = 3
};

/* The numbers of the header, in its order. */
enum field {
    HEADER_SIZE,
    FILE_VERSION,
    FORMAT,
    DEPTH,
    WIDTH,
    HEIGHT,
    X_OFFSET,
    BYTE_ORDER, /* 0: the least significant byte first */
    BITMAP_UNIT,
    BITMAP_BIT_ORDER,
    BITMAP_PAD,
    BITS_PER_PIXEL,
    BYTES_PER_LINE,
    VISUAL_CLASS,
    MASKS, /* red, green, blue */
    BITS_PER_RGB = MASKS + CHANNELS,
    MAP_ENTRIES,
    COLOURS,
    FIELDS = COLOURS + 6,
};

static uint32_t number(const unsigned char *bytes, size_t size, bool little)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[little ? size - 1 - i : i];
    }
    return value;
}

static uint32_t field(const unsigned char *bytes, enum field which)
{
    return number(bytes + (size_t)which * 4, 4, false);
}

bool dump_file_is(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    return size >= FIELDS * 4 && field(at, FILE_VERSION) == VERSION &&
           field(at, HEADER_SIZE) >= FIELDS * 4 && field(at, HEADER_SIZE) < 65536;
}

/* The value under a mask of neighbouring bits, spread over 0..255. */
static uint8_t channel(uint32_t pixel, uint32_t mask)
{
    uint32_t low = mask & (~mask + 1);
    uint64_t most = mask / low;
    return (uint8_t)(((pixel & mask) / low * 255ULL + most / 2) / most);
}

bool dump_file_decode(const void *bytes, size_t size, uint8_t **rgb, size_t *width, size_t *height,
                      struct err *err)
{
    const unsigned char *file = bytes;
    if (!dump_file_is(bytes, size)) {
        return err_set(err, ERR_FORMAT, "not a window dump");
    }
    uint64_t columns = field(file, WIDTH), rows = field(file, HEIGHT);
    uint64_t line = field(file, BYTES_PER_LINE), depth = field(file, BITS_PER_PIXEL);
    uint32_t kind = field(file, VISUAL_CLASS);
    if (field(file, FORMAT) != Z_PIXMAP || (kind != TRUE_COLOUR && kind != DIRECT_COLOUR) ||
        (depth != 16 && depth != 24 && depth != 32)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "a window dump of visual class %u with %u bits a pixel is not read", kind,
                       (unsigned)depth);
    }
    if (columns == 0 || rows == 0 || columns > 65535 || rows > 65535 ||
        columns * rows > PICTURE_FILE_PIXELS_MAX) {
        return err_set(err, ERR_LIMIT, "%u x %u pixels are too many or none", (unsigned)columns,
                       (unsigned)rows);
    }
    uint64_t start =
        (uint64_t)field(file, HEADER_SIZE) + (uint64_t)field(file, COLOURS) * COLOUR_BYTES;
    if (line < columns * depth / 8 || line > UINT32_MAX || start > size ||
        line * rows > size - start) {
        return err_set(err, ERR_FORMAT, "the window dump is cut short");
    }
    uint32_t masks[CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
        masks[c] = field(file, (enum field)(MASKS + c));
        if (masks[c] == 0) {
            return err_set(err, ERR_FORMAT, "the window dump has no colours");
        }
    }
    uint8_t *out = mem_try_alloc((size_t)(columns * rows), CHANNELS);
    if (out == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %u x %u pixels", (unsigned)columns,
                       (unsigned)rows);
    }
    size_t pixel_bytes = (size_t)depth / 8;
    bool little = field(file, BYTE_ORDER) == 0;
    for (size_t y = 0; y < rows; y++) {
        const unsigned char *from = file + start + y * line;
        for (size_t x = 0; x < columns; x++) {
            uint32_t pixel = number(from + x * pixel_bytes, pixel_bytes, little);
            for (int c = 0; c < CHANNELS; c++) {
                out[(y * columns + x) * CHANNELS + (size_t)c] = channel(pixel, masks[c]);
            }
        }
    }
    *rgb = out;
    *width = (size_t)columns;
    *height = (size_t)rows;
    return true;
}
