/* fft: see fft.h. The 512 real values are taken as 256 complex ones (even places real, odd places
 * imaginary), which are transformed by Cooley and Tukey's radix-2 method in place, and the spectrum
 * of the real values is then read out of the halves' symmetry.
 */
#include "audio/fft.h"

#include <math.h>
#include <stddef.h>

enum { HALF = FFT_LENGTH / 2, HALF_BITS = 8 };

struct complex_values {
    double re[HALF], im[HALF];
};

void fft_init(struct fft *fft)
{
    const double pi = 3.14159265358979323846;
    for (int k = 0; k < FFT_BINS; k++) {
        fft->cosine[k] = cos(2 * pi * k / FFT_LENGTH);
        fft->sine[k] = sin(2 * pi * k / FFT_LENGTH);
    }
}

static unsigned reversed_bits(unsigned n)
{
    unsigned reversed = 0;
    for (int bit = 0; bit < HALF_BITS; bit++) {
        reversed = reversed << 1 | (n >> bit & 1);
    }
    return reversed;
}

static void transform(const struct fft *fft, struct complex_values *z)
{
    for (int length = 2; length <= HALF; length *= 2) {
        int half = length / 2, step = FFT_LENGTH / length;
        for (int from = 0; from < HALF; from += length) {
            for (int j = 0; j < half; j++) {
                /* The twiddle factor is exp(-2 pi i j / length). */
                double wr = fft->cosine[j * step], wi = -fft->sine[j * step];
                int a = from + j, b = a + half;
                double tr = z->re[b] * wr - z->im[b] * wi;
                double ti = z->re[b] * wi + z->im[b] * wr;
                z->re[b] = z->re[a] - tr;
                z->im[b] = z->im[a] - ti;
                z->re[a] += tr;
                z->im[a] += ti;
            }
        }
    }
}

void fft_magnitudes(const struct fft *fft, const float x[FFT_LENGTH], double magnitude[FFT_BINS])
{
    struct complex_values z;
    for (unsigned n = 0; n < HALF; n++) {
        size_t to = reversed_bits(n);
        z.re[to] = (double)x[2 * n];
        z.im[to] = (double)x[2 * n + 1];
    }
    transform(fft, &z);
    for (int k = 0; k < FFT_BINS; k++) {
        int a = k % HALF, b = (HALF - k) % HALF;
        /* The spectra of the even and of the odd places, and the sum even + w^k odd. */
        double even_re = (z.re[a] + z.re[b]) / 2, even_im = (z.im[a] - z.im[b]) / 2;
        double odd_re = (z.im[a] + z.im[b]) / 2, odd_im = (z.re[b] - z.re[a]) / 2;
        double re = even_re + fft->cosine[k] * odd_re + fft->sine[k] * odd_im;
        double im = even_im + fft->cosine[k] * odd_im - fft->sine[k] * odd_re;
        magnitude[k] = sqrt(re * re + im * im);
    }
}
