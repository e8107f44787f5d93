/* png_write: see png_write.h. */
#include "media/png_write.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/picture_file.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#pragma GCC diagnostic ignored "-Wunused-function"
#define STBI_WRITE_NO_STDIO
/* It writes through what it could not grow: so its memory cannot fail. */
#define STBIW_MALLOC(SIZE)         mem_alloc((SIZE), 1)
#define STBIW_REALLOC(BLOCK, SIZE) mem_resize((BLOCK), (SIZE), 1)
#define STBIW_FREE(BLOCK)          mem_free(BLOCK)
#include <stb_image_write.h>

enum { CHANNELS = 3 };

bool png_write(const uint8_t *rgb, size_t width, size_t height, unsigned char **bytes, size_t *size,
               struct err *err)
{
    int length = 0;
    if (width == 0 || height == 0 || width > PICTURE_FILE_PIXELS_MAX / height) {
        return err_set(err, ERR_LIMIT, "no PNG file of %zu x %zu pixels", width, height);
    }
    *bytes = stbi_write_png_to_mem(rgb, (int)(width * CHANNELS), (int)width, (int)height, CHANNELS,
                                   &length);
    *size = (size_t)length;
    return true;
}
