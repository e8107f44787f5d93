/* sound_file: see sound_file.h. A file is a RIFF header and then chunks of a four-letter name, a
 * size and as many bytes, filled up to an even number. Only "fmt " and the "data" behind it are
 * read. Programs that write to a pipe cannot know the size of the data and put 0xFFFFFFFF: that
 * means all that is left. Any other size that is more than what is left is an error, for a cut
 * file must not pass as a shorter sound.
 */
#include "media/sound_file.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "media/resample.h"

enum { PCM = 1, IEEE_FLOAT = 3, EXTENSIBLE = 0xFFFE };

static const uint32_t unknown_size = UINT32_MAX;

struct format {
    uint16_t coding, channels, bits;
    uint32_t rate;
};

struct sound {
    struct format format;
    const unsigned char *data;
    size_t count; /* moments; each is `channels` values */
};

static bool read_format(struct format *format, struct bytes chunk, struct err *err)
{
    struct format read = {.coding = bytes_u16(&chunk)};
    read.channels = bytes_u16(&chunk);
    read.rate = bytes_u32(&chunk);
    bytes_view(&chunk, 6); /* bytes a second and bytes a moment follow from the rest */
    read.bits = bytes_u16(&chunk);
    if (!chunk.failed && read.coding == EXTENSIBLE) {
        bytes_view(&chunk, 8); /* its size, the valid bits, which loudspeaker */
        read.coding = bytes_u16(&chunk);
    }
    if (chunk.failed) {
        return err_set(err, ERR_FORMAT, "the WAV file's format chunk is too short: %zu bytes",
                       chunk.size);
    }
    bool known = read.coding == PCM
                     ? read.bits == 8 || read.bits == 16 || read.bits == 24 || read.bits == 32
                     : read.coding == IEEE_FLOAT && read.bits == 32;
    if (!known) {
        return err_set(err, ERR_UNSUPPORTED,
                       "the WAV file has coding %u with %u bits; only PCM of 8, 16, 24 and 32 bits "
                       "and float of 32 bits are read",
                       read.coding, read.bits);
    }
    if (read.channels == 0 || read.channels > SOUND_FILE_CHANNELS_MAX) {
        return err_set(err, ERR_FORMAT, "the WAV file has %u channels", read.channels);
    }
    if (read.rate < SOUND_FILE_RATE_MIN || read.rate > SOUND_FILE_RATE_MAX) {
        return err_set(err, ERR_UNSUPPORTED, "the sound has %u samples a second; %d to %d are read",
                       read.rate, SOUND_FILE_RATE_MIN, SOUND_FILE_RATE_MAX);
    }
    *format = read;
    return true;
}

/* Walks the chunks up to the data. */
static bool find_data(struct sound *sound, struct bytes file, struct err *err)
{
    bool has_format = false;
    while (bytes_left(&file) >= 8) {
        const unsigned char *name = bytes_view(&file, 4);
        uint64_t size = bytes_u32(&file);
        bool is_data = memcmp(name, "data", 4) == 0;
        size_t offset = file.position;
        if (is_data && size == unknown_size) {
            size = bytes_left(&file);
        }
        const unsigned char *content = bytes_view(&file, size);
        if (content == NULL) {
            return err_set(
                err, ERR_FORMAT,
                "the WAV file is cut: a chunk at offset %zu says %llu bytes, %zu are left", offset,
                (unsigned long long)size, bytes_left(&file));
        }
        if (is_data) {
            if (!has_format) {
                return err_set(err, ERR_FORMAT, "the WAV file has data before its format");
            }
            sound->data = content;
            sound->count = (size_t)size / (sound->format.bits / 8U * sound->format.channels);
            return true;
        }
        if (memcmp(name, "fmt ", 4) == 0) {
            struct bytes chunk;
            bytes_init(&chunk, content, (size_t)size);
            if (!read_format(&sound->format, chunk, err)) {
                return false;
            }
            has_format = true;
        }
        bytes_view(&file, size % 2);
    }
    return err_set(err, ERR_FORMAT, "the WAV file has no data chunk");
}

static float read_value(const struct format *format, const unsigned char *at)
{
    uint32_t bits = 0; /* the value's bytes at the upper end */
    size_t width = format->bits / 8U;
    for (size_t i = 0; i < width; i++) {
        bits |= (uint32_t)at[i] << (32 - format->bits + 8 * i);
    }
    float value;
    if (format->coding == IEEE_FLOAT) {
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    bits ^= format->bits == 8 ? UINT32_C(1) << 31 : 0; /* 8 bits alone are without a sign */
    int64_t number = bits < UINT32_C(1) << 31 ? (int64_t)bits : (int64_t)bits - (INT64_C(1) << 32);
    return (float)((double)number / 2147483648.0);
}

/* The mean of the channels, moment by moment. */
static bool mix_down(const struct sound *sound, float *mono, struct err *err)
{
    size_t channels = sound->format.channels, width = sound->format.bits / 8U;
    for (size_t i = 0; i < sound->count; i++) {
        double sum = 0;
        for (size_t c = 0; c < channels; c++) {
            sum += (double)read_value(&sound->format, sound->data + (i * channels + c) * width);
        }
        mono[i] = (float)(sum / (double)channels);
        if (!isfinite(mono[i])) {
            return err_set(err, ERR_FORMAT, "sample %zu of the sound is not a finite number", i);
        }
        if (fabsf(mono[i]) > SOUND_FILE_LOUDEST) {
            return err_set(err, ERR_FORMAT, "sample %zu of the sound is %g; %d is the most", i,
                           (double)mono[i], SOUND_FILE_LOUDEST);
        }
    }
    return true;
}

bool sound_file_decode(const void *data, size_t size, float **samples, size_t *count,
                       struct err *err)
{
    struct bytes file;
    struct sound sound = {0};
    bytes_init(&file, data, size);
    const unsigned char *head = bytes_view(&file, 12);
    if (head == NULL || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) {
        return err_set(err, ERR_FORMAT, "not a WAV file: it does not begin with RIFF and WAVE");
    }
    if (!find_data(&sound, file, err)) {
        return false;
    }
    float *mono = mem_try_alloc(sound.count + 1, sizeof *mono); /* + 1: never nothing */
    if (mono == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu samples", sound.count);
    }
    bool ok = mix_down(&sound, mono, err);
    if (ok && sound.format.rate != SOUND_FILE_RATE) {
        float *resampled;
        ok = resample(mono, sound.count, sound.format.rate, SOUND_FILE_RATE, &resampled,
                      &sound.count, err);
        if (ok) {
            mem_free(mono);
            mono = resampled;
        }
    }
    if (!ok) {
        mem_free(mono);
        return false;
    }
    *samples = mono;
    *count = sound.count;
    return true;
}
