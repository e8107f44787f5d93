/* undo: the order of steps that makes a crash at any point harmless.
 *
 *   undo_begin      index := scan; open := a record without changes
 *   undo_end        turns/N := difference of index and a new scan; open goes; index := new scan
 *   undo_take_back  apply := the record of it; restore; turns/N := what was done; apply goes
 *
 * `open` names its turn's number: when turns/N is there already, only the clearing up was missed.
 * Contents are kept by undo_begin and undo_end before the file that refers to them is written.
 */
#include "undo/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "undo/keep.h"
#include "undo/record.h"
#include "undo/restore.h"
#include "undo/roots.h"
#include "undo/scan.h"
#include "undo/show.h"
#include "undo/turns.h"

struct undo {
    char *folder; /* of this workspace */
    struct scan_options scan;
    int64_t total_limit;
    struct objects objects;
    struct tree index;             /* the last scan, once it was loaded or made */
    bool index_loaded, index_good; /* good: there was one, and it was whole */
    struct record open;            /* of the turn that runs */
    bool is_open;
    size_t forgotten; /* turns, when that one began */
    struct str notes; /* what was finished for a process that is gone, not yet told */
    int lock;         /* -1: not ours */
    atomic_bool stop;
};

/* --- names on disk --- */

static char *path_of(const struct undo *undo, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", undo->folder, name);
    return str_take(&path);
}

static char *turn_path(const struct undo *undo, unsigned number)
{
    char *folder = path_of(undo, "turns");
    char *path = turns_path(folder, number);
    mem_free(folder);
    return path;
}

static void remove_file(const struct undo *undo, const char *name)
{
    char *path = path_of(undo, name);
    unlink(path);
    mem_free(path);
}

static bool save_record(const struct undo *undo, const struct record *record, const char *name,
                        struct err *err)
{
    char *path = name != NULL ? path_of(undo, name) : turn_path(undo, record->number);
    bool ok = record_save(record, path, err);
    mem_free(path);
    return ok;
}

/* *there false and no error when there is no such file. A damaged one goes, with words: nothing can
 * be learnt from it, and it must not stand in the way of later turns. */
static bool load_record(const struct undo *undo, const char *name, struct record *record,
                        bool *there, struct str *report, struct err *err)
{
    struct err problem = {0};
    char *path = path_of(undo, name);
    bool ok = record_load(record, path, &problem);
    *there = ok;
    if (!ok && problem.code == ERR_FORMAT) {
        str_append_format(report, "%s; it is ignored\n", problem.text);
        unlink(path);
        ok = true;
    } else if (!ok && problem.code == ERR_NOT_FOUND) {
        ok = true;
    } else if (!ok && err != NULL) {
        *err = problem;
    }
    mem_free(path);
    return ok;
}

/* --- birth and end --- */

static char *folder_of(const struct undo_options *options)
{
    struct hash hash;
    unsigned char result[HASH_BYTES];
    char text[2 * HASH_BYTES + 1];
    hash_init(&hash);
    hash_add(&hash, options->workspace, strlen(options->workspace));
    hash_finish(&hash, result);
    hash_hex(result, text);
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%.24s", options->folder, text);
    return str_take(&path);
}

void undo_add_root(struct undo *undo, const char *folder)
{
    struct scan_names before = undo->scan.roots;
    const char **further = mem_zero(before.count + 1, sizeof *further);
    for (size_t i = 1; i < before.count; i++) {
        further[i - 1] = before.items[i];
    }
    further[before.count - 1] = folder;
    undo->scan.roots = (struct scan_names){0};
    roots_choose(&undo->scan.roots, before.items[0], further, before.count);
    mem_free(further);
    roots_finish(&before);
}

static void unlock(struct undo *undo)
{
    if (undo->lock >= 0) {
        objects_sync(&undo->objects, NULL); /* of a scan that was stopped */
        close(undo->lock);
        undo->lock = -1;
    }
}

