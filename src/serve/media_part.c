#include "serve/media_part.h"

#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "chat/medium.h"

static struct chat_medium *from_base64(const char *text, bool picture, struct err *err)
{
    size_t length = strlen(text), size = 0;
    unsigned char *bytes = mem_alloc(length / 4 * 3 + 1, 1);
    if (!base64_decode(text, length, bytes, &size) || size == 0) {
        mem_free(bytes);
        err_set(err, ERR_FORMAT, "its data is not base64");
        return NULL;
    }
    struct chat_medium *medium = chat_medium_create();
    medium->picture = picture;
    medium->file = (char *)bytes;
    medium->file_size = size;
    return medium;
}

/* What stands behind "data:...;base64,"; NULL and *err for any other URL. */
static const char *data_of(const char *url, struct err *err)
{
    const char *comma = strchr(url, ',');
    if (strncmp(url, "data:", 5) != 0) {
        err_set(err, ERR_UNSUPPORTED,
                "nothing is fetched for a client: send the picture itself, as a data: URL");
        return NULL;
    }
    if (comma == NULL || comma - url < 7 || strncmp(comma - 7, ";base64", 7) != 0) {
        err_set(err, ERR_FORMAT, "a data: URL must be data:TYPE;base64,DATA");
        return NULL;
    }
    return comma + 1;
}

static struct chat_medium *read_picture(const json_t *part, struct err *err)
{
    const json_t *image = json_object_get(part, "image_url");
    const char *url =
        json_string_value(json_is_object(image) ? json_object_get(image, "url") : image);
    if (url == NULL) {
        err_set(err, ERR_FORMAT, "image_url: no url");
        return NULL;
    }
    const char *data = data_of(url, err);
    return data != NULL ? from_base64(data, true, err) : NULL;
}

static struct chat_medium *read_sound(const json_t *part, struct err *err)
{
    const json_t *audio = json_object_get(part, "input_audio");
    const char *data = json_string_value(json_object_get(audio, "data"));
    const char *format = json_string_value(json_object_get(audio, "format"));
    if (data == NULL) {
        err_set(err, ERR_FORMAT, "input_audio: no data");
        return NULL;
    }
    if (format != NULL && strcmp(format, "wav") != 0) {
        err_set(err, ERR_UNSUPPORTED, "sounds are read as wav, not as %.20s", format);
        return NULL;
    }
    return from_base64(data, false, err);
}

struct chat_medium *media_part_read(const json_t *part, bool picture, struct err *err)
{
    return picture ? read_picture(part, err) : read_sound(part, err);
}
