/* preview: what a call would do, with the difference that it would make to the file that is there.
 *
 * Read at the moment of the question, from the workspace and through nothing that leads out of it.
 * What is shown cannot go stale unnoticed: the file tools refuse to change a file that changed
 * since it was read. Where no difference can be shown (a new or binary file, text that is not found
 * exactly once) the call itself is shown in full.
 */
#ifndef CARAT_AGENT_PREVIEW_H
#define CARAT_AGENT_PREVIEW_H

#include <jansson.h>
#include <stdbool.h>

struct str;

enum { PREVIEW_FILE_LIMIT = 1024 * 1024 };

/* As approval_describe: one row a line, every deceptive character spelled out. Appends to an empty
 * `out`. */
void preview_describe(const char *workspace, const char *tool, const json_t *arguments,
                      struct str *out);

/* The file that a call would change, before and after, as text; appends to empty strings. False:
 * the call changes no file, or what it would make of it cannot be told. *is_new: there is none yet.
 */
bool preview_change(const char *workspace, const char *tool, const json_t *arguments,
                    struct str *before, struct str *after, bool *is_new);

#endif
