/* fft: the discrete Fourier transform of one frame of 512 real values, as magnitudes.
 *
 * In float64: what the transform costs is nothing beside the encoder behind it, and the log-mel of
 * quiet bands stays right to the last digits of a float32. A plain value, read-only after init, so
 * any thread may use it.
 */
#ifndef CARAT_AUDIO_FFT_H
#define CARAT_AUDIO_FFT_H

enum { FFT_LENGTH = 512, FFT_BINS = FFT_LENGTH / 2 + 1 };

struct fft {
    double cosine[FFT_BINS], sine[FFT_BINS]; /* of 2 pi k / 512 */
};

void fft_init(struct fft *fft);

/* magnitude[k] = | sum over n of x[n] exp(-2 pi i k n / 512) |, k = 0..256. */
void fft_magnitudes(const struct fft *fft, const float x[FFT_LENGTH], double magnitude[FFT_BINS]);

#endif
