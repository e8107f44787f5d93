/* cli_options: the options of carat-engine, from one table.
 *
 * Parsing, checking and the help texts all come from the table in cli_options.c. Values that are
 * not given keep the defaults named there.
 */
#ifndef CARAT_CLI_OPTIONS_H
#define CARAT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/engine.h"

struct err;

enum {
    CLI_BIASES_MAX = 256,
    CLI_FILES_MAX = 64,
    CLI_BUDGET = 280, /* soft tokens of a picture where nothing says how many */
};

struct cli_files {
    const char *paths[CLI_FILES_MAX];
    size_t count;
};

enum cli_command {
    CLI_INFO = 1,
    CLI_TOKENIZE = 2,
    CLI_DETOKENIZE = 4,
    CLI_LOGITS = 8,
    CLI_GENERATE = 16,
    CLI_BENCH = 32,
    CLI_PERPLEXITY = 64,
    CLI_EMBED = 128,
    CLI_PLAN = 512,
    CLI_CONVERT = 1024,
};

struct cli_options {
    const char *model; /* -m; never NULL after cli_options_parse, but for help */
    const char *cpu;
    const char *kv;
    const char *arithmetic; /* "exact" or "fast" */
    int64_t threads;
    int64_t context; /* 0 = as many tokens as the command needs; plan: as the model allows */
    int64_t memory;  /* of plan: bytes; 0 = what is available */
    const char *ids; /* a path, "-" = standard input */
    const char *prompt;
    const char *output;
    const char *save, *load; /* paths of saved sessions */
    const char *mmproj;      /* the file with the encoders */
    struct cli_files audios; /* WAV files */
    struct cli_files images; /* PNG or JPEG files */
    int64_t budget;          /* soft tokens of a picture; 0 = not given */
    int64_t chunk;           /* 0 = all at once */
    int64_t new_tokens;
    const char *type;    /* of convert: a name of load/mix.h */
    const char *drafter; /* a model that guesses what comes next */
    int64_t draft;       /* most guesses at a time */
    const char *test;    /* of bench; NULL = all */
    int64_t tokens;      /* of bench; 0 = as usual for the test */
    int64_t depth;
    double temperature, top_p; /* below 0: as the file recommends */
    int64_t top_k;
    double min_p, repeat_penalty; /* 0: off */
    int64_t repeat_last;          /* 0: all tokens */
    struct engine_bias biases[CLI_BIASES_MAX];
    size_t bias_count;
    int64_t logprobs; /* 0: none */
    int64_t seed;
    bool lookup, control, json, no_stop, number, mel, patches, help;
};

/* Parses argv[0..argc) (the words behind the command's name) for one command. ERR_ARGUMENT names
 * the option and what is wrong with it. */
bool cli_options_parse(struct cli_options *options, enum cli_command command, int argc,
                       char *const *argv, struct err *err);

/* Whether the arithmetic that was chosen is the exact one. */
bool cli_options_exact(const struct cli_options *options);

/* The options of a command, one line each. */
void cli_options_help(enum cli_command command, FILE *out);

#endif
