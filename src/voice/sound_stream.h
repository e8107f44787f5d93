/* sound_stream: a device's frames, as they come, to mono at 16000 a second.
 *
 * Channels become their mean. The samples are those that media/resample makes of the whole sound,
 * bit for bit but for rounding: each piece is converted with enough of its neighbours, and pieces
 * begin where an old and a new sample coincide. So the result lags by the reach of the filter,
 * some milliseconds, until the end is said. Values that are not finite become silence; others are
 * cut to -1..1.
 */
#ifndef CARAT_VOICE_SOUND_STREAM_H
#define CARAT_VOICE_SOUND_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
    SOUND_STREAM_RATE = 16000,
    SOUND_STREAM_RATE_MIN = 4000,
    SOUND_STREAM_RATE_MAX = 384000,
    SOUND_STREAM_CHANNELS_MAX = 64,
};

struct sound_samples { /* samples that somebody gathers; zeroed: none */
    float *items;
    size_t count, capacity;
};
void sound_samples_add(struct sound_samples *sounds, const float *samples, size_t count);
void sound_samples_drop(struct sound_samples *sounds, size_t count); /* the first ones */
void sound_samples_finish(struct sound_samples *sounds);

struct resample_bank;

struct sound_stream {
    uint32_t rate;
    int channels;
    struct resample_bank *bank; /* NULL: the rate is ours already */
    size_t unit;                /* old samples from one coincidence to the next */
    size_t side;                /* old samples that a piece is given on each side, whole units */
    struct sound_samples old;   /* mono; the first `behind` are converted already */
    size_t behind;
};

/* ERR_UNSUPPORTED with the value when no device can be meant. */
bool sound_stream_init(struct sound_stream *stream, uint32_t rate, int channels, struct err *err);
void sound_stream_finish(struct sound_stream *stream);
/* Frames in, samples added to *out. ERR_MEMORY. */
bool sound_stream_feed(struct sound_stream *stream, const float *frames, size_t count,
                       struct sound_samples *out, struct err *err);
/* Nothing follows: what was held back comes too. The stream is as new afterwards. */
bool sound_stream_end(struct sound_stream *stream, struct sound_samples *out, struct err *err);

#endif
