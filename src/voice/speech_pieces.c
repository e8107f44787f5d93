/* speech_pieces: see speech_pieces.h. */
#include "voice/speech_pieces.h"

/* Silence is measured over 100 ms, every 10 ms; of equally quiet moments the
 * later is taken. */
enum { STEP = 160, WIDTH = 10 };

static double energy(const float *samples)
{
    double sum = 0;
    for (size_t i = 0; i < STEP; i++) {
        sum += (double)samples[i] * (double)samples[i];
    }
    return sum;
}

size_t speech_pieces_next(const float *samples, size_t count)
{
    if (count <= SPEECH_PIECES_MOST) {
        return count;
    }
    const size_t from = SPEECH_PIECES_MOST - SPEECH_PIECES_SEARCH;
    const size_t steps = SPEECH_PIECES_SEARCH / STEP;
    double sum = 0, least = 0;
    size_t cut = SPEECH_PIECES_MOST;
    for (size_t step = 0; step < steps; step++) {
        sum += energy(samples + from + step * STEP);
        if (step >= WIDTH) {
            sum -= energy(samples + from + (step - WIDTH) * STEP);
        }
        if (step + 1 >= WIDTH && (step + 1 == WIDTH || sum <= least)) {
            least = sum > 0 ? sum : 0;
            cut = from + (step + 1 - WIDTH / 2) * STEP;
        }
    }
    return cut;
}
