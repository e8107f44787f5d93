/* attachment: see attachment.h. */
#include "attachment/attachment.h"

#include <stdint.h>
#include <string.h>

#include "attachment/decoder_process.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/medium.h"
#include "media/decoded.h"
#include "media/picture_file.h"

static const struct decoder_process pictures = {
    "decode-image",
    "{\"read_only\": true, \"limits\": {\"memory_bytes\": 2147483648, \"file_bytes\": 65536}}",
    DECODED_HEADER + (size_t)PICTURE_FILE_PIXELS_MAX * 3, 30};
static const struct decoder_process sounds = {
    "decode-sound",
    "{\"read_only\": true, \"limits\": {\"memory_bytes\": 2147483648, \"file_bytes\": 65536}}",
    DECODED_HEADER + (size_t)DECODED_SOUND_SECONDS * 64000, 30};
/* The frames of a film are files in the sandbox's memory before they are said. */
static const struct decoder_process clips = {
    "decode-clip",
    "{\"read_only\": true, \"limits\": {\"memory_bytes\": 4294967296, \"file_bytes\": 67108864}}",
    DECODED_HEADER + (size_t)DECODED_CLIP_BYTES + DECODED_CLIP_FRAMES *DECODED_FRAME_HEADER, 120};

static struct chat_medium *take(const struct str *message, const struct decoded *decoded)
{
    struct chat_medium *medium = chat_medium_create();
    const char *content = message->data + DECODED_HEADER;
    medium->picture = decoded->kind == DECODED_PICTURE;
    medium->width = decoded->width;
    medium->height = decoded->height;
    medium->count = decoded->count;
    void *copy = mem_alloc(decoded->bytes + 1, 1);
    memcpy(copy, content, decoded->bytes);
    if (medium->picture) {
        medium->rgb = copy;
    } else {
        medium->samples = copy;
    }
    return medium;
}

struct chat_medium *attachment_decode(const struct attachment_tool *tool, const char *bytes,
                                      size_t size, bool picture, struct err *err)
{
    struct str message;
    struct decoded decoded;
    struct chat_medium *medium = NULL;
    str_init(&message);
    if (decoder_process_run(picture ? &pictures : &sounds, tool, bytes, size, &message, err) &&
        decoded_read(message.data, message.length, picture ? DECODED_PICTURE : DECODED_SOUND,
                     &decoded, err)) {
        medium = take(&message, &decoded);
        medium->file = mem_strndup(bytes, size);
        medium->file_size = size;
    }
    str_finish(&message);
    return medium;
}

/* --- clips --- */

/* Files of films: how they begin. What they are exactly is their decoder's matter. */
static bool is_clip(const struct str *file)
{
    return file->length > 12 && (memcmp(file->data + 4, "ftyp", 4) == 0 ||
                                 memcmp(file->data, "\x1A\x45\xDF\xA3", 4) == 0 ||
                                 memcmp(file->data + 8, "AVI ", 4) == 0);
}

/* Each frame is a file as foreign as the clip, and decoded like one. */
static bool take_frames(const struct attachment_tool *tool, const struct str *message,
                        struct chat_medium *clip, struct err *err)
{
    struct decoded_frame frame;
    size_t at = DECODED_HEADER;
    clip->frames = mem_zero(DECODED_CLIP_FRAMES, sizeof *clip->frames);
    while (decoded_next_frame(message->data, message->length, &at, &frame)) {
        struct chat_medium *medium = attachment_decode(tool, frame.file, frame.size, true, err);
        if (medium == NULL) {
            return err_prefix(err, "frame %zu", clip->frame_count + 1);
        }
        medium->second = frame.second;
        clip->frames[clip->frame_count++] = medium;
    }
    return true;
}

static struct chat_medium *decode_clip(const struct attachment_tool *tool, const struct str *file,
                                       struct err *err)
{
    struct str message;
    struct decoded decoded;
    struct chat_medium *clip = chat_medium_create();
    clip->picture = true;
    str_init(&message);
    if (!decoder_process_run(&clips, tool, file->data, file->length, &message, err) ||
        !decoded_read(message.data, message.length, DECODED_CLIP, &decoded, err) ||
        !take_frames(tool, &message, clip, err)) {
        chat_medium_release(clip);
        clip = NULL;
    }
    str_finish(&message);
    return clip;
}

struct chat_medium *attachment_open(const struct attachment_tool *tool, const char *path,
                                    bool picture, struct err *err)
{
    struct str bytes;
    struct chat_medium *medium = NULL;
    str_init(&bytes);
    if (file_read(path, PICTURE_FILE_BYTES_MAX, &bytes, err)) {
        medium = picture && is_clip(&bytes)
                     ? decode_clip(tool, &bytes, err)
                     : attachment_decode(tool, bytes.data, bytes.length, picture, err);
        if (medium == NULL) {
            err_prefix(err, "%s", path);
        }
    }
    str_finish(&bytes);
    return medium;
}
