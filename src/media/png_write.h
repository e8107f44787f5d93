/* png_write: pixels as a PNG file. */
#ifndef CARAT_MEDIA_PNG_WRITE_H
#define CARAT_MEDIA_PNG_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Of rgb[height][width][3], each side 1 or more, at most PICTURE_FILE_PIXELS_MAX pixels. *bytes is
 * the caller's (mem_free). ERR_LIMIT. */
bool png_write(const uint8_t *rgb, size_t width, size_t height, unsigned char **bytes, size_t *size,
               struct err *err);

#endif
