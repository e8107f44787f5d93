/* cli_bench: see cli_bench.h. */
#include "cli_bench.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/engine_drafter.h"

enum { GUESSES = 15 };

static const char *const test_names[CLI_BENCH_TESTS] = {"pp", "tg", "edit", "edit-plain"};

bool cli_bench_find(const char *name, enum cli_bench_test *test)
{
    for (size_t i = 0; i < CLI_BENCH_TESTS; i++) {
        if (strcmp(test_names[i], name) == 0) {
            *test = (enum cli_bench_test)i;
            return true;
        }
    }
    return false;
}

static double processor_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6;
}

static bool is_edit(const struct cli_bench *bench)
{
    return bench->test == CLI_BENCH_EDIT || bench->test == CLI_BENCH_EDIT_PLAIN;
}

/* Tokens that stand there before the clock starts. */
static size_t tokens_before(const struct cli_bench *bench)
{
    return bench->depth + (is_edit(bench) ? bench->tokens : 0);
}

size_t cli_bench_room(const struct cli_bench *bench)
{
    return tokens_before(bench) + bench->tokens + 1;
}

static void fill_ids(const struct cli_bench *bench, size_t vocabulary, int32_t *ids)
{
    size_t before = tokens_before(bench);
    for (size_t i = 0; i < before + bench->tokens; i++) {
        ids[i] = (int32_t)((i * 7919 + 2) % vocabulary);
    }
    for (size_t i = 0; is_edit(bench) && i < bench->tokens; i++) {
        bool changed = i % CLI_BENCH_CHANGE == CLI_BENCH_CHANGE - 1;
        int32_t same = ids[bench->depth + i];
        ids[before + i] = changed ? (int32_t)(((size_t)same + 1) % vocabulary) : same;
    }
}

static bool evaluate(const struct cli_bench *bench, struct engine_session *session,
                     const int32_t *ids, struct engine_error *error)
{
    if (bench->test == CLI_BENCH_PP) {
        return engine_session_sync(session, ids, bench->depth + bench->tokens, NULL, error);
    }
    const int32_t *next = ids + tokens_before(bench);
    for (size_t i = 0; i < bench->tokens; i++) {
        if (!engine_session_append(session, next[i], error)) {
            return false;
        }
    }
    return true;
}

bool cli_bench_measure(struct cli_bench *bench, const struct engine_model *model,
                       struct engine_session *session, struct engine_error *error)
{
    size_t before = tokens_before(bench), count = before + bench->tokens;
    size_t vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    int32_t *ids = mem_try_alloc(count, sizeof *ids);
    if (ids == NULL) {
        snprintf(error->text, sizeof error->text, "no memory for %zu token ids", count);
        return false;
    }
    fill_ids(bench, vocabulary, ids);
    /* The warming token differs from the first one, so none of it is taken over. */
    int32_t other = (int32_t)(3 % vocabulary);
    bool ok =
        engine_session_look_ahead(session, NULL, bench->test == CLI_BENCH_EDIT, GUESSES, error) &&
        engine_session_sync(session, &other, 1, NULL, error) &&
        (before == 0 || engine_session_sync(session, ids, before, NULL, error));
    if (ok) {
        double processor = processor_seconds();
        int64_t start = clock_monotonic_us();
        ok = evaluate(bench, session, ids, error);
        bench->seconds = (double)(clock_monotonic_us() - start + 1) * 1e-6;
        bench->processor_seconds = processor_seconds() - processor;
    }
    mem_free(ids);
    return ok;
}

static void print_json(const struct cli_bench *benches, size_t count,
                       const struct engine_model_info *info)
{
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        const struct cli_bench *bench = &benches[i];
        printf("%s{\"test\": \"%s\", \"tokens\": %zu, \"depth\": %zu, \"kernels\": \"%s\", "
               "\"threads\": %d, \"seconds\": %.6f, \"processor_seconds\": %.6f, "
               "\"tokens_per_second\": %.3f}",
               i > 0 ? ", " : "", test_names[bench->test], bench->tokens, bench->depth,
               info->kernels, info->threads, bench->seconds, bench->processor_seconds,
               (double)bench->tokens / bench->seconds);
    }
    puts("]");
}

void cli_bench_print(const struct cli_bench *benches, size_t count,
                     const struct engine_model *model, enum cli_bench_form form)
{
    const struct engine_model_info *info = engine_model_info(model);
    if (form == CLI_BENCH_JSON) {
        print_json(benches, count, info);
        return;
    }
    if (form == CLI_BENCH_TABLE) {
        printf("kernels %s, threads %d\n", info->kernels, info->threads);
        puts("test        tokens   depth   seconds  cpu seconds  tokens/s");
    }
    for (size_t i = 0; i < count; i++) {
        const struct cli_bench *bench = &benches[i];
        double speed = (double)bench->tokens / bench->seconds;
        if (form == CLI_BENCH_NUMBER) {
            printf("%.3f\n", speed);
        } else {
            printf("%-10s %7zu %7zu %9.3f %12.3f %9.2f\n", test_names[bench->test], bench->tokens,
                   bench->depth, bench->seconds, bench->processor_seconds, speed);
        }
    }
}
