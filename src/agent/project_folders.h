/* project_folders: where the notes and skills of a project may lie: in the workspace, and in the
 * folders above it up to the project's root, which is the nearest one with a .git. The workspace
 * alone when there is no root.
 */
#ifndef CARAT_AGENT_PROJECT_FOLDERS_H
#define CARAT_AGENT_PROJECT_FOLDERS_H

#include <stddef.h>

enum { PROJECT_FOLDERS_LIMIT = 64 };

/* The nearest first; the strings are the caller's (mem_free). `workspace` is absolute. */
size_t project_folders_list(const char *workspace, char *folders[PROJECT_FOLDERS_LIMIT]);

#endif
