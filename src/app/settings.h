/* settings: the settings of a run, from everywhere they may stand.
 *
 * Defaults, the user's files, the profile, the environment, the command line; the last one wins.
 * Then the project's own file, which can only tighten what came out.
 */
#ifndef CARAT_APP_SETTINGS_H
#define CARAT_APP_SETTINGS_H

#include "config/config.h"

struct err;

/* Into an initialised configuration. `workspace` wins over --cd; NULL = as the arguments say. They
 * are borrowed as long as the configuration lives. */
bool settings_read(struct config *config, int argc, char *const argv[], const char *workspace,
                   struct err *err);

#endif
