/* decoded: what the process that decodes says to the one that asked, and nothing more.
 *
 *     "carat-md"  8 bytes
 *     kind        uint32: 1 picture, 2 sound, 3 clip
 *     width       uint32; of a sound the number of samples, of a clip that of frames
 *     height      uint32; of a sound or a clip 1
 *     0           uint32
 *     the pixels [height][width][3] u8, or the samples float32, or the frames, and then the end
 *
 * A frame of a clip is a file again, which is decoded like any other:
 *
 *     second      uint32: its time in the clip
 *     size        uint32
 *     the bytes of a JPEG file
 *
 * Little-endian. The reader trusts nothing: a decoder that a hostile file has taken over can choose
 * the pixels, the samples and the times, and nothing else.
 */
#ifndef CARAT_MEDIA_DECODED_H
#define CARAT_MEDIA_DECODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum decoded_kind { DECODED_PICTURE = 1, DECODED_SOUND = 2, DECODED_CLIP = 3 };
enum {
    DECODED_HEADER = 24,
    DECODED_FRAME_HEADER = 8,
    DECODED_SOUND_SECONDS = 600,
    DECODED_CLIP_FRAMES = 60,             /* one a second */
    DECODED_CLIP_BYTES = 64 * 1024 * 1024 /* of its file, and of its frames */
};

struct decoded {
    enum decoded_kind kind;
    size_t width, height; /* of a picture */
    size_t count;         /* samples of a sound, 16000 a second; frames of a clip */
    size_t bytes;         /* of what follows the header */
};

struct decoded_frame {
    unsigned second;
    const char *file; /* a view */
    size_t size;
};

void decoded_write_header(const struct decoded *decoded, unsigned char header[DECODED_HEADER]);

/* A whole message of the kind that was asked for: true fills *decoded, whose content are
 * message[DECODED_HEADER ..]. ERR_FORMAT when it is anything else, ERR_LIMIT when a picture or
 * sound is larger than we take; a sound that is not finite is refused too. */
bool decoded_read(const void *message, size_t size, enum decoded_kind kind, struct decoded *decoded,
                  struct err *err);

void decoded_write_frame_header(unsigned second, size_t size,
                                unsigned char header[DECODED_FRAME_HEADER]);
/* The frame at message[*at] (at first DECODED_HEADER), *at behind it; false behind the last. Of a
 * message that decoded_read took. */
bool decoded_next_frame(const void *message, size_t size, size_t *at, struct decoded_frame *frame);

#endif
