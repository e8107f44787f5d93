/* deeds: each function of the store as one call that may be made again after it failed, and a store
 * to call them on. For tests in which something of SQLite's fails, anywhere. */
#ifndef CARAT_TESTS_STORE_DEEDS_H
#define CARAT_TESTS_STORE_DEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct store;

/* In memory: two conversations with messages, calls, results, a tag and a summary; one of them is
 * in the trash, the other has an answer that grows. */
struct scene {
    struct store *store; /* store_close */
    char id[37], gone[37];
    int64_t last; /* the row of the answer that grows */
};

struct deed {
    const char *name;
    bool (*run)(struct scene *scene, struct err *err);
};

extern const struct deed deeds[];
extern const size_t deed_count;

void scene_set(struct scene *scene);
/* A number for all that is in the tables. */
uint64_t scene_contents(const struct scene *scene);
/* After a deed that failed when something was made to fail for the `at`-th time: it has words for
 * it, has changed nothing of what was there before, and left no transaction open. */
void deed_expect_unchanged(const struct deed *deed, const struct scene *scene, long at,
                           uint64_t before, const struct err *err);

#endif
