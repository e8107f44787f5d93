/* cli_convert: see cli_convert.h. */
#include "cli_convert.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "base/visible.h"
#include "cli_json.h"
#include "cli_options.h"
#include "cli_progress.h"
#include "convert.h"

static atomic_bool stop_requested;
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "a signal handler sets it");

static void request_stop(int number)
{
    (void)number;
    atomic_store(&stop_requested, true);
}

/* A signal that was to be ignored (nohup) stays ignored. */
static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before, action = {.sa_handler = request_stop};
        sigemptyset(&action.sa_mask);
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

static void show(void *context, uint64_t done, uint64_t total)
{
    cli_progress_show(context, done, total);
}

static void print_json(const struct cli_options *options, const struct convert_result *result,
                       double seconds)
{
    struct str out;
    str_init(&out);
    str_append(&out, "{\"output\": ");
    cli_json_append_text(&out, options->output);
    str_append_format(&out,
                      ", \"type\": \"%s\", \"bytes\": %llu, \"input_bytes\": %llu, "
                      "\"seconds\": %.3f, \"tensors\": %zu, \"types\": {",
                      options->type, (unsigned long long)result->output_bytes,
                      (unsigned long long)result->input_bytes, seconds, result->tensor_count);
    for (size_t i = 0; i < CONVERT_TYPES_MAX && result->types[i].tensors > 0; i++) {
        str_append_format(&out, "%s\"%s\": %zu", i > 0 ? ", " : "",
                          quant_format((uint32_t)result->types[i].type)->name,
                          result->types[i].tensors);
    }
    printf("%s}}\n", out.data);
    str_finish(&out);
}

static void print_text(const struct cli_options *options, const struct convert_result *result,
                       double seconds)
{
    struct str path;
    str_init(&path);
    visible_append(&path, options->output, strlen(options->output), VISIBLE_LINE);
    printf("%s: %.1f MB, of %.1f MB, in %.1f s\n", path.data, (double)result->output_bytes * 1e-6,
           (double)result->input_bytes * 1e-6, seconds);
    printf("%zu tensors:", result->tensor_count);
    for (size_t i = 0; i < CONVERT_TYPES_MAX && result->types[i].tensors > 0; i++) {
        printf("%s %zu %s", i > 0 ? "," : "", result->types[i].tensors,
               quant_format((uint32_t)result->types[i].type)->name);
    }
    putchar('\n');
    str_finish(&path);
}

bool cli_convert(const struct cli_options *options, struct err *err)
{
    struct cli_progress progress;
    struct convert_result result;
    int64_t start = clock_monotonic_us();
    watch_signals();
    cli_progress_begin(&progress, "converting", NULL, 0);
    bool ok = convert_model(
        &(struct convert_options){
            .input = options->model,
            .output = options->output,
            .mix = options->type,
            .threads = (int)options->threads,
            .progress = show,
            .context = &progress,
            .cancel = &stop_requested,
        },
        &result, err);
    cli_progress_end(&progress);
    if (ok) {
        double seconds = (double)(clock_monotonic_us() - start) * 1e-6;
        (options->json ? print_json : print_text)(options, &result, seconds);
    }
    return ok;
}
