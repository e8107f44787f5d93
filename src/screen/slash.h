/* slash: the /commands of the screen, as a table. */
#ifndef CARAT_SCREEN_SLASH_H
#define CARAT_SCREEN_SLASH_H

#include <stdbool.h>
#include <stddef.h>

struct screen;

struct slash_command {
    const char *name;     /* "help" */
    const char *argument; /* "[on|off]" or "" */
    const char *help;
    void (*run)(struct screen *screen, const char *argument);
    bool alone; /* not while a !command runs: what it did belongs to this conversation's end */
};

extern const struct slash_command slash_commands[];
extern const size_t slash_command_count;

/* The same for the screen's completion; lives as long as the program. */
struct tui_command;
const struct tui_command *slash_offers(void);

/* Runs text that begins with '/'. False when it is no command of ours (a path, say): it is a
 * message then. */
bool slash_run(struct screen *screen, const char *text);

#endif
