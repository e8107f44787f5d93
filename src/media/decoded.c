/* decoded: see decoded.h. */
#include "media/decoded.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "media/picture_file.h"
#include "media/sound_file.h"

static const char magic[8] = {'c', 'a', 'r', 'a', 't', '-', 'm', 'd'};

static void put(unsigned char *at, size_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (unsigned char)(value >> 8 * i);
    }
}

void decoded_write_header(const struct decoded *decoded, unsigned char header[DECODED_HEADER])
{
    bool picture = decoded->kind == DECODED_PICTURE;
    memcpy(header, magic, sizeof magic);
    put(header + 8, decoded->kind);
    put(header + 12, picture ? decoded->width : decoded->count);
    put(header + 16, picture ? decoded->height : 1);
    put(header + 20, 0);
}

static bool check_samples(const unsigned char *bytes, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, bytes + i * sizeof value, sizeof value);
        if (!isfinite(value)) {
            return err_set(err, ERR_FORMAT, "the decoder gave a sample that is no number");
        }
    }
    return true;
}

void decoded_write_frame_header(unsigned second, size_t size,
                                unsigned char header[DECODED_FRAME_HEADER])
{
    put(header, second);
    put(header + 4, size);
}

bool decoded_next_frame(const void *message, size_t size, size_t *at, struct decoded_frame *frame)
{
    struct bytes from;
    bytes_init(&from, (const char *)message + *at, size - *at);
    uint64_t second = bytes_u32(&from), length = bytes_u32(&from);
    if (from.failed || length > size - *at - DECODED_FRAME_HEADER) {
        return false;
    }
    *frame = (struct decoded_frame){.second = (unsigned)second,
                                    .file = (const char *)message + *at + DECODED_FRAME_HEADER,
                                    .size = (size_t)length};
    *at += DECODED_FRAME_HEADER + frame->size;
    return true;
}

/* The frames that it says, in the order of their times, and nothing behind them. */
static bool check_frames(const void *message, size_t size, uint64_t count, struct err *err)
{
    struct decoded_frame frame;
    size_t at = DECODED_HEADER;
    unsigned before = 0;
    if (count == 0 || count > DECODED_CLIP_FRAMES) {
        return err_set(err, ERR_LIMIT, "a clip of %llu frames, not of 1 to %d",
                       (unsigned long long)count, DECODED_CLIP_FRAMES);
    }
    for (uint64_t i = 0; i < count; i++, before = frame.second) {
        if (!decoded_next_frame(message, size, &at, &frame) || frame.size == 0 ||
            frame.second < before || frame.second > DECODED_CLIP_FRAMES) {
            return err_set(err, ERR_FORMAT, "frame %llu of the decoder is not in its form",
                           (unsigned long long)i);
        }
    }
    return at == size || err_set(err, ERR_FORMAT, "the decoder says more than its frames");
}

bool decoded_read(const void *message, size_t size, enum decoded_kind kind, struct decoded *decoded,
                  struct err *err)
{
    struct bytes from;
    bytes_init(&from, message, size);
    const unsigned char *head = bytes_view(&from, sizeof magic);
    uint64_t said = bytes_u32(&from), width = bytes_u32(&from), height = bytes_u32(&from);
    uint64_t zero = bytes_u32(&from);
    if (from.failed || memcmp(head, magic, sizeof magic) != 0 || said != (uint64_t)kind ||
        zero != 0 || (kind != DECODED_PICTURE && height != 1)) {
        return err_set(err, ERR_FORMAT, "the decoder's answer is not in its form");
    }
    if (kind == DECODED_CLIP) {
        if (!check_frames(message, size, width, err)) {
            return false;
        }
        *decoded =
            (struct decoded){.kind = kind, .count = (size_t)width, .bytes = size - DECODED_HEADER};
        return true;
    }
    uint64_t most = kind == DECODED_PICTURE ? (uint64_t)PICTURE_FILE_PIXELS_MAX
                                            : (uint64_t)DECODED_SOUND_SECONDS * SOUND_FILE_RATE;
    if (width * height > most || (kind == DECODED_PICTURE && width * height == 0)) {
        return err_set(err, ERR_LIMIT, "%llu x %llu is too large or nothing",
                       (unsigned long long)width, (unsigned long long)height);
    }
    uint64_t bytes = width * height * (kind == DECODED_PICTURE ? 3 : sizeof(float));
    if (bytes != size - DECODED_HEADER) {
        return err_set(err, ERR_FORMAT, "the decoder's answer has %zu bytes, not %llu",
                       size - DECODED_HEADER, (unsigned long long)bytes);
    }
    if (kind == DECODED_SOUND &&
        !check_samples((const unsigned char *)message + DECODED_HEADER, (size_t)width, err)) {
        return false;
    }
    *decoded = (struct decoded){.kind = kind,
                                .width = kind == DECODED_PICTURE ? (size_t)width : 0,
                                .height = kind == DECODED_PICTURE ? (size_t)height : 0,
                                .count = kind == DECODED_SOUND ? (size_t)width : 0,
                                .bytes = (size_t)bytes};
    return true;
}
