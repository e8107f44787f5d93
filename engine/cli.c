/* cli: carat-engine, the reference user of engine.h and the only part of the engine that prints
 * (with its cli_* files).
 *
 *   carat-engine COMMAND -m FILE [options]
 *
 * Exit status: 0 done, 1 failed (the reason on standard error), 2 wrong usage. When nobody reads
 * the output any more (a closed pipe) the command ends quietly with 1. Text from a model goes to a
 * file or a pipe byte for byte, but to a terminal only through base/visible.
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "cli_bench.h"
#include "cli_bench_media.h"
#include "cli_convert.h"
#include "cli_embed.h"
#include "cli_info.h"
#include "cli_json.h"
#include "cli_npy.h"
#include "cli_options.h"
#include "cli_perplexity.h"
#include "cli_plan.h"
#include "cli_progress.h"
#include "cli_soft.h"
#include "engine/engine.h"
#include "engine/engine_drafter.h"
#include "engine/engine_media.h"

enum { EXIT_USAGE = 2, INPUT_LIMIT = 64 * 1024 * 1024 };

struct ids {
    int32_t *items;
    size_t count;
};

/* --- what the commands share --- */

static int complain(const char *text)
{
    fprintf(stderr, "carat-engine: %s\n", text);
    return EXIT_FAILURE;
}

/* The last word on standard output: a full disk is an error, a closed pipe is not worth a word. */
static int finish_output(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static struct engine_model_options model_options(const struct cli_options *options)
{
    return (struct engine_model_options){
        .path = options->model,
        .threads = (int)options->threads,
        .cpu = options->cpu != NULL ? options->cpu : getenv("CARAT_CPU"),
        .exact = cli_options_exact(options),
    };
}

static enum engine_kv_type kv_type(const struct cli_options *options)
{
    return strcmp(options->kv, "q8") == 0    ? ENGINE_KV_Q8
           : strcmp(options->kv, "f16") == 0 ? ENGINE_KV_F16
                                             : ENGINE_KV_F32;
}

static struct engine_model *open_model(const struct cli_options *options)
{
    struct engine_error error;
    struct engine_model_options opening = model_options(options);
    struct engine_model *model = engine_model_open(&opening, &error);
    if (model == NULL) {
        complain(error.text);
    }
    return model;
}

/* A session for `needed` tokens, or for as many as --context says. */
static struct engine_session *open_session(struct engine_model *model,
                                           const struct cli_options *options, size_t needed)
{
    struct engine_error error;
    size_t longest = (size_t)engine_model_info(model)->context_length;
    size_t context = options->context > 0 ? (size_t)options->context : needed;
    struct engine_session *session =
        engine_session_create(model,
                              &(struct engine_session_options){
                                  .context = (int32_t)(context < longest ? context : longest),
                                  .kv_type = kv_type(options)},
                              &error);
    if (session == NULL) {
        complain(error.text);
    }
    return session;
}

/* Everything from a path or, for "-", from standard input. */
static bool read_input(const char *path, struct str *out, struct err *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return err_errno(err, ERR_IO, "opening %s", path);
    }
    char buffer[65536];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0 && out->length <= INPUT_LIMIT) {
        str_append_bytes(out, buffer, n);
    }
    bool failed = ferror(file) != 0;
    if (file != stdin) {
        fclose(file);
    }
    if (failed) {
        return err_errno(err, ERR_IO, "reading %s", path);
    }
    return out->length <= INPUT_LIMIT ||
           err_set(err, ERR_LIMIT, "%s is larger than %d bytes", path, INPUT_LIMIT);
}

static bool read_ids(const char *path, struct ids *ids, struct err *err)
{
    struct str text;
    str_init(&text);
    bool ok = read_input(path, &text, err) &&
              (cli_json_ids(text.data, text.length, &ids->items, &ids->count, err) ||
               err_prefix(err, "%s", path));
    str_finish(&text);
    return ok;
}

/* --- commands --- */

static int run_info(struct engine_model *model, const struct cli_options *options)
{
    cli_info_print(engine_model_info(model), options->json);
    return finish_output();
}

