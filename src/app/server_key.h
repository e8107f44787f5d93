/* server_key: the key of a server, from the environment or from a command that prints it.
 *
 * It is read once, handed to infer_remote and wiped. A command (a password manager's) runs with
 * /bin/sh when its model is taken; what it prints up to the first line's end is the key. Its errors
 * name the command, never what it printed.
 */
#ifndef CARAT_APP_SERVER_KEY_H
#define CARAT_APP_SERVER_KEY_H

#include <stdbool.h>

struct err;
struct str;

/* Appends the key; nothing when there is neither a variable nor a command (NULL). `apart`: the
 * terminal is a screen, so the command reads and says nothing there. */
bool server_key_read(const char *variable, const char *command, bool apart, struct str *out,
                     struct err *err);
/* Overwrites and finishes it. */
void server_key_wipe(struct str *key);

#endif
