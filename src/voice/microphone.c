/* microphone: see microphone.h.
 *
 * The owner and the thread share one struct; whichever lets go last frees it. The format and the
 * error are written before the state that makes them known (release) and never again. */
#include "voice/microphone.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "voice/sound_ring.h"
#include "voice/sound_stream.h"

/* The ring holds RING_SECONDS: the loop takes what is there every 50 ms, and may be held up for a
 * while without loss. A device that says nothing at all for SILENT_US has gone without a word. */
enum { RING_SECONDS = 8, WATCH_MS = 20, SILENT_US = 3000000, WAIT_MS = 5, CHUNK = 1024 };

struct microphone {
    struct microphone_driver *driver;
    atomic_int holders; /* the owner and the thread */
    atomic_int state;
    atomic_bool closing;
    _Atomic uint64_t frames; /* that came */
    struct microphone_format format;
    struct err err;
    struct sound_ring *ring;    /* made before the state is OPEN */
    struct sound_stream stream; /* the owner's, once the state is OPEN */
    bool ended;                 /* the owner's */
    float *chunk;               /* the owner's: [CHUNK][channels] */
};

static void let_go(struct microphone *microphone)
{
    if (atomic_fetch_sub(&microphone->holders, 1) == 1) {
        sound_ring_destroy(microphone->ring);
        sound_stream_finish(&microphone->stream);
        mem_free(microphone->chunk);
        mem_free(microphone);
    }
}

/* --- the thread --- */

static void take_frames(void *context, const float *frames, size_t count, size_t lost)
{
    struct microphone *microphone = context;
    if (lost > 0) {
        sound_ring_lose(microphone->ring, lost);
    }
    sound_ring_write(microphone->ring, frames, count);
    atomic_fetch_add_explicit(&microphone->frames, count, memory_order_relaxed);
}

static void sleep_ms(int milliseconds)
{
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Until it is closed or gone. */
static bool watch(struct microphone *microphone, struct err *err)
{
    uint64_t seen = 0;
    int64_t heard_us = clock_monotonic_us();
    while (!atomic_load(&microphone->closing)) {
        uint64_t frames = atomic_load_explicit(&microphone->frames, memory_order_relaxed);
        if (frames != seen) {
            seen = frames;
            heard_us = clock_monotonic_us();
        } else if (clock_monotonic_us() - heard_us > SILENT_US) {
            return err_set(err, ERR_IO, "the microphone (%s) has stopped giving sound",
                           microphone->format.name);
        }
        if (!microphone->driver->alive(microphone->driver, err)) {
            return err_prefix(err, "the microphone (%s) is gone", microphone->format.name);
        }
        sleep_ms(WATCH_MS);
    }
    return true;
}

static void *run(void *context)
{
    struct microphone *microphone = context;
    struct microphone_driver *driver = microphone->driver;
    struct err err = {0};
    bool opened = driver->open(driver, &microphone->format, &err);
    bool ok = opened && sound_stream_init(&microphone->stream, microphone->format.rate,
                                          microphone->format.channels, &err);
    if (ok) {
        microphone->ring = sound_ring_create((size_t)microphone->format.rate * RING_SECONDS,
                                             microphone->format.channels);
        ok = driver->start(driver, take_frames, microphone, &err);
    }
    if (ok) {
        atomic_store(&microphone->state, MICROPHONE_OPEN);
        ok = watch(microphone, &err);
    }
    if (opened) {
        driver->close(driver);
    }
    microphone->err = err;
    atomic_store(&microphone->state, ok ? MICROPHONE_CLOSED : MICROPHONE_FAILED);
    let_go(microphone);
    return NULL;
}

/* --- the owner --- */

struct microphone *microphone_open(struct microphone_driver *driver)
{
    struct microphone *microphone = mem_zero(1, sizeof *microphone);
    microphone->driver = driver;
    atomic_init(&microphone->holders, 2);
    atomic_init(&microphone->state, MICROPHONE_OPENING);
    pthread_t thread;
    int status = pthread_create(&thread, NULL, run, microphone);
    if (status == 0) {
        pthread_detach(thread); /* one that hangs in the sound system must not be waited for */
    } else {
        err_set(&microphone->err, ERR_IO, "no thread for the microphone: %s", strerror(status));
        atomic_store(&microphone->state, MICROPHONE_FAILED);
        atomic_store(&microphone->holders, 1);
    }
    return microphone;
}

void microphone_destroy(struct microphone *microphone)
{
    if (microphone != NULL) {
        atomic_store(&microphone->closing, true);
        let_go(microphone);
    }
}

enum microphone_state microphone_state(const struct microphone *microphone)
{
    return (enum microphone_state)atomic_load(&microphone->state);
}

bool microphone_ended(const struct microphone *microphone)
{
    enum microphone_state state = microphone_state(microphone);
    return state == MICROPHONE_FAILED || state == MICROPHONE_CLOSED;
}

bool microphone_wait(const struct microphone *microphone, int milliseconds)
{
    for (; milliseconds > 0 && !microphone_ended(microphone); milliseconds -= WAIT_MS) {
        sleep_ms(WAIT_MS);
    }
    return microphone_ended(microphone);
}

struct err microphone_error(const struct microphone *microphone)
{
    bool failed = microphone_state(microphone) == MICROPHONE_FAILED;
    return failed ? microphone->err : (struct err){0};
}

struct microphone_format microphone_format(const struct microphone *microphone)
{
    bool known = microphone_state(microphone) != MICROPHONE_OPENING;
    return known ? microphone->format : (struct microphone_format){0};
}

bool microphone_take(struct microphone *microphone, struct sound_samples *out, struct err *err)
{
    enum microphone_state state = microphone_state(microphone);
    if (state == MICROPHONE_OPENING || microphone->ring == NULL || microphone->ended) {
        return true;
    }
    if (microphone->chunk == NULL) {
        microphone->chunk =
            mem_alloc(CHUNK * (size_t)microphone->format.channels, sizeof *microphone->chunk);
    }
    bool ok = true;
    size_t left = (size_t)microphone->format.rate * RING_SECONDS; /* a device that runs wild ends */
    while (ok && left > 0) {
        size_t count = sound_ring_read(microphone->ring, microphone->chunk, CHUNK);
        ok = sound_stream_feed(&microphone->stream, microphone->chunk, count, out, err);
        left = count > 0 && left > count ? left - count : 0;
    }
    /* The state was looked at before the ring was emptied: nothing can have come since. */
    if (ok && state != MICROPHONE_OPEN) {
        microphone->ended = true;
        ok = sound_stream_end(&microphone->stream, out, err);
    }
    return ok;
}

void microphone_close(struct microphone *microphone)
{
    atomic_store(&microphone->closing, true);
}

uint64_t microphone_lost_ms(const struct microphone *microphone)
{
    if (microphone_state(microphone) == MICROPHONE_OPENING || microphone->ring == NULL) {
        return 0;
    }
    return sound_ring_lost(microphone->ring) * 1000 / microphone->format.rate;
}