static int run_tokenize(struct engine_model *model, const struct cli_options *options)
{
    struct err err;
    struct engine_error error;
    struct str text;
    struct ids ids = {0};
    str_init(&text);
    int status = EXIT_FAILURE;
    if (!read_input("-", &text, &err)) {
        complain(err.text);
    } else if (!engine_tokenize(model, text.data, text.length, options->control, &ids.items,
                                &ids.count, &error)) {
        complain(error.text);
    } else {
        fputs(options->json ? "{\"ids\": " : "", stdout);
        cli_json_print_ids(ids.items, ids.count);
        puts(options->json ? "}" : "");
        status = finish_output();
    }
    engine_free(ids.items);
    str_finish(&text);
    return status;
}

static int run_detokenize(struct engine_model *model, const struct cli_options *options)
{
    struct err err;
    struct ids ids = {0};
    struct str text;
    if (!read_ids("-", &ids, &err)) {
        return complain(err.text);
    }
    int status = EXIT_SUCCESS;
    str_init(&text);
    for (size_t i = 0; i < ids.count && status == EXIT_SUCCESS; i++) {
        const char *bytes;
        size_t length;
        if (engine_token_bytes(model, ids.items[i], &bytes, &length)) {
            str_append_bytes(&text, bytes, length);
        } else {
            fprintf(stderr, "carat-engine: id %d is not in the vocabulary\n", ids.items[i]);
            status = EXIT_FAILURE;
        }
    }
    if (options->json && status == EXIT_SUCCESS) {
        struct str line;
        str_init(&line);
        cli_json_append_text(&line, text.data != NULL ? text.data : "");
        printf("{\"text\": %s}\n", line.data);
        str_finish(&line);
    } else {
        fwrite(text.data, 1, text.length, stdout);
    }
    str_finish(&text);
    mem_free(ids.items);
    return status == EXIT_SUCCESS ? finish_output() : status;
}

/* The end of a piece of at most `chunk` ids from `at`, or of more: soft tokens are not cut. */
static size_t piece_end(const struct cli_soft *soft, size_t at, size_t chunk, size_t count)
{
    size_t end = count - at < chunk ? count : at + chunk;
    for (size_t i = 0; i < soft->count; i++) {
        size_t from = soft->items[i].position, to = from + soft->items[i].count;
        end = from < end && end < to ? to : end;
    }
    return end;
}

/* One piece; its soft tokens are told by their place in it. */
static bool evaluate_piece(struct engine_session *session, const struct ids *ids, size_t at,
                           size_t end, const struct cli_soft *soft, float *logits,
                           struct engine_error *error)
{
    size_t first = 0, last;
    while (first < soft->count && soft->items[first].position < at) {
        first++;
    }
    for (last = first; last < soft->count && soft->items[last].position < end; last++) {
        soft->items[last].position -= at;
    }
    const struct engine_soft *pieces = last > first ? soft->items + first : NULL;
    bool ok = engine_session_evaluate_soft(session, ids->items + at, end - at, pieces, last - first,
                                           logits, error);
    for (size_t i = first; i < last; i++) {
        soft->items[i].position += at;
    }
    return ok;
}

