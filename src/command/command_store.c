#include "command/command_store.h"

#include <stdio.h>
#include <string.h>

#include "app/notice.h"
#include "app/paths.h"
#include "base/err.h"
#include "base/str.h"
#include "store/check.h"

static void print_finding(void *context, const char *text)
{
    (void)context;
    notice_show("%s", text);
}

static void print_counts(const struct check_counts *counts)
{
    printf("%lld conversations, %lld messages, %lld pieces of results; %lld problems\n",
           (long long)counts->conversations, (long long)counts->messages, (long long)counts->pieces,
           (long long)counts->problems);
}

static enum exit_code run(const char *store, const char *target, struct err *err)
{
    struct check_counts counts;
    if (target == NULL) {
        if (!check_store(store, print_finding, NULL, &counts, err)) {
            notice_print(err->text);
            return EXIT_CODE_FAILURE;
        }
        print_counts(&counts);
        return counts.problems == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
    }
    if (!check_repair(store, target, print_finding, NULL, &counts, err)) {
        notice_print(err->text);
        return EXIT_CODE_FAILURE;
    }
    print_counts(&counts);
    printf("What could be read is in %s; nothing else was changed. To use it, put it in the place "
           "of\n%s\n",
           target, store);
    return EXIT_CODE_OK;
}

/* carat store check, carat store repair [FILE] */
enum exit_code command_store(struct config *config)
{
    const struct config_list *words = &config->words;
    bool check = words->count == 2 && strcmp(words->items[1], "check") == 0;
    bool repair =
        (words->count == 2 || words->count == 3) && strcmp(words->items[1], "repair") == 0;
    struct paths paths;
    struct err err;
    if (!check && !repair) {
        fprintf(stderr, "carat: say carat store check, or carat store repair [FILE]\n");
        return EXIT_CODE_USAGE;
    }
    if (!paths_find(&paths, &err)) {
        notice_print(err.text);
        return EXIT_CODE_FAILURE;
    }
    struct str target;
    str_init(&target);
    str_append(&target, words->count == 3 ? words->items[2] : paths.store_file);
    str_append(&target, words->count == 3 ? "" : ".repaired");
    enum exit_code code = run(paths.store_file, repair ? target.data : NULL, &err);
    str_finish(&target);
    paths_finish(&paths);
    return code;
}
