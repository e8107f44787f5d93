#include "agent/quarantine_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

void quarantine_list_add(struct quarantine_list *list, const char *path)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_strdup(path);
}

void quarantine_list_add_beneath(struct quarantine_list *list, const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    quarantine_list_add(list, path.data);
    str_finish(&path);
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

void quarantine_list_sort(struct quarantine_list *list)
{
    size_t kept = 0;
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->items[kept - 1], list->items[i]) == 0) {
            mem_free(list->items[i]);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

void quarantine_list_merge(struct quarantine_list *list, struct quarantine_list *more)
{
    vec_room(&list->items, &list->capacity, list->count + more->count, sizeof *list->items);
    for (size_t i = 0; i < more->count; i++) {
        list->items[list->count++] = more->items[i];
    }
    more->count = 0;
    quarantine_list_finish(more);
    quarantine_list_sort(list);
}

bool quarantine_list_holds(const struct quarantine_list *list, const char *path)
{
    return list->count > 0 &&
           bsearch(&path, list->items, list->count, sizeof *list->items, compare) != NULL;
}

void quarantine_list_finish(struct quarantine_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct quarantine_list){0};
}

bool quarantine_list_is_among(const char *name, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, table[i]) == 0) {
            return true;
        }
    }
    return false;
}