/* Evaluates all ids, about `chunk` a call, into a file. */
static int write_logits(struct engine_session *session, const struct ids *ids,
                        const struct cli_soft *soft, size_t chunk, size_t vocabulary,
                        const char *path)
{
    struct err err;
    struct engine_error error;
    struct cli_npy npy;
    size_t longest = 0;
    for (size_t at = 0, end; at < ids->count; at = end) {
        end = piece_end(soft, at, chunk, ids->count);
        longest = end - at > longest ? end - at : longest;
    }
    float *logits = mem_try_alloc(longest * vocabulary, sizeof *logits);
    if (logits == NULL) {
        return complain("no memory for the logits; try a smaller --chunk");
    }
    if (!cli_npy_open(&npy, path, ids->count, vocabulary, &err)) {
        mem_free(logits);
        return complain(err.text);
    }
    int status = EXIT_SUCCESS;
    struct cli_progress progress;
    cli_progress_begin(&progress, "logits", "tokens", ids->count);
    engine_session_on_progress(session, cli_progress_on_tokens, &progress);
    for (size_t at = 0, end; at < ids->count && status == EXIT_SUCCESS; at = end) {
        end = piece_end(soft, at, chunk, ids->count);
        progress.before = at;
        if (!evaluate_piece(session, ids, at, end, soft, logits, &error)) {
            status = complain(error.text);
        } else if (!cli_npy_write(&npy, logits, end - at, &err)) {
            status = complain(err.text);
        }
    }
    cli_progress_end(&progress);
    engine_session_on_progress(session, NULL, NULL);
    if (!cli_npy_close(&npy, &err) && status == EXIT_SUCCESS) {
        status = complain(err.text);
    }
    mem_free(logits);
    return status;
}

static int run_logits(struct engine_model *model, const struct cli_options *options)
{
    struct err err;
    struct ids ids = {0};
    if (options->ids == NULL || options->output == NULL) {
        complain("logits needs --ids FILE and -o FILE");
        return EXIT_USAGE;
    }
    if (!read_ids(options->ids, &ids, &err)) {
        return complain(err.text);
    }
    int status = EXIT_FAILURE;
    struct cli_soft soft = {0};
    struct engine_session *session = NULL;
    if (ids.count == 0) {
        complain("there are no ids");
    } else if (!cli_soft_make(&soft, model, options, ids.items, ids.count, &err)) {
        complain(err.text);
    } else {
        session = open_session(model, options, ids.count);
    }
    if (session != NULL) {
        size_t chunk = options->chunk > 0 ? (size_t)options->chunk : ids.count;
        status = write_logits(session, &ids, &soft, chunk,
                              (size_t)engine_model_info(model)->vocabulary_size, options->output);
        if (status == EXIT_SUCCESS && options->json) {
            status = cli_npy_describe(options->output, &err) ? finish_output() : complain(err.text);
        }
    }
    cli_soft_finish(&soft);
    engine_session_destroy(session);
    mem_free(ids.items);
    return status;
}

static int run_perplexity(struct engine_model *model, const struct cli_options *options)
{
    struct err err;
    struct engine_error error;
    struct ids ids = {0};
    size_t vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    if (options->ids == NULL) {
        complain("perplexity needs --ids FILE");
        return EXIT_USAGE;
    }
    if (!read_ids(options->ids, &ids, &err)) {
        return complain(err.text);
    }
    int status = EXIT_FAILURE;
    bool sound = ids.count >= 2;
    for (size_t i = 0; i < ids.count && sound; i++) {
        sound = ids.items[i] >= 0 && (size_t)ids.items[i] < vocabulary;
    }
    struct engine_session *session = sound ? open_session(model, options, ids.count) : NULL;
    double total;
    if (!sound) {
        complain("perplexity needs two ids or more, all of the vocabulary");
    } else if (session != NULL &&
               !cli_perplexity_measure(session, ids.items, ids.count, vocabulary, &total, &error)) {
        complain(error.text);
    } else if (session != NULL) {
        double mean = total / (double)(ids.count - 1);
        printf(options->json ? "{\"tokens\": %zu, \"nats_per_token\": %.6f, \"perplexity\": %.6f}\n"
                             : "tokens      %zu\nnats/token  %.6f\nperplexity  %.6f\n",
               ids.count - 1, mean, exp(mean));
        status = finish_output();
    }
    engine_session_destroy(session);
    mem_free(ids.items);
    return status;
}

/* The answer so far. Text: printed as far as its characters are whole. JSON: ids at once, and in
 * `pending` what is told of each of them behind them all. */
struct printer {
    const struct engine_model *model;
    struct str pending;
    bool terminal, json;
    size_t count;
    struct engine_logprob *best; /* [logprobs] */
    size_t logprobs;
    const struct engine_session *session; /* whose guesses are told; NULL = there are none */
};

