#include "manual.h"

#include <string.h>

#include "command_table.h"
#include "base/str.h"
#include "config/options.h"

/* --- the page --- */

/* Text into roff: a backslash and a hyphen are written so that they print as they are, and no line
 * begins with a control character. */
static void append_roff(struct str *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\\') {
            str_append(out, "\\e");
        } else if (*c == '-') {
            str_append(out, "\\-");
        } else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n')) {
            str_append(out, "\\&");
            str_append_char(out, *c);
        } else {
            str_append_char(out, *c);
        }
    }
}

static void append_option(struct str *out, const struct option_row *row)
{
    str_append(out, ".TP\n");
    if (row->letter != 0) {
        str_append_format(out, "\\fB\\-%c\\fR, ", row->letter);
    }
    str_append(out, "\\fB\\-\\-");
    append_roff(out, row->flag);
    str_append(out, "\\fR");
    if (row->argument != NULL) {
        str_append(out, " \\fI");
        append_roff(out, row->argument);
        str_append(out, "\\fR");
    }
    str_append(out, "\n");
    append_roff(out, row->help);
    if (row->choices != NULL) {
        str_append(out, "\nOne of ");
        append_roff(out, row->choices);
        str_append(out, ".");
    }
    if (row->standard != NULL && row->kind != OPTION_FLAG) {
        str_append(out, "\nDefault: ");
        append_roff(out, row->standard);
        str_append(out, ".");
    }
    if (row->key != NULL) {
        str_append(out, "\nIn the configuration: \\fI");
        append_roff(out, row->key);
        str_append(out, "\\fR.");
    }
    str_append(out, "\n");
}

static void append_commands(struct str *out)
{
    str_append(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        str_append(out, ".TP\n\\fBcarat ");
        append_roff(out, command_table[i].name);
        str_append(out, "\\fR \\fI");
        append_roff(out, command_table[i].argument);
        str_append(out, "\\fR\n");
        append_roff(out, command_table[i].help);
        str_append(out, ".\n");
    }
}

void manual_append_page(struct str *out)
{
    str_append(out,
               ".TH CARAT 1 \"\" \"carat " CARAT_VERSION "\"\n.SH NAME\ncarat \\- a terminal "
               "agent with its own engine\n.SH SYNOPSIS\n.B carat\n[options] [\\fIPROMPT\\fR]"
               "\n.br\n.B carat\n[options] \\fICOMMAND\\fR ...\n.SH DESCRIPTION\n"
               "Runs a language model inside itself, on this machine, and acts for the user: "
               "reads, writes and edits files, runs commands in a sandbox, fetches pages. "
               "Nothing that is said leaves the machine, unless a server is named as the model.\n");
    append_commands(out);
    str_append(out, ".SH OPTIONS\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].flag != NULL) {
            append_option(out, &option_table[i]);
        }
    }
    str_append(out, ".SH EXIT STATUS\n");
    append_roff(out, command_exit_codes());
    str_append(
        out,
        "\n.SH FILES\n.TP\n.I ~/.config/carat/config.toml\nThe configuration; \\fBcarat config "
        "example\\fR prints one.\n.TP\n.I ~/.local/share/carat\nConversations, and models that the "
        "user added.\n.TP\n.I ~/.local/state/carat\nThe log.\n.SH ENVIRONMENT\n.TP\n.B "
        "CARAT_HOME\nA folder to use in place of the three above.\n.TP\n.B CARAT_MODEL, CARAT_CPU, "
        "CARAT_SANDBOX\nAs the options of these names; the sandbox can only be tightened, and "
        "a server is chosen only where the configuration has its address.\n.TP\n.B "
        "CARAT_LOG\nAnother file for the log, or off.\n.TP\n.B SSL_CERT_FILE, CURL_CA_BUNDLE, "
        "SSL_CERT_DIR\nWhose signatures count, for models and a server.\n.TP\n.B http_proxy, "
        "https_proxy, all_proxy, no_proxy\nThe way to models; no conversation goes through "
        "one.\n.TP\n.B NO_COLOR, CLICOLOR=0\nNo colours.\n.SH SEE ALSO\n.BR carat\\-engine "
        "(1),\n.BR carat\\-tool (1)\n");
}

/* --- completions --- */

/* In single quotes: a quote ends them, comes escaped, and begins them again. */
static void append_quoted(struct str *out, const char *text)
{
    str_append_char(out, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            str_append(out, "'\\''");
        } else {
            str_append_char(out, *c);
        }
    }
    str_append_char(out, '\'');
}

