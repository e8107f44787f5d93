/* input_history: what was sent, kept for the history of later runs.
 *
 * One file in the state folder, mode 0600: a JSON string a line, appended with one write each, so
 * that several screens may share it. At the start its newest part is read; when it has grown over
 * twice that, it is cut back to it. A line that is damaged is left out. Messages over
 * INPUT_HISTORY_ENTRY bytes are not kept here: the conversation has them.
 */
#ifndef CARAT_SCREEN_INPUT_HISTORY_H
#define CARAT_SCREEN_INPUT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum { INPUT_HISTORY_READ = 512 * 1024, INPUT_HISTORY_ENTRY = 16 * 1024 };

/* Hands the entries out, oldest first; none when there is no file. */
void input_history_read(const char *state_folder, void (*entry)(void *context, const char *text),
                        void *context);
bool input_history_add(const char *state_folder, const char *text, struct err *err);

#endif
