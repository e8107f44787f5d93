/* model_change: in which order models are loaded and given back, and what is there whatever fails.
 * Real models (copies of the small one), on a real loop; what they take is said by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "app/app.h"
#include "app/model_change.h"
#include "app/model_choice.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"

enum { CONTEXT = 512 };

struct bench {
    char folder[64];
    struct config config;
    struct app app;
    struct str log;   /* of the face and the changes, line by line */
    int ready, ended; /* AGENT_READY, turns */
    bool changed;
    enum model_outcome outcome;
};

/* --- what models take, as the test says --- */

static struct infer_local_plan said;
static bool says;

bool __real_infer_local_plan(const struct infer_local_options *options,
                             struct infer_local_plan *plan, struct err *err);
bool __wrap_infer_local_plan(const struct infer_local_options *options,
                             struct infer_local_plan *plan, struct err *err);

bool __wrap_infer_local_plan(const struct infer_local_options *options,
                             struct infer_local_plan *plan, struct err *err)
{
    bool ok = __real_infer_local_plan(options, plan, err);
    if (ok && says) {
        plan->needed = said.needed;
        plan->available = said.available;
        plan->own = said.own;
    }
    return ok;
}

/* --- the bench --- */

static void on_event(void *context, const struct agent_event *event)
{
    struct bench *bench = context;
    if (event->kind == AGENT_READY) {
        bench->ready++;
    } else if (event->kind == AGENT_TURN_ENDED) {
        bench->ended++;
    } else if (event->kind == AGENT_NOTICE || event->kind == AGENT_FAILED) {
        str_append_format(&bench->log, "%.*s\n", (int)event->length, event->text);
    }
    uv_stop(&bench->app.loop);
}

static void on_change(void *context, enum model_outcome outcome, const char *words)
{
    struct bench *bench = context;
    bench->changed = true;
    bench->outcome = outcome;
    str_append_format(&bench->log, "%s\n", words);
    uv_stop(&bench->app.loop);
}

static const char *path_of(struct bench *bench, const char *name)
{
    static char path[2][160];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", bench->folder, name);
    return path[turn];
}

static void copy_model(struct bench *bench, const char *name, size_t bytes)
{
    struct err err;
    struct str model;
    str_init(&model);
    assert_true(file_read(MODELS_FOLDER "/nano.gguf", 16 << 20, &model, &err));
    size_t length = bytes > 0 ? bytes : model.length;
    assert_true(file_replace(path_of(bench, name), model.data, length, &err));
    str_finish(&model);
}

static void run_until(struct bench *bench, const int *count, int wanted)
{
    while (*count < wanted) {
        uv_run(&bench->app.loop, UV_RUN_DEFAULT);
    }
}

