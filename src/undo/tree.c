/* tree: entries, their order, their form on disk.
 *
 * An entry on disk is three fields, each ended by a NUL, because a path may hold every other byte:
 * numbers and hash, path, text. Files are bounded when they are read (LOAD_LIMIT), and a hash over
 * the whole body stands first.
 */
#include "undo/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { LOAD_LIMIT = 512 * 1024 * 1024, HEX = 2 * HASH_BYTES };

void tree_init(struct tree *tree)
{
    *tree = (struct tree){0};
}

void tree_entry_finish(struct tree_entry *entry)
{
    mem_free(entry->path);
    mem_free(entry->text);
}

void tree_finish(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        tree_entry_finish(&tree->items[i]);
    }
    mem_free(tree->items);
    tree_init(tree);
}

void tree_entry_copy(struct tree_entry *out, const struct tree_entry *entry)
{
    struct tree_entry copy = *entry;
    copy.path = mem_strdup(entry->path);
    copy.text = mem_strdup(entry->text);
    *out = copy;
}

void tree_add(struct tree *tree, const struct tree_entry *entry)
{
    vec_room(&tree->items, &tree->capacity, tree->count + 1, sizeof *tree->items);
    tree->items[tree->count++] = *entry;
}

static int compare(const void *a, const void *b)
{
    const struct tree_entry *left = a, *right = b;
    return strcmp(left->path, right->path);
}

void tree_truncate(struct tree *tree, size_t count)
{
    while (tree->count > count) {
        tree_entry_finish(&tree->items[--tree->count]);
    }
}

void tree_sort(struct tree *tree)
{
    if (tree->count > 1) {
        qsort(tree->items, tree->count, sizeof *tree->items, compare);
    }
}

const struct tree_entry *tree_find(const struct tree *tree, const char *path)
{
    struct tree_entry key = {.path = (char *)path};
    return tree->count == 0 ? NULL
                            : bsearch(&key, tree->items, tree->count, sizeof *tree->items, compare);
}

bool tree_entry_same(const struct tree_entry *a, const struct tree_entry *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case TREE_ABSENT:
        return true;
    case TREE_FILE:
        return a->mode == b->mode && memcmp(a->hash, b->hash, HASH_BYTES) == 0;
    case TREE_DIRECTORY:
        return a->mode == b->mode;
    case TREE_LINK:
        return strcmp(a->text, b->text) == 0;
    case TREE_LEFT_OUT:
        return a->mode == b->mode && a->size == b->size && a->inode == b->inode &&
               a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
    }
    return false;
}

static bool read_hash(const char *text, unsigned char out[HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != HEX || strspn(text, digits) != HEX) {
        return false;
    }
    for (int i = 0; i < HASH_BYTES; i++) {
        out[i] = (unsigned char)((strchr(digits, text[2 * i]) - digits) << 4 |
                                 (strchr(digits, text[2 * i + 1]) - digits));
    }
    return true;
}

/* --- entries on disk --- */

void tree_write_entry(struct str *out, const struct tree_entry *entry)
{
    char hash[HEX + 1];
    hash_hex(entry->hash, hash);
    str_append_format(
        out, "%d %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %s",
        (int)entry->kind, entry->mode, entry->links, entry->device, entry->inode, entry->size,
        entry->modified_ns, entry->changed_ns, hash);
    str_append_char(out, '\0');
    str_append_bytes(out, entry->path, strlen(entry->path) + 1);
    str_append_bytes(out, entry->text, strlen(entry->text) + 1);
}

const char *tree_read_field(const char **at, const char *end)
{
    const char *field = *at;
    const char *stop = field < end ? memchr(field, '\0', (size_t)(end - field)) : NULL;
    if (stop == NULL) {
        return NULL;
    }
    *at = stop + 1;
    return field;
}

bool tree_read_entry(const char **at, const char *end, struct tree_entry *entry, struct err *err)
{
    const char *numbers = tree_read_field(at, end);
    const char *path = tree_read_field(at, end);
    const char *text = tree_read_field(at, end);
    struct tree_entry read = {0};
    int kind = 0;
    char hash[HEX + 1] = "";
    if (numbers == NULL || path == NULL || text == NULL || path[0] != '/' ||
        sscanf(numbers,
               "%d %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %64s",
               &kind, &read.mode, &read.links, &read.device, &read.inode, &read.size,
               &read.modified_ns, &read.changed_ns, hash) != 9 ||
        kind < TREE_ABSENT || kind > TREE_LEFT_OUT || !read_hash(hash, read.hash)) {
        return err_set(err, ERR_FORMAT, "an entry of a snapshot is damaged");
    }
    read.kind = (enum tree_kind)kind;
    read.path = mem_strdup(path);
    read.text = mem_strdup(text);
    *entry = read;
    return true;
}

/* --- files with their hash --- */

static void hash_body(const char *data, size_t length, char text[HEX + 1])
{
    struct hash hash;
    unsigned char result[HASH_BYTES];
    hash_init(&hash);
    hash_add(&hash, data, length);
    hash_finish(&hash, result);
    hash_hex(result, text);
}

bool tree_save(const char *path, const struct str *body, struct err *err)
{
    char hash[HEX + 1];
    struct str file;
    if (body->length > LOAD_LIMIT - HEX - 1) {
        return err_set(err, ERR_LIMIT, "%s would be larger than %d bytes", path, LOAD_LIMIT);
    }
    str_init(&file);
    hash_body(body->data, body->length, hash);
    str_append_bytes(&file, hash, HEX + 1);
    str_append_bytes(&file, body->data, body->length);
    bool ok = file_replace(path, file.data, file.length, err);
    str_finish(&file);
    return ok;
}

bool tree_load(const char *path, struct str *body, struct err *err)
{
    struct str file;
    struct stat status;
    char hash[HEX + 1] = "";
    if (stat(path, &status) == 0 && status.st_size > LOAD_LIMIT) {
        return err_set(err, ERR_FORMAT, "%s is damaged: it is larger than %d bytes", path,
                       LOAD_LIMIT);
    }
    str_init(&file);
    bool ok = file_read(path, LOAD_LIMIT, &file, err);
    if (ok && file.length > HEX) {
        hash_body(file.data + HEX + 1, file.length - HEX - 1, hash);
    }
    if (ok && (file.length <= HEX || memcmp(hash, file.data, HEX + 1) != 0)) {
        ok = err_set(err, ERR_FORMAT, "%s is damaged", path);
    }
    if (ok) {
        str_append_bytes(body, file.data + HEX + 1, file.length - HEX - 1);
    }
    str_finish(&file);
    return ok;
}
