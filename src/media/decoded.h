/* decoded: what the process that decodes says to the one that asked, and nothing more.
 *
 *     "carat-md"  8 bytes
 *     kind        uint32: 1 picture, 2 sound
 *     width       uint32; of a sound the number of samples
 *     height      uint32; of a sound 1
 *     0           uint32
 *     the pixels [height][width][3] u8, or the samples float32, and then the end
 *
 * Little-endian. The reader trusts nothing: a decoder that a hostile file has taken over can choose
 * the pixels and the samples, and nothing else.
 */
#ifndef CARAT_MEDIA_DECODED_H
#define CARAT_MEDIA_DECODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum decoded_kind { DECODED_PICTURE = 1, DECODED_SOUND = 2 };
enum { DECODED_HEADER = 24, DECODED_SOUND_SECONDS = 600 };

struct decoded {
    enum decoded_kind kind;
    size_t width, height; /* of a picture */
    size_t count;         /* samples of a sound, 16000 a second */
    size_t bytes;         /* of what follows the header */
};

void decoded_write_header(const struct decoded *decoded, unsigned char header[DECODED_HEADER]);

/* A whole message of the kind that was asked for: true fills *decoded, whose content are
 * message[DECODED_HEADER ..]. ERR_FORMAT when it is anything else, ERR_LIMIT when a picture or
 * sound is larger than we take; a sound that is not finite is refused too. */
bool decoded_read(const void *message, size_t size, enum decoded_kind kind, struct decoded *decoded,
                  struct err *err);

#endif