/* JSON has no infinity: what has no chance is null. */
static void append_logprob(struct str *out, const char *before, double logprob)
{
    str_append(out, before);
    if (isfinite(logprob)) {
        str_append_format(out, "%.6f", logprob);
    } else {
        str_append(out, "null");
    }
}

static bool print_json(struct printer *printer, struct engine_session *session, int32_t id,
                       struct engine_error *error)
{
    float logprob;
    if (printer->logprobs > 0) {
        if (!engine_session_logprobs(session, printer->best, printer->logprobs, id, &logprob,
                                     error)) {
            return false;
        }
        struct str *out = &printer->pending;
        str_append_format(out, "%s{\"id\": %d", printer->count > 0 ? ", " : "", id);
        append_logprob(out, ", \"logprob\": ", (double)logprob);
        for (size_t i = 0; i < printer->logprobs; i++) {
            str_append_format(out, "%s[%d", i == 0 ? ", \"best\": [" : ", ", printer->best[i].id);
            append_logprob(out, ", ", (double)printer->best[i].logprob);
            str_append(out, "]");
        }
        str_append(out, "]}");
    }
    printf(printer->count == 0 ? "{\"ids\": [%d" : ", %d", id);
    return true;
}

static void print_text(struct printer *printer, int32_t id)
{
    const char *bytes;
    size_t length;
    if (engine_token_kind(printer->model, id) == ENGINE_TOKEN_CONTROL ||
        !engine_token_bytes(printer->model, id, &bytes, &length)) {
        return;
    }
    if (!printer->terminal) {
        fwrite(bytes, 1, length, stdout);
    } else {
        str_append_bytes(&printer->pending, bytes, length);
        size_t whole = utf8_complete_length(printer->pending.data, printer->pending.length);
        struct str shown;
        str_init(&shown);
        visible_append(&shown, printer->pending.data, whole, VISIBLE_TEXT);
        fwrite(shown.data, 1, shown.length, stdout);
        str_finish(&shown);
        str_remove(&printer->pending, 0, whole);
    }
    fflush(stdout);
}

static bool is_stop(const struct engine_model *model, int32_t id)
{
    const struct engine_model_info *info = engine_model_info(model);
    for (size_t i = 0; i < info->stop_count; i++) {
        if (info->stop_ids[i] == id) {
            return true;
        }
    }
    return false;
}

static struct engine_sampling choose_sampling(const struct engine_model *model,
                                              const struct cli_options *options)
{
    struct engine_sampling sampling = engine_model_info(model)->sampling;
    if (options->temperature >= 0) {
        sampling.temperature = (float)options->temperature;
    }
    if (options->top_p >= 0) {
        sampling.top_p = (float)options->top_p;
    }
    if (options->top_k >= 0) {
        sampling.top_k = (int32_t)options->top_k;
    }
    sampling.min_p = (float)options->min_p;
    sampling.repetition_penalty = (float)options->repeat_penalty;
    sampling.repetition_last = (int32_t)options->repeat_last;
    sampling.biases = options->biases;
    sampling.bias_count = options->bias_count;
    sampling.seed = (uint64_t)options->seed;
    return sampling;
}

/* Token after token until a stop, the number asked for, or the end of the context. */
static bool print_answer(struct printer *printer, struct engine_session *session,
                         const struct cli_options *options, struct engine_error *error)
{
    struct engine_sampling sampling = choose_sampling(printer->model, options);
    size_t held;
    engine_session_tokens(session, &held);
    size_t room = (size_t)engine_session_context(session) - held + 1;
    size_t most = (size_t)options->new_tokens < room ? (size_t)options->new_tokens : room;
    while (printer->count < most && !ferror(stdout)) {
        int32_t id;
        if (!engine_session_sample(session, &sampling, NULL, 0, &id, error)) {
            return false;
        }
        if (!printer->json) {
            print_text(printer, id);
        } else if (!print_json(printer, session, id, error)) {
            return false;
        }
        printer->count++;
        bool last = printer->count == most || (!options->no_stop && is_stop(printer->model, id));
        engine_session_tokens(session, &held);
        bool room_left = held < (size_t)engine_session_context(session);
        if (last && (options->save == NULL || !room_left)) {
            return true;
        }
        if (!engine_session_append(session, id, error)) {
            return false;
        }
        if (last) {
            return true;
        }
    }
    return true;
}

