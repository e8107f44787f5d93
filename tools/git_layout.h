/* git_layout: where git is led to by the text of its own files. Pure.
 *
 * Formats: gitrepository-layout(5) and git-config(1), "CONFIGURATION FILE".
 */
#ifndef CARAT_TOOLS_GIT_LAYOUT_H
#define CARAT_TOOLS_GIT_LAYOUT_H

#include <stdbool.h>

struct str;

/* The path in a `.git` that is a file ("gitdir: PATH"), or in a `commondir` ("PATH"), as it stands.
 * False when there is none. */
bool git_layout_leads_to(const char *text, struct str *path);

/* Calls for each path in a configuration from which git would run or read more: core.hooksPath and
 * include.path, as they stand. Doubtful lines are taken for one. */
void git_layout_config(const char *text, void (*found)(void *context, const char *path),
                       void *context);

#endif
