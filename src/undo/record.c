/* record: lists of differences, and how they lie on disk.
 *
 * The file is a sequence of NUL-ended fields: a line of numbers, the two texts, the roots, then the
 * entries in pairs (tree_write_entry), then a field for each inode that is known, and one for
 * `beside`. tree_save puts a hash in front of it.
 */
#include "undo/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

void record_init(struct record *record, const char *conversation, const char *title)
{
    *record = (struct record){.conversation = mem_strdup(conversation), .title = mem_strdup(title)};
}

static void clear_roots(struct record *record)
{
    for (size_t i = 0; i < record->root_count; i++) {
        mem_free(record->roots[i]);
    }
    mem_free(record->roots);
}

void record_drop_changes(struct record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        tree_entry_finish(&record->items[i].before);
        tree_entry_finish(&record->items[i].after);
    }
    mem_free(record->items);
    mem_free(record->known);
    record->items = NULL;
    record->known = NULL;
    record->count = record->capacity = record->known_count = 0;
}

void record_finish(struct record *record)
{
    record_drop_changes(record);
    clear_roots(record);
    mem_free(record->conversation);
    mem_free(record->title);
    *record = (struct record){0};
}

void record_set_roots(struct record *record, char *const *roots, size_t count)
{
    clear_roots(record);
    record->roots = mem_zero(count + 1, sizeof *record->roots);
    record->root_count = count;
    for (size_t i = 0; i < count; i++) {
        record->roots[i] = mem_strdup(roots[i]);
    }
}

void record_add(struct record *record, const struct tree_entry *before,
                const struct tree_entry *after)
{
    vec_room(&record->items, &record->capacity, record->count + 1, sizeof *record->items);
    struct record_change *change = &record->items[record->count++];
    tree_entry_copy(&change->before, before);
    tree_entry_copy(&change->after, after);
}

/* --- what came from where --- */

static int compare_inode(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

bool record_knows(const struct record *record, uint64_t inode)
{
    return record->known_count > 0 && bsearch(&inode, record->known, record->known_count,
                                              sizeof *record->known, compare_inode) != NULL;
}

void record_copy_known(struct record *record, const struct record *from)
{
    mem_free(record->known);
    record->known = mem_zero(from->known_count + 1, sizeof *record->known);
    record->known_count = from->known_count;
    for (size_t i = 0; i < from->known_count; i++) {
        record->known[i] = from->known[i];
    }
}

static bool has_come(const struct record_change *change)
{
    return change->after.kind != TREE_ABSENT && change->after.kind != TREE_LEFT_OUT &&
           (change->before.kind == TREE_ABSENT || change->before.inode != change->after.inode);
}

/* A file that was moved, and a copy put where it was: the old path is no change, and only the inode
 * tells that the file at the new one was kept. */
static void note_known(struct record *record, const struct tree *before)
{
    uint64_t *kept = mem_zero(before->count + 1, sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < before->count; i++) {
        if (before->items[i].kind != TREE_LEFT_OUT) {
            kept[count++] = before->items[i].inode;
        }
    }
    qsort(kept, count, sizeof *kept, compare_inode);
    mem_free(record->known);
    record->known = mem_zero(record->count + 1, sizeof *record->known);
    record->known_count = 0;
    for (size_t i = 0; i < record->count; i++) {
        uint64_t inode = record->items[i].after.inode;
        if (has_come(&record->items[i]) &&
            bsearch(&inode, kept, count, sizeof *kept, compare_inode) != NULL) {
            record->known[record->known_count++] = inode;
        }
    }
    qsort(record->known, record->known_count, sizeof *record->known, compare_inode);
    mem_free(kept);
}

void record_compare(struct record *record, const struct tree *before, const struct tree *after)
{
    size_t i = 0, j = 0;
    while (i < before->count || j < after->count) {
        const struct tree_entry *left = i < before->count ? &before->items[i] : NULL;
        const struct tree_entry *right = j < after->count ? &after->items[j] : NULL;
        int order = left == NULL ? 1 : right == NULL ? -1 : strcmp(left->path, right->path);
        assert((left != NULL || order > 0) && (right != NULL || order < 0));
        const char *path = order <= 0 ? left->path : right->path;
        struct tree_entry absent = {.path = (char *)path, .text = (char *)""};
        const struct tree_entry *was = order <= 0 ? left : &absent;
        const struct tree_entry *is = order >= 0 ? right : &absent;
        if (!tree_entry_same(was, is)) {
            record_add(record, was, is);
        }
        i += order <= 0;
        j += order >= 0;
    }
    note_known(record, before);
}

static void put_field(struct str *out, const char *text)
{
    str_append_bytes(out, text, strlen(text) + 1);
}

bool record_save(const struct record *record, const char *path, struct err *err)
{
    struct str body;
    str_init(&body);
    str_append_format(&body, "record 1 %u %u %d %" PRId64 " %zu %zu", record->number,
                      record->undoes, record->interrupted, record->wall_ms, record->root_count,
                      record->count);
    str_append_char(&body, '\0');
    put_field(&body, record->conversation);
    put_field(&body, record->title);
    for (size_t i = 0; i < record->root_count; i++) {
        put_field(&body, record->roots[i]);
    }
    for (size_t i = 0; i < record->count; i++) {
        tree_write_entry(&body, &record->items[i].before);
        tree_write_entry(&body, &record->items[i].after);
    }
    for (size_t i = 0; i < record->known_count; i++) {
        str_append_format(&body, "known %" PRIu64, record->known[i]);
        str_append_char(&body, '\0');
    }
    if (record->beside != 0) {
        str_append_format(&body, "beside %" PRIu64, record->beside);
        str_append_char(&body, '\0');
    }
    bool ok = tree_save(path, &body, err);
    str_finish(&body);
    return ok;
}

static bool read_changes(struct record *record, const char **at, const char *end, size_t count,
                         struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct record_change change = {0};
        if (!tree_read_entry(at, end, &change.before, err)) {
            return false;
        }
        if (!tree_read_entry(at, end, &change.after, err)) {
            tree_entry_finish(&change.before);
            return false;
        }
        vec_room(&record->items, &record->capacity, record->count + 1, sizeof *record->items);
        record->items[record->count++] = change;
    }
    return true;
}

