/* restore: three passes over the sorted paths.
 *
 *   1. backwards (what is inside comes before its folder): take away what is not wanted, or is
 *      wanted as another kind of thing;
 *   2. forwards (folders before what is inside): make folders, files, links;
 *   3. backwards: the permissions of folders, which may forbid what pass 2 had to do.
 *
 * Before them, once, restore_plan looks at each path: what is as wanted already is no part of the
 * work, and what could not be brought back again is left alone.
 *
 * A file is written beside its place under a name that the record keeps, so that a second run after
 * a crash finds and removes the first one's; nobody could foresee it, so what lies there is ours.
 * Hard links become files of their own: writing through them could reach a name outside.
 * Set-user-id bits are not given back.
 */
#include "undo/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "undo/provenance.h"
#include "undo/roots.h"
#include "undo/scan.h"
#include "undo/show.h"

enum { FILE_BITS = 0777, FOLDER_BITS = 03777, FEW = 32 };

enum verdict { TO_DO, REFUSED, AS_WANTED };

struct restore {
    struct record *record;
    struct objects *objects;
    struct str *report;
    int64_t file_limit;
    struct provenance *provenance; /* NULL: not while it is planned */
    char temporary[48];
    enum verdict *verdicts; /* of each change */
    size_t untold;          /* refused, when enough had been said */
};

/* --- where a path is --- */

static const char *beneath(const char *root, const char *path)
{
    size_t length = strlen(root);
    if (strncmp(root, path, length) != 0) {
        return NULL;
    }
    if (length > 1 && path[length] != '/' && path[length] != '\0') {
        return NULL;
    }
    return path + length + (length > 1 && path[length] == '/');
}

/* A folder may forbid to change what is in it: it is opened up for us, and `mode` is what it gets
 * back; -1 = nothing to give back. */
static int open_up(int folder)
{
    struct stat status;
    char link[48];
    if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0 || fstat(folder, &status) != 0) {
        return -1;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    return chmod(link, (status.st_mode | 0700) & FOLDER_BITS) == 0 ? (int)status.st_mode : -1;
}

static void shut_again(int folder, int mode)
{
    char link[48];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    if (mode >= 0) {
        (void)!chmod(link, (mode_t)mode & FOLDER_BITS);
    }
}

/* Into a folder, also through one that forbids it. */
static int step(int folder, const char *name, size_t length)
{
    char one[NAME_MAX + 1];
    if (length == 0 || length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(one, name, length);
    one[length] = '\0';
    int next = openat(folder, one, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && errno == EACCES) {
        int mode = open_up(folder);
        next = openat(folder, one, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int cause = errno;
        shut_again(folder, mode);
        errno = cause;
    }
    return next;
}

/* The folder that holds the path, and its last name; -1: not there, or outside the roots. */
static int open_parent(const struct restore *restore, const char *path, const char **name)
{
    const struct record *record = restore->record;
    const char *rest = NULL, *root = NULL;
    for (size_t i = 0; i < record->root_count && rest == NULL; i++) {
        root = record->roots[i];
        rest = beneath(root, path);
    }
    if (rest == NULL) {
        errno = EXDEV;
        return -1;
    }
    int folder = roots_open(root, O_PATH);
    for (const char *slash; folder >= 0 && (slash = strchr(rest, '/')) != NULL; rest = slash + 1) {
        int next = step(folder, rest, (size_t)(slash - rest));
        int cause = errno;
        close(folder);
        errno = cause;
        folder = next;
    }
    *name = rest[0] != '\0' ? rest : "."; /* the root itself */
    return folder;
}

/* Still the very thing that was looked at: a command that runs beside may have put another there.
 */
static bool is_unmoved(int folder, const char *name, const struct tree_entry *now)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT && now->kind == TREE_ABSENT;
    }
    return now->kind != TREE_ABSENT && status.st_dev == now->device &&
           status.st_ino == now->inode && scan_changed_ns(&status) == now->changed_ns;
}

