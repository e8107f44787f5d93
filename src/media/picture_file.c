/* picture_file: see picture_file.h. Only the formats and sizes named there are looked at. */
#include "media/picture_file.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* A PNG may say that a part of it is two gigabytes long, and room is made before it is read. */
static const size_t BLOCK_MOST = (size_t)1 << 30;

/* Zeroed: a JPEG may use a code table that it never gave, and what lay there before would be it. */
static void *take(size_t size)
{
    return size <= BLOCK_MOST ? mem_try_zero(size, 1) : NULL;
}

static void *grow(void *block, size_t size)
{
    return size <= BLOCK_MOST ? mem_try_resize(block, size, 1) : NULL;
}

#define STB_IMAGE_IMPLEMENTATION
/* Its functions are ours alone, and some are declared without a body: at the file's end gcc warns
 * of those, wherever the warning is on again. */
#define STB_IMAGE_STATIC
#pragma GCC diagnostic ignored "-Wunused-function"
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_FAILURE_STRINGS
#define STBI_MAX_DIMENSIONS       65535
#define STBI_MALLOC(SIZE)         take(SIZE)
#define STBI_REALLOC(BLOCK, SIZE) grow((BLOCK), (SIZE))
#define STBI_FREE(BLOCK)          mem_free(BLOCK)
/* It copies nothing to no pointer where a PNG has an empty part, and shifts what C does not define:
 * its own matter, and harmless. Memory that is not its own is looked for all the same. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("undefined"))), apply_to = function)
#endif
#include <stb_image.h>
#ifdef __clang__
#pragma clang attribute pop
#endif

enum { CHANNELS = 3 };

/* --- EXIF --- */

static unsigned number(const unsigned char *bytes, size_t size, bool little)
{
    unsigned value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[little ? size - 1 - i : i];
    }
    return value;
}

