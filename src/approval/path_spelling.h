/* path_spelling: a path in the one spelling that its letters give. Links are not followed; pure. */
#ifndef CARAT_APPROVAL_PATH_SPELLING_H
#define CARAT_APPROVAL_PATH_SPELLING_H

#include <stddef.h>

struct str;

/* Appends the path without empty components, without "." and with ".." taken back; a ".." that is
 * left stands in front. Nothing for a relative path that leads nowhere, "/" for the root. */
void path_spelling_append(struct str *out, const char *path, size_t length);

#endif
