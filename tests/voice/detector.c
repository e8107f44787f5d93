/* Who speaks and who does not: speech of the small model's tests, synthesised vowels, and what is
 * no speech (noise, hum, tones, clicks, silence), each with a control. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/sound_file.h"
#include "voice/sound_stream.h"
#include "voice/speech_detector.h"
#include "voice/speech_pieces.h"

enum { RATE = 16000 };
static const double pi = 3.14159265358979323846;

static uint32_t seed;

static double noise(void)
{
    seed = seed * 1664525 + 1013904223;
    return (double)(seed >> 8) / (1 << 23) - 1;
}

struct found {
    int begins, ends;
    size_t begin, end; /* of the last */
};

static struct found listen(const struct sound_samples *sound, int pause_ms)
{
    struct speech_detector detector;
    struct found found = {0};
    speech_detector_init(&detector, pause_ms);
    for (size_t at = 0; at + SPEECH_DETECTOR_FRAME <= sound->count; at += SPEECH_DETECTOR_FRAME) {
        switch (speech_detector_feed(&detector, sound->items + at)) {
        case SPEECH_BEGINS:
            found.begins++;
            found.begin = detector.begin;
            break;
        case SPEECH_ENDS:
            found.ends++;
            found.end = detector.end;
            break;
        case SPEECH_NOTHING:
            break;
        }
    }
    return found;
}

static void add_noise(struct sound_samples *sound, double seconds, double level)
{
    for (size_t i = 0; i < (size_t)(seconds * RATE); i++) {
        float sample = (float)(level * noise());
        sound_samples_add(sound, &sample, 1);
    }
}

/* Syllables: a voice of pulses through two resonances, four a second, over some noise. */
static void add_vowels(struct sound_samples *sound, double seconds, double level)
{
    double memory[2][2] = {{0}}, phase = 0;
    static const double hertz[2] = {600, 1500};
    for (size_t i = 0; i < (size_t)(seconds * RATE); i++) {
        double time = (double)i / RATE, swell = sin(pi * time * 4);
        phase += (120 + 20 * sin(time * 5)) / RATE;
        double x = phase >= 1 ? 1 : 0, y = 0;
        phase -= phase >= 1 ? 1 : 0;
        for (int k = 0; k < 2; k++) {
            double radius = 0.97, angle = 2 * pi * hertz[k] / RATE;
            double out =
                x + 2 * radius * cos(angle) * memory[k][0] - radius * radius * memory[k][1];
            memory[k][1] = memory[k][0];
            memory[k][0] = out;
            y += out;
        }
        float sample = (float)(level * swell * swell * y * 0.3 + 0.0005 * noise());
        sound_samples_add(sound, &sample, 1);
    }
}

/* What the tests of the encoder hear: DATA/speechNN.wav, as loud as `gain` makes it, in noise. */
static void add_speech(struct sound_samples *sound, int number, double gain, double hiss)
{
    struct str bytes;
    struct err err = {0};
    char path[4096];
    float *samples;
    size_t count;
    str_init(&bytes);
    snprintf(path, sizeof path, "%s/speech%02d.wav", getenv("SOUNDS"), number);
    assert_true(file_read(path, 1 << 20, &bytes, &err));
    assert_true(sound_file_decode(bytes.data, bytes.length, &samples, &count, &err));
    for (size_t i = 0; i < count; i++) {
        samples[i] = (float)(gain * (double)samples[i] + hiss * noise());
    }
    sound_samples_add(sound, samples, count);
    mem_free(samples);
    str_finish(&bytes);
}

static void assert_near(size_t sample, double seconds, double within)
{
    if (fabs((double)sample / RATE - seconds) > within) {
        fail_msg("%.3f s, not %.3f s", (double)sample / RATE, seconds);
    }
}

