/* decoding: a picture or a sound fetched and decoded while the loop goes on.
 *
 * The file comes from somewhere (bytes that a tool gave back, a path, the screen, the clipboard)
 * and goes through its decoder (attachment.h). All of the waiting is done on one of libuv's
 * threads; `done` is called on the loop, once, unless the decoding is forgotten before.
 */
#ifndef CARAT_ATTACHMENT_DECODING_H
#define CARAT_ATTACHMENT_DECODING_H

#include <stdbool.h>
#include <stddef.h>

#include "desktop/capture.h"

struct attachment_tool;
struct chat_medium;
struct decoding;
struct err;
struct uv_loop_s;

enum decoding_origin {
    DECODING_BYTES,
    DECODING_FILE,
    DECODING_SCREEN,
    DECODING_CLIPBOARD, /* a picture that another program has put there */
};

struct decoding_source {
    enum decoding_origin origin;
    bool picture; /* else a sound */
    const char *bytes;
    size_t size;            /* of BYTES */
    const char *path;       /* of FILE */
    enum capture_area area; /* of SCREEN */
};

/* The medium is a view; NULL when it could not be had, and then *err says why. */
typedef void decoding_done(void *context, struct decoding *decoding, struct chat_medium *medium,
                           const struct err *err);

/* Everything is copied. The loop must run until it is done. */
struct decoding *decoding_start(struct uv_loop_s *loop, const struct attachment_tool *tool,
                                const struct decoding_source *source, decoding_done *done,
                                void *context);
/* Ends it soon: `done` hears ERR_CANCELLED. */
void decoding_stop(struct decoding *decoding);
/* The same, and nobody wants to know any more. */
void decoding_forget(struct decoding *decoding);

#endif
