/* sandbox_repository: what git starts code from, of the repository that a folder's `.git` is or
 * leads to, wherever that lies. Part of sandbox_protected.
 */
#ifndef CARAT_TOOLS_SANDBOX_REPOSITORY_H
#define CARAT_TOOLS_SANDBOX_REPOSITORY_H

struct sandbox_protected;

/* Looks for `.git` in the folder, which need not lie in a root: its configuration may lead there.
 */
void sandbox_repository_look_for(struct sandbox_protected *found, const char *folder);

#endif