void undo_close(struct undo *undo)
{
    if (undo == NULL) {
        return;
    }
    unlock(undo);
    objects_close(&undo->objects);
    tree_finish(&undo->index);
    record_finish(&undo->open);
    str_finish(&undo->notes);
    roots_finish(&undo->scan.roots);
    roots_finish(&undo->scan.skip);
    roots_finish(&undo->scan.hidden);
    mem_free(undo->folder);
    mem_free(undo);
}

void undo_stop(struct undo *undo)
{
    atomic_store(&undo->stop, true);
}

/* --- the index --- */

static bool load_index(struct undo *undo, struct err *err)
{
    char *path = path_of(undo, "index");
    struct str body;
    struct err problem = {0};
    str_init(&body);
    bool ok = true;
    if (!undo->index_loaded && tree_load(path, &body, &problem)) {
        const char *at = body.data, *end = body.data + body.length;
        struct tree_entry entry;
        while (at < end && (ok = tree_read_entry(&at, end, &entry, err))) {
            tree_add(&undo->index, &entry);
        }
        undo->index_good = ok;
    } else if (problem.code != ERR_NONE && problem.code != ERR_NOT_FOUND &&
               problem.code != ERR_FORMAT) {
        ok = false;
        if (err != NULL) {
            *err = problem;
        }
    }
    /* A damaged or missing one is made anew by the next scan. */
    undo->index_loaded = ok;
    str_finish(&body);
    mem_free(path);
    return ok;
}

static bool save_index(struct undo *undo, struct err *err)
{
    struct str body;
    str_init(&body);
    for (size_t i = 0; i < undo->index.count; i++) {
        tree_write_entry(&body, &undo->index.items[i]);
    }
    char *path = path_of(undo, "index");
    bool ok = tree_save(path, &body, err);
    mem_free(path);
    str_finish(&body);
    return ok;
}

static void take_index(struct undo *undo, struct tree *tree)
{
    undo->index_loaded = undo->index_good = true;
    tree_finish(&undo->index);
    undo->index = *tree;
}

static bool scan(struct undo *undo, struct tree *tree, struct err *err)
{
    tree_init(tree);
    if (!load_index(undo, err) || !scan_run(&undo->scan, &undo->objects, &undo->index, tree, err) ||
        !objects_sync(&undo->objects, err)) {
        tree_finish(tree);
        return false;
    }
    return true;
}

/* --- turns on disk --- */

static unsigned *numbers_of(const struct undo *undo, size_t *count)
{
    char *folder = path_of(undo, "turns");
    unsigned *numbers = turns_numbers(folder, count);
    mem_free(folder);
    return numbers;
}

/* A turn that is not closed yet has the number after the last. */
static unsigned next_number(const struct undo *undo)
{
    size_t count;
    unsigned *numbers = numbers_of(undo, &count);
    char *open_turn = path_of(undo, "open");
    unsigned next = count > 0 ? numbers[count - 1] + 1 : 1;
    next += access(open_turn, F_OK) == 0;
    mem_free(open_turn);
    mem_free(numbers);
    return next;
}

static void evict(struct undo *undo)
{
    char *turns = path_of(undo, "turns"), *index = path_of(undo, "index");
    struct stat status;
    int64_t index_bytes = stat(index, &status) == 0 ? status.st_size : 0;
    undo->forgotten =
        keep_evict(&undo->objects, &undo->index, index_bytes, turns, undo->total_limit);
    mem_free(turns);
    mem_free(index);
}

/* --- a turn --- */

/* Between two locks others may have made turns, and swept contents away: what was read before a
 * lock is not believed after it. */