/* The choices of an option with a separator of the shell's. */
static void append_choices(struct str *out, const char *choices, char separator)
{
    for (const char *c = choices; *c != '\0'; c++) {
        str_append_char(out, *c == '|' ? separator : *c);
    }
}

static void append_bash(struct str *out)
{
    str_append(out, "_carat() {\n    local cur=${COMP_WORDS[COMP_CWORD]} "
                    "prev=${COMP_WORDS[COMP_CWORD-1]}\n    case $prev in\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        if (row->flag == NULL || row->argument == NULL) {
            continue;
        }
        str_append_format(out, "    --%s", row->flag);
        if (row->letter != 0) {
            str_append_format(out, "|-%c", row->letter);
        }
        if (row->choices != NULL) {
            str_append(out, ") COMPREPLY=($(compgen -W '");
            append_choices(out, row->choices, ' ');
            str_append(out, "' -- \"$cur\")); return ;;\n");
        } else {
            str_append(out, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
        }
    }
    str_append(out, "    esac\n    if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W '");
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].flag != NULL) {
            str_append_format(out, "--%s ", option_table[i].flag);
        }
    }
    str_append(out, "' -- \"$cur\"))\n    elif [[ $COMP_CWORD -eq 1 ]]; then\n"
                    "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < command_count; i++) {
        str_append_format(out, "%s ", command_table[i].name);
    }
    str_append(out, "' -- \"$cur\"))\n    else\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                    "    fi\n}\ncomplete -o filenames -F _carat carat\n");
}

/* In a specification of _arguments brackets and colons mean something. */
static void append_zsh_help(struct str *out, const char *text)
{
    struct str safe;
    str_init(&safe);
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr("[]:\\", *c) != NULL) {
            str_append_char(&safe, '\\');
        }
        if (*c == '\'') {
            str_append(&safe, "'\\''");
        } else {
            str_append_char(&safe, *c);
        }
    }
    str_append(out, safe.data);
    str_finish(&safe);
}

static void append_zsh_option(struct str *out, const struct option_row *row)
{
    str_append_format(out, "    '%s--%s%s[", row->kind == OPTION_LIST ? "*" : "", row->flag,
                      row->argument != NULL ? "=" : "");
    append_zsh_help(out, row->help);
    str_append_char(out, ']');
    if (row->choices != NULL) {
        str_append_format(out, ":%s:(", row->argument);
        append_choices(out, row->choices, ' ');
        str_append_char(out, ')');
    } else if (row->argument != NULL) {
        str_append_format(out, ":%s:_files", row->argument);
    }
    str_append(out, "' \\\n");
}

static void append_zsh(struct str *out)
{
    str_append(out, "#compdef carat\nlocal -a commands\ncommands=(\n");
    for (size_t i = 0; i < command_count; i++) {
        str_append_format(out, "    '%s:", command_table[i].name);
        append_zsh_help(out, command_table[i].help);
        str_append(out, "'\n");
    }
    str_append(out, ")\n_arguments \\\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].flag != NULL) {
            append_zsh_option(out, &option_table[i]);
        }
    }
    str_append(out, "    '1: :{_describe command commands}' \\\n    '*: :_files'\n");
}

static void append_fish(struct str *out)
{
    for (size_t i = 0; i < command_count; i++) {
        str_append_format(out, "complete -c carat -n __fish_use_subcommand -a %s -d ",
                          command_table[i].name);
        append_quoted(out, command_table[i].help);
        str_append_char(out, '\n');
    }
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        if (row->flag == NULL) {
            continue;
        }
        str_append_format(out, "complete -c carat -l %s", row->flag);
        if (row->letter != 0) {
            str_append_format(out, " -s %c", row->letter);
        }
        if (row->choices != NULL) {
            str_append(out, " -xa '");
            append_choices(out, row->choices, ' ');
            str_append_char(out, '\'');
        } else if (row->argument != NULL) {
            str_append(out, " -r");
        }
        str_append(out, " -d ");
        append_quoted(out, row->help);
        str_append_char(out, '\n');
    }
}

bool manual_append_completion(struct str *out, const char *shell)
{
    static const struct {
        const char *shell;
        void (*append)(struct str *out);
    } shells[] = {{"bash", append_bash}, {"zsh", append_zsh}, {"fish", append_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].append(out);
            return true;
        }
    }
    return false;
}
