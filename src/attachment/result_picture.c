/* result_picture: see result_picture.h. */
#include "attachment/result_picture.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

const json_t *result_picture_find(const json_t *result)
{
    size_t i;
    json_t *block;
    json_array_foreach(json_object_get(result, "content"), i, block)
    {
        const char *type = json_string_value(json_object_get(block, "type"));
        if (type != NULL && strcmp(type, "image") == 0 &&
            json_is_string(json_object_get(block, "data"))) {
            return block;
        }
    }
    return NULL;
}

char *result_picture_bytes(const json_t *block, size_t *size)
{
    const json_t *data = json_object_get(block, "data");
    size_t length = json_string_length(data);
    unsigned char *bytes = mem_alloc(length + 1, 1);
    if (!base64_decode(json_string_value(data), length, bytes, size)) {
        *size = 0;
    }
    return (char *)bytes;
}
