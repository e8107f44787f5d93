/* file_index: the paths of the workspace, for completion after an @, or the folders beside it.
 *
 * Walked on a thread of libuv's pool, so that no key waits. What .gitignore names is left out, and
 * .git; symbolic links are neither followed nor listed, and a name with a control character in it
 * is not offered. At most FILE_INDEX_MOST paths, three seconds, FILE_INDEX_DEPTH folders deep: what
 * is beyond can still be typed. Loop thread but for the walk.
 */
#ifndef CARAT_SCREEN_FILE_INDEX_H
#define CARAT_SCREEN_FILE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { FILE_INDEX_MOST = 20000, FILE_INDEX_DEPTH = 24 };

struct file_index;

/* The paths hold until the next call. */
typedef void file_index_ready(void *context, char *const *paths, size_t count);

struct file_index *file_index_create(uv_loop_t *loop, const char *workspace,
                                     file_index_ready *ready, void *context);
/* The folders that stand beside the workspace and what they have of folders, as "../NAME/NAME/",
 * but for hidden ones: those that are not in it, and may be wanted. */
struct file_index *file_index_create_beside(uv_loop_t *loop, const char *workspace,
                                            file_index_ready *ready, void *context);
/* Begins a walk, unless one runs or has just run. */
void file_index_refresh(struct file_index *index);
/* No call of `ready` from now on; the loop must run until it is empty before the destroy. */
void file_index_stop(struct file_index *index);
void file_index_destroy(struct file_index *index);

#endif
