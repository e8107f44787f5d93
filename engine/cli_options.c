/* cli_options: see cli_options.h. Both "--name VALUE" and "--name=VALUE" are understood, and
 * "-n VALUE" for those with a letter. */
#include "cli_options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum kind { FLAG, TEXT, INTEGER, REAL, BIAS, FILES };

struct option {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* as the help calls it; NULL for a flag */
    enum kind kind;
    size_t offset; /* of the field in struct cli_options */
    unsigned commands;
    double least, most; /* of a number */
    const char *help;
};

#define AT(FIELD) offsetof(struct cli_options, FIELD)

enum {
    COMPUTING = CLI_LOGITS | CLI_GENERATE | CLI_BENCH | CLI_PERPLEXITY,
    MEDIA = CLI_EMBED | CLI_LOGITS | CLI_GENERATE | CLI_BENCH,
    ALL = CLI_INFO | CLI_TOKENIZE | CLI_DETOKENIZE | CLI_EMBED | CLI_PLAN | COMPUTING,
};

static const struct option table[] = {
    {"model", 'm', "FILE", TEXT, AT(model), ALL | CLI_CONVERT, 0, 0,
     "the model: a GGUF file, or a folder of safetensors"},
    {"ids", 0, "FILE", TEXT, AT(ids), CLI_LOGITS | CLI_GENERATE | CLI_PERPLEXITY, 0, 0,
     "token ids, a JSON array; - is standard input"},
    {"prompt", 0, "TEXT", TEXT, AT(prompt), CLI_GENERATE, 0, 0,
     "text to go on from, instead of ids; <bos> is put before it"},
    {"control", 0, NULL, FLAG, AT(control), CLI_TOKENIZE | CLI_GENERATE, 0, 0,
     "the text may spell control tokens, as <|turn>"},
    {"mmproj", 0, "FILE", TEXT, AT(mmproj), MEDIA | CLI_PLAN, 0, 0,
     "the model's encoders of pictures and sound, a GGUF file (a folder has its own)"},
    {"audio", 0, "FILE", FILES, AT(audios), MEDIA, 0, 0,
     "a WAV file, 16000 samples a second; logits, generate: one for each run of <|audio|>"},
    {"image", 0, "FILE", FILES, AT(images), MEDIA, 0, 0,
     "a picture, PNG or JPEG; logits, generate: one for each run of <|image|> or <|video|>"},
    {"budget", 0, "N", INTEGER, AT(budget), MEDIA, 70, 1120,
     "most soft tokens of a picture: 70, 140, 280, 560, 1120 (embed: 280; as the ids say)"},
    {"patches", 0, NULL, FLAG, AT(patches), CLI_EMBED, 0, 0,
     "write the picture's patches, values 0 to 1, not the tokens"},
    {"mel", 0, NULL, FLAG, AT(mel), CLI_EMBED, 0, 0, "write the log-mel frames, not the tokens"},
    {"output", 'o', "FILE", TEXT, AT(output), CLI_LOGITS | CLI_EMBED, 0, 0,
     "where to write, a NumPy file"},
    {"output", 'o', "FILE", TEXT, AT(output), CLI_CONVERT, 0, 0, "the GGUF file to be written"},
    {"type", 0, "TYPE", TEXT, AT(type), CLI_CONVERT, 0, 0,
     "q4_k_m, q4_0, q8_0, bf16, f16, f32, q6_k, q5_k_m, q5_1, q5_0, q4_1, q3_k_m, q2_k, iq4_nl, "
     "iq4_xs"},
    {"load", 0, "FILE", TEXT, AT(load), CLI_GENERATE, 0, 0,
     "begin with a saved session; without a prompt go on from its end"},
    {"save", 0, "FILE", TEXT, AT(save), CLI_GENERATE, 0, 0,
     "save the session behind the last token"},
    {"chunk", 0, "N", INTEGER, AT(chunk), CLI_LOGITS, 1, 1 << 21,
     "evaluate N tokens at a time (all at once)"},
    {"new", 'n', "N", INTEGER, AT(new_tokens), CLI_GENERATE, 1, 1 << 21,
     "most tokens to generate (128)"},
    {"drafter", 0, "FILE", TEXT, AT(drafter), CLI_GENERATE, 0, 0,
     "the model's drafter: guesses that are checked several at a time"},
    {"lookup", 0, NULL, FLAG, AT(lookup), CLI_GENERATE, 0, 0,
     "guess that what repeats goes on repeating"},
    {"draft", 0, "N", INTEGER, AT(draft), CLI_GENERATE, 1, 15, "most guesses at a time (15)"},
    {"test", 0, "TEST", TEXT, AT(test), CLI_BENCH, 0, 0,
     "pp: a prompt at once; tg: token by token (both); edit: a text is "
     "repeated with changes, by look-up; edit-plain: without"},
    {"tokens", 0, "N", INTEGER, AT(tokens), CLI_BENCH, 1, 1 << 20,
     "tokens (pp 128, tg 32, edit 256)"},
    {"depth", 0, "N", INTEGER, AT(depth), CLI_BENCH, 0, 1 << 20, "tokens that come before (0)"},
    {"number", 0, NULL, FLAG, AT(number), CLI_BENCH, 0, 0, "print tokens a second, nothing else"},
    {"temp", 0, "T", REAL, AT(temperature), CLI_GENERATE, 0, 100,
     "temperature; 0 takes the best (as the file recommends)"},
    {"top-k", 0, "K", INTEGER, AT(top_k), CLI_GENERATE, 0, 1 << 20,
     "only the K best; 0 is off (as the file recommends)"},
    {"top-p", 0, "P", REAL, AT(top_p), CLI_GENERATE, 1e-6, 1,
     "only the best of probability P together (as the file recommends)"},
    {"min-p", 0, "P", REAL, AT(min_p), CLI_GENERATE, 0, 1,
     "only tokens at least P times as likely as the best (off)"},
    {"repeat-penalty", 0, "P", REAL, AT(repeat_penalty), CLI_GENERATE, 0, 100,
     "divide the logits of tokens that were there by P (off)"},
    {"repeat-last", 0, "N", INTEGER, AT(repeat_last), CLI_GENERATE, 0, 1 << 21,
     "look for them among the last N tokens; 0 is all (0)"},
    {"logit-bias", 0, "ID=V", BIAS, AT(biases), CLI_GENERATE, -1e6, 1e6,
     "add V to the logit of a token; -inf forbids it; may be repeated"},
    {"logprobs", 0, "N", INTEGER, AT(logprobs), CLI_GENERATE, 1, 1000,
     "with --json: log-probabilities, of the N best too"},
    {"seed", 0, "S", INTEGER, AT(seed), CLI_GENERATE, 0, 9007199254740992.0,
     "the same seed makes the same choices (0)"},
    {"json", 0, NULL, FLAG, AT(json), CLI_GENERATE | CLI_BENCH | CLI_PLAN, 0, 0,
     "print JSON: {\"ids\": [...]}, the new ids; bench, plan: the table"},
    {"json", 0, NULL, FLAG, AT(json),
     CLI_INFO | CLI_TOKENIZE | CLI_PERPLEXITY | CLI_CONVERT | CLI_DETOKENIZE | CLI_LOGITS |
         CLI_EMBED,
     0, 0, "print one JSON object"},
    {"no-stop", 0, NULL, FLAG, AT(no_stop), CLI_GENERATE, 0, 0, "go on after a stop token"},
    {"threads", 't', "N", INTEGER, AT(threads), ALL | CLI_CONVERT, 0, 256,
     "worker threads; 0: one a core (0)"},
    {"cpu", 0, "NAME", TEXT, AT(cpu), ALL, 0, 0,
     "kernels: scalar, avx2, avx512, amx, neon (CARAT_CPU, or the best)"},
    {"kv", 0, "TYPE", TEXT, AT(kv), COMPUTING | CLI_PLAN, 0, 0,
     "store keys and values as f32, f16 or q8 (f32)"},
    {"arithmetic", 0, "KIND", TEXT, AT(arithmetic), COMPUTING | CLI_EMBED, 0, 0,
     "exact: float32 as the reference; fast: as the agent (exact; bench: fast)"},
    {"context", 0, "N", INTEGER, AT(context), COMPUTING | CLI_PLAN, 1, 1 << 21,
     "most tokens of the session (as many as needed; plan: as the model allows)"},
    {"memory", 0, "BYTES", INTEGER, AT(memory), CLI_PLAN, 0, 9007199254740992.0,
     "plan for so much memory; 0: what is available (0)"},
    {"help", 'h', NULL, FLAG, AT(help), ALL | CLI_CONVERT, 0, 0, "this text"},
};

