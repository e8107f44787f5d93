#include "options.h"

#include <string.h>

#include "base/str.h"

/* The last column says what a project's own file may do with the option: tighten, or nothing. What
 * decides which model runs, what it is told, or where anything is sent is never a project's.
 *
 * Ranges of numbers are inclusive. The order of the rows is the order in --help and in the file. */
const struct option_row option_table[OPTION_COUNT] = {
    [OPTION_MODEL] =
        {"model.path", "model", 'm', OPTION_PATH, "FILE", NULL, NULL, 0, 0,
         "Gemma 4 model: a GGUF file, a folder of safetensors, a name from the "
         "catalogue, or remote:NAME for a server's (remote: alone takes remote.model).",
         PROJECT_NEVER},
    [OPTION_MMPROJ] = {"model.mmproj", "mmproj", 0, OPTION_PATH, "FILE", NULL, NULL, 0, 0,
                       "The model's encoders of pictures and sounds. Unset: the mmproj file beside "
                       "the model.",
                       PROJECT_NEVER},
    [OPTION_THREADS] = {"model.threads", "threads", 't', OPTION_WHOLE, "N", "0", NULL, 0, 1024,
                        "Worker threads; 0 is one for each core.", PROJECT_NEVER},
    [OPTION_CONTEXT] = {"model.context", "context", 0, OPTION_WHOLE, "N", "0", NULL, 0, 2097152,
                        "Tokens the model keeps in view; 0 is the model's own size, at most 32768.",
                        PROJECT_NEVER},
    [OPTION_KV] = {"model.kv", "kv", 0, OPTION_CHOICE, "TYPE", "auto", "auto|f16|f32", 0, 0,
                   "Type of the attention cache.", PROJECT_NEVER},
    [OPTION_CPU] = {"model.cpu", "cpu", 0, OPTION_CHOICE, "NAME", "auto",
                    "auto|scalar|avx2|avx512|amx|neon", 0, 0, "Force a set of kernels.",
                    PROJECT_NEVER},
    [OPTION_DRAFTER] =
        {"model.drafter", "drafter", 0, OPTION_PATH, "FILE", NULL, NULL, 0, 0,
         "The model's drafter (gemma4-assistant), a GGUF file or a folder: it guesses what comes "
         "next, several tokens are checked at once, and the answer stays the same.",
         PROJECT_NEVER},
    [OPTION_LOOKUP] =
        {"model.lookup", "lookup", 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
         "Guess that what repeats goes on repeating: faster where files are quoted or "
         "edited, and the answer stays the same.",
         PROJECT_NEVER},
    [OPTION_ARITHMETIC] = {"model.arithmetic", "arithmetic", 0, OPTION_CHOICE, "KIND", "fast",
                           "fast|exact", 0, 0,
                           "exact: float32 throughout, the same answer however the work is cut; "
                           "fast: several times faster, all but the same.",
                           PROJECT_NEVER},
    [OPTION_TEMPERATURE] =
        {"model.temperature", "temperature", 0, OPTION_REAL, "T", NULL, NULL, 0, 10,
         "Sampling temperature; 0 takes the likeliest token. Unset: the model's own.",
         PROJECT_NEVER},
    [OPTION_TOP_K] = {"model.top_k", "top-k", 0, OPTION_WHOLE, "K", NULL, NULL, 0, 1000000,
                      "Sample among the K likeliest tokens; 0 is all. Unset: the model's own.",
                      PROJECT_NEVER},
    [OPTION_TOP_P] = {"model.top_p", "top-p", 0, OPTION_REAL, "P", NULL, NULL, 0.000001, 1,
                      "Sample among the likeliest tokens that make up P. Unset: the model's own.",
                      PROJECT_NEVER},
    [OPTION_MIN_P] = {"model.min_p", "min-p", 0, OPTION_REAL, "P", NULL, NULL, 0, 1,
                      "Sample only tokens at least so likely in proportion to the likeliest; 0 is "
                      "all. Unset: the model's own. Servers are not told of it.",
                      PROJECT_NEVER},
    [OPTION_SEED] = {"model.seed", "seed", 0, OPTION_WHOLE, "N", "0", NULL, 0, 9007199254740992.0,
                     "Seed of the draws; 0 is a fresh one each time.", PROJECT_NEVER},
    [OPTION_MODELS_HOST] = {"models.host", NULL, 0, OPTION_STRING, "URL", "https://huggingface.co",
                            NULL, 0, 0,
                            "Where carat models pull gets models: Hugging Face, or a mirror.",
                            PROJECT_NEVER},
    [OPTION_REMOTE_URL] =
        {"remote.url", "remote-url", 0, OPTION_STRING, "URL", NULL, NULL, 0, 0,
         "Server that speaks OpenAI's protocol (http://127.0.0.1:8080/v1), for "
         "-m remote:MODEL; on the command line -m MODEL is enough beside it. What "
         "you say there leaves this machine.",
         PROJECT_NEVER},
    [OPTION_REMOTE_MODEL] = {"remote.model", NULL, 0, OPTION_STRING, "NAME", NULL, NULL, 0, 0,
                             "Model to ask the server for.", PROJECT_NEVER},
    [OPTION_REMOTE_KEY] = {"remote.key_env", NULL, 0, OPTION_STRING, "NAME", NULL, NULL, 0, 0,
                           "Environment variable that holds the server's key. Unset: no key.",
                           PROJECT_NEVER},
    [OPTION_REMOTE_KEY_COMMAND] = {"remote.key_command", NULL, 0, OPTION_STRING, "COMMAND", NULL,
                                   NULL, 0, 0,
                                   "Command that prints the server's key; run once at the start.",
                                   PROJECT_NEVER},
    [OPTION_REMOTE_API] = {"remote.api", NULL, 0, OPTION_CHOICE, "API", "chat", "chat|responses", 0,
                           0, "What the server speaks.", PROJECT_NEVER},
    [OPTION_REMOTE_SECONDS] = {"remote.idle_s", NULL, 0, OPTION_WHOLE, "N", "300", NULL, 1, 86400,
                               "Most seconds without a word from the server.", PROJECT_NEVER},
    [OPTION_THINKING] = {"agent.thinking", "think", 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
                         "Let the model think before it answers.", PROJECT_NEVER},
    [OPTION_THINKING_BUDGET] =
        {"agent.thinking_budget", "thinking-budget", 0, OPTION_WHOLE, "N", NULL, NULL, 0, 1000000,
         "Most tokens of a thought in a turn's first step, three eighths of it in later ones; 0 is "
         "no limit. Unset: 512 for small models, none for large ones.",
         PROJECT_NEVER},
    [OPTION_TOOLS] = {"agent.tools", "tools", 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
                      "Let the model use tools; without them it only answers.", PROJECT_TURN_OFF},
    [OPTION_MODE] =
        {"agent.mode", "mode", 0, OPTION_CHOICE, "MODE", NULL, "read-only|ask|auto-edit|full", 0, 0,
         "What runs without asking: reading tools; the same (ask); file changes too; everything. "
         "Unset: ask on a terminal, full in exec (inside the sandbox).",
         PROJECT_TIGHTEN},
    [OPTION_SYSTEM_PROMPT] = {"agent.system_prompt_file", "system-prompt-file", 0, OPTION_PATH,
                              "FILE", NULL, NULL, 0, 0,
                              "Text to use instead of the built-in system prompt.", PROJECT_NEVER},
    [OPTION_SYSTEM_TEXT] = {NULL, "system-prompt", 0, OPTION_STRING, "TEXT", NULL, NULL, 0, 0,
                            "Text to use instead of the built-in system prompt.", PROJECT_NEVER},
    [OPTION_APPEND_PROMPT] = {"agent.append_system_prompt_file", "append-system-prompt-file", 0,
                              OPTION_PATH, "FILE", NULL, NULL, 0, 0,
                              "Text to add to the system prompt.", PROJECT_NEVER},
    [OPTION_APPEND_TEXT] = {NULL, "append-system-prompt", 0, OPTION_STRING, "TEXT", NULL, NULL, 0,
                            0, "Text to add to the system prompt.", PROJECT_NEVER},
    [OPTION_INSTRUCTIONS] = {"agent.instructions", "instructions", 0, OPTION_FLAG, NULL, "true",
                             NULL, 0, 0,
                             "Give the model the AGENTS.md files (else CLAUDE.md, GEMINI.md) of "
                             "the workspace and the folders above it.",
                             PROJECT_NEVER},
    [OPTION_SKILLS] = {"agent.skills", "skills", 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
                       "Tell the model of skills: SKILL.md files of yours and of the project.",
                       PROJECT_TURN_OFF},
    [OPTION_TITLES] =
        {"agent.titles", NULL, 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
         "Let the model name a conversation when it has nothing else to do; one that is "
         "elsewhere only when this is set.",
         PROJECT_NEVER},
    [OPTION_READ_AHEAD] = {"agent.read_ahead", NULL, 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
                           "Let the model read what you type before you send it.", PROJECT_NEVER},
    [OPTION_COMPACT_PERCENT] =
        {"agent.compact_percent", NULL, 0, OPTION_WHOLE, "N", "85", NULL, 0, 100,
         "When so much of the context is used, shorten the beginning to a summary; 0 is never.",
         PROJECT_NEVER},
    [OPTION_SNAPSHOT_MEBIBYTES] =
        {"agent.snapshot_mib", NULL, 0, OPTION_WHOLE, "N", "2048", NULL, 0, 1048576,
         "Most MiB of disk for what the model has read, so that resuming need not read again; "
         "0 keeps none.",
         PROJECT_NEVER},
    [OPTION_MAX_TURNS] = {"agent.max_turns", "max-turns", 0, OPTION_WHOLE, "N", "24", NULL, 1,
                          10000, "Most model steps in one turn.", PROJECT_LOWER},
    [OPTION_MAX_TOKENS] =
        {"agent.max_tokens", "max-tokens", 0, OPTION_WHOLE, "N", "8192", NULL, 1, 2097152,
         "Most tokens the model may write in one turn; in one step of it 4096, or "
         "half of them where that is more.",
         PROJECT_LOWER},
    [OPTION_MAX_SECONDS] = {"agent.max_seconds", "max-seconds", 0, OPTION_WHOLE, "N", "0", NULL, 0,
                            1000000, "Most seconds of one turn; 0 is no limit.",
                            PROJECT_LOWER_FROM_NONE},
    [OPTION_MAX_TOOL_CALLS] = {"agent.max_tool_calls", "max-tool-calls", 0, OPTION_WHOLE, "N", "48",
                               NULL, 0, 10000, "Most tool calls in one turn.", PROJECT_LOWER},
    [OPTION_SANDBOX] =
        {NULL, "sandbox", 's', OPTION_CHOICE, "KIND", "workspace-write",
         "read-only|workspace-write|danger-full-access", 0, 0,
         "What tools may touch. Command line only: no file can take the sandbox away; "
         "CARAT_SANDBOX can tighten.",
         PROJECT_NEVER},
    [OPTION_ADD_DIR] = {"tools.writable", "add-dir", 0, OPTION_LIST, "DIR", NULL, NULL, 0, 0,
                        "Another directory that tools may write in.", PROJECT_NEVER},
    [OPTION_READABLE] = {"tools.readable", NULL, 0, OPTION_LIST, "DIR", NULL, NULL, 0, 0,
                         "Directories in your home that tools may read (the rest of it is hidden).",
                         PROJECT_NEVER},
    [OPTION_HOSTS] =
        {"tools.hosts", "allow-host", 0, OPTION_LIST, "HOST", NULL, NULL, 0, 0,
         "A host that http_fetch may ask: example.org, *.example.org, example.org:8443.",
         PROJECT_NARROW},
    [OPTION_NETWORK_HOSTS] = {"tools.network", "allow-network", 0, OPTION_LIST, "HOST:PORT", NULL,
                              NULL, 0, 0,
                              "A host that shell commands may reach, by carat's proxy: "
                              "example.org:443, *.example.org:443.",
                              PROJECT_NARROW},
    [OPTION_TOOL_SECONDS] = {"tools.timeout_s", NULL, 0, OPTION_WHOLE, "N", "120", NULL, 1, 86400,
                             "Most seconds of one shell command.", PROJECT_LOWER},
    [OPTION_TOOL_MEGABYTES] =
        {"tools.memory_megabytes", NULL, 0, OPTION_WHOLE, "N", "8192", NULL, 64, 67108864,
         "Most megabytes of memory of one shell command, all its processes together.",
         PROJECT_LOWER},
    [OPTION_TOOL_PROCESSES] = {"tools.processes", NULL, 0, OPTION_WHOLE, "N", "4096", NULL, 16,
                               1000000, "Most processes and threads of one shell command.",
                               PROJECT_LOWER},
    [OPTION_RESULT_TOKENS] = {"tools.result_tokens", NULL, 0, OPTION_WHOLE, "N", "800", NULL, 50,
                              100000, "Most tokens of one tool result that the model is shown.",
                              PROJECT_LOWER},
    [OPTION_UNDO_MEGABYTES] =
        {"undo.megabytes", NULL, 0, OPTION_WHOLE, "N", "2048", NULL, 0, 1048576,
         "Most megabytes of a workspace's snapshots and history of changes; 0 is no undo.",
         PROJECT_NEVER},
    [OPTION_UNDO_FILE_MEGABYTES] =
        {"undo.file_megabytes", NULL, 0, OPTION_WHOLE, "N", "64", NULL, 1, 1048576,
         "Files over this size are not in the snapshots (carat undo --list names them).",
         PROJECT_NEVER},
    [OPTION_UNDO_SKIP] = {"undo.skip", NULL, 0, OPTION_LIST, "NAME", NULL, NULL, 0, 0,
                          "Names of folders that the snapshots leave out, as node_modules.",
                          PROJECT_NEVER},
    [OPTION_UNDO_LIST] = {NULL, "list", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                          "undo: list the turns that changed files.", PROJECT_NEVER},
    [OPTION_UNDO_DIFF] = {NULL, "diff", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                          "undo: show what a turn changed instead of taking it back.",
                          PROJECT_NEVER},
    [OPTION_ALLOW] =
        {"approval.allow", "allow", 0, OPTION_LIST, "RULE", NULL, NULL, 0, 0,
         "Calls that run without asking: TOOL, TOOL(exact argument), shell(git log *), "
         "edit_file(src/**), http_fetch(example.org), mcp__SERVER.",
         PROJECT_NEVER},
    [OPTION_ALLOWED_TOOLS] = {NULL, "allowedTools", 0, OPTION_LIST, "LIST", NULL, NULL, 0, 0,
                              "The same, as claude's scripts have it: \"Bash(git log:*),Read\".",
                              PROJECT_NEVER},
    [OPTION_ASK] = {"approval.ask", NULL, 0, OPTION_LIST, "RULE", NULL, NULL, 0, 0,
                    "Calls that always ask.", PROJECT_ADD},
    [OPTION_DENY] = {"approval.deny", "deny", 0, OPTION_LIST, "RULE", NULL, NULL, 0, 0,
                     "Calls that never run; wins over everything.", PROJECT_ADD},
    [OPTION_DISALLOWED_TOOLS] = {NULL, "disallowedTools", 0, OPTION_LIST, "LIST", NULL, NULL, 0, 0,
                                 "The same for what never runs.", PROJECT_NEVER},
    [OPTION_VI] = {"tui.vi", NULL, 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
                   "Write with vi's keys; Esc leads to its normal mode.", PROJECT_NEVER},
    [OPTION_THEME] = {"tui.theme", "theme", 0, OPTION_CHOICE, "NAME", "colour",
                      "colour|light|contrast|mono", 0, 0,
                      "Colours of the screen; NO_COLOR takes all of them away.", PROJECT_NEVER},
    [OPTION_SCREEN] = {"tui.screen", "screen", 0, OPTION_CHOICE, "KIND", "full", "full|inline", 0,
                       0,
                       "Take the whole screen, or leave what was said to the terminal's own "
                       "scrollback.",
                       PROJECT_NEVER},
    [OPTION_PLAIN] = {"tui.plain", "plain", 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
                      "Talk line by line, for screen readers and terminals that cannot move their "
                      "cursor.",
                      PROJECT_NEVER},
    [OPTION_PICTURES] = {"tui.pictures", NULL, 0, OPTION_CHOICE, "HOW", "auto",
                         "auto|kitty|sixel|cells|signs|off", 0, 0,
                         "How pictures are shown: as graphics by kitty's protocol or in sixels, as "
                         "coloured half blocks, signs without colours, or their size alone. auto: "
                         "by what the environment says of the terminal, which is never asked.",
                         PROJECT_NEVER},
    [OPTION_MOUSE] = {"tui.mouse", NULL, 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
                      "On a full screen the wheel scrolls, and a click places the cursor, opens "
                      "what is folded and chooses from lists. To select text, terminals then want "
                      "Shift held.",
                      PROJECT_NEVER},
    [OPTION_VOICE_REVIEW] =
        {"voice.review", NULL, 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
         "Put the words that the model heard into the input, to be corrected and sent; false: what "
         "is said goes to the model at once, as sound.",
         PROJECT_NEVER},
    [OPTION_VOICE_PAUSE] = {"voice.pause_ms", NULL, 0, OPTION_WHOLE, "N", "1200", NULL, 0, 60000,
                            "Milliseconds of silence that end what is said; 0: only a key does.",
                            PROJECT_NEVER},
    [OPTION_VOICE_STOP_WORD] = {"voice.stop_word", NULL, 0, OPTION_STRING, "WORDS",
                                "stop listening", NULL, 0, 0,
                                "Words that end /listen when they are all that is said.",
                                PROJECT_NEVER},
    [OPTION_VOICE_SAY] = {"voice.say", NULL, 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
                          "Speak the answers on the screen, as /say on does.", PROJECT_NEVER},
    [OPTION_VOICE_HOLD] =
        {"voice.hold_space", NULL, 0, OPTION_FLAG, NULL, "false", NULL, 0, 0,
         "Talk while the space bar is held on an empty input. Terminals that do not tell when a "
         "key is let go show it by the pace of its blanks; single ones stay text.",
         PROJECT_NEVER},
    [OPTION_VOICE_COMMAND] = {"voice.command", NULL, 0, OPTION_LIST, "WORD", NULL, NULL, 0, 0,
                              "Program that speaks, and its arguments; it reads the text from its "
                              "standard input. Unset: "
                              "espeak-ng.",
                              PROJECT_NEVER},
    [OPTION_CD] = {NULL, "cd", 'C', OPTION_PATH, "DIR", NULL, NULL, 0, 0,
                   "Work in DIR instead of the current directory.", PROJECT_NEVER},
    [OPTION_PRINT] = {NULL, "print", 'p', OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                      "Answer without a terminal, as exec does.", PROJECT_NEVER},
    [OPTION_INPUT_FORMAT] =
        {NULL, "input-format", 0, OPTION_CHOICE, "FORM", "text", "text|stream-json", 0, 0,
         "exec: standard input is text, or one JSON user message a line (stream-json), each "
         "answered in turn until the input ends.",
         PROJECT_NEVER},
    [OPTION_OUTPUT_FORMAT] =
        {NULL, "output-format", 0, OPTION_CHOICE, "FORM", NULL,
         "text|json|stream-json|codex|gemini", 0, 0,
         "exec: on standard output the answer (text), or JSON lines in the event shapes of claude "
         "(stream-json; json: its result alone), codex or gemini.",
         PROJECT_NEVER},
    [OPTION_PARTIAL_MESSAGES] = {NULL, "include-partial-messages", 0, OPTION_FLAG, NULL, NULL, NULL,
                                 0, 0, "exec, stream-json: text also as it arrives.",
                                 PROJECT_NEVER},
    [OPTION_JSON] = {NULL, "json", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                     "exec: the same as --output-format codex. sessions, search: JSON lines.",
                     PROJECT_NEVER},
    [OPTION_OUTPUT_FILE] = {NULL, "output-last-message", 'o', OPTION_PATH, "FILE", NULL, NULL, 0, 0,
                            "exec: write the final answer to FILE too. export: write to FILE.",
                            PROJECT_NEVER},
    [OPTION_IMAGE] = {NULL, "image", 'i', OPTION_LIST, "FILE", NULL, NULL, 0, 0,
                      "A picture (PNG, JPEG), or a clip of at most 60 s, to go with the first "
                      "message; @FILE in a "
                      "message does the same.",
                      PROJECT_NEVER},
    [OPTION_AUDIO] = {NULL, "audio", 0, OPTION_LIST, "FILE", NULL, NULL, 0, 0,
                      "A WAV file to go with the first message, 30 seconds at most.",
                      PROJECT_NEVER},
    [OPTION_SHOT] =
        {NULL, "shot", 0, OPTION_ALONE, "AREA", NULL, "screen|window|region", 0, 0,
         "A picture of your screen, of a window or of a region that you choose with the "
         "mouse, to go with the first message.",
         PROJECT_NEVER},
    [OPTION_SCHEMA] =
        {NULL, "schema", 0, OPTION_PATH, "FILE", NULL, NULL, 0, 0,
         "exec: the answer is JSON of this JSON Schema (a file, or the schema itself when it "
         "begins with {); tools may be used before.",
         PROJECT_NEVER},
    [OPTION_RESUME] = {NULL, "resume", 'r', OPTION_STRING, "ID", NULL, NULL, 0, 0,
                       "Go on with this conversation (an id, its beginning, or last).",
                       PROJECT_NEVER},
    [OPTION_CONTINUE] = {NULL, "continue", 'c', OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                         "Go on with the last conversation of this directory.", PROJECT_NEVER},
    [OPTION_SESSION_ID] = {NULL, "session-id", 0, OPTION_STRING, "UUID", NULL, NULL, 0, 0,
                           "The id of the conversation that is begun.", PROJECT_NEVER},
    [OPTION_PROFILE] = {NULL, "profile", 0, OPTION_STRING, "NAME", NULL, NULL, 0, 0,
                        "Read profiles/NAME.toml beside the configuration file, after it.",
                        PROJECT_NEVER},
    [OPTION_BARE] = {NULL, "bare", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                     "Nothing that is found by itself: no AGENTS.md, skills, hooks or MCP servers. "
                     "Rules and settings hold.",
                     PROJECT_NEVER},
    [OPTION_OFFLINE] = {NULL, "offline", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                        "Ask no other machine: no remote model, no host for tools, no download.",
                        PROJECT_NEVER},
    [OPTION_MCP_CONFIG] = {NULL, "mcp-config", 0, OPTION_LIST, "FILE", NULL, NULL, 0, 0,
                           "MCP servers of a file of yours, in the form of .mcp.json, of "
                           "codex (.toml) or of opencode.",
                           PROJECT_NEVER},
    [OPTION_STRICT_MCP] = {NULL, "strict-mcp-config", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                           "No MCP servers but those of --mcp-config.", PROJECT_NEVER},
    [OPTION_EPHEMERAL] = {NULL, "ephemeral", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                          "Keep nothing of this run: its conversation is in memory alone.",
                          PROJECT_NEVER},
    [OPTION_PARALLEL] = {NULL, "parallel", 0, OPTION_WHOLE, "N", "1", NULL, 1, 256,
                         "batch: so many prompts at once, each with its own request to the server "
                         "(remote models).",
                         PROJECT_NEVER},
    [OPTION_FORK] = {NULL, "fork", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                     "With --resume or --continue: go on in a copy, and leave the original.",
                     PROJECT_NEVER},
    [OPTION_ALL] = {NULL, "all", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                    "sessions: all of them, archived and trashed too.", PROJECT_NEVER},
    [OPTION_ARCHIVED] = {NULL, "archived", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                         "sessions: the archived ones.", PROJECT_NEVER},
    [OPTION_TRASH] = {NULL, "trash", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                      "sessions: those in the trash.", PROJECT_NEVER},
    [OPTION_EXPORT_FORMAT] = {NULL, "format", 0, OPTION_CHOICE, "FORM", NULL, "md|json|html", 0, 0,
                              "export: the form of the document; md when not given.",
                              PROJECT_NEVER},
    [OPTION_SERVE_HOST] = {"serve.host", "host", 0, OPTION_STRING, "ADDRESS", "127.0.0.1", NULL, 0,
                           0,
                           "serve: address to listen at. What goes to another than a loopback "
                           "address is not encrypted.",
                           PROJECT_NEVER},
    [OPTION_SERVE_PORT] = {"serve.port", "port", 0, OPTION_WHOLE, "N", "8311", NULL, 0, 65535,
                           "serve: port to listen at; 0 is a free one.", PROJECT_NEVER},
    [OPTION_SERVE_TOKEN] = {NULL, "token", 0, OPTION_FLAG, NULL, "true", NULL, 0, 0,
                            "serve: ask clients for a token; --no-token on a loopback address "
                            "alone, and never in a file.",
                            PROJECT_NEVER},
    [OPTION_SERVE_TOKEN_FILE] = {"serve.token_file", "token-file", 0, OPTION_PATH, "FILE", NULL,
                                 NULL, 0, 0,
                                 "serve: file with the token, made when there is none. Unset: "
                                 "serve.token among carat's state.",
                                 PROJECT_NEVER},
    [OPTION_SERVE_SESSIONS] = {"serve.sessions", "sessions", 0, OPTION_WHOLE, "N", "0", NULL, 0, 64,
                               "serve: conversations that are kept and answered at a time; 0 is as "
                               "many as fit, at most 4.",
                               PROJECT_NEVER},
    [OPTION_SERVE_QUEUE] = {"serve.queue", NULL, 0, OPTION_WHOLE, "N", "256", NULL, 0, 10000,
                            "serve: requests that may wait for a session; more are told 429.",
                            PROJECT_NEVER},
    [OPTION_SERVE_ORIGINS] = {"serve.origins", NULL, 0, OPTION_LIST, "ORIGIN", NULL, NULL, 0, 0,
                              "serve: web pages that may send requests (https://example.org).",
                              PROJECT_NEVER},
    [OPTION_SERVE_PATIENCE] = {"serve.patience_s", NULL, 0, OPTION_WHOLE, "N", "10", NULL, 1, 600,
                               "serve: most seconds that the head of a request may take.",
                               PROJECT_NEVER},
    [OPTION_SET] = {NULL, "set", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, 0, 0,
                    "Set a key of the configuration file for this run.", PROJECT_NEVER},
    [OPTION_HELP] = {NULL, "help", 'h', OPTION_FLAG, NULL, NULL, NULL, 0, 0, "Show this help.",
                     PROJECT_NEVER},
    [OPTION_VERSION] = {NULL, "version", 'V', OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                        "Show the version and how it was built.", PROJECT_NEVER},
    [OPTION_VERBOSE] = {NULL, "verbose", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                        "Changes nothing: scripts give it to claude with stream-json.",
                        PROJECT_NEVER},
    [OPTION_PROMISES] = {NULL, "promises", 0, OPTION_FLAG, NULL, NULL, NULL, 0, 0,
                         "Show what carat promises of security and reliability.", PROJECT_NEVER},
};

