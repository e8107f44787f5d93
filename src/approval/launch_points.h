/* launch_points: files in a workspace from which other programs start code.
 *
 * Whoever may write one of them runs commands later, outside the sandbox, as the user: through git,
 * an editor, a build, a shell. So a call that would write one asks even where file changes run
 * without asking. The sandbox keeps the worst of them read-only besides (tools/). Pure.
 */
#ifndef CARAT_APPROVAL_LAUNCH_POINTS_H
#define CARAT_APPROVAL_LAUNCH_POINTS_H

/* Why a path is one ("git runs hooks from it"); NULL when it is none. Compared without regard to
 * case, "." and empty components skipped; a path with ".." is judged by each name in it, and by
 * where its letters lead. */
const char *launch_points_reason(const char *path);

/* The same for a word of a command: also for a folder that holds such files further down (what is
 * put there brings its own along), behind '=', and behind the letters of a cluster (-rtFOLDER). */
const char *launch_points_in_word(const char *word);

#endif
