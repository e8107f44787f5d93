/* approvals_file: the rules that the user's "always" has made, in a file of their own
 * (config.d/approvals.toml), which is read like the rest of the user's configuration. */
#ifndef CARAT_APP_APPROVALS_FILE_H
#define CARAT_APP_APPROVALS_FILE_H

#include <stdbool.h>

struct err;

/* Adds the rule, unless it is there; what else stands in the file stays. The file and its folder
 * are made when there are none; where it is a link, what that leads to is replaced. Several
 * processes may add at a time. */
bool approvals_file_add(const char *path, const char *rule, struct err *err);

#endif
