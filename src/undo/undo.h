/* undo: every file change of a turn can be shown and taken back. The front door of this folder.
 *
 * Before the first changing call of a turn the workspace is scanned (undo_begin), after the turn
 * again (undo_end); the difference is the turn's record, whoever made the change: a file tool, a
 * shell command, or the user in the same minutes. Works without git. All of it happens in carat
 * itself, never in a tool's process, and lies in the state folder, which tools cannot see.
 *
 * On disk, in FOLDER/<hash of the workspace's path>/: workspace (that path), lock, index (the last
 * scan), open (a turn began), apply (a taking back began), turns/NNNNNN, objects/. Every file is
 * replaced by a rename. kill -9 at any point: an unfinished taking back is finished by the next
 * undo_open, an unfinished turn is closed with what lies there then by the next call of undo_begin,
 * undo_list or undo_take_back.
 *
 * One process at a time has a workspace's snapshots (a lock from undo_begin to undo_end). Any
 * thread, one at a time; the functions block for as long as the disk needs.
 */
#ifndef CARAT_UNDO_UNDO_H
#define CARAT_UNDO_UNDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;
struct undo;

struct undo_options {
    const char *folder;          /* where all of this is kept; made when it is missing */
    const char *workspace;       /* absolute, symlinks resolved */
    const char *const *writable; /* further directories that tools may change; absolute */
    size_t writable_count;
    char *const *skip; /* names of folders to leave out */
    size_t skip_count;
    const char *const *hidden; /* absolute: carat's own files and folders */
    size_t hidden_count;
    int64_t file_limit, total_limit; /* bytes of one file; of everything that is kept */
};

/* Finishes a taking back that was cut short; undo_take_notes tells, also of a directory that is not
 * there. */
struct undo *undo_open(const struct undo_options *options, struct err *err);
/* What was finished for a process that is gone, or could not be, as lines; "" when there was
 * nothing. Said once: here or by the next function that has a report. */
void undo_take_notes(struct undo *undo, struct str *out);
/* A further folder, absolute, that tools may change from now on; while no snapshot is made. */
void undo_add_root(struct undo *undo, const char *folder);
void undo_close(struct undo *undo);

/* Before the first change of a turn. ERR_UNAVAILABLE when another carat has the lock; the turn
 * cannot be taken back then, and nothing else is wrong. */
bool undo_begin(struct undo *undo, const char *conversation, const char *title, struct err *err);
struct undo_summary {
    unsigned turn;          /* 0: nothing changed */
    size_t changed, unkept; /* paths; of them, those that cannot be taken back */
    size_t forgotten;       /* older turns that went because the snapshots were full */
    char first[96];         /* one of them, for people; "" when it is too long to name */
};
/* After the turn. Without undo_begin before it nothing happens. */
bool undo_end(struct undo *undo, struct undo_summary *summary, struct err *err);
/* Ends a running scan of another thread with ERR_CANCELLED; undo_begin begins anew. */
void undo_stop(struct undo *undo);

/* One line for each turn, the newest last: number, time, how many paths, the words it began
 * with. */
bool undo_list(struct undo *undo, struct str *out, struct err *err);
/* What the turn changed, as unified differences; 0 = the last one that was not taken back. Foreign
 * bytes: to be made visible before they reach a terminal. */
bool undo_show(struct undo *undo, unsigned turn, struct str *out, struct err *err);
/* Takes the turn back. A path that somebody changed since, or that could not be brought back again,
 * is left alone, with words; the rest is done, and a second call with its number tries what was
 * left. `report`: what was done and what was not, also on failure. ERR_NOT_FOUND when there is no
 * such turn, or when it was taken back already; ERR_UNAVAILABLE when nothing of it could be. */
bool undo_take_back(struct undo *undo, unsigned turn, struct str *report, struct err *err);

/* The turns of a conversation that began in [from_ms, to_ms). */
struct undo_span {
    const char *conversation;
    int64_t from_ms, to_ms;
};
struct undo_tally {
    size_t turns, paths; /* that undo_take_back_spans would take back; a path counts in each turn */
};
bool undo_count_spans(struct undo *undo, const struct undo_span *spans, size_t count,
                      struct undo_tally *tally, struct err *err);
/* Takes all of their turns back that were not, the newest first, each as undo_take_back does. A
 * turn that carat was stopped in is left alone, with words. `tally`: what was taken back, also when
 * it failed half-way. */
bool undo_take_back_spans(struct undo *undo, const struct undo_span *spans, size_t count,
                          struct undo_tally *tally, struct str *report, struct err *err);

#endif
