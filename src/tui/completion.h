/* completion: the list of what fits the word that is being typed.
 *
 * A /command at the start of the text, one of the words or the folder that such a command takes, or
 * @ and a file's path anywhere. Commands and files are the caller's. At most COMPLETION_MOST are
 * offered, the best first; finding them costs less than 5 ms with 20,000 files.
 */
#ifndef CARAT_TUI_COMPLETION_H
#define CARAT_TUI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct surface;
struct tui_command;

enum { COMPLETION_ROWS = 8, COMPLETION_MOST = 128 };

enum completion_kind {
    COMPLETION_NONE,
    COMPLETION_COMMAND,
    COMPLETION_ARGUMENT, /* a word that the command takes */
    COMPLETION_FOLDER,   /* one that the command takes */
    COMPLETION_FILE,
};

struct completion_paths {
    char *const *items; /* borrowed; NULL: not known yet */
    size_t count;
};

struct completion_match {
    const char *text; /* without the slash or @; not terminated when an argument */
    size_t length;
    const char *help; /* or "" */
    int score;
};

struct completion {
    const struct tui_command *commands; /* borrowed */
    size_t command_count;
    struct completion_paths files, folders;
    enum completion_kind kind;
    size_t start, end; /* the word in the text, slash or @ included */
    struct str word;
    struct completion_match matches[COMPLETION_MOST];
    size_t count;
    size_t selected; /* of the matches */
    bool chosen;     /* the user moved the selection */
    bool dismissed;  /* until the word changes */
};

void completion_init(struct completion *completion);
void completion_finish(struct completion *completion);
/* Files came in, or others, or folders; the list is made anew by the next update. */
void completion_set_files(struct completion *completion, bool folders, char *const *paths,
                          size_t count);
/* Looks what fits the word at the cursor; keeps the selection while the word stays. */
void completion_update(struct completion *completion, const char *text, size_t cursor);
bool completion_open(const struct completion *completion);
void completion_move(struct completion *completion, int step);
void completion_dismiss(struct completion *completion);
/* What to put in place of the word [start, end), with a blank behind it. False when the list is not
 * open. */
bool completion_take(const struct completion *completion, struct str *out);
/* Draws the list so that its last row is `bottom`, not above row 0. */
void completion_draw(const struct completion *completion, struct surface *surface, int bottom);

#endif
