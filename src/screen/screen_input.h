/* screen_input: what the input line of the screen asks for: sending, the user's own commands, the
 * outside editor, files to complete, the draft that outlives a crash.
 */
#ifndef CARAT_SCREEN_SCREEN_INPUT_H
#define CARAT_SCREEN_SCREEN_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct err;
struct keymap;
struct screen;
struct toolproc_result;

/* The key map that the configuration asks for (the caller's); NULL: it is not possible. */
struct keymap *screen_input_read_keys(const struct config *config, struct err *err);
/* vi, the draft that was kept: once the tui is there. */
void screen_input_open(struct screen *screen);
/* Keeps the draft. The loop runs until it is empty before screen_input_finish. */
void screen_input_close(struct screen *screen);
void screen_input_finish(struct screen *screen);

/* A message, a /command or a !command. `steers`: while a turn runs it goes in before its next step,
 * else it waits for its end. */
void screen_input_submit(struct screen *screen, const char *text, size_t length, bool steers);
void screen_input_edit(struct screen *screen, const char *text);
void screen_input_want_files(struct screen *screen);
void screen_input_want_folders(struct screen *screen);
/* Stops the user's own command. False: none runs. */
bool screen_input_interrupt(struct screen *screen);
/* Puts the command that runs, the model's or the user's own, into the background. */
void screen_input_background(struct screen *screen);
/* To be called before the loop sleeps: the draft is kept soon after it was changed. */
void screen_input_note_draft(struct screen *screen);
/* Shows what waits for the running turn. */
void screen_input_show_waiting(struct screen *screen);

/* For app_face: true when the call is the user's own. */
bool screen_input_tool_finished(void *context, const char *call_id,
                                const struct toolproc_result *result);

#endif
