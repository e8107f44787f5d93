/* log_mel: see log_mel.h. The triangles are kept sparse: of 128 times 257 weights only some 500 are
 * not zero, and the longest triangle has 11.
 */
#include "audio/log_mel.h"

#include <assert.h>
#include <math.h>

static const double floor_value = 0.001;
static const double highest_frequency = 8000;

/* The corner j of the triangles in Hz: 130 of them, evenly spaced on the mel scale,
 * mel(f) = 2595 log10(1 + f / 700). Triangle m rises from corner m to m + 1 and falls to m + 2. */
static double corner(int j)
{
    double highest = 2595 * log10(1 + highest_frequency / 700);
    return 700 * (pow(10, highest * j / (LOG_MEL_BANDS + 1) / 2595) - 1);
}

static void init_band(struct log_mel_band *band, int m)
{
    double low = corner(m), middle = corner(m + 1), high = corner(m + 2);
    *band = (struct log_mel_band){0};
    for (int k = 0; k < FFT_BINS; k++) {
        double frequency = (double)k * LOG_MEL_RATE / FFT_LENGTH;
        double rising = (frequency - low) / (middle - low);
        double falling = (high - frequency) / (high - middle);
        double weight = rising < falling ? rising : falling;
        if (weight <= 0) {
            continue;
        }
        if (band->count == 0) {
            band->first = k;
        }
        assert(band->count < LOG_MEL_BAND_BINS_MAX);
        band->weight[band->count++] = weight;
    }
}

void log_mel_init(struct log_mel *log_mel)
{
    const double pi = 3.14159265358979323846;
    fft_init(&log_mel->fft);
    for (int n = 0; n < LOG_MEL_FRAME; n++) {
        log_mel->window[n] = (float)(0.5 - 0.5 * cos(2 * pi * n / LOG_MEL_FRAME));
    }
    for (int m = 0; m < LOG_MEL_BANDS; m++) {
        init_band(&log_mel->bands[m], m);
    }
}

size_t log_mel_frames(size_t count)
{
    count = count < LOG_MEL_SAMPLES_MAX ? count : LOG_MEL_SAMPLES_MAX;
    return count > LOG_MEL_HOP ? (count - 1) / LOG_MEL_HOP : 0;
}

void log_mel_compute(const struct log_mel *log_mel, const float *samples, size_t count, float *mel)
{
    float frame[FFT_LENGTH] = {0};
    double magnitude[FFT_BINS];
    size_t frames = log_mel_frames(count);
    for (size_t t = 0; t < frames; t++) {
        for (size_t n = 0; n < LOG_MEL_FRAME; n++) {
            size_t at = t * LOG_MEL_HOP + n; /* behind the silence that was put in front */
            float sample = at < LOG_MEL_HOP ? 0 : samples[at - LOG_MEL_HOP];
            frame[n] = sample * log_mel->window[n];
        }
        fft_magnitudes(&log_mel->fft, frame, magnitude);
        for (size_t m = 0; m < LOG_MEL_BANDS; m++) {
            const struct log_mel_band *band = &log_mel->bands[m];
            double sum = 0;
            for (int i = 0; i < band->count; i++) {
                sum += magnitude[band->first + i] * band->weight[i];
            }
            mel[t * LOG_MEL_BANDS + m] = (float)log(sum + floor_value);
        }
    }
}
