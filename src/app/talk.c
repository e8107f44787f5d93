/* talk: see talk.h.
 *
 * The sound that is kept begins `dropped` samples after the first that came: while nobody speaks
 * only its end is kept, for the beginning of the first word. */
#include "app/talk.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "voice/microphone.h"
#include "voice/sound_stream.h"
#include "voice/speech_detector.h"

/* AROUND is kept before and behind speech. Who ends a recording by hand without speech having been
 * found sends the last BEFORE_MOST samples: it may have been whispered. CLOSE_MS: a device that
 * does not let go by then is left to itself. At LONGEST the recording ends. */
enum {
    RATE = SOUND_STREAM_RATE,
    TICK_MS = 50,
    CLOSE_MS = 1500,
    EXIT_MS = 500,
    AROUND = RATE * 3 / 10,
    BEFORE_MOST = 30 * RATE,
    LONGEST = 600 * RATE,
    METER = 10
};

struct talk {
    uv_timer_t timer;
    struct microphone_driver *driver;
    struct talk_callbacks callbacks;
    int pause_ms;
    struct microphone *microphone; /* NULL: nothing is open */
    bool stopping, discard, dead;
    int closing_ms; /* since the device was asked to close */
    struct sound_samples sound;
    size_t dropped;   /* samples before the first of `sound` */
    size_t looked_at; /* samples of `sound` that the detector has seen */
    struct speech_detector detector;
    bool speech;
    size_t begin; /* of the speech, since the start */
};

struct talk *talk_create(uv_loop_t *loop, struct microphone_driver *driver, int pause_ms,
                         const struct talk_callbacks *callbacks)
{
    struct talk *talk = mem_zero(1, sizeof *talk);
    talk->driver = driver;
    talk->pause_ms = pause_ms;
    talk->callbacks = *callbacks;
    uv_timer_init(loop, &talk->timer);
    talk->timer.data = talk;
    return talk;
}

void talk_close(struct talk *talk)
{
    talk->dead = true;
    if (talk->microphone != NULL) {
        microphone_close(talk->microphone);
        microphone_wait(talk->microphone, EXIT_MS);
    }
    uv_close((uv_handle_t *)&talk->timer, NULL);
}

void talk_destroy(struct talk *talk)
{
    if (talk != NULL) {
        microphone_destroy(talk->microphone);
        sound_samples_finish(&talk->sound);
        mem_free(talk);
    }
}

/* --- listening --- */

static void look(struct talk *talk)
{
    while (talk->looked_at + SPEECH_DETECTOR_FRAME <= talk->sound.count) {
        enum speech_event event =
            speech_detector_feed(&talk->detector, talk->sound.items + talk->looked_at);
        talk->looked_at += SPEECH_DETECTOR_FRAME;
        if (event == SPEECH_BEGINS && !talk->speech) {
            talk->speech = true;
            talk->begin = talk->detector.begin;
        } else if (event == SPEECH_ENDS) {
            talk_stop(talk, talk->discard);
        }
    }
    if (!talk->speech && talk->looked_at > BEFORE_MOST) {
        size_t over = talk->looked_at - BEFORE_MOST;
        sound_samples_drop(&talk->sound, over);
        talk->dropped += over;
        talk->looked_at -= over;
    }
    if (talk->speech && talk->sound.count >= LONGEST) {
        talk_stop(talk, talk->discard);
    }
}

/* What was said with a little around it, or all that is kept. */
static void choose(const struct talk *talk, struct talk_result *result)
{
    size_t from = 0, to = talk->sound.count < LONGEST ? talk->sound.count : LONGEST;
    if (talk->speech) {
        size_t begin =
            talk->begin > talk->dropped + AROUND ? talk->begin - talk->dropped - AROUND : 0;
        size_t end = talk->detector.end - talk->dropped + AROUND;
        from = begin;
        to = end < to ? end : to;
    }
    result->samples = talk->sound.items + from;
    result->count = to > from ? to - from : 0;
}

static void finish(struct talk *talk, struct err *trouble)
{
    struct err err = microphone_error(talk->microphone);
    err = err.code == ERR_NONE && trouble != NULL ? *trouble : err;
    struct talk_result result = {.discarded = talk->discard,
                                 .speech = talk->speech,
                                 .lost_ms = microphone_lost_ms(talk->microphone),
                                 .err = err.code != ERR_NONE ? &err : NULL};
    if (!talk->discard && talk->sound.count > 0) {
        choose(talk, &result);
    }
    microphone_destroy(talk->microphone);
    talk->microphone = NULL;
    uv_timer_stop(&talk->timer);
    struct sound_samples sound = talk->sound; /* the callback may start anew */
    talk->sound = (struct sound_samples){0};
    talk->callbacks.ended(talk->callbacks.context, &result);
    sound_samples_finish(&sound);
}

static void tick(uv_timer_t *timer)
{
    struct talk *talk = timer->data;
    struct err err = {0};
    bool ended = microphone_ended(talk->microphone);
    bool ok = microphone_take(talk->microphone, &talk->sound, &err);
    look(talk);
    talk->closing_ms += talk->stopping ? TICK_MS : 0;
    if (ended || !ok || talk->closing_ms >= CLOSE_MS) {
        finish(talk, ok ? NULL : &err);
    } else {
        talk->callbacks.changed(talk->callbacks.context);
    }
}

void talk_start(struct talk *talk)
{
    if (talk->microphone != NULL || talk->dead) {
        return;
    }
    talk->stopping = talk->discard = talk->speech = false;
    talk->closing_ms = 0;
    talk->dropped = talk->looked_at = talk->begin = 0;
    talk->sound.count = 0;
    speech_detector_init(&talk->detector, talk->pause_ms);
    talk->microphone = microphone_open(talk->driver);
    uv_timer_start(&talk->timer, tick, TICK_MS, TICK_MS);
    talk->callbacks.changed(talk->callbacks.context);
}

void talk_stop(struct talk *talk, bool discard)
{
    if (talk->microphone != NULL) {
        talk->stopping = true;
        talk->discard |= discard;
        microphone_close(talk->microphone);
    }
}

bool talk_active(const struct talk *talk)
{
    return talk->microphone != NULL;
}

void talk_meter(const struct talk *talk, struct str *out)
{
    if (talk->microphone == NULL) {
        return;
    }
    if (talk->stopping || microphone_state(talk->microphone) == MICROPHONE_OPENING) {
        str_append(out, talk->stopping ? "closing the microphone" : "opening the microphone");
        return;
    }
    /* -60 dB is nothing, -10 dB is all. */
    int level = (int)((talk->detector.level_db + 60) / 50 * METER + 0.5);
    size_t shown = talk->speech && talk->begin > talk->dropped ? talk->begin - talk->dropped : 0;
    str_append_format(out, "%s %.1f s |", talk->speech ? "hearing you" : "listening",
                      (double)(talk->sound.count - shown) / RATE);
    for (int i = 0; i < METER; i++) {
        str_append_char(out, i < level ? '#' : ' ');
    }
    str_append_char(out, '|');
}
