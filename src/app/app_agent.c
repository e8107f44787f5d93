/* app_agent: the agent that the configuration asks for, as part of app.
 *
 * What the model is told, how it is sampled, how far a turn may go: read from the configuration
 * when an agent is made, and once more (app_apply_settings) when the configuration or the model has
 * changed meanwhile.
 */
#include <string.h>

#include "agent/preamble.h"
#include "app/app.h"
#include "base/file.h"
#include "base/str.h"
#include "desktop/capture.h"
#include "models/catalogue.h"

enum { PROMPT_LIMIT = 256 * 1024 };

/* The text itself wins over a file of it. */
static bool append_prompt(struct app *app, enum option text, enum option file, struct str *out,
                          struct err *err)
{
    const char *given = config_string(app->config, text), *path = config_string(app->config, file);
    if (given == NULL) {
        bool read = path == NULL || file_read(path, PROMPT_LIMIT, out, err);
        app->exit_code = read ? app->exit_code : EXIT_CODE_USAGE;
        return read;
    }
    str_append(out, given);
    return true;
}

/* Stays empty when it is the built-in one. */
static bool read_system_prompt(struct app *app, struct str *text, struct err *err)
{
    struct str more;
    str_init(&more);
    bool ok = append_prompt(app, OPTION_SYSTEM_TEXT, OPTION_SYSTEM_PROMPT, text, err) &&
              append_prompt(app, OPTION_APPEND_TEXT, OPTION_APPEND_PROMPT, &more, err);
    if (ok && more.length > 0) {
        str_append(text, text->length == 0 ? preamble_template() : "");
        str_append(text, "\n\n");
        str_append_bytes(text, more.data, more.length);
    }
    str_finish(&more);
    return ok;
}

/* The user's own wish, else what the catalogue knows of the model, else the model's. */
static struct agent_sampling choose_sampling(const struct config *config,
                                             const struct catalogue_entry *entry)
{
    bool own = entry != NULL && entry->has_sampling;
    bool temperature = config_set(config, OPTION_TEMPERATURE);
    bool top_k = config_set(config, OPTION_TOP_K), top_p = config_set(config, OPTION_TOP_P);
    struct agent_sampling sampling = {
        .has_temperature = own || temperature,
        .has_top_k = own || top_k,
        .has_top_p = own || top_p,
        .has_min_p = config_set(config, OPTION_MIN_P),
        .seed = (uint64_t)config_whole(config, OPTION_SEED),
    };
    if (sampling.has_temperature) {
        sampling.temperature =
            temperature ? (float)config_real(config, OPTION_TEMPERATURE) : entry->temperature;
    }
    if (sampling.has_top_k) {
        sampling.top_k = top_k ? (int)config_whole(config, OPTION_TOP_K) : entry->top_k;
    }
    if (sampling.has_top_p) {
        sampling.top_p = top_p ? (float)config_real(config, OPTION_TOP_P) : entry->top_p;
    }
    if (sampling.has_min_p) {
        sampling.min_p = (float)config_real(config, OPTION_MIN_P);
    }
    return sampling;
}

static struct turn_limits choose_limits(const struct config *config)
{
    enum { STEP_TOKENS = 4096, REPEATED_CALLS = 3 };
    int64_t tokens = config_whole(config, OPTION_MAX_TOKENS);
    return (struct turn_limits){
        .steps = (int)config_whole(config, OPTION_MAX_TURNS),
        .tokens = (int)tokens,
        .tokens_per_step = (int)(tokens > 2 * STEP_TOKENS ? tokens / 2 : STEP_TOKENS),
        .calls = (int)config_whole(config, OPTION_MAX_TOOL_CALLS),
        .repeated_calls = REPEATED_CALLS,
        .milliseconds = config_whole(config, OPTION_MAX_SECONDS) * 1000,
    };
}

static struct agent_settings choose_settings(const struct app *app)
{
    const struct config *config = app->config;
    return (struct agent_settings){
        .titles = app_model_names(app),
        .compact_percent = (int)config_whole(config, OPTION_COMPACT_PERCENT),
        .limits = choose_limits(config),
        .result_tokens = (int)config_whole(config, OPTION_RESULT_TOKENS),
        .sampling = choose_sampling(config, catalogue_entry_of_file(app->model_path)),
    };
}

void app_apply_settings(struct app *app)
{
    struct agent_settings settings = choose_settings(app);
    agent_set(app->agent, &settings);
}

int64_t app_snapshot_bytes(const struct config *config)
{
    return config_whole(config, OPTION_SNAPSHOT_MEBIBYTES) * 1024 * 1024;
}

struct agent *app_make_agent(struct app *app, const struct app_agent_parts *parts, struct err *err)
{
    const struct config *config = app->config;
    struct str prompt;
    str_init(&prompt);
    struct agent *agent = NULL;
    if (parts->system != NULL) {
        str_append(&prompt, parts->system);
    }
    if (parts->system != NULL || read_system_prompt(app, &prompt, err)) {
        struct agent_options options = {
            .infer = parts->infer,
            .store = app->store,
            .toolproc = parts->toolproc,
            .checkpoint = parts->checkpoint,
            .foreign = parts->foreign,
            .hooks = parts->hooks,
            .loop = &app->loop,
            .screenshots = capture_available(NULL),
            .workspace = app->workspace,
            .tool_program = app->paths.tool_program,
            .conversation_id = parts->conversation,
            .new_id = parts->new_id,
            .system_prompt = prompt.length != 0 ? prompt.data : NULL,
            .instructions = app->instructions,
            .skills = app->skills_text,
            .reads_ahead = config_boolean(config, OPTION_READ_AHEAD) && !app->headless,
            .settings = choose_settings(app),
            .kv_folder = app->paths.kv_folder,
            .kv_bytes = parts->keeps_session && !config_boolean(config, OPTION_EPHEMERAL)
                            ? app_snapshot_bytes(config)
                            : 0,
            .rules = &app->rules,
            .mode = app_mode(config, app->headless),
            .schema = parts->schema,
            .unattended = app->headless && !parts->attended,
            .thinking = config_boolean(config, OPTION_THINKING),
            .no_tools = !config_boolean(config, OPTION_TOOLS),
            .offline = config_boolean(config, OPTION_OFFLINE),
        };
        agent = agent_create(&options, parts->face.event, parts->face.context, err);
    }
    str_finish(&prompt);
    return agent;
}