static void finds_synthesised_speech(void **state)
{
    (void)state;
    for (int gain = 0; gain < 3; gain++) { /* loud, usual, low */
        struct sound_samples sound = {0};
        seed = 1;
        add_noise(&sound, 1, 0.0005);
        add_vowels(&sound, 2, gain == 0 ? 0.5 : gain == 1 ? 0.1 : 0.02);
        add_noise(&sound, 1.5, 0.0005);
        struct found found = listen(&sound, 700);
        assert_int_equal(found.begins, 1);
        assert_int_equal(found.ends, 1);
        assert_near(found.begin, 1, 0.12);
        assert_near(found.end, 3, 0.12);
        sound_samples_finish(&sound);
    }
}

/* Each sound of the tests has its one beginning and end, low and in noise. */
static void finds_words(void **state)
{
    (void)state;
    static const int numbers[] = {3, 5, 13, 15};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int number = numbers[i];
        for (int loud = 0; loud < 2; loud++) {
            struct sound_samples sound = {0};
            seed = 7;
            double hiss = loud ? 0.003 : 0.0005;
            add_noise(&sound, 1, hiss);
            size_t start = sound.count;
            add_speech(&sound, number, loud ? 1 : 0.3, hiss);
            size_t end = sound.count;
            add_noise(&sound, 2, hiss);
            struct found found = listen(&sound, 900);
            if (found.begins != 1 || found.ends != 1 || found.begin + 4800 < start ||
                found.end > end + 4800) {
                fail_msg("speech%02d: %d beginnings, %d ends, %zu..%zu in %zu..%zu", number,
                         found.begins, found.ends, found.begin, found.end, start, end);
            }
            sound_samples_finish(&sound);
        }
    }
}

static void at_once(void **state)
{
    (void)state;
    struct sound_samples sound = {0};
    seed = 3;
    add_vowels(&sound, 2, 0.1); /* who speaks before the noise could be known */
    add_noise(&sound, 1.5, 0.0005);
    struct found found = listen(&sound, 700);
    assert_int_equal(found.begins, 1);
    assert_int_equal(found.ends, 1);
    assert_near(found.begin, 0, 0.12);
    sound_samples_finish(&sound);
}

static void no_end_by_itself(void **state)
{
    (void)state;
    struct sound_samples sound = {0};
    add_noise(&sound, 0.5, 0.0005);
    add_vowels(&sound, 1, 0.1);
    add_noise(&sound, 5, 0.0005);
    struct found found = listen(&sound, 0);
    assert_int_equal(found.begins, 1);
    assert_int_equal(found.ends, 0);
    sound_samples_finish(&sound);
}

/* Two sentences are two; a pause for breath is not an end. */
static void pauses(void **state)
{
    (void)state;
    struct sound_samples sound = {0};
    seed = 5;
    add_noise(&sound, 1, 0.0005);
    add_vowels(&sound, 1, 0.1);
    add_noise(&sound, 0.4, 0.0005);
    add_vowels(&sound, 1, 0.1);
    add_noise(&sound, 1.5, 0.0005);
    add_vowels(&sound, 1, 0.1);
    add_noise(&sound, 1.5, 0.0005);
    struct found found = listen(&sound, 800);
    assert_int_equal(found.begins, 2);
    assert_int_equal(found.ends, 2);
    sound_samples_finish(&sound);
}

enum kind {
    SILENCE,
    QUIET_NOISE,
    LOUD_NOISE,
    HUM,
    HUM_ON,
    TONE_ON,
    NOISE_ON,
    CLICKS,
    BROKEN,
    KINDS
};

static float other_sample(enum kind kind, size_t i)
{
    double time = (double)i / RATE;
    bool on = time > 1.5;
    double hum = 0.2 * sin(2 * pi * 50 * time) + 0.05 * sin(2 * pi * 150 * time) +
                 0.02 * sin(2 * pi * 350 * time);
    double soft = 0.0005 * noise();
    switch (kind) {
    case QUIET_NOISE:
        return (float)(0.002 * noise());
    case LOUD_NOISE:
        return (float)(0.2 * noise());
    case HUM:
        return (float)(hum + soft);
    case HUM_ON:
        return (float)((on ? hum : 0) + soft);
    case TONE_ON:
        return (float)((on ? 0.2 * sin(2 * pi * 440 * time) : 0) + soft);
    case NOISE_ON:
        return (float)((on ? 0.1 : 0.0005) * noise());
    case CLICKS: /* a keyboard */
        return (float)((i % 1900 < 60 ? 0.5 * noise() : 0) + soft);
    case BROKEN:
        return i % 97 == 0 ? NAN : (float)soft;
    case SILENCE:
    case KINDS:
        break;
    }
    return 0;
}