static bool lock(struct undo *undo, struct err *err)
{
    if (undo->lock >= 0) {
        return true;
    }
    char *path = path_of(undo, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    mem_free(path);
    if (fd < 0) {
        return err_errno(err, ERR_IO, "locking the snapshots");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return err_set(err, ERR_UNAVAILABLE, "another carat works in this directory");
    }
    undo->lock = fd;
    tree_finish(&undo->index);
    undo->index_loaded = undo->index_good = false;
    objects_check(&undo->objects);
    return true;
}

/* The difference of the index and `now` becomes the record of the open turn. */
static bool close_turn(struct undo *undo, struct tree *now, struct undo_summary *summary,
                       struct err *err)
{
    struct record *record = &undo->open;
    struct undo_summary found = {0};
    record_compare(record, &undo->index, now);
    for (size_t i = 0; i < record->count; i++) {
        found.unkept += record->items[i].before.kind == TREE_LEFT_OUT ||
                        (record->items[i].after.kind == TREE_LEFT_OUT &&
                         record->items[i].before.kind != TREE_FILE);
    }
    found.changed = record->count;
    found.forgotten = undo->forgotten;
    found.turn = record->count > 0 ? record->number : 0;
    if (record->count > 0) {
        struct str first;
        str_init(&first);
        show_name(&first, show_path(record->items[0].after.path, undo->scan.roots.items[0]));
        if (first.length < sizeof found.first) {
            memcpy(found.first, first.data, first.length + 1);
        }
        str_finish(&first);
    }
    bool ok = record->count == 0 || save_record(undo, record, NULL, err);
    if (ok) {
        remove_file(undo, "open");
        take_index(undo, now);
        ok = save_index(undo, err);
    } else {
        tree_finish(now);
    }
    record_finish(record);
    undo->is_open = false;
    *summary = found;
    return ok;
}

/* Finishes a taking back that was cut short. */
static bool recover_apply(struct undo *undo, struct str *report, struct err *err)
{
    struct record left;
    bool there;
    if (!load_record(undo, "apply", &left, &there, report, err)) {
        return false;
    }
    if (!there) {
        return true;
    }
    struct str words;
    str_init(&words);
    size_t refused = restore_run(&left, &undo->objects, undo->scan.file_limit, &words);
    bool ok = left.count == 0 || save_record(undo, &left, NULL, err);
    if (ok) {
        str_append_format(report,
                          "carat was stopped while it took turn %u back; that is finished now, "
                          "%zu of %zu paths (undo --list)\n",
                          left.undoes, left.count, left.count + refused);
        str_append(report, words.data);
    }
    str_finish(&words);
    record_finish(&left);
    if (ok) {
        remove_file(undo, "apply");
    }
    return ok;
}

/* Closes a turn whose process is gone. Without the scan that it began with nothing can be said
 * about it: everything would look as if the turn had made it. */
static bool recover_turn(struct undo *undo, struct str *report, struct err *err)
{
    struct record left;
    bool there;
    struct tree now;
    struct undo_summary summary;
    bool loaded = load_record(undo, "open", &left, &there, report, err);
    if (!loaded || !there) {
        return loaded;
    }
    char *path = turn_path(undo, left.number);
    bool closed = access(path, F_OK) == 0;
    mem_free(path);
    bool known = load_index(undo, NULL) && undo->index_good;
    if (closed || !known) {
        str_append(report, closed ? "" : "a turn that was cut short cannot be taken back\n");
        remove_file(undo, "open");
        record_finish(&left);
        return true;
    }
    undo->open = left;
    undo->open.interrupted = true;
    struct scan_names ours = undo->scan.roots;
    undo->scan.roots = roots_of(&left);
    bool ok = scan(undo, &now, err);
    if (ok) {
        roots_drop_elsewhere(&undo->index, &undo->scan.roots);
        ok = close_turn(undo, &now, &summary, err);
    } else {
        record_finish(&undo->open);
    }
    roots_finish(&undo->scan.roots);
    undo->scan.roots = ours;
    return ok;
}

/* Finishes what a process that is gone left behind. The lock is ours, and no turn of ours runs. */
static bool recover(struct undo *undo, struct str *report, struct err *err)
{
    return recover_apply(undo, report, err) && recover_turn(undo, report, err);
}

/* At the start: half of a taking back is nothing to work on. A turn that was cut short waits for
 * the next one; closing it takes a scan. Another carat that has the lock does it itself. */
static void finish_apply(struct undo *undo)
{
    struct err err = {0};
    char *path = path_of(undo, "apply");
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    if (there && lock(undo, NULL)) {
        if (!recover_apply(undo, &undo->notes, &err)) {
            str_append_format(&undo->notes,
                              "carat was stopped while it took a turn back, and that could not be "
                              "finished: %s\n",
                              err.text);
        }
        unlock(undo);
    }
}

static void note_missing(struct undo *undo, const struct undo_options *options)
{
    for (size_t i = 0; i < options->writable_count; i++) {
        if (access(options->writable[i], F_OK) != 0) {
            struct err err;
            err_errno(&err, ERR_IO, "what tools change in it cannot be taken back");
            show_name(&undo->notes, options->writable[i]);
            str_append_format(&undo->notes, ": %s\n", err.text);
        }
    }
}

struct undo *undo_open(const struct undo_options *options, struct err *err)
{
    struct undo *undo = mem_zero(1, sizeof *undo);
    undo->lock = undo->objects.fd = -1;
    undo->folder = folder_of(options);
    roots_choose(&undo->scan.roots, options->workspace, options->writable, options->writable_count);
    roots_copy(&undo->scan.skip, (const char *const *)options->skip, options->skip_count);
    roots_copy(&undo->scan.hidden, options->hidden, options->hidden_count);
    undo->scan.file_limit = options->file_limit;
    undo->total_limit = options->total_limit;
    undo->scan.tree_limit = options->total_limit / 2; /* the rest is for what turns replaced */
    undo->scan.stop = &undo->stop;
    tree_init(&undo->index);
    str_init(&undo->notes);
    char *turns = path_of(undo, "turns"), *objects = path_of(undo, "objects");
    char *workspace = path_of(undo, "workspace");
    bool ok = file_make_directories(turns, err) && objects_open(&undo->objects, objects, err) &&
              (access(workspace, F_OK) == 0 ||
               file_replace(workspace, options->workspace, strlen(options->workspace), err));
    mem_free(turns);
    mem_free(objects);
    mem_free(workspace);
    if (!ok) {
        undo_close(undo);
        return NULL;
    }
    note_missing(undo, options);
    finish_apply(undo);
    return undo;
}

bool undo_begin(struct undo *undo, const char *conversation, const char *title, struct err *err)
{
    struct tree now;
    atomic_store(&undo->stop, false);
    if (undo->is_open) {
        return true;
    }
    bool ok = lock(undo, err) && recover(undo, &undo->notes, err) && scan(undo, &now, err);
    if (ok) {
        take_index(undo, &now);
        evict(undo);
        record_init(&undo->open, conversation, title);
        undo->open.number = next_number(undo);
        undo->open.wall_ms = clock_wall_ms();
        record_set_roots(&undo->open, undo->scan.roots.items, undo->scan.roots.count);
        ok = save_index(undo, err) && save_record(undo, &undo->open, "open", err);
        undo->is_open = ok;
    }
    if (!ok) {
        record_finish(&undo->open);
        unlock(undo);
    }
    return ok;
}

bool undo_end(struct undo *undo, struct undo_summary *summary, struct err *err)
{
    struct tree now;
    *summary = (struct undo_summary){0};
    if (!undo->is_open) {
        return true;
    }
    atomic_store(&undo->stop, false);
    bool ok = scan(undo, &now, err) && close_turn(undo, &now, summary, err);
    if (!ok) {
        /* `open` stays on disk: the next one closes the turn. */
        record_finish(&undo->open);
        undo->is_open = false;
    }
    unlock(undo);
    return ok;
}

/* --- looking and taking back --- */

void undo_take_notes(struct undo *undo, struct str *out)
{
    str_append(out, undo->notes.data);
    str_clear(&undo->notes);
}

/* Lock, recovery, turns. With a turn of our own open only looking is possible. */
static bool enter(struct undo *undo, struct turns *turns, struct str *report, struct err *err)
{
    if (undo->is_open) {
        return err_set(err, ERR_ARGUMENT, "a turn still runs");
    }
    atomic_store(&undo->stop, false);
    if (!lock(undo, err)) {
        return false;
    }
    bool ok = recover_apply(undo, &undo->notes, err);
    struct err problem = {0};
    if (ok && !recover_turn(undo, &undo->notes, &problem)) {
        /* The turns before it can be looked at and taken back all the same. */
        str_append_format(&undo->notes, "a turn that was cut short cannot be closed yet: %s\n",
                          problem.text);
    }
    undo_take_notes(undo, report);
    if (!ok) {
        unlock(undo);
        return false;
    }
    char *folder = path_of(undo, "turns");
    turns_load(turns, folder, report);
    mem_free(folder);
    return true;
}

bool undo_list(struct undo *undo, struct str *out, struct err *err)
{
    struct turns turns;
    if (!enter(undo, &turns, out, err)) {
        return false;
    }
    for (size_t i = 0; i < turns.count; i++) {
        show_line(out, &turns.items[i], turns.paths[i], turns_taken_back(&turns, i));
    }
    bool ok = load_index(undo, err);
    if (ok) {
        show_left_out(out, &undo->index);
    }
    turns_finish(&turns);
    unlock(undo);
    return ok;
}

bool undo_show(struct undo *undo, unsigned turn, struct str *out, struct err *err)
{
    struct turns turns;
    if (!enter(undo, &turns, out, err)) {
        return false;
    }
    struct record whole;
    const struct record *record = turns_choose(&turns, turn, err);
    bool ok = record != NULL && turns_read(&turns, record, &whole, err);
    if (ok) {
        show_record(out, &whole, &undo->objects, undo->scan.roots.items[0]);
        record_finish(&whole);
    }
    turns_finish(&turns);
    unlock(undo);
    return ok;
}

/* The record of taking `record` back. */
static void reverse(struct record *out, const struct record *record, unsigned number)
{
    record_init(out, record->conversation, record->title);
    out->number = number;
    out->undoes = record->number;
    out->wall_ms = clock_wall_ms();
    record_set_roots(out, record->roots, record->root_count);
    record_copy_known(out, record);
    for (size_t i = 0; i < record->count; i++) {
        record_add(out, &record->items[i].after, &record->items[i].before);
    }
}

/* Notes it, does it, keeps what was done. `refused` grows by what could not be. */
static bool apply(struct undo *undo, struct record *back, size_t *refused, struct str *words,
                  struct err *err)
{
    /* Not foreseeable: no command can have put something under the names that come of it. */
    bool ok = getrandom(&back->beside, sizeof back->beside, 0) == sizeof back->beside ||
              err_errno(err, ERR_IO, "random numbers");
    ok = ok && save_record(undo, back, "apply", err);
    if (ok) {
        *refused += restore_run(back, &undo->objects, undo->scan.file_limit, words);
        ok = back->count == 0 || save_record(undo, back, NULL, err);
    }
    if (ok) {
        remove_file(undo, "apply");
    }
    return ok;
}

enum taking { TAKING_FAILED, TAKING_NOTHING, TAKING_DONE };

/* NOTHING: none of its paths could be, and nothing was noted; `report` says why. DONE: `paths` of
 * them. When all is as it was before the turn already, that is noted, so that the turn before it
 * can be next. */
static enum taking take_back(struct undo *undo, const struct turns *turns,
                             const struct record *record, size_t *paths, struct str *report,
                             struct err *err)
{
    struct record back, whole;
    struct str words;
    if (!turns_read(turns, record, &whole, err)) {
        return TAKING_FAILED;
    }
    str_init(&words);
    reverse(&back, &whole, next_number(undo));
    record_finish(&whole);
    bool ok = turns_drop_done(turns, &back, err);
    size_t refused = 0;
    if (ok) {
        refused =
            restore_plan(&back, record->wall_ms, &undo->objects, undo->scan.file_limit, &words);
    }
    if (ok && back.count > 0) {
        ok = apply(undo, &back, &refused, &words, err);
    } else if (ok && refused == 0) {
        ok = (!turns_taken_back(turns, (size_t)(record - turns->items)) ||
              err_set(err, ERR_NOT_FOUND, "turn %u was taken back already (undo --list)",
                      record->number)) &&
             save_record(undo, &back, NULL, err);
    }
    bool nothing = back.count == 0 && refused > 0;
    if (ok && !nothing) {
        show_applied(report, &back, refused, undo->scan.roots.items[0]);
    }
    str_append(report, words.data);
    *paths = back.count;
    record_finish(&back);
    str_finish(&words);
    return !ok ? TAKING_FAILED : nothing ? TAKING_NOTHING : TAKING_DONE;
}

bool undo_take_back(struct undo *undo, unsigned turn, struct str *report, struct err *err)
{
    struct turns turns;
    size_t paths;
    if (!enter(undo, &turns, report, err)) {
        return false;
    }
    const struct record *record = turns_choose(&turns, turn, err);
    enum taking taking =
        record == NULL ? TAKING_FAILED : take_back(undo, &turns, record, &paths, report, err);
    if (taking == TAKING_NOTHING) {
        err_set(err, ERR_UNAVAILABLE,
                "nothing of turn %u could be taken back; an older turn is by its number "
                "(undo --list)",
                record->number);
    }
    turns_finish(&turns);
    unlock(undo);
    return taking == TAKING_DONE;
}

static bool in_spans(const struct record *record, const struct undo_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(record->conversation, spans[i].conversation) == 0 &&
            record->wall_ms >= spans[i].from_ms && record->wall_ms < spans[i].to_ms) {
            return true;
        }
    }
    return false;
}

