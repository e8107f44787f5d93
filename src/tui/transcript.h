/* transcript: everything that was said and done, and the window onto it.
 *
 * A list of items (a message, a thought, a call, a notice), each cut into blocks that are laid out
 * only when they come into view. The window is held by a place (item, block, row), never by a line
 * number, so that scrolling, resizing and streaming cost what is on the screen and not what lies
 * above it. Layouts out of view are dropped; what stays is the text, at most TRANSCRIPT_ITEM_LIMIT
 * bytes an item.
 *
 * All text is taken as hostile and kept in its visible form. Pieces of a stream may cut characters
 * in two.
 */
#ifndef CARAT_TUI_TRANSCRIPT_H
#define CARAT_TUI_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct picture;
struct surface;
struct transcript;

enum { TRANSCRIPT_ITEM_LIMIT = 8 * 1024 * 1024 };

struct transcript *transcript_create(void);
void transcript_destroy(struct transcript *transcript);
void transcript_clear(struct transcript *transcript);

void transcript_add_user(struct transcript *transcript, const char *text, size_t length);
void transcript_add_answer(struct transcript *transcript, const char *text, size_t length);
void transcript_add_thought(struct transcript *transcript, const char *text, size_t length);
void transcript_end_message(struct transcript *transcript);
void transcript_add_call(struct transcript *transcript, const char *call_id, const char *title);
/* Output and end of a call that is not there are ignored. */
void transcript_call_output(struct transcript *transcript, const char *call_id, const char *text,
                            size_t length);
void transcript_end_call(struct transcript *transcript, const char *call_id, const char *result,
                         size_t length, const char *failure);
/* With a word on what it is; `picture` (may be NULL: the word alone) moves in. */
void transcript_add_picture(struct transcript *transcript, struct picture *picture,
                            const char *text);
/* The same for one that comes later: `text` until it does. Rows below it stay while it is awaited
 * (inline). Filling one that is not there is ignored. */
void transcript_await_picture(struct transcript *transcript, const void *key, const char *text);
void transcript_fill_picture(struct transcript *transcript, const void *key,
                             struct picture *picture, const char *text);
void transcript_add_notice(struct transcript *transcript, const char *text, bool is_error);

/* Shows thoughts, outputs and long messages whole, or folded again. */
void transcript_toggle_folding(struct transcript *transcript);
/* The same for what a row of the last draw shows. */
void transcript_toggle_at(struct transcript *transcript, int row);
/* Shows answers as their Markdown source, or laid out again; true: as source now. An answer that
 * has begun to leave (inline) stays as it is. */
bool transcript_toggle_raw(struct transcript *transcript);

/* Rows up (negative) or down. Going up stops following the end; reaching the end resumes it. */
void transcript_scroll(struct transcript *transcript, int rows);
void transcript_to_start(struct transcript *transcript);
void transcript_to_end(struct transcript *transcript);
/* The item that is added next is a place to come back to; the latest counts. */
void transcript_mark(struct transcript *transcript);
/* Shows it at the top of the window; nothing when there is none. */
void transcript_to_mark(struct transcript *transcript);
/* False: there is more below what the last draw showed. */
bool transcript_following(const struct transcript *transcript);

/* --- inline: what is final leaves, row by row; the window above is of no use then --- */

/* Rows that will not change any more and have not left, at most `most`; laid out for `width`. */
size_t transcript_settled(struct transcript *transcript, int width, size_t most);
/* Draws the first `rows` of them into rows [0, rows) of the surface; they have left. What is left
 * behind of their text is forgotten by the next call. */
void transcript_settle(struct transcript *transcript, struct surface *surface, size_t rows);
/* Rows of all that has not left. */
size_t transcript_alive(struct transcript *transcript, int width);
/* Draws the last `height` of them, from `row` on. */
void transcript_draw_alive(struct transcript *transcript, struct surface *surface, int row,
                           int height);

/* Draws rows [0, height) of the surface, in its whole width. */
void transcript_draw(struct transcript *transcript, struct surface *surface, int height);

#endif
