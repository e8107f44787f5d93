/* mentions: pictures and sounds that the user names in what he types.
 *
 * A word that begins with @, a path that begins with / or ~/, and a file: address count when they
 * end like a picture, a sound or a clip (.png, .wav, .mp4; the table is in mentions.c) and there is
 * such a file; so a file that is pasted, or dragged into the terminal, goes with the message.
 * Spaces in a name are given as the terminals do: in quotes, behind a backslash, or as %20 in an
 * address. Everything else is text; the words themselves stay in the message. For what a person
 * types only: foreign text names nothing.
 */
#ifndef CARAT_APP_MENTIONS_H
#define CARAT_APP_MENTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct str;

/* The next file that the text names from *at on: its path into `path` (cleared first; relative ones
 * begin at `folder`), *at behind it. False when there is none any more. `home` NULL = no ~. */
bool mentions_next(const char *text, size_t *at, const char *folder, const char *home,
                   struct str *path, bool *picture);

#endif