/* fchmodat follows a link, and old kernels know no way to forbid it: the thing is opened, and only
 * when it is what was looked at, and has no other name, its permissions are set. */
static bool change_mode(int folder, const char *name, const struct tree_entry *now, unsigned mode)
{
    struct stat status;
    char link[48];
    int fd = strcmp(name, ".") == 0 ? fcntl(folder, F_DUPFD_CLOEXEC, 0)
                                    : openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, &status) == 0;
    if (ok && (status.st_dev != now->device || status.st_ino != now->inode ||
               !(S_ISDIR(status.st_mode) || (S_ISREG(status.st_mode) && status.st_nlink == 1)))) {
        errno = ESTALE;
        ok = false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ok = ok && chmod(link, (mode_t)mode) == 0;
    int cause = errno;
    close(fd);
    errno = cause;
    return ok;
}

/* --- one path --- */

static void refuse(struct restore *restore, size_t place, const char *why)
{
    if (restore->verdicts[place] != REFUSED) {
        restore->verdicts[place] = REFUSED;
        if (restore->report->length >= SHOW_TOTAL) {
            restore->untold++;
            return;
        }
        show_name(restore->report, restore->record->items[place].after.path);
        str_append_format(restore->report, ": %s\n", why);
    }
}

static void refuse_errno(struct restore *restore, size_t place, const char *what)
{
    struct err err;
    err_errno(&err, ERR_IO, "%s", what);
    refuse(restore, place, err.text);
}

static bool is_same_file(const struct tree_entry *a, const struct tree_entry *b)
{
    return a->size == b->size && a->inode == b->inode && a->modified_ns == b->modified_ns;
}

/* Only who may read it was changed: the content needs not be brought back. */
static bool is_only_shut(const struct record_change *change, const struct tree_entry *now)
{
    return now->kind == TREE_LEFT_OUT && change->after.kind == TREE_FILE && now->links == 1 &&
           is_same_file(now, &change->after);
}

/* NULL, or why what lies there cannot be given up: no snapshot holds it. */
static const char *why_kept_back(const struct record_change *change, int folder, const char *name,
                                 const struct tree_entry *now)
{
    struct stat status;
    enum tree_kind want = change->after.kind;
    if (change->before.kind != TREE_LEFT_OUT || now->kind == TREE_ABSENT ||
        tree_entry_same(now, &change->after)) {
        return NULL;
    }
    if (want == TREE_ABSENT) {
        return "its content was not kept, so it is not deleted";
    }
    bool is_file =
        now->kind == TREE_FILE ||
        (now->kind == TREE_LEFT_OUT && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode));
    bool is_content_wanted =
        is_only_shut(change, now) || (now->kind == TREE_FILE && want == TREE_FILE &&
                                      memcmp(now->hash, change->after.hash, HASH_BYTES) == 0);
    return (is_file && !is_content_wanted) ||
                   (now->kind == TREE_DIRECTORY && want != TREE_DIRECTORY)
               ? "its content was not kept, so it is not replaced; move it away, then take the "
                 "turn back again by its number"
               : NULL;
}

/* What is there now is what the record expects, or what it wants already. For what was left out
 * only signs tell. */
static bool is_expected(const struct record_change *change, const struct tree_entry *now)
{
    const struct tree_entry *before = &change->before, *after = &change->after;
    if (tree_entry_same(now, before) || tree_entry_same(now, after) ||
        (before->kind == TREE_LEFT_OUT && is_same_file(now, before))) {
        return true;
    }
    /* A first run came as far as taking away or making a folder. */
    return before->kind != after->kind &&
           (now->kind == TREE_ABSENT ||
            (now->kind == TREE_DIRECTORY &&
             (after->kind == TREE_DIRECTORY || before->kind == TREE_DIRECTORY)));
}

static const char *const LEFT = " left as they are";
static const char *const CHANGED = "changed since by somebody else; left as it is";
static const char *const MOVED = "changed while it was looked at; left as it is";

