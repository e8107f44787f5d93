/* speaker: answers said aloud by a program: espeak-ng, or the one that the configuration names.
 *
 * The program is started by its words, never through a shell, and reads the text from its standard
 * input; its output goes nowhere. One text after the other. Loop thread; nothing blocks.
 */
#ifndef CARAT_APP_SPEAKER_H
#define CARAT_APP_SPEAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct config_list;
struct speaker;

/* `done`: it has fallen silent; `why` is NULL, or a sentence when the program does not work.
 * `command` (borrowed) may be empty. */
typedef void speaker_done(void *context, const char *why);
struct speaker *speaker_create(uv_loop_t *loop, const struct config_list *command,
                               speaker_done *done, void *context);
/* Silences it; the loop must run once more before speaker_destroy. No callback comes any more. */
void speaker_close(struct speaker *speaker);
void speaker_destroy(struct speaker *speaker);

/* An answer, in Markdown (spoken_text). */
void speaker_say(struct speaker *speaker, const char *text, size_t length);
/* Drops what waits and ends the program; `done` follows when it is gone. */
void speaker_stop(struct speaker *speaker);
bool speaker_active(const struct speaker *speaker);

/* The program's name and whether it can be found; for carat doctor. The string is a view. */
const char *speaker_program(const struct config_list *command, bool *found);

#endif
