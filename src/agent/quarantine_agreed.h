/* quarantine_agreed: whether the user was shown a path and said yes to it.
 *
 * By words, so that a yes to one thing is none to another: "reconfigured" does not name `config`,
 * and the address of a repository that ends in ".git" names no file. Pure.
 */
#ifndef CARAT_AGENT_QUARANTINE_AGREED_H
#define CARAT_AGENT_QUARANTINE_AGREED_H

#include <stdbool.h>

/* `agreed`: the texts that were shown; `path`: beneath the folder that was looked at. The last name
 * must stand there as a word; of what lies in a repository, the path from ".git" on. */
bool quarantine_agreed(const char *agreed, const char *path);
/* The whole of `path` must stand there. */
bool quarantine_agreed_whole(const char *agreed, const char *path);

#endif
