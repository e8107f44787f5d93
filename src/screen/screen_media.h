/* screen_media: pictures and sounds on the screen: sending them, taking them, showing them.
 *
 * What part of the screen's state speaks of them is here; the pixels come from the decoder.
 */
#ifndef CARAT_SCREEN_SCREEN_MEDIA_H
#define CARAT_SCREEN_SCREEN_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

struct chat_message;
struct screen;

/* Between opening the application and closing it. */
void screen_media_open(struct screen *screen);
void screen_media_close(struct screen *screen);

/* A message with the files that it names; the agent gets it when they are decoded. */
void screen_media_send(struct screen *screen, const char *text, bool steers);
/* What -i and --audio name, for the first message. */
void screen_media_send_options(struct screen *screen);
/* /shot: `argument` is an area, or "". */
void screen_media_shoot(struct screen *screen, const char *argument);
/* /detach: takes back what waits for the next message. */
void screen_media_detach(struct screen *screen, const char *argument);
/* The picture in the clipboard. */
void screen_media_paste(struct screen *screen);
/* The pictures of a message, behind it in the transcript; those that are still being fetched from
 * the store get a place there. NULL shows nothing. */
void screen_media_show(struct screen *screen, const struct chat_message *message);
/* One of the latter is here, or cannot be had. */
void screen_media_loaded(struct screen *screen, const struct chat_message *message, size_t part);
/* Esc: true when something was being fetched, and is stopped. */
bool screen_media_stop(struct screen *screen);

#endif
