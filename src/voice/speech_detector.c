/* speech_detector: see speech_detector.h. */
#include "voice/speech_detector.h"

#include <math.h>
#include <string.h>

/* A window holds a beginning when so many of its frames are loud, and so many of these voiced, and
 * they differ by so much. A level under LEAST_DB is silence whatever the noise is. Until KNOWN
 * frames were seen, the noise is not believed to be over FIRST_NOISE_DB. */
enum { LOUD = 6, VOICED = 3, SPREAD_DB = 3, LEAST_DB = -60, FIRST_NOISE_DB = -45, KNOWN = 25 };
enum { PITCH_SHORTEST = 40, PITCH_LONGEST = 228 }; /* samples: 400 and 70 Hz */
static const double voiced_from = 0.5;             /* correlation with itself, a period later */

void speech_detector_init(struct speech_detector *detector, int pause_ms)
{
    memset(detector, 0, sizeof *detector);
    detector->pause = pause_ms > 0 ? ((size_t)pause_ms + 19) / 20 : 0;
    detector->noise_db = FIRST_NOISE_DB;
    detector->level_db = detector->smooth_db = -100;
}

/* Second-order Butterworth filters at 16 kHz, by the bilinear transform with prewarped corners
 * (w = tan(pi f / 16000), q = sqrt(2)); in transposed form. */
static double filter(double memory[2], const double b[3], const double a[2], double x)
{
    double y = b[0] * x + memory[0];
    memory[0] = b[1] * x - a[0] * y + memory[1];
    memory[1] = b[2] * x - a[1] * y;
    return y;
}

static void corner(double hertz, bool high, double b[3], double a[2])
{
    double w = tan(3.14159265358979323846 * hertz / 16000), n = 1 + sqrt(2) * w + w * w;
    double gain = (high ? 1 : w * w) / n;
    b[0] = b[2] = gain;
    b[1] = high ? -2 * gain : 2 * gain;
    a[0] = 2 * (w * w - 1) / n;
    a[1] = (1 - sqrt(2) * w + w * w) / n;
}

/* The frame in the band of speech goes to the end of the history; its level. */
static double take_band(struct speech_detector *detector, const float *samples)
{
    double low_b[3], low_a[2], high_b[3], high_a[2], sum = 0;
    const size_t kept = SPEECH_DETECTOR_HISTORY - SPEECH_DETECTOR_FRAME;
    corner(3400, false, low_b, low_a);
    corner(300, true, high_b, high_a);
    memmove(detector->history, detector->history + SPEECH_DETECTOR_FRAME,
            kept * sizeof *detector->history);
    for (size_t i = 0; i < SPEECH_DETECTOR_FRAME; i++) {
        double x = isfinite(samples[i]) ? (double)samples[i] : 0;
        double y = filter(detector->high, high_b, high_a, filter(detector->low, low_b, low_a, x));
        detector->history[kept + i] = (float)y;
        sum += y * y;
    }
    return 10 * log10(sum / SPEECH_DETECTOR_FRAME + 1e-10);
}

/* The best correlation of the last samples with those a period of a voice earlier, -1..1. A period
 * that is half of another is no better: what counts is whether there is any. */
static double pitch(const struct speech_detector *detector)
{
    const size_t count = SPEECH_DETECTOR_HISTORY - PITCH_LONGEST;
    const float *now = detector->history + PITCH_LONGEST;
    double own = 1e-12, best = -1;
    for (size_t i = 0; i < count; i++) {
        own += (double)now[i] * (double)now[i];
    }
    for (size_t lag = PITCH_SHORTEST; lag <= PITCH_LONGEST; lag++) {
        const float *then = now - lag;
        double product = 0, other = 1e-12;
        for (size_t i = 0; i < count; i++) {
            product += (double)now[i] * (double)then[i];
            other += (double)then[i] * (double)then[i];
        }
        double correlation = product / sqrt(own * other);
        best = correlation > best ? correlation : best;
    }
    return best;
}

/* The least of the smoothed levels: in speech there are pauses, in noise there are none. */
static void follow_noise(struct speech_detector *detector)
{
    size_t place = detector->frames % SPEECH_DETECTOR_NOISE;
    double db = detector->level_db;
    detector->smooth_db = detector->frames == 0 ? db : 0.6 * detector->smooth_db + 0.4 * db;
    detector->levels[place] = detector->smooth_db;
    size_t count =
        detector->frames < SPEECH_DETECTOR_NOISE ? detector->frames + 1 : SPEECH_DETECTOR_NOISE;
    double least = detector->levels[0];
    for (size_t i = 1; i < count; i++) {
        least = detector->levels[i] < least ? detector->levels[i] : least;
    }
    /* Who speaks at once must not be taken for the noise of the place. */
    detector->noise_db =
        detector->frames < KNOWN && least > FIRST_NOISE_DB ? FIRST_NOISE_DB : least;
}

/* Does somebody speak in the window? *first is the frame that it began with. */
static bool begins(const struct speech_detector *detector, size_t *first)
{
    size_t loud = 0, voiced = 0;
    size_t from = detector->frames >= SPEECH_DETECTOR_WINDOW
                      ? detector->frames - SPEECH_DETECTOR_WINDOW + 1
                      : 0;
    double least = 0, most = -200;
    for (size_t frame = from; frame <= detector->frames; frame++) {
        size_t place = frame % SPEECH_DETECTOR_WINDOW;
        if (!detector->window[place].loud) {
            continue;
        }
        if (loud == 0) {
            *first = frame; /* the frame of an onset is partly silent: its level says nothing */
        } else {
            double db = detector->window[place].db;
            least = db < least ? db : least;
            most = db > most ? db : most;
        }
        loud++;
        voiced += detector->window[place].voiced;
    }
    return loud >= LOUD && voiced >= VOICED && most - least >= SPREAD_DB;
}

enum speech_event speech_detector_feed(struct speech_detector *detector,
                                       const float samples[SPEECH_DETECTOR_FRAME])
{
    enum speech_event event = SPEECH_NOTHING;
    size_t place = detector->frames % SPEECH_DETECTOR_WINDOW, first = 0;
    detector->level_db = take_band(detector, samples);
    follow_noise(detector);
    bool loud = detector->level_db > detector->noise_db + SPEECH_DETECTOR_RISE_DB &&
                detector->level_db > LEAST_DB;
    detector->window[place].db = detector->level_db;
    detector->window[place].loud = loud;
    detector->window[place].voiced = loud && pitch(detector) >= voiced_from;
    detector->quiet = loud ? 0 : detector->quiet + 1;
    if (loud) {
        detector->end = (detector->frames + 1) * SPEECH_DETECTOR_FRAME;
    }
    if (!detector->speaking && begins(detector, &first)) {
        detector->speaking = true;
        detector->begin = first * SPEECH_DETECTOR_FRAME;
        event = SPEECH_BEGINS;
    } else if (detector->speaking && detector->pause > 0 && detector->quiet >= detector->pause) {
        detector->speaking = false;
        event = SPEECH_ENDS;
    }
    detector->frames++;
    return event;
}
