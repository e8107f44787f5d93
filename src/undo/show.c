/* show: the words for changes. A text is what has no NUL and is at most SHOW_TEXT_LIMIT bytes. */
#include "undo/show.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/diff.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"

const char *show_path(const char *path, const char *root)
{
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && path[length] == '/' ? path + length + 1 : path;
}

/* A name may hold newlines and marks that turn text around: on one line, and spelled out. */
void show_name(struct str *out, const char *name)
{
    visible_append(out, name, strlen(name), VISIBLE_APPROVAL);
}

void show_more(struct str *out, size_t count, const char *words)
{
    if (count > 0) {
        str_append_format(out, "and %zu more %s%s\n", count, count == 1 ? "path" : "paths", words);
    }
}

void show_line(struct str *out, const struct record *record, size_t paths, bool taken_back)
{
    char when[32];
    time_t seconds = (time_t)(record->wall_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
    str_append_format(out, "%4u  %s  %4zu %s  ", record->number, when, paths,
                      paths == 1 ? "path " : "paths");
    if (record->undoes != 0) {
        str_append_format(out, "took turn %u back", record->undoes);
    } else {
        size_t length = strcspn(record->title, "\n");
        str_append_bytes(out, record->title,
                         length < 60 ? length : utf8_complete_length(record->title, 60));
    }
    str_append(out, record->interrupted ? " (carat was stopped in it)" : "");
    str_append(out, taken_back ? " (taken back)" : "");
    str_append_char(out, '\n');
}

/* False when it is no text, or its content is not there; `why` says which. */
static bool read_text(struct objects *objects, const struct tree_entry *entry, struct str *out,
                      const char **why)
{
    if (entry->kind != TREE_FILE) {
        return true;
    }
    if (entry->size > SHOW_TEXT_LIMIT) {
        *why = "large";
        return false;
    }
    if (!objects_read(objects, entry->hash, SHOW_TEXT_LIMIT, out, NULL)) {
        *why = "its content is no longer kept";
        return false;
    }
    *why = "binary";
    return memchr(out->data, '\0', out->length) == NULL;
}

static void show_file(struct str *out, const struct record_change *change, struct objects *objects,
                      const char *path)
{
    const struct tree_entry *before = &change->before, *after = &change->after;
    struct str old_text, new_text;
    const char *why = "";
    str_init(&old_text);
    str_init(&new_text);
    if (before->kind == TREE_FILE && after->kind == TREE_FILE && before->mode != after->mode) {
        str_append_format(out, "%s: permissions %03o to %03o\n", path, before->mode, after->mode);
    }
    if (before->kind == TREE_FILE && after->kind == TREE_FILE &&
        memcmp(before->hash, after->hash, HASH_BYTES) == 0) {
        /* said already */
    } else if (read_text(objects, before, &old_text, &why) &&
               read_text(objects, after, &new_text, &why)) {
        str_append_format(out, "--- %s%s\n", before->kind == TREE_ABSENT ? "(nothing)" : "",
                          before->kind == TREE_ABSENT ? "" : path);
        str_append_format(out, "+++ %s%s\n", after->kind == TREE_ABSENT ? "(nothing)" : "",
                          after->kind == TREE_ABSENT ? "" : path);
        diff_append(out, (struct diff_text){old_text.data, old_text.length},
                    (struct diff_text){new_text.data, new_text.length}, SHOW_LINES);
    } else {
        str_append_format(out, "%s: %s, %" PRId64 " bytes to %" PRId64 "\n", path, why,
                          before->size, after->size);
    }
    str_finish(&old_text);
    str_finish(&new_text);
}

/* "file", "link (to/there)", "not kept (the reason)" */
static void name_kind(struct str *out, const struct tree_entry *entry)
{
    static const char *const names[] = {[TREE_ABSENT] = "nothing",
                                        [TREE_FILE] = "file",
                                        [TREE_DIRECTORY] = "folder",
                                        [TREE_LINK] = "link",
                                        [TREE_LEFT_OUT] = "not kept"};
    str_append(out, names[entry->kind]);
    if (entry->text[0] != '\0') {
        str_append(out, " (");
        show_name(out, entry->text);
        str_append_char(out, ')');
    }
}

static void show_change(struct str *out, const struct record_change *change,
                        struct objects *objects, const char *root)
{
    const struct tree_entry *before = &change->before, *after = &change->after;
    struct str path;
    str_init(&path);
    show_name(&path, show_path(after->path, root));
    bool files = (before->kind == TREE_FILE || before->kind == TREE_ABSENT) &&
                 (after->kind == TREE_FILE || after->kind == TREE_ABSENT);
    if (files) {
        show_file(out, change, objects, path.data);
    } else if (before->kind == TREE_DIRECTORY && after->kind == TREE_DIRECTORY) {
        str_append_format(out, "%s/: permissions %03o to %03o\n", path.data, before->mode,
                          after->mode);
    } else {
        str_append_format(out, "%s: ", path.data);
        name_kind(out, before);
        str_append(out, " to ");
        name_kind(out, after);
        str_append_char(out, '\n');
    }
    str_finish(&path);
}

void show_record(struct str *out, const struct record *record, struct objects *objects,
                 const char *root)
{
    size_t shown = 0;
    for (; shown < record->count && out->length < SHOW_TOTAL; shown++) {
        show_change(out, &record->items[shown], objects, root);
    }
    show_more(out, record->count - shown, "");
}

void show_applied(struct str *out, const struct record *record, size_t refused, const char *root)
{
    size_t all = record->count + refused;
    if (all == 0) {
        str_append_format(out, "turn %u: everything is as it was before it already\n",
                          record->undoes);
    } else if (refused > 0) {
        str_append_format(out,
                          "turn %u was taken back in part: %zu of %zu paths (undo %u tries the "
                          "others again)\n",
                          record->undoes, record->count, all, record->undoes);
    } else {
        str_append_format(out, "turn %u was taken back: %zu %s\n", record->undoes, all,
                          all == 1 ? "path" : "paths");
    }
    size_t shown = 0;
    for (; shown < record->count && out->length < SHOW_TOTAL; shown++) {
        const struct record_change *change = &record->items[shown];
        bool was_linked = change->before.links > 1 && change->before.kind == TREE_FILE;
        bool removed = change->after.kind == TREE_ABSENT;
        str_append(out, removed ? "  removed  " : "  restored ");
        show_name(out, show_path(change->after.path, root));
        str_append(out,
                   !removed && was_linked ? " (was hard-linked; it is a file of its own now)" : "");
        str_append_char(out, '\n');
    }
    show_more(out, record->count - shown, " removed or restored");
}

void show_left_out(struct str *out, const struct tree *index)
{
    size_t count = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (index->items[i].kind != TREE_LEFT_OUT) {
            continue;
        }
        str_append(out, count == 0 ? "Not in the snapshots:\n" : "");
        if (count < SHOW_LEFT_OUT) {
            str_append(out, "  ");
            show_name(out, index->items[i].path);
            str_append_format(out, ": %s\n", index->items[i].text);
        }
        count++;
    }
    if (count > SHOW_LEFT_OUT) {
        str_append_format(out, "  and %zu more\n", count - SHOW_LEFT_OUT);
    }
}
