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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
#include "undo/scan.h"
#include "undo/show.h"

struct undo {
    char *folder; /* of this workspace */
    struct scan_options scan;
    struct objects objects;
    struct tree index;             /* the last scan, once it was loaded or made */
    bool index_loaded, index_good; /* good: there was one, and it was whole */
    struct record open;            /* of the turn that runs */
    bool is_open;
    int lock; /* -1: not ours */
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
    char name[32];
    snprintf(name, sizeof name, "turns/%06u", number);
    return path_of(undo, name);
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

static void copy_names(struct scan_names *names, const char *const *items, size_t count)
{
    names->items = mem_zero(count + 1, sizeof *names->items);
    names->count = count;
    for (size_t i = 0; i < count; i++) {
        names->items[i] = mem_strdup(items[i]);
    }
}

static void finish_names(struct scan_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->items[i]);
    }
    mem_free(names->items);
}

static bool is_inside(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (length == 1 || path[length] == '/' || path[length] == '\0');
}

/* The workspace and the other writable directories; one inside another counts once. */
static void choose_roots(struct scan_names *roots, const struct undo_options *options)
{
    size_t count = options->writable_count + 1;
    char **all = mem_zero(count, sizeof *all);
    all[0] = mem_strdup(options->workspace);
    for (size_t i = 1; i < count; i++) {
        char *resolved = realpath(options->writable[i - 1], NULL);
        all[i] = mem_strdup(resolved != NULL ? resolved : "");
        free(resolved);
    }
    roots->items = mem_zero(count + 1, sizeof *roots->items);
    for (size_t i = 0; i < count; i++) {
        bool covered = all[i][0] == '\0';
        for (size_t j = 0; j < count && !covered; j++) {
            covered = j != i && all[j][0] != '\0' && is_inside(all[i], all[j]) &&
                      (strcmp(all[i], all[j]) != 0 || j < i);
        }
        if (!covered) {
            roots->items[roots->count++] = mem_strdup(all[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        mem_free(all[i]);
    }
    mem_free(all);
}

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

struct undo *undo_open(const struct undo_options *options, struct err *err)
{
    struct undo *undo = mem_zero(1, sizeof *undo);
    undo->lock = undo->objects.fd = -1;
    undo->folder = folder_of(options);
    choose_roots(&undo->scan.roots, options);
    copy_names(&undo->scan.skip, (const char *const *)options->skip, options->skip_count);
    copy_names(&undo->scan.hidden, options->hidden, options->hidden_count);
    undo->scan.file_limit = options->file_limit;
    undo->scan.total_limit = options->total_limit;
    undo->scan.stop = &undo->stop;
    tree_init(&undo->index);
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
    return undo;
}

void undo_add_root(struct undo *undo, const char *folder)
{
    struct scan_names before = undo->scan.roots;
    char **further = mem_zero(before.count + 1, sizeof *further);
    for (size_t i = 1; i < before.count; i++) {
        further[i - 1] = before.items[i];
    }
    further[before.count - 1] = (char *)folder;
    struct undo_options options = {
        .workspace = before.items[0], .writable = further, .writable_count = before.count};
    undo->scan.roots = (struct scan_names){0};
    choose_roots(&undo->scan.roots, &options);
    mem_free(further);
    finish_names(&before);
}

static void unlock(struct undo *undo)
{
    if (undo->lock >= 0) {
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
    finish_names(&undo->scan.roots);
    finish_names(&undo->scan.skip);
    finish_names(&undo->scan.hidden);
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
    if (!load_index(undo, err) || !scan_run(&undo->scan, &undo->objects, &undo->index, tree, err)) {
        tree_finish(tree);
        return false;
    }
    return true;
}

/* --- turns on disk --- */

static int compare_numbers(const void *a, const void *b)
{
    const unsigned *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Sorted; mem_free. */
static unsigned *list_turns(const struct undo *undo, size_t *count)
{
    char *path = path_of(undo, "turns");
    DIR *folder = opendir(path);
    unsigned *numbers = NULL;
    size_t capacity = 0;
    *count = 0;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (strlen(entry->d_name) == 6 && strspn(entry->d_name, "0123456789") == 6) {
            vec_room(&numbers, &capacity, *count + 1, sizeof *numbers);
            numbers[(*count)++] = (unsigned)strtoul(entry->d_name, NULL, 10);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    mem_free(path);
    if (*count > 1) {
        qsort(numbers, *count, sizeof *numbers, compare_numbers);
    }
    return numbers;
}

static unsigned next_number(const struct undo *undo)
{
    size_t count;
    unsigned *numbers = list_turns(undo, &count);
    unsigned next = count > 0 ? numbers[count - 1] + 1 : 1;
    mem_free(numbers);
    return next;
}

/* Over the limit the oldest turns go, and with them what only they refer to. */
static void evict(struct undo *undo)
{
    size_t count;
    unsigned *numbers = list_turns(undo, &count);
    size_t gone = count > KEEP_TURNS ? count - KEEP_TURNS : 0;
    bool over = objects_total(&undo->objects) > undo->scan.total_limit;
    do {
        gone = over ? gone + (count - gone + 1) / 2 : gone;
        for (size_t i = 0; i < gone; i++) {
            char *path = turn_path(undo, numbers[i]);
            unlink(path);
            mem_free(path);
        }
        if (gone > 0 || over) {
            char *turns = path_of(undo, "turns");
            keep_sweep(&undo->objects, &undo->index, turns);
            mem_free(turns);
        }
        over = over && gone < count && objects_total(&undo->objects) > undo->scan.total_limit;
    } while (over);
    mem_free(numbers);
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
    restore_run(&left, &undo->objects, undo->scan.file_limit, report);
    bool ok = left.count == 0 || save_record(undo, &left, NULL, err);
    record_finish(&left);
    if (ok) {
        remove_file(undo, "apply");
    }
    return ok;
}

/* The folders that the turn was begun with, as far as they are there. Those of this process may be
 * others (--add-dir): all that is in one of them would look as if the turn had made it. */
static struct scan_names roots_of(const struct record *record)
{
    struct scan_names roots = {.items = mem_zero(record->root_count + 1, sizeof *roots.items)};
    for (size_t i = 0; i < record->root_count; i++) {
        struct stat status;
        if (lstat(record->roots[i], &status) == 0 && S_ISDIR(status.st_mode)) {
            roots.items[roots.count++] = mem_strdup(record->roots[i]);
        }
    }
    return roots;
}

/* And all that is in a folder which is not there would look deleted. */
static void drop_elsewhere(struct tree *tree, const struct scan_names *roots)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        bool inside = false;
        for (size_t j = 0; j < roots->count && !inside; j++) {
            inside = is_inside(tree->items[i].path, roots->items[j]);
        }
        if (inside) {
            tree->items[kept++] = tree->items[i];
        } else {
            tree_entry_finish(&tree->items[i]);
        }
    }
    tree->count = kept;
}

/* Closes a turn whose process is gone. Without the scan that it began with nothing can be said
 * about it: everything would look as if the turn had made it. */
static bool recover_turn(struct undo *undo, struct str *report, struct err *err)
{
    struct record left;
    bool there;
    struct tree now;
    struct undo_summary summary;
    if (!load_record(undo, "open", &left, &there, report, err) || !there) {
        return !there;
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
        drop_elsewhere(&undo->index, &undo->scan.roots);
        ok = close_turn(undo, &now, &summary, err);
    } else {
        record_finish(&undo->open);
    }
    finish_names(&undo->scan.roots);
    undo->scan.roots = ours;
    return ok;
}

/* Finishes what a process that is gone left behind. The lock is ours, and no turn of ours runs. */
static bool recover(struct undo *undo, struct str *report, struct err *err)
{
    return recover_apply(undo, report, err) && recover_turn(undo, report, err);
}

bool undo_begin(struct undo *undo, const char *conversation, const char *title, struct err *err)
{
    struct tree now;
    struct str report;
    atomic_store(&undo->stop, false);
    if (undo->is_open) {
        return true;
    }
    str_init(&report);
    bool ok = lock(undo, err) && recover(undo, &report, err) && scan(undo, &now, err);
    str_finish(&report);
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

struct turns {
    struct record *items;
    size_t count;
};

static void turns_finish(struct turns *turns)
{
    for (size_t i = 0; i < turns->count; i++) {
        record_finish(&turns->items[i]);
    }
    mem_free(turns->items);
}

/* Damaged records are left out, each with a line in `report`. */
static void turns_load(const struct undo *undo, struct turns *turns, struct str *report)
{
    size_t count;
    unsigned *numbers = list_turns(undo, &count);
    *turns = (struct turns){.items = mem_zero(count + 1, sizeof *turns->items)};
    for (size_t i = 0; i < count; i++) {
        struct err err;
        char *path = turn_path(undo, numbers[i]);
        if (record_load(&turns->items[turns->count], path, &err)) {
            turns->count++;
        } else {
            str_append_format(report, "turn %u: %s\n", numbers[i], err.text);
        }
        mem_free(path);
    }
    mem_free(numbers);
}

/* A record counts as taken back when a later one that still stands says so. */
static bool is_taken_back(const struct turns *turns, size_t place)
{
    for (size_t i = turns->count; i-- > place + 1;) {
        if (turns->items[i].undoes == turns->items[place].number && !is_taken_back(turns, i)) {
            return true;
        }
    }
    return false;
}

/* NULL with an error. A turn that was cut short is never chosen by itself. */
static const struct record *choose(const struct turns *turns, unsigned number, struct err *err)
{
    for (size_t i = turns->count; i-- > 0;) {
        const struct record *record = &turns->items[i];
        if (number != 0 ? record->number == number
                        : record->undoes == 0 && !is_taken_back(turns, i)) {
            if (number == 0 && record->interrupted) {
                err_set(err, ERR_ARGUMENT,
                        "carat was stopped in turn %u, so it may hold changes of your own that "
                        "came later; look at them (--diff %u), then name it: undo %u",
                        record->number, record->number, record->number);
                return NULL;
            }
            return record;
        }
    }
    if (number == 0) {
        err_set(err, ERR_NOT_FOUND, "there is no turn to take back in this directory");
    } else {
        err_set(err, ERR_NOT_FOUND, "there is no turn %u to take back in this directory", number);
    }
    return NULL;
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
    if (!recover(undo, report, err)) {
        unlock(undo);
        return false;
    }
    turns_load(undo, turns, report);
    return true;
}

bool undo_list(struct undo *undo, struct str *out, struct err *err)
{
    struct turns turns;
    if (!enter(undo, &turns, out, err)) {
        return false;
    }
    for (size_t i = 0; i < turns.count; i++) {
        show_line(out, &turns.items[i], is_taken_back(&turns, i));
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
    const struct record *record = choose(&turns, turn, err);
    if (record != NULL) {
        show_record(out, record, &undo->objects, undo->scan.roots.items[0]);
    }
    turns_finish(&turns);
    unlock(undo);
    return record != NULL;
}

/* The record of taking `record` back. */
static void reverse(struct record *out, const struct record *record, unsigned number)
{
    record_init(out, record->conversation, record->title);
    out->number = number;
    out->undoes = record->number;
    out->wall_ms = clock_wall_ms();
    record_set_roots(out, record->roots, record->root_count);
    for (size_t i = 0; i < record->count; i++) {
        record_add(out, &record->items[i].after, &record->items[i].before);
    }
}

static bool apply(struct undo *undo, struct record *back, struct str *report, struct err *err)
{
    struct str words;
    str_init(&words);
    bool ok = save_record(undo, back, "apply", err);
    if (ok) {
        restore_run(back, &undo->objects, undo->scan.file_limit, &words);
        ok = back->count == 0 || save_record(undo, back, NULL, err);
    }
    if (ok) {
        remove_file(undo, "apply");
        show_applied(report, back, undo->scan.roots.items[0]);
        str_append(report, words.data);
    }
    str_finish(&words);
    return ok;
}

static bool take_back(struct undo *undo, const struct record *record, struct str *report,
                      struct err *err)
{
    struct record back;
    reverse(&back, record, next_number(undo));
    bool ok = apply(undo, &back, report, err);
    record_finish(&back);
    return ok;
}

bool undo_take_back(struct undo *undo, unsigned turn, struct str *report, struct err *err)
{
    struct turns turns;
    if (!enter(undo, &turns, report, err)) {
        return false;
    }
    const struct record *record = choose(&turns, turn, err);
    bool ok = record != NULL && take_back(undo, record, report, err);
    turns_finish(&turns);
    unlock(undo);
    return ok;
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
        if (record->undoes == 0 && in_spans(record, spans, count) && !is_taken_back(turns, *at)) {
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
    str_finish(&report);
    if (!ok) {
        return false;
    }
    *tally = (struct undo_tally){0};
    size_t at = turns.count;
    for (const struct record *record; (record = before(&turns, spans, count, &at)) != NULL;) {
        tally->turns++;
        tally->paths += record->count;
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
        ok = take_back(undo, record, report, err);
        tally->turns += ok;
        tally->paths += ok ? record->count : 0;
    }
    turns_finish(&turns);
    unlock(undo);
    return ok;
}
