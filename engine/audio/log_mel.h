/* log_mel: sound to the log-mel frames that Gemma 4's audio encoder reads.
 *
 * Samples are mono, 16 kHz, float32 in -1..1. Half a frame of silence is put before them; frames of
 * 320 samples (20 ms) begin every 160 (10 ms), are weighted by a periodic Hann window, filled up
 * with zeros to 512 and transformed; the magnitudes (not their squares) go through 128 triangles on
 * the HTK mel scale, 0 to 8000 Hz, whose height is 1; and the value is ln(sum + 0.001), the floor
 * being added and not a bound. Formulas: the published feature extractor of Gemma 4.
 *
 * A frame exists only when one sample more than it needs is there: N samples give
 * floor((N - 1) / 160) frames, and none below 161. What lies behind 30 s is left out; callers
 * that want all of a longer sound cut it up. A plain value, read-only after init.
 */
#ifndef CARAT_AUDIO_LOG_MEL_H
#define CARAT_AUDIO_LOG_MEL_H

#include <stddef.h>

#include "audio/fft.h"

enum {
    LOG_MEL_RATE = 16000,
    LOG_MEL_BANDS = 128,
    LOG_MEL_SAMPLES_MAX = 30 * LOG_MEL_RATE,
    LOG_MEL_FRAMES_MAX = 2999,
    LOG_MEL_FRAME = 320,
    LOG_MEL_HOP = 160,
    LOG_MEL_BAND_BINS_MAX = 12,
};

/* One triangle: its weights for the bins first .. first + count - 1, all others being 0. */
struct log_mel_band {
    int first, count;
    double weight[LOG_MEL_BAND_BINS_MAX];
};

struct log_mel {
    struct fft fft;
    float window[LOG_MEL_FRAME];
    struct log_mel_band bands[LOG_MEL_BANDS];
};

void log_mel_init(struct log_mel *log_mel);

/* How many frames `count` samples give: 0 .. LOG_MEL_FRAMES_MAX. */
size_t log_mel_frames(size_t count);

/* mel[t][band] for log_mel_frames(count) frames of LOG_MEL_BANDS values. */
void log_mel_compute(const struct log_mel *log_mel, const float *samples, size_t count, float *mel);

#endif
