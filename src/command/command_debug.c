#include "command/command_debug.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/app_model.h"
#include "app/notice.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "chat/render_json.h"
#include "chat/turn_json.h"
#include "command/doctor_voice.h"
#include "engine/engine.h"
#include "infer/infer.h"
#include "infer/vocabulary.h"
#include "models/advice.h"
#include "store/store.h"

enum { LINE_LIMIT = 64 * 1024 * 1024 };

static enum exit_code complain(const struct err *err, enum exit_code code)
{
    notice_print(err->text);
    return code;
}

static void print_json(json_t *value)
{
    char *line = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    puts(line != NULL ? line : "null");
    mem_free(line);
    json_decref(value);
}

/* --- render --- */

struct renderer {
    struct engine_model *model;
    struct control_ids control;
};

static json_t *ids_json(const struct chat_ids *ids)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ids->count; i++) {
        json_array_append_new(array, json_integer(ids->items[i]));
    }
    return array;
}

/* {"rendered", "ids"}, or {"error"} for a case that has no rendering. */
static json_t *render_case(const struct renderer *renderer, const json_t *conversation)
{
    struct chat_prompt prompt;
    struct chat_ids ids = {0};
    struct err err;
    chat_prompt_init(&prompt);
    struct chat_encoder encoder = infer_vocabulary_encoder(renderer->model, &renderer->control);
    json_t *out;
    if (chat_render_json(&prompt, conversation, &err) &&
        chat_prompt_encode(&prompt, &encoder, &ids, &err)) {
        struct str spelled;
        str_init(&spelled);
        chat_prompt_spell(&prompt, &spelled, infer_vocabulary_spell, renderer->model);
        out = json_pack("{ss#so}", "rendered", spelled.data, spelled.length, "ids", ids_json(&ids));
        str_finish(&spelled);
    } else {
        out = json_pack("{ss}", "error", err.text);
    }
    mem_free(ids.items);
    chat_prompt_finish(&prompt);
    return out;
}

static json_t *render_line(const struct renderer *renderer, const char *line, size_t length)
{
    json_error_t error;
    json_t *conversation = json_loadb(line, length, 0, &error);
    if (conversation == NULL) {
        return json_pack("{ss}", "error", error.text);
    }
    json_t *out = render_case(renderer, conversation);
    json_decref(conversation);
    return out;
}

static enum exit_code render_lines(const struct renderer *renderer)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        if (length > LINE_LIMIT) {
            free(line);
            fprintf(stderr, "carat: a line is larger than %d bytes\n", LINE_LIMIT);
            return EXIT_CODE_BAD_INPUT;
        }
        print_json(render_line(renderer, line, (size_t)length));
    }
    free(line);
    return ferror(stdin) || fflush(stdout) != 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}

/* The file that -m names, as `carat` itself would find it. */
static bool find_model(const struct config *config, struct str *path, enum exit_code *code,
                       struct err *err)
{
    struct app app = {.config = config};
    bool ok = paths_find(&app.paths, err) && app_find_model(&app, err);
    if (ok) {
        str_append(path, app.model_path);
    }
    *code = app.exit_code != EXIT_CODE_OK ? app.exit_code : EXIT_CODE_FAILURE;
    mem_free(app.model_path);
    paths_finish(&app.paths);
    return ok;
}

enum exit_code command_render(struct config *config)
{
    struct err err;
    struct str path;
    enum exit_code code;
    str_init(&path);
    if (!find_model(config, &path, &code, &err)) {
        str_finish(&path);
        return complain(&err, code);
    }
    struct engine_error error;
    struct engine_model_options options = {.path = path.data, .threads = 1};
    struct renderer renderer = {.model = engine_model_open(&options, &error)};
    str_finish(&path);
    if (renderer.model == NULL) {
        infer_vocabulary_failed(&err, &error);
        return complain(&err, EXIT_CODE_FAILURE);
    }
    code = infer_vocabulary_resolve(renderer.model, &renderer.control, &err)
               ? render_lines(&renderer)
               : complain(&err, EXIT_CODE_FAILURE);
    engine_model_close(renderer.model);
    return code;
}

/* --- bench --- */

