/* cli_plan: see cli_plan.h. */
#include "cli_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli_options.h"
#include "engine/engine.h"
#include "engine/engine_media.h"

enum { ROWS = 10 };

struct row {
    const char *name; /* in JSON */
    const char *text;
    uint64_t bytes;
};

static void list_rows(const struct engine_plan *plan, const struct engine_media_plan *media,
                      struct row rows[ROWS])
{
    const struct row list[ROWS] = {
        {"mapped_bytes", "model files, mapped", plan->mapped},
        {"touched_bytes", "  read for each token", plan->touched},
        {"kv_bytes", "keys and values", plan->kv},
        {"copy_bytes", "copies of rings, at most", plan->copies},
        {"work_bytes", "activations and tables", plan->work},
        {"media_mapped_bytes", "encoders, mapped", media->mapped},
        {"media_work_bytes", "  while they work, at most", media->work},
        {"media_kept_bytes", "  soft tokens remembered, at most", media->kept},
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

/* The encoders that --mmproj names: nothing without it. */
static bool plan_media(const struct engine_model_options *model, const struct cli_options *options,
                       struct engine_media_plan *plan, struct engine_error *error)
{
    *plan = (struct engine_media_plan){0};
    if (options->mmproj == NULL) {
        return true;
    }
    struct engine_media *media =
        engine_media_open(&(struct engine_media_options){.path = options->mmproj,
                                                         .threads = model->threads,
                                                         .cpu = model->cpu,
                                                         .exact = model->exact},
                          error);
    if (media == NULL) {
        return false;
    }
    engine_media_plan(media, plan);
    engine_media_close(media);
    return true;
}

/* The model has what the encoders leave of the memory. */
static bool plan_both(const struct engine_model_options *model,
                      const struct engine_session_options *session, uint64_t memory,
                      uint64_t encoders, struct engine_plan *plan, struct engine_error *error)
{
    if (!engine_plan(model, session, memory, plan, error)) {
        return false;
    }
    uint64_t all = plan->memory;
    if (encoders > 0 &&
        !engine_plan(model, session, all > encoders ? all - encoders : 1, plan, error)) {
        return false;
    }
    plan->memory = all;
    plan->total += encoders;
    return true;
}

bool cli_plan_print(const struct engine_model_options *model,
                    const struct engine_session_options *session, const struct cli_options *options,
                    struct engine_error *error)
{
    struct engine_plan plan;
    struct engine_media_plan media;
    struct row rows[ROWS];
    if (!plan_media(model, options, &media, error) ||
        !plan_both(model, session, (uint64_t)options->memory,
                   media.mapped + media.work + media.kept, &plan, error)) {
        return false;
    }
    bool fits = plan.total <= plan.memory;
    list_rows(&plan, &media, rows);
    if (options->json) {
        print_json(&plan, rows, fits);
    } else {
        print_table(&plan, rows, options->kv, fits);
    }
    return true;
}
