#include "command_table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "acp/command_acp.h"
#include "app/app.h"
#include "app/notice.h"
#include "command/command_batch.h"
#include "command/command_debug.h"
#include "command/command_mcp.h"
#include "command/command_models.h"
#include "command/command_replay.h"
#include "command/command_sandbox.h"
#include "command/command_serve.h"
#include "command/command_sessions.h"
#include "command/command_sql.h"
#include "command/command_store.h"
#include "command/command_transfer.h"
#include "command/command_trust.h"
#include "command/command_undo.h"
#include "command/headless.h"
#include "manual.h"
#include "base/mem.h"
#include "base/str.h"
#include "screen/screen.h"
#include "store/store.h"
#include "tui/keymap.h"

/* An id as people give it: the beginning of a UUID. */
static bool looks_like_id(const char *word)
{
    size_t length = strlen(word);
    return length >= 8 && length <= 36 && strspn(word, "0123456789abcdef-") == length;
}

/* carat exec resume ID|--last [PROMPT], as codex has it. `resume` with anything else is a prompt.
 */
static enum exit_code run_exec(struct config *config)
{
    const struct config_list *words = &config->words;
    struct err err;
    if (words->count < 2 || strcmp(words->items[1], "resume") != 0) {
        return headless_run(config, 1);
    }
    if (config_boolean(config, OPTION_CONTINUE) || config_set(config, OPTION_RESUME)) {
        return headless_run(config, 2);
    }
    if (words->count < 3 || !looks_like_id(words->items[2])) {
        return headless_run(config, 1);
    }
    char *arguments[] = {"carat", "--resume", words->items[2], NULL};
    if (!config_read_arguments(config, 3, arguments, &err)) {
        notice_print(err.text);
        return EXIT_CODE_USAGE;
    }
    return headless_run(config, 3);
}

/* On a terminal one may choose when nothing or too little was named. */
static bool choose(struct config *config, char id[37], struct err *err)
{
    struct app app;
    struct store_conversation found;
    const char *word = config->words.count == 2 ? config->words.items[1] : NULL;
    if (!app_open_store(&app, config, err)) {
        return false;
    }
    bool ok = word != NULL && app_find_conversation(&app, word, &found, err);
    if (ok) {
        memcpy(id, found.id, sizeof found.id);
        store_conversation_finish(&found);
    } else if (word == NULL || err->code == ERR_ARGUMENT) {
        ok = command_sessions_pick(&app, word, id, err);
    }
    app_close(&app);
    return ok;
}

/* carat resume [ID]: without a terminal the conversation is printed, and without an id it is the
 * last one of this directory. */
static enum exit_code run_resume(struct config *config)
{
    struct err err;
    char id[37] = "last";
    if (config->words.count > 2) {
        notice_format("resume takes one id; more was given: %s", config->words.items[2]);
        return EXIT_CODE_USAGE;
    }
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (terminal && !choose(config, id, &err)) {
        notice_print(err.text);
        return EXIT_CODE_BAD_INPUT;
    }
    char *word = !terminal && config->words.count == 2 ? config->words.items[1] : id;
    char *arguments[] = {"carat", "--resume", word};
    if (!config_read_arguments(config, 3, arguments, &err)) {
        notice_print(err.text);
        return EXIT_CODE_USAGE;
    }
    return terminal ? screen_run(config, config->words.count, NULL)
                    : command_show_conversation(config);
}

/* carat search WORD ...: on a terminal one of the hits may be opened, at its place. */
static enum exit_code run_search(struct config *config)
{
    struct store_hit hit;
    struct err err;
    struct str words;
    bool opens;
    enum exit_code code = command_search(config, &hit, &opens);
    if (!opens) {
        return code;
    }
    char *arguments[] = {"carat", "--resume", hit.conversation.id};
    bool ok = config_read_arguments(config, 3, arguments, &err);
    str_init(&words);
    command_sessions_snippet(&words, &hit);
    const struct screen_place place = {hit.ordinal, words.data};
    if (ok) {
        code = screen_run(config, config->words.count, &place);
    } else {
        notice_print(err.text);
        code = EXIT_CODE_USAGE;
    }
    str_finish(&words);
    store_hit_finish(&hit);
    return code;
}

