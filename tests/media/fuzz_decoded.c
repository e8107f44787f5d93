/* What a decoder that was taken over could say: a message that is whole, or an error; and one that
 * is whole has the headers that we would write for it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "media/decoded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As many as it says, all inside the message, each with bytes. */
static void check_frames(const uint8_t *data, size_t size, size_t count)
{
    struct decoded_frame frame;
    size_t at = DECODED_HEADER, found = 0;
    for (; decoded_next_frame(data, size, &at, &frame); found++) {
        if (frame.size == 0 || frame.second > DECODED_CLIP_FRAMES ||
            frame.file + frame.size > (const char *)data + size) {
            abort();
        }
        unsigned char header[DECODED_FRAME_HEADER];
        decoded_write_frame_header(frame.second, frame.size, header);
        if (memcmp(frame.file - sizeof header, header, sizeof header) != 0) {
            abort();
        }
    }
    if (found != count || at != size) {
        abort();
    }
}

static void check_header(const uint8_t *data, const struct decoded *decoded)
{
    unsigned char header[DECODED_HEADER];
    decoded_write_header(decoded, header);
    if (memcmp(data, header, sizeof header) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum decoded_kind kinds[] = {DECODED_PICTURE, DECODED_SOUND, DECODED_CLIP};
    for (size_t i = 0; i < 3; i++) {
        struct err err = {0};
        struct decoded decoded;
        if (kinds[i] == DECODED_CLIP && decoded_read(data, size, kinds[i], &decoded, &err)) {
            check_frames(data, size, decoded.count);
            check_header(data, &decoded);
        } else if (decoded_read(data, size, kinds[i], &decoded, &err)) {
            size_t values = kinds[i] == DECODED_PICTURE ? decoded.width * decoded.height * 3
                                                        : decoded.count * sizeof(float);
            if (decoded.bytes != values || decoded.bytes + DECODED_HEADER != size) {
                abort();
            }
            check_header(data, &decoded);
        } else if (err.code == ERR_NONE || err.text[0] == '\0') {
            abort();
        }
    }
    return 0;
}
