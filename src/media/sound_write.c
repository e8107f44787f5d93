#include "media/sound_write.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { RATE = 16000, BYTES = 2 };

static unsigned char *put(unsigned char *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        *out++ = (unsigned char)(value >> (8 * i));
    }
    return out;
}

size_t sound_write_size(size_t count)
{
    return SOUND_WRITE_HEADER + count * BYTES;
}

void sound_write(float *samples, size_t count, unsigned char *out)
{
    uint32_t bytes = (uint32_t)(count * BYTES);
    memcpy(out, "RIFF", 4);
    out = put(out + 4, SOUND_WRITE_HEADER - 8 + bytes, 4);
    memcpy(out, "WAVEfmt ", 8);
    out = put(out + 8, 16, 4);
    out = put(out, 1, 2); /* PCM */
    out = put(out, 1, 2); /* one channel */
    out = put(out, RATE, 4);
    out = put(out, RATE * BYTES, 4);
    out = put(out, BYTES, 2);
    out = put(out, 8 * BYTES, 2);
    memcpy(out, "data", 4);
    out = put(out + 4, bytes, 4);
    for (size_t i = 0; i < count; i++) {
        float scaled = roundf(samples[i] * 32768);
        int value = scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : (int)scaled;
        samples[i] = (float)value / 32768;
        out = put(out, (uint32_t)value & 0xFFFF, BYTES);
    }
}
