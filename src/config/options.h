/* options: every setting of carat in one const table.
 *
 * The command line, `--help`, the configuration file, config.example.toml and the error messages
 * all come from here. A row has a key in the file (or none: command line only), a flag (or none:
 * file only), a kind with its range, a default and a sentence.
 */
#ifndef CARAT_CONFIG_OPTIONS_H
#define CARAT_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option {
    OPTION_MODEL,
    OPTION_MMPROJ,
    OPTION_THREADS,
    OPTION_CONTEXT,
    OPTION_KV,
    OPTION_CPU,
    OPTION_ARITHMETIC,
    OPTION_DRAFTER,
    OPTION_LOOKUP,
    OPTION_TEMPERATURE,
    OPTION_TOP_K,
    OPTION_TOP_P,
    OPTION_MIN_P,
    OPTION_SEED,
    OPTION_MODELS_HOST,
    OPTION_REMOTE_URL,
    OPTION_REMOTE_MODEL,
    OPTION_REMOTE_KEY,
    OPTION_REMOTE_KEY_COMMAND,
    OPTION_REMOTE_API,
    OPTION_REMOTE_SECONDS,
    OPTION_THINKING,
    OPTION_THINKING_BUDGET,
    OPTION_TOOLS,
    OPTION_MODE,
    OPTION_SYSTEM_PROMPT,
    OPTION_SYSTEM_TEXT,
    OPTION_APPEND_PROMPT,
    OPTION_APPEND_TEXT,
    OPTION_INSTRUCTIONS,
    OPTION_SKILLS,
    OPTION_TITLES,
    OPTION_READ_AHEAD,
    OPTION_COMPACT_PERCENT,
    OPTION_SNAPSHOT_MEBIBYTES,
    OPTION_MAX_TURNS,
    OPTION_MAX_TOKENS,
    OPTION_MAX_SECONDS,
    OPTION_MAX_TOOL_CALLS,
    OPTION_SANDBOX,
    OPTION_ADD_DIR,
    OPTION_READABLE,
    OPTION_HOSTS,
    OPTION_NETWORK_HOSTS,
    OPTION_TOOL_SECONDS,
    OPTION_TOOL_MEGABYTES,
    OPTION_TOOL_PROCESSES,
    OPTION_RESULT_TOKENS,
    OPTION_UNDO_MEGABYTES,
    OPTION_UNDO_FILE_MEGABYTES,
    OPTION_UNDO_SKIP,
    OPTION_UNDO_LIST,
    OPTION_UNDO_DIFF,
    OPTION_ALLOW,
    OPTION_ALLOWED_TOOLS,
    OPTION_ASK,
    OPTION_DENY,
    OPTION_DISALLOWED_TOOLS,
    OPTION_VI,
    OPTION_THEME,
    OPTION_SCREEN,
    OPTION_PLAIN,
    OPTION_PICTURES,
    OPTION_MOUSE,
    OPTION_VOICE_REVIEW,
    OPTION_VOICE_PAUSE,
    OPTION_VOICE_STOP_WORD,
    OPTION_VOICE_SAY,
    OPTION_VOICE_HOLD,
    OPTION_VOICE_COMMAND,
    OPTION_CD,
    OPTION_PRINT,
    OPTION_INPUT_FORMAT,
    OPTION_OUTPUT_FORMAT,
    OPTION_PARTIAL_MESSAGES,
    OPTION_JSON,
    OPTION_OUTPUT_FILE,
    OPTION_IMAGE,
    OPTION_AUDIO,
    OPTION_SHOT,
    OPTION_SCHEMA,
    OPTION_RESUME,
    OPTION_CONTINUE,
    OPTION_SESSION_ID,
    OPTION_PROFILE,
    OPTION_BARE,
    OPTION_OFFLINE,
    OPTION_MCP_CONFIG,
    OPTION_STRICT_MCP,
    OPTION_EPHEMERAL,
    OPTION_PARALLEL,
    OPTION_SERVE_HOST,
    OPTION_SERVE_PORT,
    OPTION_SERVE_TOKEN,
    OPTION_SERVE_TOKEN_FILE,
    OPTION_SERVE_SESSIONS,
    OPTION_SERVE_QUEUE,
    OPTION_SERVE_ORIGINS,
    OPTION_SERVE_PATIENCE,
    OPTION_FORK,
    OPTION_ALL,
    OPTION_ARCHIVED,
    OPTION_TRASH,
    OPTION_EXPORT_FORMAT,
    OPTION_SET,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_VERBOSE,
    OPTION_PROMISES,
    OPTION_COUNT,
};

enum option_kind {
    OPTION_FLAG,  /* true or false; on the command line --x and --no-x */
    OPTION_WHOLE, /* integer in [low, high] */
    OPTION_REAL,  /* number in [low, high] */
    OPTION_STRING,
    OPTION_PATH,   /* a string; "~/" is the home directory */
    OPTION_CHOICE, /* one of `choices` */
    OPTION_ALONE,  /* the same; on the command line --x is the first of them, --x=WORD another */
    OPTION_LIST,   /* strings; on the command line given once for each */
};

/* What .carat/config.toml and .carat/local.toml in a project may do: it needs no trust, so it can
 * only take away. */
enum option_project {
    PROJECT_NEVER,           /* the user's alone */
    PROJECT_LOWER,           /* a smaller number */
    PROJECT_LOWER_FROM_NONE, /* the same; 0 is no limit, and so the largest */
    PROJECT_ADD,             /* more of a list that forbids */
    PROJECT_NARROW,          /* fewer of a list that allows */
    PROJECT_TIGHTEN,         /* an earlier one of `choices`, which stand from tight to loose */
    PROJECT_TURN_OFF,        /* false */
};

struct option_row {
    const char *key;  /* "model.path"; NULL = command line only */
    const char *flag; /* "model" for --model; NULL = file only */
    char letter;      /* 'm' for -m; 0 = none */
    enum option_kind kind;
    const char *argument; /* name of the argument in --help */
    const char *standard; /* default as text; NULL = unset */
    const char *choices;  /* "a|b|c" */
    double low, high;
    const char *help; /* one sentence */
    enum option_project project;
};

extern const struct option_row option_table[OPTION_COUNT];

/* Other programs' names for our flags, so that fingers and scripts find what they know. */
struct option_alias {
    const char *flag;
    enum option option;
    const char *value; /* what the flag alone says; NULL = it takes a value as the option does */
};

/* Other programs' words for our values. */
struct option_word {
    enum option option;
    const char *theirs, *ours;
};

extern const struct option_alias option_aliases[];
extern const size_t option_alias_count;

/* Our word for a value of this option: `value` itself when it is no word of others. */
const char *option_translate(enum option option, const char *value);

/* By key, long flag (without --; `*negated` is set for no-X of a flag) or letter; -1 = none.
 * `*alias` (may be NULL) is set when the flag is another program's name, else to NULL. */
int option_by_key(const char *key);
int option_by_flag(const char *flag, size_t length, bool *negated,
                   const struct option_alias **alias);
int option_by_letter(char letter);

#endif