/* The orientation in the TIFF structure of an EXIF block; 1 when it says nothing of use. */
static int tiff_orientation(const unsigned char *tiff, size_t size)
{
    enum { HEADER = 8, ENTRY = 12, TAG = 0x0112 };
    if (size < HEADER + 2 || (tiff[0] != 'I' && tiff[0] != 'M')) {
        return 1;
    }
    bool little = tiff[0] == 'I';
    size_t at = number(tiff + 4, 4, little);
    if (at > size - 2) {
        return 1;
    }
    size_t entries = number(tiff + at, 2, little);
    at += 2;
    for (size_t i = 0; i < entries && size - at >= ENTRY; i++, at += ENTRY) {
        if (number(tiff + at, 2, little) == TAG) {
            unsigned value = number(tiff + at + 8, 2, little);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

/* Walks the segments of a JPEG up to its picture. */
static int exif_orientation(const unsigned char *bytes, size_t size)
{
    enum { START = 0xD8, APP1 = 0xE1, SCAN = 0xDA, EXIF = 6 };
    size_t at = 2;
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != START) {
        return 1;
    }
    while (size - at >= 4 && bytes[at] == 0xFF && bytes[at + 1] != SCAN) {
        size_t length = number(bytes + at + 2, 2, false);
        if (length < 2 || length > size - at - 2) {
            return 1;
        }
        const unsigned char *data = bytes + at + 4;
        if (bytes[at + 1] == APP1 && length - 2 > EXIF && memcmp(data, "Exif\0", EXIF) == 0) {
            return tiff_orientation(data + EXIF, length - 2 - EXIF);
        }
        at += 2 + length;
    }
    return 1;
}

/* Where the stored picture's pixels go: orientations 5 to 8 exchange the axes, and the shown
 * picture's x or y may run backwards. Returns NULL without memory. */
static uint8_t *turn(const uint8_t *rgb, size_t width, size_t height, int orientation)
{
    bool exchange = orientation >= 5;
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    size_t shown_width = exchange ? height : width, shown_height = exchange ? width : height;
    uint8_t *shown = mem_try_alloc(width * height, CHANNELS);
    for (size_t y = 0; shown != NULL && y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            size_t to_x = exchange ? y : x, to_y = exchange ? x : y;
            to_x = mirror_x ? shown_width - 1 - to_x : to_x;
            to_y = mirror_y ? shown_height - 1 - to_y : to_y;
            memcpy(shown + (to_y * shown_width + to_x) * CHANNELS, rgb + (y * width + x) * CHANNELS,
                   CHANNELS);
        }
    }
    return shown;
}

/* --- Huffman tables --- */

/* One segment's tables, `at` being its length: each is a byte, how many codes there are of each
 * length, and a byte for each code. */
static bool tables_fit(const unsigned char *at, size_t size)
{
    enum { LENGTHS = 16, HEAD = 1 + LENGTHS, CODES_MAX = 256 };
    size_t left = size < 2 ? 0 : number(at, 2, false);
    if (left < 2 || left > size) {
        return false;
    }
    for (at += 2, left -= 2; left > 0;) {
        size_t codes = 0;
        for (size_t i = 1; left >= HEAD && i < HEAD; i++) {
            codes += at[i];
        }
        if (codes > CODES_MAX || left < HEAD + codes) {
            return false;
        }
        at += HEAD + codes;
        left -= HEAD + codes;
    }
    return true;
}

/* stb_image writes past its tables when a JPEG has one of more than 256 codes (Debian's does; later
 * ones refuse it), so every table that it may come to is looked at first. Outside of segments, the
 * picture's own data among that, 0xFF means a marker unless 0, 0xFF or a restart follows; where
 * that is not so stb_image stops by itself. */
static bool huffman_tables_fit(const unsigned char *bytes, size_t size)
{
    enum { START = 0xD8, END = 0xD9, RESTART = 0xD0, TABLES = 0xC4 };
    for (size_t at = 0; at + 1 < size && bytes[0] == 0xFF; at++) {
        unsigned marker = bytes[at + 1];
        if (bytes[at] != 0xFF || marker == 0 || marker == 0xFF ||
            (marker >= RESTART && marker <= START)) {
            continue;
        }
        if (marker == END) {
            return true;
        }
        if (marker == TABLES && !tables_fit(bytes + at + 2, size - at - 2)) {
            return false;
        }
        at += 1 + (size - at >= 4 ? number(bytes + at + 2, 2, false) : 0);
    }
    return true;
}

/* --- files --- */

bool picture_file_decode(const void *bytes, size_t size, uint8_t **rgb, size_t *width,
                         size_t *height, struct err *err)
{
    int w = 0, h = 0, channels;
    bool small = size <= PICTURE_FILE_BYTES_MAX;
    if (small && !huffman_tables_fit(bytes, size)) {
        return err_set(err, ERR_FORMAT,
                       "not a whole JPEG picture: a code table is too large or cut");
    }
    if (!small || (stbi_info_from_memory(bytes, (int)size, &w, &h, &channels) != 0 &&
                   (int64_t)w * h > PICTURE_FILE_PIXELS_MAX)) {
        return err_set(err, ERR_LIMIT, "a picture of %d x %d pixels in %zu bytes is too large", w,
                       h, size);
    }
    uint8_t *pixels = stbi_load_from_memory(bytes, (int)size, &w, &h, &channels, CHANNELS);
    if (pixels == NULL) {
        return err_set(err, ERR_FORMAT, "not a whole PNG or JPEG picture");
    }
    int orientation = exif_orientation(bytes, size);
    if (orientation != 1) {
        uint8_t *turned = turn(pixels, (size_t)w, (size_t)h, orientation);
        mem_free(pixels);
        if (turned == NULL) {
            return err_set(err, ERR_MEMORY, "no memory to turn a picture of %d x %d", w, h);
        }
        pixels = turned;
    }
    *rgb = pixels;
    *width = (size_t)(orientation >= 5 ? h : w);
    *height = (size_t)(orientation >= 5 ? w : h);
    return true;
}