static bool take_away(struct restore *restore, size_t place, int folder, const char *name,
                      const struct tree_entry *now)
{
    bool is_folder = now->kind == TREE_DIRECTORY;
    if (!is_folder && !is_unmoved(folder, name, now)) {
        refuse(restore, place, MOVED);
        return false;
    }
    if (unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT) {
        return true;
    }
    if (is_folder && (errno == ENOTEMPTY || errno == EEXIST)) {
        refuse(restore, place, "the folder is not empty: not all of it is the turn's");
    } else {
        refuse_errno(restore, place, "removing it");
    }
    return false;
}

/* In the place of nothing no other program's file is replaced, not even one of this moment; file
 * systems that know no such rename keep the look just before. */
static bool put_in_place(const struct restore *restore, int folder, const char *name,
                         const struct tree_entry *now)
{
    const char *from = restore->temporary;
    if (now->kind == TREE_ABSENT) {
        if (renameat2(folder, from, folder, name, RENAME_NOREPLACE) == 0) {
            return true;
        }
        if (errno != EINVAL) {
            return false;
        }
    }
    return renameat(folder, from, folder, name) == 0;
}

static bool make_file(struct restore *restore, size_t place, int folder, const char *name,
                      const struct tree_entry *now)
{
    const struct tree_entry *want = &restore->record->items[place].after;
    struct err err = {0};
    unlinkat(folder, restore->temporary, 0);
    int fd = openat(folder, restore->temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 || err_errno(&err, ERR_IO, "writing it");
    ok = ok && objects_copy_out(restore->objects, want->hash, want->size, fd, &err);
    ok = ok && ((fchmod(fd, want->mode & FILE_BITS) == 0 && fsync(fd) == 0) ||
                err_errno(&err, ERR_IO, "writing it"));
    if (fd >= 0) {
        close(fd);
    }
    ok = ok && (is_unmoved(folder, name, now) || err_set(&err, ERR_IO, "%s", MOVED));
    ok = ok && (put_in_place(restore, folder, name, now) ||
                err_errno(&err, ERR_IO, "putting it in its place"));
    if (!ok) {
        unlinkat(folder, restore->temporary, 0);
        refuse(restore, place, err.text);
    }
    return ok;
}

static bool make_link(struct restore *restore, size_t place, int folder, const char *name,
                      const struct tree_entry *now)
{
    const struct tree_entry *want = &restore->record->items[place].after;
    unlinkat(folder, restore->temporary, 0);
    if (!is_unmoved(folder, name, now)) {
        refuse(restore, place, MOVED);
        return false;
    }
    if (symlinkat(want->text, folder, restore->temporary) != 0 ||
        !put_in_place(restore, folder, name, now)) {
        refuse_errno(restore, place, "making the link");
        unlinkat(folder, restore->temporary, 0);
        return false;
    }
    return true;
}

/* The permissions come first, because they forbid to look whether the content is what is wanted. */
static void open_shut(struct restore *restore, size_t place, int folder, const char *name,
                      const struct tree_entry *now)
{
    const struct tree_entry *want = &restore->record->items[place].after;
    struct tree_entry found;
    struct err err = {0};
    if (!change_mode(folder, name, now, want->mode & FILE_BITS)) {
        refuse_errno(restore, place, "setting its permissions");
    } else if (!scan_look(folder, name, want->path, restore->file_limit, &found, &err)) {
        refuse(restore, place, err.text);
    } else {
        if (found.kind != TREE_FILE || memcmp(found.hash, want->hash, HASH_BYTES) != 0) {
            (void)!change_mode(folder, name, now, now->mode & FILE_BITS);
            refuse(restore, place, CHANGED);
        }
        tree_entry_finish(&found);
    }
}

static void make(struct restore *restore, size_t place, int folder, const char *name,
                 const struct tree_entry *now)
{
    const struct record_change *change = &restore->record->items[place];
    if (tree_entry_same(now, &change->after)) {
        return;
    }
    if (is_only_shut(change, now)) {
        open_shut(restore, place, folder, name, now);
    } else if (change->after.kind == TREE_FILE) {
        if (now->kind == TREE_FILE && memcmp(now->hash, change->after.hash, HASH_BYTES) == 0 &&
            now->links == 1) {
            if (!change_mode(folder, name, now, change->after.mode & FILE_BITS)) {
                refuse_errno(restore, place, "setting its permissions");
            }
        } else {
            make_file(restore, place, folder, name, now);
        }
    } else if (change->after.kind == TREE_LINK) {
        make_link(restore, place, folder, name, now);
    } else if (change->after.kind == TREE_DIRECTORY && now->kind == TREE_ABSENT &&
               mkdirat(folder, name, 0700) != 0) {
        refuse_errno(restore, place, "making the folder");
    }
}

/* Before anything is done. */
static void look(struct restore *restore, size_t place, int folder, const char *name,
                 const struct tree_entry *now)
{
    const struct record_change *change = &restore->record->items[place];
    const char *why = why_kept_back(change, folder, name, now);
    if (tree_entry_same(now, &change->after)) {
        restore->verdicts[place] = AS_WANTED;
    } else if (why != NULL) {
        refuse(restore, place, why);
    } else if (!is_expected(change, now)) {
        refuse(restore, place, CHANGED);
    } else if (provenance_is_foreign(restore->provenance, place, folder, name, now)) {
        restore->verdicts[place] = REFUSED; /* said by provenance_report */
    }
}

enum pass { PASS_LOOK, PASS_TAKE_AWAY, PASS_MAKE, PASS_PERMISSIONS };

static void do_pass(struct restore *restore, size_t place, enum pass pass, int folder,
                    const char *name)
{
    const struct record_change *change = &restore->record->items[place];
    struct tree_entry now;
    struct err err = {0};
    if (!scan_look(folder, name, change->after.path, restore->file_limit, &now, &err)) {
        refuse(restore, place, err.text);
        return;
    }
    const char *why = why_kept_back(change, folder, name, &now);
    if (pass == PASS_LOOK) {
        look(restore, place, folder, name, &now);
    } else if (pass == PASS_PERMISSIONS) {
        if (now.kind == TREE_DIRECTORY && now.mode != change->after.mode &&
            !change_mode(folder, name, &now, change->after.mode & FOLDER_BITS)) {
            refuse_errno(restore, place, "setting its permissions");
        }
    } else if (why != NULL) {
        refuse(restore, place, why);
    } else if (!is_expected(change, &now)) {
        refuse(restore, place, CHANGED);
    } else if (pass == PASS_MAKE) {
        make(restore, place, folder, name, &now);
    } else if (now.kind != TREE_ABSENT && now.kind != change->after.kind &&
               (now.kind != TREE_LEFT_OUT || change->after.kind == TREE_DIRECTORY)) {
        take_away(restore, place, folder, name, &now);
    }
    tree_entry_finish(&now);
}

static bool concerns(const struct record_change *change, enum pass pass)
{
    switch (pass) {
    case PASS_LOOK:
        return true;
    case PASS_TAKE_AWAY:
        return change->before.kind != TREE_ABSENT && change->after.kind != change->before.kind;
    case PASS_MAKE:
        return change->after.kind != TREE_ABSENT;
    case PASS_PERMISSIONS:
        return change->after.kind == TREE_DIRECTORY;
    }
    return false;
}

static void visit(struct restore *restore, size_t place, enum pass pass)
{
    const struct record_change *change = &restore->record->items[place];
    const char *name = NULL;
    if (restore->verdicts[place] != TO_DO || !concerns(change, pass)) {
        return;
    }
    if (change->after.kind == TREE_LEFT_OUT) {
        refuse(restore, place, change->after.text);
        return;
    }
    int folder = open_parent(restore, change->after.path, &name);
    if (folder < 0) {
        bool is_gone = errno == ENOENT || errno == ENOTDIR; /* with its folder */
        if (pass == PASS_LOOK) {
            bool is_done = is_gone && change->after.kind == TREE_ABSENT;
            restore->verdicts[place] = is_done ? AS_WANTED : TO_DO;
        } else if (!is_gone || pass != PASS_TAKE_AWAY) {
            refuse_errno(restore, place, "opening its folder");
        }
        return;
    }
    int mode = strcmp(name, ".") != 0 ? open_up(folder) : -1; /* a root gets what is wanted */
    do_pass(restore, place, pass, folder, name);
    shut_again(folder, mode);
    close(folder);
}

/* Only what is to be done, or was, stays in the record. How many were refused. */
static size_t drop_others(struct restore *restore)
{
    struct record *record = restore->record;
    size_t kept = 0, refused = 0;
    for (size_t i = 0; i < record->count; i++) {
        refused += restore->verdicts[i] == REFUSED;
        if (restore->verdicts[i] != TO_DO) {
            tree_entry_finish(&record->items[i].before);
            tree_entry_finish(&record->items[i].after);
        } else {
            record->items[kept++] = record->items[i];
        }
    }
    record->count = kept;
    return refused;
}

static void run_pass(struct restore *restore, enum pass pass)
{
    bool forwards = pass == PASS_LOOK || pass == PASS_MAKE;
    for (size_t i = 0, count = restore->record->count; i < count; i++) {
        visit(restore, forwards ? i : count - 1 - i, pass);
    }
}

static void sync_root(const char *root, struct str *report)
{
    struct err err;
    int fd = roots_open(root, O_RDONLY);
    if (fd >= 0 && syncfs(fd) != 0) {
        err_errno(&err, ERR_IO, "writing it to the disk");
        show_name(report, root);
        str_append_format(report, ": %s\n", err.text);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* False when only a sync of everything tells: the folder is gone, or not to be read. */
static bool sync_parent(const struct restore *restore, const char *path)
{
    const char *name;
    int folder = open_parent(restore, path, &name);
    int fd = folder >= 0 ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (folder >= 0) {
        close(folder);
    }
    return ok;
}

/* The names are on the disk before the note of the work goes; what is in the files was synced with
 * each of them. */
static void sync_names(const struct restore *restore)
{
    const struct record *record = restore->record;
    bool ok = record->count <= FEW;
    for (size_t i = 0; i < record->count && ok; i++) {
        ok = sync_parent(restore, record->items[i].after.path);
    }
    for (size_t i = 0; i < record->root_count && !ok; i++) {
        sync_root(record->roots[i], restore->report);
    }
}

size_t restore_plan(struct record *record, int64_t began_ms, struct objects *objects,
                    int64_t file_limit, struct str *report)
{
    struct provenance provenance;
    struct restore restore = {.record = record,
                              .objects = objects,
                              .report = report,
                              .file_limit = file_limit,
                              .provenance = &provenance,
                              .verdicts = mem_zero(record->count + 1, sizeof(enum verdict))};
    provenance_init(&provenance, record, began_ms);
    run_pass(&restore, PASS_LOOK);
    show_more(report, restore.untold, LEFT);
    provenance_report(&provenance, report);
    provenance_finish(&provenance);
    size_t refused = drop_others(&restore);
    mem_free(restore.verdicts);
    return refused;
}

size_t restore_run(struct record *record, struct objects *objects, int64_t file_limit,
                   struct str *report)
{
    struct restore restore = {.record = record,
                              .objects = objects,
                              .report = report,
                              .file_limit = file_limit,
                              .verdicts = mem_zero(record->count + 1, sizeof(enum verdict))};
    snprintf(restore.temporary, sizeof restore.temporary, ".carat-undo-%016" PRIx64,
             record->beside);
    run_pass(&restore, PASS_TAKE_AWAY);
    run_pass(&restore, PASS_MAKE);
    run_pass(&restore, PASS_PERMISSIONS);
    show_more(report, restore.untold, LEFT);
    size_t refused = drop_others(&restore);
    mem_free(restore.verdicts);
    sync_names(&restore);
    return refused;
}