static int set_up(void **state)
{
    struct bench *bench = mem_zero(1, sizeof *bench);
    struct err err = {0};
    strcpy(bench->folder, "/tmp/carat-change-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    setenv("CARAT_HOME", bench->folder, 1);
    str_init(&bench->log);
    copy_model(bench, "a.gguf", 0);
    copy_model(bench, "b.gguf", 0);
    copy_model(bench, "broken.gguf", 50000);
    config_init(&bench->config);
    char model[160], context[16];
    snprintf(model, sizeof model, "%s", path_of(bench, "a.gguf"));
    snprintf(context, sizeof context, "%d", CONTEXT);
    char *arguments[] = {
        "carat",     "--ephemeral", "-m",        model, "--cd",  bench->folder,     "--no-tools",
        "--context", context,       "--threads", "1",   "--set", "undo.megabytes=0"};
    assert_true(config_read_arguments(&bench->config, sizeof arguments / sizeof arguments[0],
                                      arguments, &err));
    struct app_face face = {.event = on_event, .context = bench};
    bool opened = app_open(&bench->app, &bench->config, false, face, &err);
    assert_string_equal(err.text, "");
    assert_true(opened);
    run_until(bench, &bench->ready, 1);
    says = false;
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    char command[128];
    app_close(&bench->app);
    config_finish(&bench->config);
    str_finish(&bench->log);
    snprintf(command, sizeof command, "rm -r '%s'", bench->folder);
    assert_int_equal(system(command), 0);
    mem_free(bench);
    return 0;
}

static void begin(struct bench *bench, const char *name)
{
    struct err err = {0};
    bench->changed = false;
    bool ok = model_change_start(&bench->app, path_of(bench, name), on_change, bench, &err);
    assert_string_equal(err.text, "");
    assert_true(ok && agent_busy(bench->app.agent));
}

static void run_to_the_end(struct bench *bench)
{
    while (!bench->changed) {
        uv_run(&bench->app.loop, UV_RUN_DEFAULT);
    }
    assert_false(agent_busy(bench->app.agent));
    assert_null(model_change_coming(&bench->app));
}

/* The model that is there answers. */
static void expect_answer(struct bench *bench, const char *name)
{
    struct err err;
    int before = bench->ended;
    assert_string_equal(infer_model(bench->app.infer)->path, path_of(bench, name));
    assert_string_equal(bench->app.model_path, path_of(bench, name));
    assert_true(agent_submit(bench->app.agent, "hello", 5, &err));
    run_until(bench, &bench->ended, before + 1);
    const struct chat_conversation *said_so_far = agent_conversation(bench->app.agent);
    assert_int_equal(said_so_far->messages[said_so_far->count - 1].role, CHAT_MODEL);
}

/* --- the order --- */

static void the_order_is_what_memory_allows(void **state)
{
    static const struct {
        uint64_t needed, available, own;
        enum model_order order;
    } cases[] = {
        {100, 100, 0, MODEL_ORDER_LOAD_FIRST},
        {101, 100, 0, MODEL_ORDER_REFUSED},
        {101, 100, 1, MODEL_ORDER_FREE_FIRST},
        {200, 100, 99, MODEL_ORDER_REFUSED},
        {UINT64_MAX, 100, 50, MODEL_ORDER_REFUSED},
        {50, 100, UINT64_MAX, MODEL_ORDER_LOAD_FIRST},
        {UINT64_MAX, 1, UINT64_MAX, MODEL_ORDER_FREE_FIRST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct infer_local_plan plan = {.needed = cases[i].needed, .available = cases[i].available};
        assert_int_equal(model_change_order(&plan, cases[i].own), cases[i].order);
    }
}

static void both_fit(void **state)
{
    struct bench *bench = *state;
    struct err err;
    begin(bench, "b.gguf");
    assert_string_equal(model_change_coming(&bench->app), "b.gguf");
    assert_non_null(bench->app.infer); /* the old one stays until then */
    assert_false(model_change_start(&bench->app, "c", on_change, bench, &err));
    assert_string_equal(err.text, "b.gguf is on its way already; Esc stops that");
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_TAKEN);
    assert_int_equal(bench->ready, 2);
    expect_answer(bench, "b.gguf");
    assert_false(model_change_start(&bench->app, path_of(bench, "b.gguf"), on_change, bench, &err));
    assert_string_equal(err.text, "b.gguf is the model that runs");
}

static void the_old_one_goes_first(void **state)
{
    struct bench *bench = *state;
    says = true;
    said = (struct infer_local_plan){.needed = 150, .available = 100, .own = 60};
    expect_answer(bench, "a.gguf");
    begin(bench, "b.gguf");
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_TAKEN);
    assert_string_equal(bench->log.data,
                        "b.gguf does not fit beside a.gguf, which is given back first.\n\n");
    expect_answer(bench, "b.gguf");
}

/* The file's head is fine when it is looked at, and the file is another one when it is loaded. */
static void the_old_one_comes_back(void **state)
{
    struct bench *bench = *state;
    says = true;
    said = (struct infer_local_plan){.needed = 150, .available = 100, .own = 60};
    begin(bench, "b.gguf");
    while (bench->app.infer != NULL) {
        uv_run(&bench->app.loop, UV_RUN_DEFAULT);
    }
    copy_model(bench, "b.gguf", 50000);
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_KEPT);
    assert_non_null(strstr(bench->log.data, "b.gguf: "));
    expect_answer(bench, "a.gguf");
}

