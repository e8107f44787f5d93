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
    if (*count > 1) {
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
}

void turns_load(struct turns *turns, const char *folder, struct str *report)
{
    size_t count;
    unsigned *numbers = turns_numbers(folder, &count);
    *turns = (struct turns){.items = mem_zero(count + 1, sizeof *turns->items)};
    for (size_t i = 0; i < count; i++) {
        struct err err;
        char *path = turns_path(folder, numbers[i]);
        if (record_load(&turns->items[turns->count], path, &err)) {
            turns->count++;
        } else {
            str_append_format(report, "turn %u: %s\n", numbers[i], err.text);
        }
        mem_free(path);
    }
    mem_free(numbers);
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

static bool is_done(const struct turns *turns, unsigned number, const char *path)
{
    for (size_t i = turns->count; i-- > 0;) {
        const struct record *other = &turns->items[i];
        if (other->undoes == number && other->count > 0 && !turns_taken_back(turns, i) &&
            bsearch(path, other->items, other->count, sizeof *other->items, compare_path) != NULL) {
            return true;
        }
    }
    return false;
}

void turns_drop_done(const struct turns *turns, struct record *back)
{
    size_t kept = 0;
    for (size_t i = 0; i < back->count; i++) {
        if (is_done(turns, back->undoes, back->items[i].after.path)) {
            tree_entry_finish(&back->items[i].before);
            tree_entry_finish(&back->items[i].after);
        } else {
            back->items[kept++] = back->items[i];
        }
    }
    back->count = kept;
}
