/* own_command: a command that the user runs with ! at the start of the input.
 *
 * It runs where the model's commands run, in the same sandbox, without a question: it is the user's
 * own. Its output is shown as it comes; when it has ended, the command and its output become a
 * message of the user's, to which the model gives no answer of its own but sees at its next step.
 * One at a time; one that was put into the background is a job, and no longer this one. Loop
 * thread.
 */
#ifndef CARAT_SCREEN_OWN_COMMAND_H
#define CARAT_SCREEN_OWN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;
struct toolproc;
struct toolproc_result;

/* Bytes of output that the model is given: the first and the last of them. */
enum { OWN_COMMAND_SHOWN = 8 * 1024 };

struct own_command {
    bool running;
    unsigned number;
    char id[32];   /* of the call; never one of the model's */
    char *command; /* what runs, or ran last */
};

bool own_command_start(struct own_command *own, struct toolproc *toolproc, const char *command,
                       struct err *err);
void own_command_cancel(struct own_command *own, struct toolproc *toolproc);
/* True when the call is this one. */
bool own_command_is(const struct own_command *own, const char *call_id);
/* It has ended: what to tell the model, and what to show. */
void own_command_end(struct own_command *own, const struct toolproc_result *result,
                     struct str *message, struct str *shown);
/* It goes on in the background, and another command can be run; `told` says how, for the model. */
void own_command_leave(struct own_command *own, const char *told, struct str *message);
/* Whether a message of the user's is one that these two made. */
bool own_command_is_note(const char *message);
void own_command_finish(struct own_command *own);

#endif
