/* draft: what was being written, kept where a crash does not reach it.
 *
 * One file a workspace in the state folder, mode 0600: the workspace's path on the first line, the
 * text behind it. It is renamed into place and not synced: it outlives the program, not a power
 * cut. Blocks for one small write. Two screens on one workspace keep the draft of who wrote last.
 */
#ifndef CARAT_SCREEN_DRAFT_H
#define CARAT_SCREEN_DRAFT_H

#include <stdbool.h>

struct err;
struct str;

enum { DRAFT_LIMIT = 4 * 1024 * 1024 };

/* An empty text removes the file; a text over the limit is refused and the file stays. */
bool draft_keep(const char *state_folder, const char *workspace, const char *text, struct err *err);
/* Appends what was kept; nothing when there is none, or it cannot be read. */
void draft_find(const char *state_folder, const char *workspace, struct str *out);

#endif
