/* slash_names: what people type who come from another agent, and what carat does in its place.
 *
 * A name is either another spelling of a command of ours, or is answered with a sentence that says
 * where the thing is, or that there is none. These are not offered by completion; /help names them
 * in one paragraph.
 */
#ifndef CARAT_SCREEN_SLASH_NAMES_H
#define CARAT_SCREEN_SLASH_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct str;

struct slash_name {
    const char *name;    /* "bye" */
    const char *command; /* "quit", "mode read-only": what it stands for; NULL = nothing */
    const char *words;   /* where it is instead; NULL with a command */
};

extern const struct slash_name slash_names[];
extern const size_t slash_name_count;

/* NULL when the name is none of these. */
const struct slash_name *slash_names_find(const char *name, size_t length);
/* "/bye = /quit, ...": those that stand for a command. */
void slash_names_append_help(struct str *out);

#endif
