/* screen_boxes: what an answer found in a picture (chat/boxes), shown and kept.
 *
 * An answer with boxes is followed by the picture that it speaks of, with the boxes over it and
 * their numbers and labels below. `/boxes` shows them again. The terminal's cells are coarse, so
 * `/boxes FILE.png` draws the same into a file as large as the picture: a command like /export,
 * because the picture belongs to the conversation and may have no file of its own (a screenshot,
 * a picture that was pasted, a tool's).
 */
#ifndef CARAT_SCREEN_SCREEN_BOXES_H
#define CARAT_SCREEN_SCREEN_BOXES_H

#include <stdbool.h>
#include <stddef.h>

#include "chat/boxes.h"

struct chat_conversation;
struct chat_medium;
struct chat_message;
struct err;
struct screen;

/* The newest answer with boxes, and the picture before it. */
struct screen_boxes {
    struct boxes boxes;
    const struct chat_medium *picture; /* a view, of the conversation's; NULL = none is there */
    size_t pictures;                   /* how many came with that message: 1 if it is certain */
    bool coming;                       /* it is still being fetched from the store */
};

/* BOXES_FOUND: *found is the caller's (boxes_finish on its boxes). */
enum boxes_answer screen_boxes_last(const struct chat_conversation *conversation,
                                    struct screen_boxes *found, struct err *err);

/* Behind an answer: draws what it found; nothing when that is nothing. */
void screen_boxes_show(struct screen *screen, const struct chat_message *answer);

/* A picture that was being fetched is here; NULL: one is lost. */
void screen_boxes_loaded(struct screen *screen, const struct chat_medium *picture);

/* /boxes */
void screen_boxes_run(struct screen *screen, const char *argument);

#endif
