/* signal_scope: keeps the signals of what is started away from who started it.
 *
 * Inside the sandbox a command and the tool that watches over it have one user and one PID
 * namespace: `kill -STOP -1` would stop the watcher, whose limit of time then never comes. A
 * Landlock domain of the command's own, beneath the tool's, lets signals go down and not up. The
 * kernel knows that from version 6 of Landlock on; before, nothing is changed.
 */
#ifndef CARAT_TOOLS_SIGNAL_SCOPE_H
#define CARAT_TOOLS_SIGNAL_SCOPE_H

#include <stdbool.h>

/* For the calling thread and the processes that it starts; needs no_new_privs. True also where the
 * kernel does not know it; false, with errno, when it refuses. */
bool signal_scope_enter(void);

#endif