const struct option_alias option_aliases[] = {
    {"output-schema", OPTION_SCHEMA, NULL},
    {"json-schema", OPTION_SCHEMA, NULL},
    {"no-session-persistence", OPTION_EPHEMERAL, "true"},
    {"last", OPTION_CONTINUE, "true"},
    {"fork-session", OPTION_FORK, "true"},
    {"screen-reader", OPTION_PLAIN, "true"},
    {"ax-screen-reader", OPTION_PLAIN, "true"},
    {"endpoint", OPTION_REMOTE_URL, NULL},
    {"permission-mode", OPTION_MODE, NULL},
    {"yolo", OPTION_MODE, "full"},
    {"dangerously-skip-permissions", OPTION_MODE, "full"},
    {"full-auto", OPTION_MODE, "full"},
    {"ask-for-approval", OPTION_MODE, NULL},
    {"allowed-tools", OPTION_ALLOWED_TOOLS, NULL},
    {"disallowed-tools", OPTION_DISALLOWED_TOOLS, NULL},
};
const size_t option_alias_count = sizeof option_aliases / sizeof option_aliases[0];

static const struct option_word words[] = {
    {OPTION_MODE, "plan", "read-only"},        {OPTION_MODE, "default", "ask"},
    {OPTION_MODE, "acceptEdits", "auto-edit"}, {OPTION_MODE, "bypassPermissions", "full"},
    {OPTION_MODE, "untrusted", "ask"},         {OPTION_MODE, "on-request", "ask"},
    {OPTION_MODE, "on-failure", "full"},       {OPTION_MODE, "never", "full"},
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
