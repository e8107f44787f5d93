#include "options.h"

#include <string.h>

#include "base/str.h"

/* Ranges of numbers are inclusive. The order of the rows is the order in --help and in the file. */
const struct option_row option_table[OPTION_COUNT] = {
    [OPTION_MODEL] =
        {"model.path", "model", 'm', OPTION_PATH, "FILE", NULL, NULL, 0, 0,
         "Gemma 4 model: a GGUF file, a folder of safetensors, a name from the "
         "catalogue, or remote:NAME for a server's (remote: alone takes remote.model)."},
    [OPTION_MMPROJ] = {"model.mmproj", "mmproj", 0, OPTION_PATH, "FILE", NULL, NULL, 0, 0,
                       "The model's encoders of pictures and sounds. Unset: the mmproj file beside "
                       "the model."},
    [OPTION_THREADS] = {"model.threads", "threads", 't', OPTION_WHOLE, "N", "0", NULL, 0, 1024,
                        "Worker threads; 0 is one for each core."},
    [OPTION_CONTEXT] =
        {"model.context", "context", 0, OPTION_WHOLE, "N", "0", NULL, 0, 2097152,
         "Tokens the model keeps in view; 0 is the model's own size, at most 32768."},
    [OPTION_KV] = {"model.kv", "kv", 0, OPTION_CHOICE, "TYPE", "auto", "auto|f16|f32", 0, 0,
                   "Type of the attention cache."},
    [OPTION_CPU] = {"model.cpu", "cpu", 0, OPTION_CHOICE, "NAME", "auto",
                    "auto|scalar|avx2|avx512|amx|neon", 0, 0, "Force a set of kernels."},
    [OPTION_DRAFTER] =
        {"model.drafter", "drafter", 0, OPTION_PATH, "FILE", NULL, NULL, 0, 0,
         "The model's drafter (gemma4-assistant), a GGUF file or a folder: it guesses what comes "
         "next, several tokens are checked at once, and the answer stays the same."},
    [OPTION_LOOKUP] =
        {"model.lookup", "lookup", 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
         "Guess that what repeats goes on repeating: faster where files are quoted or "
         "edited, and the answer stays the same."},
    [OPTION_TEMPERATURE] =
        {"model.temperature", "temperature", 0, OPTION_REAL, "T", NULL, NULL, 0, 10,
         "Sampling temperature; 0 takes the likeliest token. Unset: the model's own."},
    [OPTION_TOP_K] = {"model.top_k", "top-k", 0, OPTION_WHOLE, "K", NULL, NULL, 0, 1000000,
                      "Sample among the K likeliest tokens; 0 is all. Unset: the model's own."},
    [OPTION_TOP_P] = {"model.top_p", "top-p", 0, OPTION_REAL, "P", NULL, NULL, 0.000001, 1,
                      "Sample among the likeliest tokens that make up P. Unset: the model's own."},
    [OPTION_SEED] = {"model.seed", "seed", 0, OPTION_WHOLE, "N", "0", NULL, 0, 9007199254740992.0,
                     "Seed of the draws; 0 is a fresh one each time."},
    [OPTION_MODELS_HOST] = {"models.host", NULL, 0, OPTION_STRING, "URL", "https://huggingface.co",
                            NULL, 0, 0,
                            "Where carat models pull gets models: Hugging Face, or a mirror."},
    [OPTION_REMOTE_URL] = {"remote.url", "remote-url", 0, OPTION_STRING, "URL", NULL, NULL, 0, 0,
                           "Server that speaks OpenAI's protocol, for -m remote: "
                           "(http://127.0.0.1:8080/v1). What you say there leaves this machine."},
    [OPTION_REMOTE_MODEL] = {"remote.model", NULL, 0, OPTION_STRING, "NAME", NULL, NULL, 0, 0,
                             "Model to ask the server for."},
    [OPTION_REMOTE_KEY] = {"remote.key_env", NULL, 0, OPTION_STRING, "NAME", NULL, NULL, 0, 0,
                           "Environment variable that holds the server's key. Unset: no key."},
    [OPTION_REMOTE_KEY_COMMAND] = {"remote.key_command", NULL, 0, OPTION_STRING, "COMMAND", NULL,
                                   NULL, 0, 0,
                                   "Command that prints the server's key; run once at the start."},
    [OPTION_REMOTE_API] = {"remote.api", NULL, 0, OPTION_CHOICE, "API", "chat", "chat|responses", 0,
                           0, "What the server speaks."},
    [OPTION_REMOTE_SECONDS] = {"remote.idle_s", NULL, 0, OPTION_WHOLE, "N", "300", NULL, 1, 86400,
                               "Most seconds without a word from the server."},
    [OPTION_THINKING] = {"agent.thinking", "think", 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
                         "Let the model think before it answers."},
    [OPTION_THINKING_BUDGET] =
        {"agent.thinking_budget", "thinking-budget", 0, OPTION_WHOLE, "N", NULL, NULL, 0, 1000000,
         "Most tokens of a thought in a turn's first step, three eighths of it in later ones; 0 is "
         "no limit. Unset: 512 for small models, none for large ones."},
    [OPTION_TOOLS] = {"agent.tools", "tools", 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
                      "Let the model use tools; without them it only answers."},
    [OPTION_MODE] =
        {"agent.mode", "mode", 0, OPTION_CHOICE, "MODE", NULL, "read-only|ask|auto-edit|full", 0, 0,
         "What runs without asking: reading tools; the same (ask); file changes too; everything. "
         "Unset: ask on a terminal, full in exec (inside the sandbox)."},
    [OPTION_SYSTEM_PROMPT] = {"agent.system_prompt_file", "system-prompt-file", 0, OPTION_PATH,
                              "FILE", NULL, NULL, 0, 0,
                              "Text to use instead of the built-in system prompt."},
    [OPTION_SYSTEM_TEXT] = {NULL, "system-prompt", 0, OPTION_STRING, "TEXT", NULL, NULL, 0, 0,
                            "Text to use instead of the built-in system prompt."},
    [OPTION_APPEND_PROMPT] = {"agent.append_system_prompt_file", "append-system-prompt-file", 0,
                              OPTION_PATH, "FILE", NULL, NULL, 0, 0,
                              "Text to add to the system prompt."},
    [OPTION_APPEND_TEXT] = {NULL, "append-system-prompt", 0, OPTION_STRING, "TEXT", NULL, NULL, 0,
                            0, "Text to add to the system prompt."},
    [OPTION_MAX_TURNS] = {"agent.max_turns", "max-turns", 0, OPTION_WHOLE, "N", "24", NULL, 1,
                          10000, "Most model steps in one turn."},
    [OPTION_MAX_TOKENS] = {"agent.max_tokens", "max-tokens", 0, OPTION_WHOLE, "N", "8192", NULL, 1,
                           2097152, "Most tokens the model may write in one turn."},
    [OPTION_MAX_SECONDS] = {"agent.max_seconds", "max-seconds", 0, OPTION_WHOLE, "N", "0", NULL, 0,
                            1000000, "Most seconds of one turn; 0 is no limit."},
    [OPTION_MAX_TOOL_CALLS] = {"agent.max_tool_calls", "max-tool-calls", 0, OPTION_WHOLE, "N", "48",
                               NULL, 0, 10000, "Most tool calls in one turn."},
    [OPTION_SANDBOX] =
        {NULL, "sandbox", 's', OPTION_CHOICE, "KIND", "workspace-write",
         "read-only|workspace-write|danger-full-access", 0, 0,
         "What tools may touch. Command line only: no file can take the sandbox away."},
    [OPTION_ADD_DIR] = {"tools.writable", "add-dir", 0, OPTION_LIST, "DIR", NULL, NULL, 0, 0,
                        "Another directory that tools may write in."},
    [OPTION_READABLE] =
        {"tools.readable", NULL, 0, OPTION_LIST, "DIR", NULL, NULL, 0, 0,
         "Directories in your home that tools may read (the rest of it is hidden)."},
    [OPTION_HOSTS] =
        {"tools.hosts", "allow-host", 0, OPTION_LIST, "HOST", NULL, NULL, 0, 0,
         "A host that http_fetch may ask: example.org, *.example.org, example.org:8443."},
    [OPTION_TOOL_SECONDS] = {"tools.timeout_s", NULL, 0, OPTION_WHOLE, "N", "120", NULL, 1, 86400,
                             "Most seconds of one shell command."},
    [OPTION_RESULT_TOKENS] = {"tools.result_tokens", NULL, 0, OPTION_WHOLE, "N", "800", NULL, 50,
                              100000, "Most tokens of one tool result that the model is shown."},
    [OPTION_UNDO_MEGABYTES] =
        {"undo.megabytes", NULL, 0, OPTION_WHOLE, "N", "2048", NULL, 0, 1048576,
         "Most megabytes of a workspace's snapshots and history of changes; 0 is no undo."},
    [OPTION_UNDO_FILE_MEGABYTES] =
        {"undo.file_megabytes", NULL, 0, OPTION_WHOLE, "N", "64", NULL, 1, 1048576,
         "Files over this size are not in the snapshots (carat undo --list names them)."},
    [OPTION_UNDO_SKIP] = {"undo.skip", NULL, 0, OPTION_LIST, "NAME", NULL, NULL, 0, 0,
                          "Names of folders that the snapshots leave out, as node_modules."},
    [OPTION_UNDO_LIST] = {NULL, "list", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                          "undo: list the turns that changed files."},
    [OPTION_UNDO_DIFF] = {NULL, "diff", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                          "undo: show what a turn changed instead of taking it back."},
    [OPTION_ALLOW] = {"approval.allow", "allow", 0, OPTION_LIST, "RULE", NULL, NULL, 0, 0,
                      "Calls that run without asking: TOOL or TOOL(exact argument)."},
    [OPTION_ASK] = {"approval.ask", NULL, 0, OPTION_LIST, "RULE", NULL, NULL, 0, 0,
                    "Calls that always ask."},
    [OPTION_DENY] = {"approval.deny", "deny", 0, OPTION_LIST, "RULE", NULL, NULL, 0, 0,
                     "Calls that never run; wins over everything."},
    [OPTION_CD] = {NULL, "cd", 'C', OPTION_PATH, "DIR", NULL, NULL, 0, 0,
                   "Work in DIR instead of the current directory."},
    [OPTION_PRINT] = {NULL, "print", 'p', OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                      "Answer without a terminal, as exec does."},
    [OPTION_INPUT_FORMAT] =
        {NULL, "input-format", 0, OPTION_CHOICE, "FORM", "text", "text|stream-json", 0, 0,
         "exec: standard input is text, or one JSON user message a line (stream-json), each "
         "answered in turn until the input ends."},
    [OPTION_OUTPUT_FORMAT] =
        {NULL, "output-format", 0, OPTION_CHOICE, "FORM", NULL,
         "text|json|stream-json|codex|gemini", 0, 0,
         "exec: on standard output the answer (text), or JSON lines in the event shapes of claude "
         "(stream-json; json: its result alone), codex or gemini."},
    [OPTION_PARTIAL_MESSAGES] = {NULL, "include-partial-messages", 0, OPTION_FLAG, NULL, NULL, NULL,
                                 0, 0, "exec, stream-json: text also as it arrives."},
    [OPTION_JSON] = {NULL, "json", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                     "exec: the same as --output-format codex."},
    [OPTION_OUTPUT_FILE] = {NULL, "output-last-message", 'o', OPTION_PATH, "FILE", NULL, NULL, 0, 0,
                            "exec: write the final answer to FILE too."},
    [OPTION_IMAGE] = {NULL, "image", 'i', OPTION_LIST, "FILE", NULL, NULL, 0, 0,
                      "exec: show the model a picture, PNG or JPEG."},
    [OPTION_AUDIO] = {NULL, "audio", 0, OPTION_LIST, "FILE", NULL, NULL, 0, 0,
                      "exec: let the model hear a WAV file, 30 seconds at most."},
    [OPTION_SCHEMA] =
        {NULL, "schema", 0, OPTION_PATH, "FILE", NULL, NULL, 0, 0,
         "exec: the answer is JSON of this JSON Schema (a file, or the schema itself when it "
         "begins with {); tools may be used before."},
    [OPTION_RESUME] = {NULL, "resume", 'r', OPTION_STRING, "ID", NULL, NULL, 0, 0,
                       "Go on with this conversation (an id or its beginning)."},
    [OPTION_CONTINUE] = {NULL, "continue", 'c', OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                         "Go on with the last conversation of this directory."},
    [OPTION_EPHEMERAL] = {NULL, "ephemeral", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                          "Keep nothing of this run: its conversation is in memory alone."},
    [OPTION_PARALLEL] = {NULL, "parallel", 0, OPTION_WHOLE, "N", "1", NULL, 1, 256,
                         "batch: so many prompts at once, each with its own request to the server "
                         "(remote models)."},
    [OPTION_SET] = {NULL, "set", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, 0, 0,
                    "Set a key of the configuration file for this run."},
    [OPTION_HELP] = {NULL, "help", 'h', OPTION_FLAG, NULL, NULL, NULL, 0, 0, "Show this help."},
    [OPTION_VERSION] = {NULL, "version", 'V', OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                        "Show the version and how it was built."},
};

