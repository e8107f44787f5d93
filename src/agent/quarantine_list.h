/* quarantine_list: absolute paths, and tables of names. A part of quarantine.c.
 */
#ifndef CARAT_AGENT_QUARANTINE_LIST_H
#define CARAT_AGENT_QUARANTINE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct quarantine_list {
    char **items;
    size_t count, capacity;
};

void quarantine_list_add(struct quarantine_list *list, const char *path);
/* The path of `name` in `folder`. */
void quarantine_list_add_beneath(struct quarantine_list *list, const char *folder,
                                 const char *name);
/* In order, and each once. */
void quarantine_list_sort(struct quarantine_list *list);
/* Adds what `more` has to a list that is then sorted; `more` is finished. */
void quarantine_list_merge(struct quarantine_list *list, struct quarantine_list *more);
/* Of a list that is sorted: there can be thousands, and each is looked for. */
bool quarantine_list_holds(const struct quarantine_list *list, const char *path);
void quarantine_list_finish(struct quarantine_list *list);

/* Whether the table has the name, as a file system compares that ignores case. */
bool quarantine_list_is_among(const char *name, const char *const *table, size_t count);

#endif
