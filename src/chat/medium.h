/* medium: a picture, a sound or a clip of a conversation, decoded, and the file that it came from.
 *
 * Read-only once made, and shared: the conversation holds it, and so does each prompt that shows
 * it, on whatever thread that is. Counted references; the last one frees it.
 */
#ifndef CARAT_CHAT_MEDIUM_H
#define CARAT_CHAT_MEDIUM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a picture of the user's own screen that was taken in this run of the program: what is seen in
 * it can be pointed at. One that comes back from the store has none: the screen has changed. */
struct chat_medium_screen {
    bool taken;    /* it is one */
    bool known;    /* where it lies: the rest holds, in units of the pointer's */
    int left, top; /* of its upper left corner */
    int width, height;
    int64_t taken_us; /* when, on the monotonic clock */
};

struct chat_medium {
    atomic_int references;
    bool picture;         /* else a sound */
    size_t width, height; /* of a picture */
    uint8_t *rgb;         /* [height][width][3] */
    size_t count;         /* of a sound */
    float *samples;       /* [count] mono, 16000 a second */
    char *file;           /* the file's bytes, as they were given */
    size_t file_size;
    /* Of a clip, which is nothing itself: its frames, pictures with their times. */
    struct chat_medium **frames; /* [frame_count] references; NULL = no clip */
    size_t frame_count;
    unsigned second; /* of a frame */
    struct chat_medium_screen screen;
};

/* One reference, everything else 0; the arrays are the medium's (mem_free). */
struct chat_medium *chat_medium_create(void);
/* Another reference to the same; NULL stays NULL. */
struct chat_medium *chat_medium_keep(struct chat_medium *medium);
void chat_medium_release(struct chat_medium *medium); /* NULL is fine */

#endif
