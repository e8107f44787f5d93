#include "command/command_sql.h"

#include <stdio.h>

#include "app/notice.h"
#include "app/paths.h"
#include "base/err.h"
#include "store/query.h"

static bool print_row(void *context, const json_t *row)
{
    (void)context;
    return json_dumpf(row, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 && putchar('\n') != EOF;
}

enum exit_code command_sql(struct config *config)
{
    struct paths paths;
    struct err err;
    if (config->words.count != 2) {
        fprintf(stderr,
                "carat: say carat sql \"SELECT title, workspace FROM conversations\"; carat "
                "sql \"SELECT name, sql FROM sqlite_schema\" lists the tables\n");
        return EXIT_CODE_USAGE;
    }
    bool found = paths_find(&paths, &err);
    bool ok = found && query_run(paths.store_file, config->words.items[1], print_row, NULL, &err);
    if (!ok) {
        notice_print(err.text);
    }
    if (found) {
        paths_finish(&paths);
    }
    return ok ? EXIT_CODE_OK : err.code == ERR_ARGUMENT ? EXIT_CODE_BAD_INPUT : EXIT_CODE_FAILURE;
}