enum { OPTION_COUNT = sizeof table / sizeof table[0] };

/* The option that a word names; *value is what follows "=", or NULL. */
static const struct option *find(const char *word, enum cli_command command, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &table[i];
        size_t length = strlen(option->name);
        if ((option->commands & command) == 0) {
            continue;
        }
        if (word[0] == '-' && word[1] == option->letter && word[1] != '\0' && word[2] == '\0') {
            return option;
        }
        if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, option->name, length) == 0 &&
            (word[2 + length] == '\0' || word[2 + length] == '=')) {
            *value = word[2 + length] == '=' ? word + 3 + length : NULL;
            return option;
        }
    }
    return NULL;
}

static bool set_number(const struct option *option, const char *text, void *field, struct err *err)
{
    char *end;
    errno = 0;
    long long integer = option->kind == INTEGER ? strtoll(text, &end, 10) : 0;
    double real = option->kind == INTEGER ? (double)integer : strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0) {
        return err_set(err, ERR_ARGUMENT, "--%s %s: not a number", option->name, text);
    }
    if (!(real >= option->least && real <= option->most)) {
        return err_set(err, ERR_ARGUMENT, "--%s %s: must be %.10g to %.10g", option->name, text,
                       option->least, option->most);
    }
    if (option->kind == INTEGER) {
        *(int64_t *)field = integer;
    } else {
        *(double *)field = real;
    }
    return true;
}

