/* dump_file: the pixels of an X window dump, which is what xwd writes.
 *
 * A header of big-endian numbers, a name, a colour map, then the pixels as the X server holds them.
 * True colour alone (visual class 4 or 5, 16, 24 or 32 bits a pixel): what screens have. Sizes are
 * checked against the bytes that are there.
 */
#ifndef CARAT_MEDIA_DUMP_FILE_H
#define CARAT_MEDIA_DUMP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* The bytes begin as such a file does. */
bool dump_file_is(const void *bytes, size_t size);
/* (*rgb)[*height][*width][3], the caller's (mem_free). ERR_FORMAT, ERR_UNSUPPORTED, ERR_LIMIT,
 * ERR_MEMORY. */
bool dump_file_decode(const void *bytes, size_t size, uint8_t **rgb, size_t *width, size_t *height,
                      struct err *err);

#endif
