/* speech_detector: where in a sound somebody speaks.
 *
 * Pure: samples in, 16000 a second, a verdict for each 20 ms out; no clock, no thread. What counts
 * is the band of speech (300 to 3400 Hz), so mains hum and rumble fall away first. A frame is loud
 * when it stands SPEECH_DETECTOR_RISE_DB above the noise, whose level is the least of the last
 * seconds and so follows a fan or a road. Speech begins with several loud frames that are voiced
 * (a pitch of 70 to 400 Hz repeats in them), and that differ in level: a click is too short, noise
 * has no pitch, and a tone does not move. It goes on while it is loud, voiced or not, and ends
 * after a pause. Whispering has no pitch and is not found; who whispers ends the recording by hand.
 */
#ifndef CARAT_VOICE_SPEECH_DETECTOR_H
#define CARAT_VOICE_SPEECH_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SPEECH_DETECTOR_FRAME = 320, /* samples, 20 ms */
    SPEECH_DETECTOR_RISE_DB = 9,
    SPEECH_DETECTOR_WINDOW = 16,  /* frames that a beginning is looked for in */
    SPEECH_DETECTOR_NOISE = 100,  /* frames whose least level is the noise */
    SPEECH_DETECTOR_HISTORY = 512 /* samples that a pitch is looked for in */
};

enum speech_event {
    SPEECH_NOTHING, /* as before: silence, or speech that goes on */
    SPEECH_BEGINS,  /* it began `begin` samples after the first that was fed */
    SPEECH_ENDS,    /* the pause is long enough; the last loud frame ended at `end` */
};

struct speech_detector {
    size_t pause; /* frames of silence that end speech; 0 = it never ends by itself */
    bool speaking;
    size_t begin, end; /* samples since the start */
    double noise_db;   /* level of the noise now, 0 is a full-scale square */
    double level_db;   /* of the last frame, in the band of speech */

    size_t frames;          /* seen */
    size_t quiet;           /* frames since the last loud one */
    double low[2], high[2]; /* memories of the two filters */
    float history[SPEECH_DETECTOR_HISTORY];
    struct {
        double db;
        bool loud, voiced;
    } window[SPEECH_DETECTOR_WINDOW];     /* by frame number */
    double levels[SPEECH_DETECTOR_NOISE]; /* smoothed, by frame number */
    double smooth_db;
};

void speech_detector_init(struct speech_detector *detector, int pause_ms);
enum speech_event speech_detector_feed(struct speech_detector *detector,
                                       const float samples[SPEECH_DETECTOR_FRAME]);

#endif