/* The next of them before place *at, which moves to it; NULL when there is none. */
static const struct record *before(const struct turns *turns, const struct undo_span *spans,
                                   size_t count, size_t *at)
{
    while ((*at)-- > 0) {
        const struct record *record = &turns->items[*at];
        if (record->undoes == 0 && in_spans(record, spans, count) &&
            !turns_taken_back(turns, *at)) {
            return record;
        }
    }
    return NULL;
}

bool undo_count_spans(struct undo *undo, const struct undo_span *spans, size_t count,
                      struct undo_tally *tally, struct err *err)
{
    struct turns turns;
    struct str report;
    str_init(&report);
    bool ok = enter(undo, &turns, &report, err);
    str_append(&undo->notes, report.data); /* for the next one that has a report */
    str_finish(&report);
    if (!ok) {
        return false;
    }
    *tally = (struct undo_tally){0};
    size_t at = turns.count;
    for (const struct record *record; (record = before(&turns, spans, count, &at)) != NULL;) {
        tally->turns++;
        tally->paths += turns.paths[at];
    }
    turns_finish(&turns);
    unlock(undo);
    return true;
}

bool undo_take_back_spans(struct undo *undo, const struct undo_span *spans, size_t count,
                          struct undo_tally *tally, struct str *report, struct err *err)
{
    struct turns turns;
    *tally = (struct undo_tally){0};
    if (!enter(undo, &turns, report, err)) {
        return false;
    }
    bool ok = true;
    size_t at = turns.count;
    const struct record *record;
    while (ok && (record = before(&turns, spans, count, &at)) != NULL) {
        if (record->interrupted) {
            str_append_format(report,
                              "turn %u stays: carat was stopped in it, so it may hold changes of "
                              "your own (undo diff %u shows it, undo %u takes it back)\n",
                              record->number, record->number, record->number);
            continue;
        }
        size_t paths = 0;
        enum taking taking = take_back(undo, &turns, record, &paths, report, err);
        ok = taking != TAKING_FAILED;
        if (taking == TAKING_NOTHING) {
            str_append_format(report, "nothing of turn %u could be taken back\n", record->number);
        }
        tally->turns += taking == TAKING_DONE;
        tally->paths += taking == TAKING_DONE ? paths : 0;
    }
    turns_finish(&turns);
    unlock(undo);
    return ok;
}
