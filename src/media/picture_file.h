/* picture_file: the pixels of a PNG or JPEG file.
 *
 * As the model's own processor reads a file: alpha and transparent colours are dropped, grey and
 * palettes become RGB, 16 bits become their upper 8, and a JPEG is turned as its EXIF orientation
 * says. The bytes are foreign, and the decoder is not ours: carat calls this in a process that can
 * do nothing else (tools/decode).
 */
#ifndef CARAT_MEDIA_PICTURE_FILE_H
#define CARAT_MEDIA_PICTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { PICTURE_FILE_BYTES_MAX = 64 * 1024 * 1024, PICTURE_FILE_PIXELS_MAX = 1 << 27 };

/* (*rgb)[*height][*width][3], the caller's (mem_free). ERR_FORMAT, ERR_LIMIT, ERR_MEMORY. */
bool picture_file_decode(const void *bytes, size_t size, uint8_t **rgb, size_t *width,
                         size_t *height, struct err *err);

#endif