static void there_is_none_and_then_one(void **state)
{
    struct bench *bench = *state;
    struct err err;
    says = true;
    said = (struct infer_local_plan){.needed = 150, .available = 100, .own = 60};
    begin(bench, "b.gguf");
    while (bench->app.infer != NULL) {
        uv_run(&bench->app.loop, UV_RUN_DEFAULT);
    }
    copy_model(bench, "b.gguf", 50000);
    copy_model(bench, "a.gguf", 50000);
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_LOST);
    assert_null(bench->app.infer);
    assert_true(agent_submit(bench->app.agent, "hello", 5, &err));
    run_until(bench, &bench->ended, 1);
    assert_non_null(strstr(bench->log.data, "the model could not be loaded"));

    copy_model(bench, "b.gguf", 0);
    says = false;
    begin(bench, "b.gguf");
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_TAKEN);
    expect_answer(bench, "b.gguf");
}

static void what_cannot_be_had_changes_nothing(void **state)
{
    struct bench *bench = *state;
    begin(bench, "broken.gguf");
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_KEPT);
    assert_non_null(strstr(bench->log.data, "broken.gguf"));
    begin(bench, "none.gguf");
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_KEPT);
    says = true;
    said =
        (struct infer_local_plan){.needed = 20000000000, .available = 4000000000, .own = 60000000};
    begin(bench, "b.gguf");
    run_to_the_end(bench);
    assert_int_equal(bench->outcome, MODEL_KEPT);
    assert_non_null(strstr(bench->log.data,
                           "b.gguf takes 20.00 GB with a context of 512, and 4.06 GB can be had"));
    expect_answer(bench, "a.gguf");
}

/* --- what is said meanwhile, and Esc --- */

static void what_is_said_waits(void **state)
{
    struct bench *bench = *state;
    struct err err;
    begin(bench, "b.gguf");
    assert_true(agent_submit(bench->app.agent, "hello", 5, &err));
    assert_int_equal(agent_conversation(bench->app.agent)->count, 0);
    assert_int_equal(agent_waiting_count(bench->app.agent), 1);
    run_until(bench, &bench->ended, 1);
    assert_int_equal(bench->outcome, MODEL_TAKEN);
    assert_int_equal(agent_conversation(bench->app.agent)->count, 2);
    assert_string_equal(infer_model(bench->app.infer)->path, path_of(bench, "b.gguf"));
}

static void stopped_at_each_moment(void **state)
{
    struct bench *bench = *state;
    struct err err;
    assert_false(model_change_stop(&bench->app));
    for (int turns = 0; turns < 6; turns++) {
        says = turns % 2 == 1;
        said = (struct infer_local_plan){.needed = 150, .available = 100, .own = 60};
        begin(bench, "b.gguf");
        assert_true(agent_submit(bench->app.agent, "hello", 5, &err));
        for (int i = 0; i < turns && !bench->changed; i++) {
            uv_run(&bench->app.loop, UV_RUN_ONCE);
        }
        if (!bench->changed) {
            struct str text;
            str_init(&text);
            model_change_stop(&bench->app);
            agent_take_back(bench->app.agent, &text);
            assert_true(text.length == 5 || bench->changed);
            str_finish(&text);
            while (!bench->changed) {
                uv_run(&bench->app.loop, UV_RUN_DEFAULT);
            }
            assert_int_equal(bench->outcome, MODEL_KEPT);
        }
        while (agent_busy(bench->app.agent)) {
            uv_run(&bench->app.loop, UV_RUN_ONCE);
        }
        if (bench->outcome == MODEL_TAKEN) {
            begin(bench, "a.gguf");
            run_to_the_end(bench);
        }
        expect_answer(bench, "a.gguf");
        assert_true(app_new_conversation(&bench->app, NULL, NULL, &err));
    }
}

