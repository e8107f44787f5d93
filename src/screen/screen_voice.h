/* screen_voice: speaking to the screen and being spoken to.
 *
 * A key or /voice opens the microphone; what was said becomes words in the input, to be corrected
 * (voice.review), or goes to the model at once as sound. /listen goes on by itself: speech, turn,
 * answer, and again, until its stop word or a key. /say has answers spoken. The microphone is open
 * only between a key or command and the end of what was said, and the status line says so all the
 * time.
 */
#ifndef CARAT_SCREEN_SCREEN_VOICE_H
#define CARAT_SCREEN_SCREEN_VOICE_H

#include <stdbool.h>

struct agent_event;
struct screen;
struct str;

void screen_voice_open(struct screen *screen);
/* Before the loop ends, and after it. */
void screen_voice_close(struct screen *screen);
void screen_voice_finish(struct screen *screen);

/* The key, and /voice: begins to listen, or ends it with what was said. */
void screen_voice_toggle(struct screen *screen);
/* Commands; the argument is "on", "off" or "" for the other of both. */
void screen_voice_listen(struct screen *screen, const char *argument);
void screen_voice_say(struct screen *screen, const char *argument);

/* Esc or Ctrl+C: true when it was ours. A recording is thrown away, listening by itself ends. */
bool screen_voice_interrupt(struct screen *screen);
/* Any key stops a spoken answer. */
void screen_voice_key(struct screen *screen);
/* Before the screen shows it. */
void screen_voice_event(struct screen *screen, const struct agent_event *event);

/* The microphone is open; and what the status line says of it. */
bool screen_voice_active(const struct screen *screen);
const char *screen_voice_activity(struct screen *screen);

#endif
