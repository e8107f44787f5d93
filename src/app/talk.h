/* talk: a microphone that is opened, listened to and closed again, on the loop.
 *
 * From talk_start to the end it is open, and whoever shows the screen can say so (talk_active,
 * talk_meter). What is said ends by itself after a pause (speech_detector), or by talk_stop. When
 * the device fails what was heard until then is handed over with the reason. Nothing blocks.
 */
#ifndef CARAT_APP_TALK_H
#define CARAT_APP_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct err;
struct microphone_driver;
struct str;
struct talk;

struct talk_result {
    const float *samples;  /* what was said with a little around it, 16000 a second; a view */
    size_t count;          /* 0: nothing was heard */
    bool speech;           /* somebody spoke, as far as can be told */
    bool discarded;        /* nobody wants it: count is 0 */
    uint64_t lost_ms;      /* of sound that did not arrive */
    const struct err *err; /* the device failed; NULL: it did not */
};

struct talk_callbacks {
    void (*changed)(void *context); /* the meter or the state */
    /* Once for each talk_start; another one may be started here. */
    void (*ended)(void *context, const struct talk_result *result);
    void *context;
};

/* `pause_ms` of silence end what is said; 0: only talk_stop does. The driver lives as long as the
 * program (microphone.h). */
struct talk *talk_create(uv_loop_t *loop, struct microphone_driver *driver, int pause_ms,
                         const struct talk_callbacks *callbacks);
/* Closes; the loop must run once more before talk_destroy. No callback comes any more. */
void talk_close(struct talk *talk);
void talk_destroy(struct talk *talk);

/* Nothing when it is active already. */
void talk_start(struct talk *talk);
/* Ends it with what was said, or without. */
void talk_stop(struct talk *talk, bool discard);
/* The device is open, or being opened or closed. */
bool talk_active(const struct talk *talk);
/* "listening 3.2 s |#####     |" */
void talk_meter(const struct talk *talk, struct str *out);

#endif