static void hears_no_speech_where_there_is_none(void **state)
{
    (void)state;
    for (enum kind kind = SILENCE; kind < KINDS; kind++) {
        struct sound_samples sound = {0};
        seed = 11;
        for (size_t i = 0; i < 6 * RATE; i++) {
            float sample = other_sample(kind, i);
            sound_samples_add(&sound, &sample, 1);
        }
        struct found found = listen(&sound, 800);
        if (found.begins != 0) {
            fail_msg("kind %d: speech at %zu", (int)kind, found.begin);
        }
        sound_samples_finish(&sound);
    }
}

/* The control of the above: speech over hum and noise is found. */
static void finds_speech_over_hum(void **state)
{
    (void)state;
    struct sound_samples sound = {0};
    seed = 13;
    add_noise(&sound, 1.5, 0.004);
    add_vowels(&sound, 2, 0.3);
    add_noise(&sound, 2, 0.004);
    for (size_t i = 0; i < sound.count; i++) {
        sound.items[i] += other_sample(HUM, i);
    }
    struct found found = listen(&sound, 800);
    assert_int_equal(found.begins, 1);
    assert_int_equal(found.ends, 1);
    sound_samples_finish(&sound);
}

/* --- pieces --- */

static void pieces_lose_nothing(void **state)
{
    (void)state;
    struct sound_samples sound = {0};
    seed = 17;
    for (int i = 0; i < 25; i++) { /* some 95 seconds with pauses */
        add_vowels(&sound, 3.1, 0.2);
        add_noise(&sound, 0.7, 0.0005);
    }
    size_t done = 0, pieces = 0;
    while (done < sound.count) {
        size_t piece = speech_pieces_next(sound.items + done, sound.count - done);
        assert_true(piece > 0 && piece <= SPEECH_PIECES_MOST);
        done += piece;
        pieces++;
        if (done < sound.count) {
            assert_true(piece > SPEECH_PIECES_MOST - SPEECH_PIECES_SEARCH);
            for (size_t i = done - 800; i < done + 800; i++) { /* the cut is in a pause */
                assert_true(fabsf(sound.items[i]) < 0.001F);
            }
        }
    }
    assert_int_equal(done, sound.count);
    assert_true(pieces >= 4 && pieces <= 6);
    sound_samples_finish(&sound);
}

static void pieces_without_a_pause(void **state)
{
    (void)state;
    struct sound_samples sound = {0};
    add_noise(&sound, 61, 0.3);
    size_t piece = speech_pieces_next(sound.items, sound.count);
    assert_true(piece > SPEECH_PIECES_MOST - SPEECH_PIECES_SEARCH && piece <= SPEECH_PIECES_MOST);
    assert_int_equal(speech_pieces_next(sound.items, SPEECH_PIECES_MOST), SPEECH_PIECES_MOST);
    assert_int_equal(speech_pieces_next(sound.items, 5), 5);
    assert_int_equal(speech_pieces_next(sound.items, 0), 0);
    memset(sound.items, 0, sound.count * sizeof *sound.items); /* all equal: the latest */
    piece = speech_pieces_next(sound.items, sound.count);
    assert_true(piece > SPEECH_PIECES_MOST - 2000 && piece <= SPEECH_PIECES_MOST);
    sound_samples_finish(&sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_synthesised_speech),
        cmocka_unit_test(finds_words),
        cmocka_unit_test(at_once),
        cmocka_unit_test(no_end_by_itself),
        cmocka_unit_test(pauses),
        cmocka_unit_test(hears_no_speech_where_there_is_none),
        cmocka_unit_test(finds_speech_over_hum),
        cmocka_unit_test(pieces_lose_nothing),
        cmocka_unit_test(pieces_without_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
