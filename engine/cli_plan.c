/* cli_plan: see cli_plan.h. */
#include "cli_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli_options.h"
#include "engine/engine.h"

enum { ROWS = 7 };

struct row {
    const char *name; /* in JSON */
    const char *text;
    uint64_t bytes;
};

static void list_rows(const struct engine_plan *plan, struct row rows[ROWS])
{
    const struct row list[ROWS] = {
        {"mapped_bytes", "model files, mapped", plan->mapped},
        {"touched_bytes", "  read for each token", plan->touched},
        {"kv_bytes", "keys and values", plan->kv},
        {"copy_bytes", "copies of rings, at most", plan->copies},
        {"work_bytes", "activations and tables", plan->work},
        {"total_bytes", "needed, without what may stay on disk", plan->total},
        {"memory_bytes", "available", plan->memory},
    };
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = list[i];
    }
}

static void print_json(const struct engine_plan *plan, const struct row rows[ROWS], bool fits)
{
    putchar('{');
    for (size_t i = 0; i < ROWS; i++) {
        printf("\"%s\": %" PRIu64 ", ", rows[i].name, rows[i].bytes);
    }
    printf("\"context\": %" PRId32 ", \"largest_context\": %" PRId32 ", \"fits\": %s}\n",
           plan->context, plan->largest_context, fits ? "true" : "false");
}

static void print_table(const struct engine_plan *plan, const struct row rows[ROWS], const char *kv,
                        bool fits)
{
    printf("context %" PRId32 " tokens, keys and values as %s\n", plan->context, kv);
    for (size_t i = 0; i < ROWS; i++) {
        printf("  %-38s %12.1f MiB\n", rows[i].text, (double)rows[i].bytes / (1024 * 1024));
    }
    if (fits) {
        printf("fits; the largest context that would is %" PRId32 "\n", plan->largest_context);
    } else if (plan->largest_context > 0) {
        printf("does not fit; a context of %" PRId32 " would\n", plan->largest_context);
    } else {
        puts("does not fit, and no context would");
    }
}

bool cli_plan_print(const struct engine_model_options *model,
                    const struct engine_session_options *session, const struct cli_options *options,
                    struct engine_error *error)
{
    struct engine_plan plan;
    struct row rows[ROWS];
    if (!engine_plan(model, session, (uint64_t)options->memory, &plan, error)) {
        return false;
    }
    bool fits = plan.total <= plan.memory;
    list_rows(&plan, rows);
    if (options->json) {
        print_json(&plan, rows, fits);
    } else {
        print_table(&plan, rows, options->kv, fits);
    }
    return true;
}
