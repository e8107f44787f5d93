/* outbox: what the user has sent whose pictures and sounds are still being fetched.
 *
 * A message that names files, a screenshot, a picture from the clipboard: each entry has sources
 * that are decoded beside the loop (agent/decoding), one after the other. Entries leave in the
 * order in which they came, so a message never overtakes another. One that fails hands its text
 * back. Loop thread.
 */
#ifndef CARAT_SCREEN_OUTBOX_H
#define CARAT_SCREEN_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "attachment/attachment.h"
#include "attachment/decoding.h"

struct chat_medium;
struct err;
struct outbox;
struct uv_loop_s;

struct outbox_callbacks {
    /* One of an entry's pictures or sounds, before `sent`; a view. */
    void (*attached)(void *context, struct chat_medium *medium, bool with_text);
    void (*sent)(void *context, const char *text, bool steers);
    /* `text` NULL: of an entry without one. Nothing of the entry was attached. */
    void (*failed)(void *context, const char *text, const struct err *err);
    void *context;
};

/* The strings of `tool` are borrowed. */
struct outbox *outbox_create(struct uv_loop_s *loop, const struct attachment_tool *tool,
                             const struct outbox_callbacks *callbacks);
/* What is in it is dropped; the loop must run on until its threads are done. */
void outbox_destroy(struct outbox *outbox);

/* A message, or, with `text` NULL, what goes with the next one. Copies. Without sources, and when
 * nothing is before it, it is sent at once. */
void outbox_post(struct outbox *outbox, const char *text, bool steers,
                 const struct decoding_source *sources, size_t count);
bool outbox_empty(const struct outbox *outbox);
/* Ends what is being fetched: its entry fails. False when there is nothing. */
bool outbox_stop(struct outbox *outbox);

#endif