/* ID=V; which ids there are is the model's to say. */
static bool add_bias(const struct option *option, const char *text, struct cli_options *options,
                     struct err *err)
{
    char *end;
    errno = 0;
    long long id = strtoll(text, &end, 10);
    bool whole = end != text && *end == '=' && errno == 0 && id >= 0 && id <= INT32_MAX;
    char *rest = end;
    double value = whole ? strtod(end + 1, &rest) : 0;
    bool inside = (value >= option->least && value <= option->most) || value == -HUGE_VAL;
    if (!whole || rest == end + 1 || *rest != '\0' || !inside) {
        return err_set(err, ERR_ARGUMENT, "--%s %s: must be ID=V, V -inf or %.10g to %.10g",
                       option->name, text, option->least, option->most);
    }
    if (options->bias_count == CLI_BIASES_MAX) {
        return err_set(err, ERR_ARGUMENT, "--%s: more than %d", option->name, CLI_BIASES_MAX);
    }
    options->biases[options->bias_count++] =
        (struct engine_bias){.id = (int32_t)id, .value = (float)value};
    return true;
}

static bool add_file(const struct option *option, const char *path, struct cli_files *files,
                     struct err *err)
{
    if (files->count == CLI_FILES_MAX) {
        return err_set(err, ERR_ARGUMENT, "--%s: more than %d", option->name, CLI_FILES_MAX);
    }
    files->paths[files->count++] = path;
    return true;
}

static bool set_value(const struct option *option, const char *text, struct cli_options *options,
                      struct err *err)
{
    void *field = (char *)options + option->offset;
    if (option->kind == TEXT) {
        *(const char **)field = text;
        return true;
    }
    return option->kind == BIAS    ? add_bias(option, text, options, err)
           : option->kind == FILES ? add_file(option, text, field, err)
                                   : set_number(option, text, field, err);
}

bool cli_options_parse(struct cli_options *options, enum cli_command command, int argc,
                       char *const *argv, struct err *err)
{
    struct cli_options parsed = {
        .kv = "f32",
        .arithmetic = command == CLI_BENCH ? "fast" : "exact",
        .new_tokens = 128,
        .draft = 15,
        .temperature = -1,
        .top_p = -1,
        .top_k = -1,
    };
    for (int i = 0; i < argc; i++) {
        const char *value;
        const struct option *option = find(argv[i], command, &value);
        if (option == NULL) {
            return err_set(err, ERR_ARGUMENT, "unknown option %s", argv[i]);
        }
        if (option->kind == FLAG) {
            if (value != NULL) {
                return err_set(err, ERR_ARGUMENT, "--%s takes no value", option->name);
            }
            *(bool *)(void *)((char *)&parsed + option->offset) = true;
            continue;
        }
        if (value == NULL && i + 1 == argc) {
            return err_set(err, ERR_ARGUMENT, "--%s needs a value", option->name);
        }
        value = value != NULL ? value : argv[++i];
        if (!set_value(option, value, &parsed, err)) {
            return false;
        }
    }
    if (strcmp(parsed.kv, "f32") != 0 && strcmp(parsed.kv, "f16") != 0 &&
        strcmp(parsed.kv, "q8") != 0) {
        return err_set(err, ERR_ARGUMENT, "--kv %s: must be f32, f16 or q8", parsed.kv);
    }
    if (strcmp(parsed.arithmetic, "exact") != 0 && strcmp(parsed.arithmetic, "fast") != 0) {
        return err_set(err, ERR_ARGUMENT, "--arithmetic %s: must be exact or fast",
                       parsed.arithmetic);
    }
    if (parsed.model == NULL && !parsed.help) {
        return err_set(err, ERR_ARGUMENT, "a model is needed: -m FILE");
    }
    *options = parsed;
    return true;
}

bool cli_options_exact(const struct cli_options *options)
{
    return strcmp(options->arithmetic, "exact") == 0;
}

void cli_options_help(enum cli_command command, FILE *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &table[i];
        if ((option->commands & command) == 0) {
            continue;
        }
        char name[40];
        char letter[] = {'-', option->letter, ',', '\0'};
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        fprintf(out, "  %3s %-18s %s\n", option->letter != '\0' ? letter : "", name, option->help);
    }
}