enum exit_code command_print(void (*append)(struct str *out))
{
    struct str text;
    str_init(&text);
    append(&text);
    bool ok = fputs(text.data, stdout) >= 0 && fflush(stdout) == 0;
    str_finish(&text);
    return ok ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

enum exit_code command_run_screen(struct config *config, size_t first)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fprintf(stderr, "carat: not a terminal; without one use: carat exec \"what to do\"\n");
        return EXIT_CODE_USAGE;
    }
    return screen_run(config, first, NULL);
}

static enum exit_code run_chat(struct config *config)
{
    return command_run_screen(config, 1);
}

static enum exit_code run_help(struct config *config)
{
    (void)config;
    return command_print(command_append_help);
}

static enum exit_code run_version(struct config *config)
{
    (void)config;
    return command_print(command_append_version);
}

static enum exit_code run_config(struct config *config)
{
    if (config->words.count != 2 || strcmp(config->words.items[1], "example") != 0) {
        fprintf(stderr, "carat: say carat config example\n");
        return EXIT_CODE_USAGE;
    }
    struct str text;
    str_init(&text);
    config_append_example(&text);
    str_append_char(&text, '\n');
    keymap_append_example(&text);
    fputs(text.data, stdout);
    str_finish(&text);
    return EXIT_CODE_OK;
}

static enum exit_code run_completion(struct config *config)
{
    struct str text;
    str_init(&text);
    bool known =
        config->words.count == 2 && manual_append_completion(&text, config->words.items[1]);
    fputs(known ? text.data : "", stdout);
    str_finish(&text);
    if (!known) {
        fprintf(stderr, "carat: say carat completion bash, zsh or fish\n");
        return EXIT_CODE_USAGE;
    }
    return EXIT_CODE_OK;
}

static enum exit_code run_manual(struct config *config)
{
    (void)config;
    struct str text;
    str_init(&text);
    manual_append_page(&text);
    fputs(text.data, stdout);
    str_finish(&text);
    return EXIT_CODE_OK;
}

const struct command command_table[] = {
    {"chat", "[PROMPT]", "the screen, as without a command", run_chat},
    {"exec", "[PROMPT]", "answer PROMPT, about what is on standard input, without a terminal",
     run_exec},
    {"run", "[PROMPT]", "the same as exec", run_exec},
    {"batch", "FILE.jsonl",
     "answer a prompt a line, in order; with -o OUT it goes on where it was stopped",
     command_batch},
    {"resume", "[ID|last]", "go on with a conversation; without ID choose one", run_resume},
    {"sessions", "", "list the conversations; --archived, --trash, --all, --json",
     command_sessions},
    {"search", "WORD ...", "find words in all that was said; on a terminal, open one at its place",
     run_search},
    {"fork", "[ID]", "copy a conversation; prints the id of the copy", command_fork},
    {"rename", "ID TITLE", "give a conversation a title", command_change},
    {"tag", "ID [-]TAG", "put a tag on a conversation, or take it off", command_change},
    {"archive", "ID", "out of the list of conversations", command_change},
    {"delete", "ID", "into the trash", command_change},
    {"restore", "ID", "out of the trash or the archive", command_change},
    {"purge", "ID", "delete for good what is in the trash", command_change},
    {"export", "[ID]", "a conversation as a document: --format md, json or html", command_export},
    {"import", "FILE ...", "conversations of codex, claude or llm: files, folders, or their names",
     command_import},
    {"store", "check | repair [FILE]", "look all conversations through; copy what can be read",
     command_store},
    {"sql", "QUERY", "rows of the store, which is only read, as JSON lines", command_sql},
    {"undo", "[TURN]", "take a turn's file changes back; --list, --diff", command_undo},
    {"replay", "ID|last|FILE",
     "repeat a conversation, or a file that export or exec wrote, and say what differs",
     command_replay},
    {"trust", "[no]", "may this project's .mcp.json start its MCP servers?", command_trust},
    {"doctor", "", "check model, sandbox, store and voice on this machine", command_doctor},
    {"bench", "", "measure how fast the model reads and writes here", command_bench},
    {"sandbox", "status | -- CMD", "which layers hold here; run CMD as a tool's would run",
     command_sandbox},
    {"policy", "why CALL", "would CALL run, ask or be refused, and by which rule", command_policy},
    {"render", "", "print prompts: JSON cases in, one a line; {\"rendered\", \"ids\"} out",
     command_render},
    {"parse", "[lenient]", "read a model turn as text; print its thought, text and calls as JSON",
     command_parse},
    {"models", "[VERB ...]",
     "list; pull WHAT [SHA256]; verify [FILE]; rm FILE; default [FILE|none]", command_models},
    {"serve", "", "serve the model to other programs: OpenAI's and Ollama's protocols over HTTP",
     command_serve},
    {"mcp", "", "serve the tools and carat itself: an MCP server on standard input and output",
     command_mcp},
    {"acp", "", "serve editors: the Agent Client Protocol on standard input and output",
     command_acp},
    {"config", "example", "print an example of the configuration file", run_config},
    {"completion", "SHELL", "print completions for bash, zsh or fish", run_completion},
    {"manual", "", "print the manual page, as roff", run_manual},
    {"help", "", "print this", run_help},
    {"version", "", "the same as --version", run_version},
};
const size_t command_count = sizeof command_table / sizeof command_table[0];