static void finish_answer(struct printer *printer)
{
    if (!printer->json) {
        fputs(printer->terminal ? "\n" : "", stdout);
        return;
    }
    fputs(printer->count == 0 ? "{\"ids\": [" : "", stdout);
    if (printer->logprobs > 0) {
        printf("], \"logprobs\": [%s", printer->pending.data);
    }
    fputs("]", stdout);
    if (printer->session != NULL) {
        uint64_t made, right;
        engine_session_guesses(printer->session, &made, &right);
        printf(", \"proposed\": %llu, \"accepted\": %llu", (unsigned long long)made,
               (unsigned long long)right);
    }
    fputs("}\n", stdout);
}

/* The prompt, with a line that tells how far it is. */
static bool prefill(struct engine_session *session, const struct ids *prompt,
                    const struct cli_soft *soft, struct engine_error *error)
{
    struct cli_progress progress;
    cli_progress_begin(&progress, "reading", "tokens", 0);
    engine_session_on_progress(session, cli_progress_on_tokens, &progress);
    bool ok = engine_session_sync_soft(session, prompt->items, prompt->count, soft->items,
                                       soft->count, NULL, error);
    engine_session_on_progress(session, NULL, NULL);
    cli_progress_end(&progress);
    return ok;
}

static int generate(struct engine_model *model, struct engine_session *session,
                    const struct cli_options *options, const struct ids *prompt,
                    const struct cli_soft *soft)
{
    struct engine_error error;
    struct printer printer = {.model = model,
                              .terminal = isatty(STDOUT_FILENO) == 1,
                              .json = options->json,
                              .logprobs = (size_t)options->logprobs};
    printer.session = options->lookup || options->drafter != NULL ? session : NULL;
    printer.best = mem_try_alloc(printer.logprobs + 1, sizeof *printer.best);
    if (printer.best == NULL) {
        return complain("no memory for the log-probabilities");
    }
    str_init(&printer.pending);
    bool ok = (options->load == NULL || engine_session_restore(session, options->load, &error)) &&
              (prompt->count == 0 || prefill(session, prompt, soft, &error)) &&
              print_answer(&printer, session, options, &error) &&
              (options->save == NULL || engine_session_save(session, options->save, &error));
    if (ok) {
        finish_answer(&printer);
    }
    str_finish(&printer.pending);
    mem_free(printer.best);
    return ok ? finish_output() : complain(error.text);
}

/* The prompt's ids: from --ids, or <bos> and the tokens of --prompt. */
static bool read_prompt(struct engine_model *model, const struct cli_options *options,
                        struct ids *ids)
{
    struct err err;
    struct engine_error error;
    if (options->ids != NULL) {
        return read_ids(options->ids, ids, &err) || (complain(err.text), false);
    }
    struct ids text = {0};
    if (!engine_tokenize(model, options->prompt, strlen(options->prompt), options->control,
                         &text.items, &text.count, &error)) {
        complain(error.text);
        return false;
    }
    int32_t bos = engine_token_find(model, "<bos>");
    bool has_bos = text.count > 0 && text.items[0] == bos;
    ids->items = mem_try_alloc(text.count + 1, sizeof *ids->items);
    if (ids->items == NULL) {
        engine_free(text.items);
        complain("no memory for the prompt");
        return false;
    }
    if (bos >= 0 && !has_bos) {
        ids->items[ids->count++] = bos;
    }
    memcpy(ids->items + ids->count, text.items, text.count * sizeof *text.items);
    ids->count += text.count;
    engine_free(text.items);
    return true;
}

