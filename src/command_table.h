/* command_table: what can stand first on carat's command line, as a table. */
#ifndef CARAT_COMMAND_TABLE_H
#define CARAT_COMMAND_TABLE_H

#include "app/exit_code.h"
#include "config/config.h"

struct command {
    const char *name;
    const char *argument; /* for --help */
    const char *help;
    /* config->words[0] is the name. */
    enum exit_code (*run)(struct config *config);
};

extern const struct command command_table[];
extern const size_t command_count;

/* The screen, where there is a terminal; the words from `first` on are the first message. */
enum exit_code command_run_screen(struct config *config, size_t first);

/* NULL when the word is none. */
const struct command *command_find(const char *word);

/* Whether it does anything else with a broken configuration than without one. */
bool command_needs_settings(const struct command *command);

/* Prints what is appended. */
enum exit_code command_print(void (*append)(struct str *out));
/* The whole of `carat --help` and `carat --version`. */
void command_append_help(struct str *out);
void command_append_version(struct str *out);

/* What the exit codes mean, two or three lines. */
const char *command_exit_codes(void);

#endif