static void closed_at_each_moment(void **state)
{
    struct bench *bench = *state;
    says = true;
    said = (struct infer_local_plan){.needed = 150, .available = 100, .own = 60};
    begin(bench, "b.gguf"); /* tear_down closes it right away */
}

static void closed_while_none_is_there(void **state)
{
    struct bench *bench = *state;
    closed_at_each_moment(state);
    while (bench->app.infer != NULL) {
        uv_run(&bench->app.loop, UV_RUN_ONCE);
    }
}

/* --- what a word means --- */

static void words_and_beginnings(void **state)
{
    static struct model_choice items[] = {
        {.word = "gemma-4-E2B-it-Q4_0.gguf", .path = "/m/e2b4", .name = "gemma-4-e2b"},
        {.word = "gemma-4-E2B-it-Q8_0.gguf", .path = "/m/e2b8", .name = "gemma-4-e2b"},
        {.word = "gemma-4-31B-it-Q4_0.gguf", .path = "/m/31b", .name = "gemma-4-31b"},
        {.word = "remote:big", .path = "remote:big", .name = "big"},
    };
    static const struct {
        const char *word, *meant; /* NULL: an error that names the choices */
    } cases[] = {
        {"gemma-4-31b", "/m/31b"},
        {"GEMMA-4-31B-it-q4_0.gguf", "/m/31b"},
        {"gemma-4-3", "/m/31b"},
        {"gemma-4-e2b", "gemma-4-e2b"}, /* app_model_find names the files */
        {"gemma-4-E2B-it-Q8", "/m/e2b8"},
        {"gemma", NULL},
        {"b", "remote:big"},
        {"remote:big", "remote:big"},
        {"remote:bigger", "remote:bigger"},
        {"./x.gguf", "./x.gguf"},
        {"", ""},
    };
    struct model_choices choices = {.items = items, .count = 4};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *meant = "untouched";
        struct err err = {0};
        bool ok = model_choices_match(&choices, cases[i].word, &meant, &err);
        assert_int_equal(ok, cases[i].meant != NULL);
        assert_string_equal(meant, ok ? cases[i].meant : "untouched");
        assert_true(ok || strstr(err.text, "gemma-4-E2B-it-Q8_0.gguf, gemma-4-31B") != NULL);
    }
}

static void what_there_is(void **state)
{
    struct bench *bench = *state;
    struct model_choices choices;
    struct str lines;
    str_init(&lines);
    assert_true(file_make_directories(bench->app.paths.user_models, NULL));
    copy_model(bench, "data/models/gemma-4-E2B-it-Q4_0.gguf", 4000000 / 4);
    copy_model(bench, "data/models/mmproj-gemma-4-E2B-it.gguf", 100);
    copy_model(bench, "data/models/gemma-4-E2B-it-assistant.gguf", 100);
    model_choices_read(&choices, &bench->app);
    for (size_t i = 0; i < choices.count; i++) {
        model_choice_append(&lines, &choices.items[i]);
        str_append(&lines, "\n");
    }
    assert_non_null(
        strstr(lines.data, "  gemma-4-E2B-it-Q4_0.gguf                1.0 MB  gemma-4-e2b\n"));
    assert_non_null(strstr(lines.data, "* "));
    assert_non_null(strstr(lines.data, "/a.gguf"));
    assert_null(strstr(lines.data, "mmproj"));
    assert_null(strstr(lines.data, "assistant"));
    str_finish(&lines);
    model_choices_finish(&choices);
}

int main(void)
{
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_what_memory_allows),
        cmocka_unit_test(words_and_beginnings),
        ON_BENCH(both_fit),
        ON_BENCH(the_old_one_goes_first),
        ON_BENCH(the_old_one_comes_back),
        ON_BENCH(there_is_none_and_then_one),
        ON_BENCH(what_cannot_be_had_changes_nothing),
        ON_BENCH(what_is_said_waits),
        ON_BENCH(stopped_at_each_moment),
        ON_BENCH(closed_at_each_moment),
        ON_BENCH(closed_while_none_is_there),
        ON_BENCH(what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