const struct option_alias option_aliases[] = {
    {"output-schema", OPTION_SCHEMA, NULL},
    {"json-schema", OPTION_SCHEMA, NULL},
    {"no-session-persistence", OPTION_EPHEMERAL, "true"},
    {"last", OPTION_CONTINUE, "true"},
    {"endpoint", OPTION_REMOTE_URL, NULL},
    {"permission-mode", OPTION_MODE, NULL},
    {"yolo", OPTION_MODE, "full"},
    {"dangerously-skip-permissions", OPTION_MODE, "full"},
    {"full-auto", OPTION_MODE, "full"},
    {"allowedTools", OPTION_ALLOW, NULL},
    {"allowed-tools", OPTION_ALLOW, NULL},
    {"disallowedTools", OPTION_DENY, NULL},
    {"disallowed-tools", OPTION_DENY, NULL},
};
const size_t option_alias_count = sizeof option_aliases / sizeof option_aliases[0];

static const struct option_word words[] = {
    {OPTION_MODE, "plan", "read-only"},
    {OPTION_MODE, "default", "ask"},
    {OPTION_MODE, "acceptEdits", "auto-edit"},
    {OPTION_MODE, "bypassPermissions", "full"},
};

const char *option_translate(enum option option, const char *value)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].option == option && strcmp(words[i].theirs, value) == 0) {
            return words[i].ours;
        }
    }
    return value;
}

int option_by_key(const char *key)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].key != NULL && strcmp(option_table[i].key, key) == 0) {
            return i;
        }
    }
    return -1;
}

int option_by_flag(const char *flag, size_t length, bool *negated,
                   const struct option_alias **alias)
{
    *negated = false;
    if (alias != NULL) {
        *alias = NULL;
    }
    for (size_t i = 0; i < option_alias_count; i++) {
        const struct option_alias *row = &option_aliases[i];
        if (alias != NULL && strlen(row->flag) == length && memcmp(row->flag, flag, length) == 0) {
            *alias = row;
            return (int)row->option;
        }
    }
    bool no = length > 3 && memcmp(flag, "no-", 3) == 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *name = option_table[i].flag;
        if (name == NULL) {
            continue;
        }
        if (strlen(name) == length && memcmp(name, flag, length) == 0) {
            *negated = false;
            return i;
        }
        if (no && option_table[i].kind == OPTION_FLAG && strlen(name) == length - 3 &&
            memcmp(name, flag + 3, length - 3) == 0) {
            *negated = true;
            return i;
        }
    }
    return -1;
}

int option_by_letter(char letter)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (letter != 0 && option_table[i].letter == letter) {
            return i;
        }
    }
    return -1;
}