static int run_generate(struct engine_model *model, const struct cli_options *options)
{
    struct ids prompt = {0};
    bool has_prompt = options->ids != NULL || options->prompt != NULL;
    if ((options->ids != NULL && options->prompt != NULL) ||
        (!has_prompt && options->load == NULL)) {
        complain("generate needs either --ids FILE or --prompt TEXT, or else --load FILE");
        return EXIT_USAGE;
    }
    if (options->logprobs > 0 && !options->json) {
        complain("--logprobs needs --json");
        return EXIT_USAGE;
    }
    int status = EXIT_FAILURE;
    struct err err;
    struct engine_error error;
    struct cli_soft soft = {0};
    struct engine_session *session = NULL;
    struct engine_drafter *drafter = NULL;
    bool ready = true;
    if (options->drafter != NULL) {
        drafter = engine_drafter_open(model, options->drafter, &error);
        ready = drafter != NULL || (complain(error.text), false);
    }
    ready = ready && (!has_prompt || read_prompt(model, options, &prompt));
    if (ready && !cli_soft_make(&soft, model, options, prompt.items, prompt.count, &err)) {
        ready = false;
        complain(err.text);
    }
    if (ready) {
        size_t needed = prompt.count + (size_t)options->new_tokens;
        session = open_session(model, options, options->load != NULL ? SIZE_MAX : needed);
    }
    if (session != NULL) {
        bool ahead = engine_session_look_ahead(session, drafter, options->lookup,
                                               (int32_t)options->draft, &error);
        status = ahead ? generate(model, session, options, &prompt, &soft) : complain(error.text);
    }
    cli_soft_finish(&soft);
    engine_session_destroy(session);
    engine_drafter_close(drafter);
    mem_free(prompt.items);
    return status;
}

/* The test that is asked for, or both; with a picture or sound, that. */
static int run_bench(struct engine_model *model, const struct cli_options *options)
{
    struct err err;
    if (options->images.count + options->audios.count > 0) {
        return cli_bench_media(options, engine_model_info(model), &err) ? finish_output()
                                                                        : complain(err.text);
    }
    struct engine_error error;
    enum cli_bench_test only = CLI_BENCH_TESTS;
    if (options->test != NULL && !cli_bench_find(options->test, &only)) {
        complain("--test must be pp, tg, edit or edit-plain");
        return EXIT_USAGE;
    }
    if (options->number && options->json) {
        complain("bench prints either --number or --json");
        return EXIT_USAGE;
    }
    static const size_t usual_tokens[CLI_BENCH_TESTS] = {128, 32, 256, 256};
    struct cli_bench benches[CLI_BENCH_TESTS];
    size_t count = 0;
    for (size_t i = 0; i < CLI_BENCH_TESTS; i++) {
        if (only != CLI_BENCH_TESTS ? only != i : i >= CLI_BENCH_USUAL) {
            continue;
        }
        size_t tokens = options->tokens > 0 ? (size_t)options->tokens : usual_tokens[i];
        struct cli_bench bench = {
            .test = (enum cli_bench_test)i, .tokens = tokens, .depth = (size_t)options->depth};
        struct engine_session *session = open_session(model, options, cli_bench_room(&bench));
        if (session == NULL) {
            return EXIT_FAILURE;
        }
        struct cli_progress progress;
        cli_progress_begin(&progress, i == CLI_BENCH_PP ? "bench pp" : "bench tg", "tokens", 0);
        engine_session_on_progress(session, cli_progress_on_tokens, &progress);
        bool ok = cli_bench_measure(&bench, model, session, &error);
        cli_progress_end(&progress);
        engine_session_destroy(session);
        if (!ok) {
            return complain(error.text);
        }
        benches[count++] = bench;
    }
    cli_bench_print(benches, count, model,
                    options->json     ? CLI_BENCH_JSON
                    : options->number ? CLI_BENCH_NUMBER
                                      : CLI_BENCH_TABLE);
    return finish_output();
}