enum exit_code command_bench(struct config *config)
{
    struct paths paths;
    struct err err;
    struct str path;
    enum exit_code code;
    if (config->words.count > 1) {
        fprintf(stderr, "carat: say carat bench, or carat -m MODEL bench; carat-engine bench -h "
                        "lists what can be measured\n");
        return EXIT_CODE_USAGE;
    }
    str_init(&path);
    bool ok = find_model(config, &path, &code, &err);
    if (ok && (app_model_is_script(path.data) || app_model_is_remote(path.data))) {
        code = EXIT_CODE_USAGE;
        ok =
            err_set(&err, ERR_ARGUMENT, "%s runs elsewhere and cannot be measured here", path.data);
    }
    if (ok && paths_find(&paths, &err)) {
        char *arguments[] = {"carat-engine", "bench", "-m", path.data, NULL};
        execv(paths.engine_program, arguments);
        err_errno(&err, ERR_NOT_FOUND, "starting %s", paths.engine_program);
        code = EXIT_CODE_FAILURE;
        paths_finish(&paths);
    }
    str_finish(&path);
    return complain(&err, code);
}

/* --- parse --- */

enum exit_code command_parse(struct config *config)
{
    bool lenient = config->words.count == 2 && strcmp(config->words.items[1], "lenient") == 0;
    if (config->words.count > 1 && !lenient) {
        fprintf(stderr, "carat: say carat parse, or carat parse lenient\n");
        return EXIT_CODE_USAGE;
    }
    struct str text;
    char buffer[16 * 1024];
    size_t got;
    str_init(&text);
    while ((got = fread(buffer, 1, sizeof buffer, stdin)) > 0 && text.length <= LINE_LIMIT) {
        str_append_bytes(&text, buffer, got);
    }
    enum exit_code code = EXIT_CODE_OK;
    if (text.length > LINE_LIMIT) {
        fprintf(stderr, "carat: the text is larger than %d bytes\n", LINE_LIMIT);
        code = EXIT_CODE_BAD_INPUT;
    } else {
        print_json(chat_turn_to_json(text.data, text.length, lenient));
    }
    str_finish(&text);
    return code;
}

/* --- a conversation as text --- */

static void show(const char *mark, const char *text)
{
    fputs(mark, stdout);
    notice_text(text, strlen(text));
    putchar('\n');
}

/* On a terminal what hides or reorders is spelled out, as it was when the call was asked about. */
static void show_call(const struct chat_call *call)
{
    struct str text, shown;
    char *arguments = json_dumps(call->arguments, JSON_COMPACT);
    str_init(&text);
    str_init(&shown);
    str_append_format(&text, "[%s %s]", call->name, arguments != NULL ? arguments : "{}");
    if (isatty(STDOUT_FILENO)) {
        visible_append(&shown, text.data, text.length, VISIBLE_APPROVAL);
    }
    puts(shown.length > 0 ? shown.data : text.data);
    str_finish(&shown);
    str_finish(&text);
    mem_free(arguments);
}

static void show_message(const struct chat_message *message)
{
    switch (message->role) {
    case CHAT_USER:
        show("> ", message->text);
        break;
    case CHAT_MODEL:
        if (message->text[0] != '\0') {
            show("", message->text);
        }
        for (size_t i = 0; i < message->call_count; i++) {
            show_call(&message->calls[i]);
        }
        if (!message->complete) {
            puts("(interrupted here)");
        }
        break;
    case CHAT_TOOL: {
        const char *output = json_string_value(json_object_get(message->result, "output"));
        show("", output != NULL ? output : message->text);
        break;
    }
    case CHAT_SYSTEM:
        break;
    }
}

enum exit_code command_show_conversation(struct config *config)
{
    struct app app;
    struct err err;
    struct store_conversation found;
    struct chat_conversation conversation;
    if (!app_open_store(&app, config, &err)) {
        return complain(&err, app.exit_code);
    }
    enum exit_code code = EXIT_CODE_OK;
    chat_conversation_init(&conversation);
    if (!app_find_conversation(&app, config_string(config, OPTION_RESUME), &found, &err)) {
        code = complain(&err, EXIT_CODE_BAD_INPUT);
    } else {
        if (!store_messages_load(app.store, found.id, &conversation, NULL, &err)) {
            code = complain(&err, EXIT_CODE_FAILURE);
        }
        store_conversation_finish(&found);
    }
    for (size_t i = 0; i < conversation.count; i++) {
        show_message(&conversation.messages[i]);
    }
    chat_conversation_finish(&conversation);
    app_close(&app);
    return code;
}

/* --- doctor --- */

