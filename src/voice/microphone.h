/* microphone: what is heard, 16000 samples a second, mono, and what becomes of the device.
 *
 * A thread of its own opens the device, watches it and closes it, because sound systems may take
 * seconds over each of these, and none of that may hold up the screen. The device's frames come
 * through a ring (sound_ring) that neither locks nor allocates. All functions here but
 * microphone_wait return at once
 * and are called from one thread.
 *
 * When a device fails, at whatever moment, what was heard before can still be taken.
 */
#ifndef CARAT_VOICE_MICROPHONE_H
#define CARAT_VOICE_MICROPHONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sound_samples;

enum { MICROPHONE_NAME_SIZE = 128 };

struct microphone_format {
    uint32_t rate;
    int channels;
    char name[MICROPHONE_NAME_SIZE]; /* of the device, for people */
};

/* Where a device puts its frames, [count][channels]; from any thread, also a real-time one.
 * `lost`: frames that it could not take before these, as far as it knows. */
typedef void microphone_sink(void *context, const float *frames, size_t count, size_t lost);

/* A sound system. The functions are called from one thread, open first; close is always called
 * behind an open that did not fail. */
struct microphone_driver {
    /* Finds the device and fills *format: from then on it cannot change. */
    bool (*open)(struct microphone_driver *driver, struct microphone_format *format,
                 struct err *err);
    /* Frames may come from now on, until close returns. */
    bool (*start)(struct microphone_driver *driver, microphone_sink *sink, void *context,
                  struct err *err);
    /* False when the device is gone, with the reason. */
    bool (*alive)(struct microphone_driver *driver, struct err *err);
    void (*close)(struct microphone_driver *driver);
};

enum microphone_state {
    MICROPHONE_OPENING,
    MICROPHONE_OPEN,
    MICROPHONE_FAILED, /* could not be opened, or is gone: microphone_error */
    MICROPHONE_CLOSED,
};

struct microphone;

/* Begins to open. The driver is borrowed, and for as long as its functions take even when the
 * microphone is destroyed: it must live as long as the program. */
struct microphone *microphone_open(struct microphone_driver *driver);
/* Closes, if it is still open, without waiting: the thread frees what is left. NULL is fine. */
void microphone_destroy(struct microphone *microphone);

enum microphone_state microphone_state(const struct microphone *microphone);
/* FAILED or CLOSED: the device is let go of. */
bool microphone_ended(const struct microphone *microphone);
/* Waits until it has ended, so long at most: for the end of the program. */
bool microphone_wait(const struct microphone *microphone, int milliseconds);
/* Why it is FAILED; else empty. */
struct err microphone_error(const struct microphone *microphone);
/* Of the device; valid once it is OPEN. */
struct microphone_format microphone_format(const struct microphone *microphone);
/* Adds what was heard since the last call. False when it could not be converted (ERR_MEMORY). */
bool microphone_take(struct microphone *microphone, struct sound_samples *out, struct err *err);
/* Asks the device to stop; what still comes can be taken until the state is CLOSED. */
void microphone_close(struct microphone *microphone);
/* Milliseconds of sound that were lost so far: nobody took them in time. */
uint64_t microphone_lost_ms(const struct microphone *microphone);

#endif
