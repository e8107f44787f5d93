/* turns: one file a record; turns_taken_back looks from the newest, because a taking back can
 * itself be taken back. */
#include "undo/turns.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

char *turns_path(const char *folder, unsigned number)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%06u", folder, number);
    return str_take(&path);
}

static int compare_numbers(const void *a, const void *b)
{
    const unsigned *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

unsigned *turns_numbers(const char *path, size_t *count)
{
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
    if (numbers != NULL) {
        qsort(numbers, *count, sizeof *numbers, compare_numbers);
    }
    return numbers;
}

void turns_finish(struct turns *turns)
{
    for (size_t i = 0; i < turns->count; i++) {
        record_finish(&turns->items[i]);
    }
    mem_free(turns->items);
    mem_free(turns->paths);
    mem_free(turns->folder);
}

void turns_load(struct turns *turns, const char *folder, struct str *report)
{
    size_t count;
    unsigned *numbers = turns_numbers(folder, &count);
    *turns = (struct turns){.folder = mem_strdup(folder),
                            .items = mem_zero(count + 1, sizeof *turns->items),
                            .paths = mem_zero(count + 1, sizeof *turns->paths)};
    for (size_t i = 0; i < count; i++) {
        struct err err;
        char *path = turns_path(folder, numbers[i]);
        struct record *record = &turns->items[turns->count];
        if (record_load(record, path, &err)) {
            turns->paths[turns->count++] = record->count;
            record_drop_changes(record);
        } else {
            str_append_format(report, "turn %u: %s\n", numbers[i], err.text);
        }
        mem_free(path);
    }
    mem_free(numbers);
}

bool turns_read(const struct turns *turns, const struct record *record, struct record *whole,
                struct err *err)
{
    char *path = turns_path(turns->folder, record->number);
    bool ok = record_load(whole, path, err);
    mem_free(path);
    return ok;
}

bool turns_taken_back(const struct turns *turns, size_t place)
{
    for (size_t i = turns->count; i-- > place + 1;) {
        if (turns->items[i].undoes == turns->items[place].number && !turns_taken_back(turns, i)) {
            return true;
        }
    }
    return false;
}

const struct record *turns_choose(const struct turns *turns, unsigned number, struct err *err)
{
    for (size_t i = turns->count; i-- > 0;) {
        const struct record *record = &turns->items[i];
        if (number != 0 ? record->number == number
                        : record->undoes == 0 && !turns_taken_back(turns, i)) {
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

static int compare_path(const void *key, const void *item)
{
    const struct record_change *change = item;
    return strcmp(key, change->after.path);
}

static void drop_paths_of(struct record *back, const struct record *done)
{
    size_t kept = 0;
    for (size_t i = 0; i < back->count; i++) {
        if (done->count > 0 && bsearch(back->items[i].after.path, done->items, done->count,
                                       sizeof *done->items, compare_path) != NULL) {
            tree_entry_finish(&back->items[i].before);
            tree_entry_finish(&back->items[i].after);
        } else {
            back->items[kept++] = back->items[i];
        }
    }
    back->count = kept;
}

bool turns_drop_done(const struct turns *turns, struct record *back, struct err *err)
{
    bool ok = true;
    for (size_t i = turns->count; ok && i-- > 0;) {
        struct record done;
        if (turns->items[i].undoes == back->undoes && !turns_taken_back(turns, i)) {
            ok = turns_read(turns, &turns->items[i], &done, err);
            if (ok) {
                drop_paths_of(back, &done);
                record_finish(&done);
            }
        }
    }
    return ok;
}