/* The last fields, which older records have not. */
static bool read_last(struct record *record, const char *at, const char *end, struct err *err)
{
    size_t capacity = 0;
    while (at < end) {
        const char *field = tree_read_field(&at, end);
        uint64_t inode;
        if (field != NULL && sscanf(field, "beside %" SCNu64, &record->beside) == 1) {
            continue;
        }
        if (field == NULL || sscanf(field, "known %" SCNu64, &inode) != 1) {
            return err_set(err, ERR_FORMAT, "its last fields are damaged");
        }
        vec_room(&record->known, &capacity, record->known_count + 1, sizeof *record->known);
        record->known[record->known_count++] = inode;
    }
    return true;
}

static bool read_roots(struct record *record, const char **at, const char *end, size_t count,
                       struct err *err)
{
    if (count > (size_t)(end - *at)) {
        return err_set(err, ERR_FORMAT, "it is no record of a turn");
    }
    record->roots = mem_zero(count + 1, sizeof *record->roots);
    for (; record->root_count < count; record->root_count++) {
        const char *root = tree_read_field(at, end);
        if (root == NULL || root[0] != '/') {
            return err_set(err, ERR_FORMAT, "a root is missing, or no absolute path");
        }
        record->roots[record->root_count] = mem_strdup(root);
    }
    return true;
}

static bool read_body(struct record *record, const struct str *body, struct err *err)
{
    const char *at = body->data, *end = body->data + body->length;
    const char *numbers = tree_read_field(&at, end);
    const char *conversation = tree_read_field(&at, end), *title = tree_read_field(&at, end);
    unsigned number, undoes;
    int interrupted;
    int64_t wall_ms;
    size_t root_count, count;
    if (title == NULL || sscanf(numbers, "record 1 %u %u %d %" SCNd64 " %zu %zu", &number, &undoes,
                                &interrupted, &wall_ms, &root_count, &count) != 6) {
        return err_set(err, ERR_FORMAT, "it is no record of a turn");
    }
    record_init(record, conversation, title);
    record->number = number;
    record->undoes = undoes;
    record->interrupted = interrupted != 0;
    record->wall_ms = wall_ms;
    return read_roots(record, &at, end, root_count, err) &&
           read_changes(record, &at, end, count, err) && read_last(record, at, end, err);
}

bool record_load(struct record *record, const char *path, struct err *err)
{
    struct str body;
    struct record read = {0};
    str_init(&body);
    bool ok = tree_load(path, &body, err) && read_body(&read, &body, err);
    str_finish(&body);
    if (!ok) {
        record_finish(&read);
        return err_prefix(err, "%.200s", path);
    }
    *record = read;
    return true;
}
