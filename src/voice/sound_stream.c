/* sound_stream: see sound_stream.h. */
#include "voice/sound_stream.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "media/resample.h"

/* How far resample reaches, in samples of the lower rate. */
enum { REACH = 32 };

void sound_samples_add(struct sound_samples *sounds, const float *samples, size_t count)
{
    vec_room(&sounds->items, &sounds->capacity, sounds->count + count, sizeof *sounds->items);
    if (count > 0) {
        memcpy(sounds->items + sounds->count, samples, count * sizeof *samples);
    }
    sounds->count += count;
}

void sound_samples_drop(struct sound_samples *sounds, size_t count)
{
    count = count < sounds->count ? count : sounds->count;
    sounds->count -= count;
    if (sounds->count > 0) {
        memmove(sounds->items, sounds->items + count, sounds->count * sizeof *sounds->items);
    }
}

void sound_samples_finish(struct sound_samples *sounds)
{
    mem_free(sounds->items);
    *sounds = (struct sound_samples){0};
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool sound_stream_init(struct sound_stream *stream, uint32_t rate, int channels, struct err *err)
{
    if (rate < SOUND_STREAM_RATE_MIN || rate > SOUND_STREAM_RATE_MAX) {
        return err_set(err, ERR_UNSUPPORTED,
                       "a microphone of %u samples a second; %d to %d are taken", rate,
                       SOUND_STREAM_RATE_MIN, SOUND_STREAM_RATE_MAX);
    }
    if (channels < 1 || channels > SOUND_STREAM_CHANNELS_MAX) {
        return err_set(err, ERR_UNSUPPORTED, "a microphone of %d channels; 1 to %d are taken",
                       channels, SOUND_STREAM_CHANNELS_MAX);
    }
    struct resample_bank *bank = NULL;
    if (rate != SOUND_STREAM_RATE) {
        bank = resample_bank_create(rate, SOUND_STREAM_RATE, err);
        if (bank == NULL) {
            return false;
        }
    }
    *stream = (struct sound_stream){.rate = rate, .channels = channels, .bank = bank};
    stream->unit = rate / common_divisor(rate, SOUND_STREAM_RATE);
    size_t reach = REACH * (rate > SOUND_STREAM_RATE ? rate / SOUND_STREAM_RATE + 1 : 1) + 1;
    stream->side = (reach + stream->unit - 1) / stream->unit * stream->unit;
    return true;
}

void sound_stream_finish(struct sound_stream *stream)
{
    sound_samples_finish(&stream->old);
    resample_bank_destroy(stream->bank);
    stream->bank = NULL;
}

static void add_mono(struct sound_stream *stream, const float *frames, size_t count)
{
    float sums[256];
    for (size_t done = 0; done < count;) {
        size_t some = count - done < 256 ? count - done : 256;
        for (size_t i = 0; i < some; i++) {
            float sum = 0;
            for (int c = 0; c < stream->channels; c++) {
                sum += frames[(done + i) * (size_t)stream->channels + (size_t)c];
            }
            sum /= (float)stream->channels;
            sums[i] = !isfinite(sum) ? 0 : sum > 1 ? 1 : sum < -1 ? -1 : sum;
        }
        sound_samples_add(&stream->old, sums, some);
        done += some;
    }
}

/* Converts the next `count` old samples, whole units unless they are the last. */
static bool convert(struct sound_stream *stream, size_t count, struct sound_samples *out,
                    struct err *err)
{
    size_t from = stream->behind > stream->side ? stream->behind - stream->side : 0;
    size_t to = stream->behind + count + stream->side;
    to = to < stream->old.count ? to : stream->old.count;
    size_t before =
        (stream->behind - from) / stream->unit * (stream->unit * SOUND_STREAM_RATE / stream->rate);
    size_t wanted = (count * SOUND_STREAM_RATE + stream->rate - 1) / stream->rate, made;
    float *samples;
    if (!resample_with(stream->bank, stream->old.items + from, to - from, &samples, &made, err)) {
        return false;
    }
    wanted = made > before ? (wanted < made - before ? wanted : made - before) : 0;
    sound_samples_add(out, samples + before, wanted);
    mem_free(samples);
    stream->behind += count;
    if (stream->behind > stream->side) {
        size_t over = stream->behind - stream->side; /* whole units: both are */
        sound_samples_drop(&stream->old, over);
        stream->behind -= over;
    }
    return true;
}

bool sound_stream_feed(struct sound_stream *stream, const float *frames, size_t count,
                       struct sound_samples *out, struct err *err)
{
    size_t before = stream->old.count;
    add_mono(stream, frames, count);
    if (stream->old.count == before) {
        return true;
    }
    if (stream->rate == SOUND_STREAM_RATE) {
        sound_samples_add(out, stream->old.items + before, stream->old.count - before);
        stream->old.count = 0;
        return true;
    }
    size_t there = stream->old.count - stream->behind;
    size_t ready = there > stream->side ? (there - stream->side) / stream->unit * stream->unit : 0;
    return ready == 0 || convert(stream, ready, out, err);
}

bool sound_stream_end(struct sound_stream *stream, struct sound_samples *out, struct err *err)
{
    size_t left = stream->old.count - stream->behind;
    bool ok = left == 0 || convert(stream, left, out, err);
    stream->old.count = stream->behind = 0;
    return ok;
}