static int run_embed(struct engine_model *model, const struct cli_options *options)
{
    struct err err;
    const char *wrong = cli_embed_refusal(options);
    if (wrong != NULL) {
        complain(wrong);
        return EXIT_USAGE;
    }
    return cli_embed(options, engine_model_info(model), &err) ? finish_output()
                                                              : complain(err.text);
}

/* Without opening the model. */
static int run_plan(struct engine_model *none, const struct cli_options *options)
{
    (void)none;
    struct engine_error error;
    struct engine_model_options model = model_options(options);
    struct engine_session_options session = {.context = (int32_t)options->context,
                                             .kv_type = kv_type(options)};
    return cli_plan_print(&model, &session, options, &error) ? finish_output()
                                                             : complain(error.text);
}

static int run_convert(struct engine_model *none, const struct cli_options *options)
{
    (void)none;
    struct err err;
    if (options->output == NULL || options->type == NULL) {
        complain("convert needs -o FILE and --type TYPE");
        return EXIT_USAGE;
    }
    return cli_convert(options, &err) ? finish_output() : complain(err.text);
}

/* --- choosing the command --- */

static const struct command {
    const char *name;
    enum cli_command command;
    int (*run)(struct engine_model *model, const struct cli_options *options);
    const char *help;
    const char *example;
} commands[] = {
    {"info", CLI_INFO, run_info, "say what a model file is", "carat-engine info -m model.gguf"},
    {"tokenize", CLI_TOKENIZE, run_tokenize, "text from standard input to a JSON array of ids",
     "echo hello | carat-engine tokenize -m model.gguf >ids.json"},
    {"detokenize", CLI_DETOKENIZE, run_detokenize, "a JSON array of ids to the bytes they spell",
     "carat-engine detokenize -m model.gguf <ids.json"},
    {"logits", CLI_LOGITS, run_logits, "the logits after each token, as a NumPy file",
     "carat-engine logits -m model.gguf --ids ids.json -o logits.npy"},
    {"generate", CLI_GENERATE, run_generate, "continue a prompt",
     "carat-engine generate -m model.gguf --prompt \"Once upon a time\" -n 100"},
    {"perplexity", CLI_PERPLEXITY, run_perplexity, "how well the model foresees a text's ids",
     "carat-engine perplexity -m model.gguf --ids ids.json"},
    {"embed", CLI_EMBED, run_embed, "the soft tokens of a sound or picture, as a NumPy file",
     "carat-engine embed -m model.gguf --mmproj mmproj.gguf --image cat.png -o cat.npy"},
    {"bench", CLI_BENCH, run_bench, "measure prefill and decode",
     "carat-engine bench -m model.gguf --test tg --tokens 64 --number"},
    {"plan", CLI_PLAN, run_plan, "how much memory a model and a context need, and whether they fit",
     "carat-engine plan -m model.gguf --context 32768 --kv f16"},
    {"convert", CLI_CONVERT, run_convert, "write a model as a GGUF file of another type",
     "carat-engine convert -m gemma-4-E2B-it -o model.gguf --type q4_k_m"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
    fputs("usage: carat-engine COMMAND -m FILE [options]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\ncarat-engine COMMAND -h lists a command's options.\n", out);
}

static int run_command(const struct command *command, int argc, char *const *argv)
{
    struct err err;
    struct cli_options options;
    if (!cli_options_parse(&options, command->command, argc, argv, &err)) {
        complain(err.text);
        return EXIT_USAGE;
    }
    if (options.help) {
        printf("carat-engine %s: %s\n\n", command->name, command->help);
        cli_options_help(command->command, stdout);
        printf("\nfor example: %s\n", command->example);
        return finish_output();
    }
    if (command->command == CLI_CONVERT || command->command == CLI_PLAN) {
        return command->run(NULL, &options);
    }
    struct engine_model *model = open_model(&options);
    if (model == NULL) {
        return EXIT_FAILURE;
    }
    int status = command->run(model, &options);
    engine_model_close(model);
    return status;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* the write fails instead, and says so */
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return finish_output();
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return run_command(&commands[i], argc - 2, argv + 2);
        }
    }
    fprintf(stderr, "carat-engine: unknown command %s\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