const struct command *command_find(const char *word)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, word) == 0) {
            return &command_table[i];
        }
    }
    return NULL;
}

bool command_needs_settings(const struct command *command)
{
    return command->run != run_config && command->run != run_completion &&
           command->run != run_manual && command->run != run_help && command->run != run_version;
}

void command_append_help(struct str *out)
{
    str_append(out, "carat: a terminal agent with its own engine\n\n"
                    "usage: carat [options] [PROMPT]        on a terminal\n"
                    "       carat [options] COMMAND ...\n\ncommands:\n");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        int width = 26 - (int)strlen(command->name) - (int)strlen(command->argument);
        str_append_format(out, "  %s %s%*s%s\n", command->name, command->argument,
                          width > 1 ? width : 1, "", command->help);
    }
    str_append(out, "\noptions:\n");
    config_append_help(out);
    str_append(out, "\nnames that other programs have for them:\n");
    config_append_aliases(out);
    str_append(out, "\nstandard input of exec: the prompt, or what PROMPT is about. With PROMPT it "
                    "is read when it is\n"
                    "a file, or a pipe with data or its end within 100 ms; a last word - waits for "
                    "it.\n");
    str_append(out, "\nexit codes: ");
    str_append(out, command_exit_codes());
}

const char *command_exit_codes(void)
{
    return "0 done, 1 failure, 2 usage, 42 bad input, 53 step limit, 54 token or time\n"
           "limit, 55 denied, 56 sandbox unavailable, 57 model missing, 65 schema not\n"
           "satisfied, 130 and 143 interrupted\n";
}

void command_append_version(struct str *out)
{
    str_append_format(out, "carat %s (%s, %s)\n", CARAT_VERSION,
#ifdef __clang__
                      "clang " __clang_version__,
#else
                      "gcc " __VERSION__,
#endif
#if defined(__x86_64__)
                      "x86-64"
#elif defined(__aarch64__)
                      "arm64"
#else
                      "other"
#endif
    );
    str_append_format(out, "SQLite %s, libuv %s, jansson %s; %s%s\n", store_sqlite_version(),
                      uv_version_string(), jansson_version_str(),
#ifdef NDEBUG
                      "without assertions",
#else
                      "with assertions",
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
                      " and sanitizers"
#else
                      ""
#endif
    );
}
