/* config: the settings of this run, each with where it came from.
 *
 * Later sources win: the table's defaults, the user's file, the environment, the command line.
 * Lists add up. A value that does not fit its row is an error that names the source (file and line,
 * variable, or flag), the key, the value and what would fit.
 */
#ifndef CARAT_CONFIG_CONFIG_H
#define CARAT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/options.h"
#include "config/servers.h"
#include "config/tables.h"

struct err;
struct str;

struct config_value {
    bool set; /* false: no default either */
    bool boolean;
    int64_t whole;
    double real;
    char *string;                     /* STRING, PATH, CHOICE */
    struct config_list list, origins; /* of each item where it comes from */
    char *ceiling;                    /* CHOICE: the loosest that the project allows; NULL = any */
    char *ceiling_origin;             /* ".carat/config.toml:3" */
    bool limited; /* WHOLE: the project allows `most` at most, no 0 that means no limit */
    int64_t most;
    char *origin; /* "default", "~/.config/carat/config.toml:3", "CARAT_CPU", "--model" */
};

/* A line of the [keys] table: what its names and keys mean is known to the screen alone. */
struct config_key {
    char *action, *keys; /* "history_search", "Ctrl+R, Alt+r" */
    char *origin;
};

struct config {
    struct config_value values[OPTION_COUNT];
    struct config_key *keys; /* [keys], in the order in which they were read */
    size_t key_count, key_capacity;
    struct config_servers servers; /* [mcp.NAME] */
    struct config_hooks hooks;     /* [[hooks]] */
    struct servers remotes;        /* [remote.NAME] */
    struct config_list words;      /* command line: what is not an option */
    size_t words_before;           /* of these, those that stand before a "--" */
    char *const *arguments;        /* the whole command line, borrowed, to read it once more */
    int argument_count;
    struct config_list notices; /* what the project's file wanted and did not get */
};

void config_init(struct config *config); /* the defaults */
void config_finish(struct config *config);

/* The file need not exist. */
bool config_read_file(struct config *config, const char *path, struct err *err);
/* config.d beside the file: each *.toml in it, in the order of their names. */
bool config_read_folder(struct config *config, const char *path, struct err *err);
/* The project's own settings, .carat/config.toml and .carat/local.toml, after all others. They may
 * only tighten (options.h: project); what would loosen, or is the user's alone, is left out and
 * said in `notices`. A file need not exist; one that cannot be read or is no TOML is an error: a
 * restriction that is not understood is not passed over. */
bool config_read_project(struct config *config, const char *workspace, struct err *err);
/* CARAT_CPU, CARAT_MODEL, CARAT_SANDBOX. */
bool config_read_environment(struct config *config, struct err *err);
/* argv[1..]. Options may stand anywhere; "--" ends them; -mFILE, -m FILE, --model FILE and
 * --model=FILE are the same. --set is applied at once. */
bool config_read_arguments(struct config *config, int argc, char *const argv[], struct err *err);

/* A value while carat runs, as --set gives it, within what the project allows; `origin` says where
 * it comes from. On failure the old one stays. */
bool config_change(struct config *config, enum option option, const char *text, const char *origin,
                   struct err *err);
/* To keep a number or a flag, and to put it back: *to is overwritten, its origin is its own. */
void config_copy_number(struct config_value *to, const struct config_value *from);

bool config_set(const struct config *config, enum option option);
bool config_boolean(const struct config *config, enum option option);
int64_t config_whole(const struct config *config, enum option option);
double config_real(const struct config *config, enum option option);
const char *config_string(const struct config *config, enum option option); /* NULL when unset */
/* The loosest choice that the project allows; NULL = every. */
const char *config_ceiling(const struct config *config, enum option option);
/* Which line of which file says so; NULL with the ceiling. */
const char *config_ceiling_origin(const struct config *config, enum option option);
const struct config_list *config_list(const struct config *config, enum option option);
/* Where an item of it comes from. */
const char *config_item_origin(const struct config *config, enum option option, size_t index);

/* One value from a file into its option; for the files of this folder. */
struct toml_entry;
bool config_take(struct config *config, int option, const struct toml_entry *entry,
                 const char *origin, struct err *err);
void config_add_item(struct config_value *value, const char *text, const char *origin);
void config_notice(struct config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The names that other programs have for the options, a line each. */
void config_append_aliases(struct str *out);
/* The option part of --help, and the text of config.example.toml. */
void config_append_help(struct str *out);
void config_append_example(struct str *out);

#endif