/* Which model of the catalogue this machine could run, by its memory and its speed. */
static void doctor_advice(uint64_t memory)
{
    struct advice_machine machine = {.memory = memory};
    advice_measure(&machine);
    const struct advice_model *model = advice_choose(&machine);
    printf("advice   %d cores read %.1f GB/s just now", machine.cores, machine.read / 1e9);
    if (model == NULL) {
        printf(": no model of the catalogue but nano fits in the memory\n");
        return;
    }
    printf(": %s, at most %.0f tokens/s\n", model->name, advice_speed(model, &machine));
    printf("         carat models pull %s (%.1f GB in Q4_0)\n", model->name,
           (double)model->file / 1e9);
}

/* The context that the configuration asks for, in the memory that there is. */
static bool doctor_memory(const struct app *app)
{
    struct err err;
    struct infer_local_plan plan;
    struct infer_local_options options = app_local_options(app);
    if (!infer_local_plan(&options, &plan, &err)) {
        notice_show("memory   not known: %s", err.text);
        return false;
    }
    const double mebibyte = 1024 * 1024;
    bool fits = plan.needed <= plan.available;
    printf("memory   %.0f MiB for a context of %d, of %.0f MiB available%s\n",
           (double)plan.needed / mebibyte, plan.context, (double)plan.available / mebibyte,
           fits ? "" : ": does not fit");
    if (!fits && plan.largest > 0) {
        printf("         model.context = %d would fit\n", plan.largest);
    } else if (!fits) {
        printf("         no context would fit\n");
    }
    doctor_advice(plan.available);
    return fits;
}

static bool doctor_model(struct app *app)
{
    struct err err;
    if (!app_find_model(app, &err)) {
        notice_show("model    missing: %s", err.text);
        return false;
    }
    if (str_starts_with(app->model_path, "remote:")) {
        char *url = app_model_address(app, app->model_path);
        notice_show("model    %s, %s", app->model_path,
                    url != NULL ? "a server's: asked when it is used" : "but its url is not set");
        bool known = url != NULL;
        mem_free(url);
        return known;
    }
    struct engine_error error;
    struct engine_model_options options = {.path = app->model_path};
    struct engine_model *model = engine_model_open(&options, &error);
    if (model == NULL) {
        notice_show("model    broken: %s", error.text);
        return false;
    }
    const struct engine_model_info *info = engine_model_info(model);
    notice_show("model    %s (%s): %d layers, vocabulary %d, context %d", info->name,
                app->model_path, (int)info->layer_count, (int)info->vocabulary_size,
                (int)info->context_length);
    printf("engine   kernels %s, %d threads\n", info->kernels, (int)info->threads);
    engine_model_close(model);
    return doctor_memory(app);
}

static bool doctor_sandbox(struct app *app)
{
    struct err err;
    json_t *policy = json_object(), *report = NULL;
    char folder[4096];
    if (getcwd(folder, sizeof folder) == NULL) {
        snprintf(folder, sizeof folder, "/");
    }
    struct toolproc_options options = {
        .program = app->paths.tool_program, .workspace = folder, .policy = policy};
    bool ok = toolproc_self_test(&options, &report, &err);
    notice_show("sandbox  %s", ok ? "all layers hold" : err.text);
    const char *layer;
    json_t *state;
    json_object_foreach(report, layer, state)
    {
        notice_show("         %-12s %s", layer, json_string_value(state));
    }
    json_decref(report);
    json_decref(policy);
    return ok;
}

enum exit_code command_sandbox_status(struct config *config)
{
    struct app app = {.config = config};
    struct err err;
    if (!paths_find(&app.paths, &err)) {
        return complain(&err, EXIT_CODE_FAILURE);
    }
    bool ok = doctor_sandbox(&app);
    if (strcmp(config_string(config, OPTION_SANDBOX), "danger-full-access") == 0) {
        puts("\nWith --sandbox danger-full-access none of them is used: tools have all your "
             "rights.");
    }
    paths_finish(&app.paths);
    return ok ? EXIT_CODE_OK : EXIT_CODE_NO_SANDBOX;
}

enum exit_code command_doctor(struct config *config)
{
    struct app app;
    struct err err;
    bool store = app_open_store(&app, config, &err);
    notice_show("store    %s", store ? app.paths.store_file : err.text);
    if (!store && !paths_find(&app.paths, &err)) {
        return complain(&err, EXIT_CODE_FAILURE);
    }
    bool model = doctor_model(&app);
    bool sandbox = doctor_sandbox(&app);
    doctor_voice_print(config);
    app_close(&app);
    if (!model) {
        return EXIT_CODE_NO_MODEL;
    }
    return sandbox ? (store ? EXIT_CODE_OK : EXIT_CODE_FAILURE) : EXIT_CODE_NO_SANDBOX;
}
