/* outside_editor: the draft in the user's own editor ($VISUAL, else $EDITOR, else vi).
 *
 * The text lies in a file of mode 0600 that is removed afterwards. The editor has the terminal
 * while it runs; the loop goes on, so that what the model does meanwhile is kept. Loop thread.
 */
#ifndef CARAT_SCREEN_OUTSIDE_EDITOR_H
#define CARAT_SCREEN_OUTSIDE_EDITOR_H

#include <stdbool.h>

#include <uv.h>

struct err;

/* `text`: what was written, a view; NULL: the editor failed, `why` says how. */
typedef void outside_editor_done(void *context, const char *text, const char *why);

struct outside_editor {
    uv_process_t process;
    bool running;
    char *path;
    char *name; /* of the editor */
    outside_editor_done *done;
    void *context;
};

/* The terminal must have been given back. False: nothing was started. Zeroed before the first. */
bool outside_editor_start(struct outside_editor *editor, uv_loop_t *loop, const char *text,
                          outside_editor_done *done, void *context, struct err *err);

#endif
