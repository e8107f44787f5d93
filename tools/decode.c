/* decode: see decode.h. */
#include "decode.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/decoded.h"
#include "media/dump_file.h"
#include "media/picture_file.h"
#include "media/sound_file.h"

static bool read_all(int input, size_t limit, struct str *out, struct err *err)
{
    char buffer[64 * 1024];
    ssize_t got;
    while ((got = read(input, buffer, sizeof buffer)) != 0) {
        if (got < 0 && errno != EINTR) {
            return err_errno(err, ERR_IO, "reading the file");
        }
        str_append_bytes(out, buffer, got > 0 ? (size_t)got : 0);
        if (out->length > limit) {
            return err_set(err, ERR_LIMIT, "the file has more than %zu bytes", limit);
        }
    }
    return true;
}

static bool write_message(int output, const struct decoded *decoded, const void *content,
                          struct err *err)
{
    unsigned char header[DECODED_HEADER];
    decoded_write_header(decoded, header);
    return (file_write_all(output, header, sizeof header) &&
            file_write_all(output, content, decoded->bytes)) ||
           err_errno(err, ERR_IO, "writing what was decoded");
}

bool decode_image(int input, int output, struct err *err)
{
    enum { CHANNELS = 3 };
    struct decoded decoded = {.kind = DECODED_PICTURE};
    struct str file;
    uint8_t *rgb = NULL;
    str_init(&file);
    bool ok = read_all(input, PICTURE_FILE_BYTES_MAX, &file, err);
    if (ok && dump_file_is(file.data, file.length)) {
        ok = dump_file_decode(file.data, file.length, &rgb, &decoded.width, &decoded.height, err);
    } else if (ok) {
        ok =
            picture_file_decode(file.data, file.length, &rgb, &decoded.width, &decoded.height, err);
    }
    str_finish(&file);
    if (ok) {
        decoded.bytes = decoded.width * decoded.height * CHANNELS;
        ok = write_message(output, &decoded, rgb, err);
    }
    mem_free(rgb);
    return ok;
}

bool decode_sound(int input, int output, struct err *err)
{
    struct decoded decoded = {.kind = DECODED_SOUND};
    struct str file;
    float *samples = NULL;
    str_init(&file);
    bool ok = read_all(input, SOUND_FILE_BYTES_MAX, &file, err) &&
              sound_file_decode(file.data, file.length, &samples, &decoded.count, err);
    str_finish(&file);
    if (ok && decoded.count > (size_t)DECODED_SOUND_SECONDS * SOUND_FILE_RATE) {
        ok = err_set(err, ERR_LIMIT, "the sound is longer than %d seconds", DECODED_SOUND_SECONDS);
    }
    if (ok) {
        decoded.bytes = decoded.count * sizeof *samples;
        ok = write_message(output, &decoded, samples, err);
    }
    mem_free(samples);
    return ok;
}
