/* command_traps: looks a command up in the tables of programs and options (command_tables.h).
 *
 * Options are looked for everywhere behind the words that the rule names, also behind "--" and as
 * values of other options: that asks once too often now and then, and never once too little. A long
 * option is known by any abbreviation, a letter anywhere in a cluster.
 */
#include "approval/command_traps.h"

#include <string.h>
#include <strings.h>

#include "approval/command_tables.h"
#include "approval/launch_points.h"
#include "approval/shell_words.h"
#include "base/glob.h"
#include "base/str.h"

/* --- finding words in lists --- */

static bool listed(const char *list, const char *word, size_t length)
{
    if (memchr(word, ' ', length) != NULL) {
        return false;
    }
    for (const char *at = list; length > 0 && (at = strchr(at, ' ')) != NULL; at++) {
        if (strncmp(at + 1, word, length) == 0 && at[1 + length] == ' ') {
            return true;
        }
    }
    return false;
}

/* Calls for each word of a list that single spaces divide, until one fits. */
static bool any_in(const char *list, const char *word,
                   bool (*fits)(const char *item, size_t length, const char *word))
{
    while (*list != '\0') {
        size_t length = strcspn(list, " ");
        if (fits(list, length, word)) {
            return true;
        }
        list += length + (list[length] == ' ');
    }
    return false;
}

static bool is_abbreviation(const char *option, size_t length, const char *word)
{
    size_t given = strcspn(word, "=");
    return given > 2 && given <= length && strncmp(option, word, given) == 0;
}

static bool is_beginning(const char *beginning, size_t length, const char *word)
{
    return strncmp(word, beginning, length) == 0;
}

/* What a pattern of file names may become. */
static bool is_possible(const char *item, size_t length, const char *pattern)
{
    struct str name;
    str_init(&name);
    str_append_bytes(&name, item, length);
    bool possible = glob_match(pattern, name.data);
    str_finish(&name);
    return possible;
}

static const char *base_name(const char *program)
{
    const char *slash = strrchr(program, '/');
    return slash != NULL ? slash + 1 : program;
}

/* --- names of programs --- */

/* Without a version ("perl5.36.0", "gcc-12") and, of a compiler for another machine, without that
 * machine ("aarch64-linux-gnu-gcc"). "" where nothing is left out. */
static const char *plain_name(const char *name, struct str *out)
{
    size_t length = strlen(name);
    while (length > 0 && strchr("0123456789.-", name[length - 1]) != NULL) {
        length--;
    }
    str_append_bytes(out, name, length);
    const char *first = strchr(out->data, '-'), *last = strrchr(out->data, '-');
    if (first != last) {
        str_remove(out, 0, (size_t)(last + 1 - out->data));
    }
    if (strcmp(out->data, name) == 0) {
        str_clear(out);
    }
    return out->data;
}

/* The name that the tables have for a program. */
static const char *known_name(const char *name)
{
    for (size_t i = 0; command_aliases[i][0] != NULL; i++) {
        if (strcmp(command_aliases[i][0], name) == 0) {
            return command_aliases[i][1];
        }
    }
    return name;
}

/* --- one command --- */

static const char runs_another[] = "it runs another command, or changes how the next ones run";

/* "-prefix" and "---prefix" as "--prefix"; one letter is a letter. */
static bool long_name_traps(const struct command_trap *trap, const char *word)
{
    size_t dashes = strspn(word, "-");
    if (dashes == 0 || strlen(word + dashes) < 2) {
        return false;
    }
    struct str plain;
    str_init(&plain);
    str_append_format(&plain, "--%s", word + dashes);
    bool traps = any_in(trap->options, plain.data, is_abbreviation);
    str_finish(&plain);
    return traps;
}

static bool word_traps(const struct command_trap *trap, const char *word)
{
    if (listed(command_any_dashes, trap->program, strlen(trap->program)) &&
        long_name_traps(trap, word)) {
        return true;
    }
    bool cluster = word[0] == '-' && word[1] != '-' && word[1] != '\0';
    return (word[0] == '-' && word[1] == '-' && any_in(trap->options, word, is_abbreviation)) ||
           (cluster && trap->letters[0] != '\0' && strpbrk(word + 1, trap->letters) != NULL) ||
           any_in(trap->beginnings, word, is_beginning);
}

/* The exact name of a harmless option that looks like the beginning, or the letters, of others. */
static bool is_other_option(const char *program, const char *subcommand, const char *word)
{
    for (size_t i = 0; command_other_options[i].program != NULL; i++) {
        const struct command_other_option *other = &command_other_options[i];
        if (strcmp(other->program, program) == 0 &&
            (other->subcommand == NULL || strcmp(other->subcommand, subcommand) == 0) &&
            listed(other->words, word, strcspn(word, other->with_value ? "=" : ""))) {
            return true;
        }
    }
    return false;
}

static bool options_trap(const struct shell_words *words, const char *program,
                         const char *subcommand, size_t named)
{
    for (size_t i = 0; i < command_trap_count; i++) {
        const struct command_trap *trap = &command_traps[i];
        if (strcmp(trap->program, program) != 0 ||
            (trap->subcommand != NULL && strcmp(trap->subcommand, subcommand) != 0)) {
            continue;
        }
        for (size_t k = named > 0 ? named : 1; k < words->count; k++) {
            if (!is_other_option(program, subcommand, words->items[k].text) &&
                word_traps(trap, words->items[k].text)) {
                return true;
            }
        }
    }
    return false;
}

/* Of two files these read the first and write the second (json.tool as python's module). `letters`:
 * whose value is a word. */
static bool second_file_traps(const struct shell_words *words, const char *program)
{
    bool uniq = strcmp(program, "uniq") == 0, xxd = strcmp(program, "xxd") == 0;
    bool writes = uniq || xxd || strcmp(program, "json.tool") == 0;
    const char *letters = uniq ? "fsw" : xxd ? "cglosnR" : "";
    size_t files = 0;
    for (size_t i = 1; writes && i < words->count; i++) {
        const char *word = words->items[i].text;
        bool option = word[0] == '-' && word[1] != '\0';
        bool takes_next = option && word[2] == '\0' && strchr(letters, word[1]) != NULL;
        files += !option;
        i += takes_next;
    }
    return files > 1;
}

/* Old tar takes its letters without a dash. */
static bool old_tar_traps(const struct shell_words *words, const char *program, size_t named)
{
    return strcmp(program, "tar") == 0 && named < 2 && words->count > 1 &&
           strpbrk(words->items[1].text, "IFPCT") != NULL && words->items[1].text[0] != '-';
}

/* Another machine, or one of the names that git gives by itself. */
static bool is_remote(const char *word)
{
    size_t plain = strcspn(word, ":/");
    return strcmp(word, "origin") == 0 || strcmp(word, "upstream") == 0 ||
           (word[plain] == ':' && !str_starts_with(word, "file:"));
}

/* A folder takes what is pushed with its own hooks and settings, which a workspace may hold; and a
 * name that is no remote's is a folder's. */
static bool pushes_to_folder(const struct shell_words *words, size_t named)
{
    size_t place = 2;
    while (place < words->count && words->items[place].text[0] == '-') {
        place++;
    }
    return place < words->count && place >= named && !is_remote(words->items[place].text);
}

/* git takes one action at a time, and a rule that names a reading one leaves no other. */
static bool reads_config(const struct shell_words *words, size_t named)
{
    return named >= 3 && words->count >= 3 && strcmp(words->items[1].text, "config") == 0 &&
           listed(" --get --get-all --list -l get list ", words->items[2].text,
                  strlen(words->items[2].text));
}

static const char *git_trap(const struct shell_words *words, size_t named)
{
    if (words->count < 2) {
        return NULL;
    }
    const char *second = words->items[1].text;
    if (named < 2 && second[0] == '-') {
        return strcmp(second, "--version") == 0 ? NULL
                                                : "git obeys options before its command's name";
    }
    bool known = listed(command_git, second, strlen(second)) ||
                 (named >= 2 && listed(command_git_named, second, strlen(second))) ||
                 reads_config(words, named);
    if (!known) {
        return "what this git command does is not known: it may be an alias";
    }
    if (strcmp(second, "push") == 0 && pushes_to_folder(words, named)) {
        return "the rule does not name where to: a folder that is pushed to runs its own hooks";
    }
    return NULL;
}

/* In /dev or /proc, where the script is what another command prints: one of these names behind a
 * slash in front, or behind "..", which may lead to the root. */
static bool is_device(const char *path)
{
    bool at_root = path[0] == '/';
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        if (at_root && listed(" dev proc ", path, length)) {
            return true;
        }
        bool up = length == 2 && strncmp(path, "..", 2) == 0;
        bool stays = length == 0 || (length == 1 && path[0] == '.');
        at_root = up || (stays && at_root);
        path += length + (path[length] == '/');
    }
    return false;
}

/* The version's option where a program tells it and ends. escript would take it for a script. */
static bool asks_version(const char *program, const char *option)
{
    size_t length = strlen(program);
    if (strcmp(option, "--version") == 0) {
        return strcmp(program, "escript") != 0 && (listed(command_interpreters, program, length) ||
                                                   listed(command_by_subcommand, program, length));
    }
    return (strcmp(option, "-v") == 0 && listed(command_version_by_v, program, length)) ||
           (strcmp(option, "-V") == 0 && listed(command_version_by_large_v, program, length));
}

/* "PROGRAM --version" and "command -v NAME" do nothing but tell. */
static bool only_tells(const struct shell_words *words)
{
    if (words->count < 2) {
        return false;
    }
    const char *program = known_name(base_name(words->items[0].text));
    if (strcmp(words->items[0].text, "command") == 0) {
        return strcasecmp(words->items[1].text, "-v") == 0;
    }
    const char *option = words->items[1].text;
    struct str plain;
    str_init(&plain);
    bool tells = words->count == 2 && (asks_version(program, option) ||
                                       asks_version(plain_name(program, &plain), option));
    str_finish(&plain);
    return tells;
}

static const char *words_trap(const struct shell_words *words, size_t named);

/* What stands behind the first two words, as a command of its own. */
static const char *inner_trap(const struct shell_words *words, size_t named)
{
    struct shell_words inner = {.items = words->items + 2, .count = words->count - 2};
    const char *program = inner.items[0].text;
    bool plain = program[0] != '-' && strchr(program, ':') == NULL; /* hatch run ENVIRONMENT:NAME */
    return plain ? words_trap(&inner, named - 2) : runs_another;
}

static bool runs_module(const struct shell_words *words, const char *program)
{
    return words->count > 2 && strcmp(words->items[1].text, "-m") == 0 &&
           listed(" python python2 python3 pypy pypy3 ", program, strlen(program));
}

static const char *interpreter_trap(const struct shell_words *words, const char *program,
                                    size_t named)
{
    const char *first = words->count > 1 ? words->items[1].text : "-";
    if (first[0] != '-' && !is_device(first)) {
        return NULL;
    }
    if (named < 3 || !runs_module(words, program)) {
        return "an interpreter may be given code in its words";
    }
    const char *module = words->items[2].text;
    return listed(command_running_modules, module, strlen(module)) ? runs_another
                                                                   : inner_trap(words, named);
}

static bool launches(const char *program, const char *subcommand)
{
    struct str both;
    str_init(&both);
    str_append_format(&both, "%s-%s", program, subcommand);
    bool listed_so = listed(command_launchers, both.data, both.length);
    str_finish(&both);
    return listed_so;
}

static const char *subcommand_trap(const struct shell_words *words, size_t named)
{
    if (named < 2 || words->items[1].text[0] == '-') {
        return "the rule does not name the program's command";
    }
    const char *second = words->items[1].text, *program = base_name(words->items[0].text);
    if (strcmp(second, "run") == 0 && listed(command_environments, program, strlen(program))) {
        return named < 3 ? runs_another : inner_trap(words, named);
    }
    return listed(command_never_subcommands, second, strlen(second)) || launches(program, second)
               ? "this command of the program runs what its words say"
               : NULL;
}

static bool assigns_word(const char *word)
{
    size_t length = strcspn(word, "=");
    return word[0] != '-' && word[length] == '=';
}

/* make's variables on the command line choose its shell and its programs. */
static bool make_variable(const struct shell_words *words, const char *program, size_t named)
{
    bool make = strcmp(program, "make") == 0 || strcmp(program, "gmake") == 0;
    for (size_t i = named > 0 ? named : 1; make && i < words->count; i++) {
        if (assigns_word(words->items[i].text)) {
            return true;
        }
    }
    return false;
}

/* Without an option these write into no file that is named to them. */
static bool only_checks(const struct shell_words *words, const char *program)
{
    bool ruff = strcmp(program, "ruff") == 0 && words->count > 1 &&
                strcmp(words->items[1].text, "check") == 0;
    bool checks = ruff || listed(" mypy pyflakes flake8 pylint shellcheck yamllint ", program,
                                 strlen(program));
    for (size_t i = 1; checks && i < words->count; i++) {
        checks = words->items[i].text[0] != '-';
    }
    return checks;
}

/* Programs that only read: naming a Makefile to them is no way to change it. */
static bool only_reads(const struct shell_words *words)
{
    const char *program = known_name(base_name(words->items[0].text));
    static const char readers[] =
        " cat head tail wc ls stat file grep egrep fgrep rg ag diff cmp "
        "md5sum sha256sum nl od hexdump tree du readlink realpath "
        "basename dirname echo test git find jq cut sort tac column cksum "
        "sha1sum sha512sum strings printf ";
    static const char writers[] = " mv checkout restore clone worktree sparse-checkout ";
    bool git = strcmp(program, "git") == 0 && words->count > 1;
    return (listed(readers, program, strlen(program)) &&
            !(git && listed(writers, words->items[1].text, strlen(words->items[1].text)))) ||
           only_checks(words, program);
}

static bool is_runner(const char *name)
{
    return listed(command_runners, name, strlen(name)) || strncmp(name, "ld-linux", 8) == 0 ||
           strncmp(name, "git-", 4) == 0;
}

static bool runs_others(const char *program)
{
    struct str plain;
    const char *name = base_name(program);
    str_init(&plain);
    bool runs = is_runner(name) || is_runner(plain_name(name, &plain));
    str_finish(&plain);
    return runs;
}

/* Programs whose first words decide what the rest of them is, perhaps a command of its own. */
static bool leads_on(const char *program)
{
    size_t length = strlen(program);
    return listed(" git find fd fdfind ", program, length) ||
           listed(command_interpreters, program, length) ||
           listed(command_by_subcommand, program, length);
}

/* One name for those: a command within a command is looked at once, however deep it lies. */
static const char *leading_name(const char *program, struct str *plain)
{
    const char *other = plain_name(program, plain);
    return leads_on(program) || other[0] == '\0' ? program : other;
}

static const char *leading_trap(const struct shell_words *words, const char *program, size_t named)
{
    size_t length = strlen(program);
    if (strcmp(program, "git") == 0) {
        return git_trap(words, named);
    }
    if (listed(command_interpreters, program, length)) {
        return interpreter_trap(words, program, named);
    }
    return listed(command_by_subcommand, program, length) ? subcommand_trap(words, named) : NULL;
}

/* The options of the program that goes by this name. */
static const char *option_trap(const struct shell_words *words, const char *program, size_t named)
{
    const char *subcommand = words->count > 1 ? words->items[1].text : "";
    if (options_trap(words, program, subcommand, named) || old_tar_traps(words, program, named) ||
        second_file_traps(words, program)) {
        return "one of its options runs code or writes elsewhere";
    }
    return make_variable(words, program, named) ? "it sets a variable of make's" : NULL;
}

/* All but the names of launch points. */
static const char *words_trap(const struct shell_words *words, size_t named)
{
    const char *program = known_name(base_name(words->items[0].text));
    if (only_tells(words)) {
        return NULL;
    }
    if (program[0] == '\0' || runs_others(program)) {
        return runs_another;
    }
    struct str plain;
    str_init(&plain);
    const char *why = leading_trap(words, leading_name(program, &plain), named);
    why = why == NULL ? option_trap(words, program, named) : why;
    why = why == NULL && plain.length > 0 ? option_trap(words, plain.data, named) : why;
    str_finish(&plain);
    return why;
}

/* An interpreter only reads its script. */
static bool has_script(const struct shell_words *words)
{
    struct str plain;
    str_init(&plain);
    const char *name = leading_name(known_name(base_name(words->items[0].text)), &plain);
    bool script = listed(command_interpreters, name, strlen(name)) && words->count > 1 &&
                  words->items[1].text[0] != '-';
    str_finish(&plain);
    return script;
}

static const char *touches_launch_point(const struct shell_words *words, size_t named)
{
    const char *reason = NULL;
    size_t first = has_script(words) ? 2 : 1;
    for (size_t i = named > first ? named : first; reason == NULL && i < words->count; i++) {
        reason = launch_points_in_word(words->items[i].text);
    }
    return reason;
}

const char *command_traps_find(const struct shell_simple *simple, size_t named)
{
    const struct shell_words *words = &simple->words;
    if (words->count == 0) {
        return "it only sets variables";
    }
    const char *why = words_trap(words, named);
    return why == NULL && !only_reads(words) ? touches_launch_point(words, named) : why;
}

/* --- for denials --- */

static bool hides(const struct shell_words *words, size_t from, const char *denied)
{
    struct shell_words inner = {.items = words->items + from, .count = words->count - from};
    return command_traps_hides(&inner, denied);
}

/* What an open word may turn out to be. */
static bool may_be_option(const struct shell_word *word)
{
    return word->text[0] == '-' || word->open;
}

bool command_traps_steps_over(const struct shell_words *words, size_t at)
{
    const struct shell_word *word = &words->items[at], *before = &words->items[at - 1];
    bool option_before = before->text[0] == '-' && strchr(before->text, '=') == NULL;
    return may_be_option(word) || word->text[0] == '+' ||
           (at > 1 && (before->open || option_before));
}

static bool interpreter_hides(const struct shell_words *words, const char *program,
                              const char *denied)
{
    const struct shell_word *first = words->count > 1 ? &words->items[1] : NULL;
    if (first != NULL && !may_be_option(first) && !is_device(first->text)) {
        return false;
    }
    if (!runs_module(words, program) || may_be_option(&words->items[2])) {
        return true;
    }
    const char *module = words->items[2].text;
    return listed(command_running_modules, module, strlen(module)) ||
           (denied != NULL && strcmp(module, base_name(denied)) == 0) || hides(words, 2, denied);
}

/* A folder to begin in is stepped over (shell_rule.c); other options may name a command. */
static bool git_hides(const struct shell_words *words)
{
    size_t at = 1;
    while (at + 1 < words->count && strcmp(words->items[at].text, "-C") == 0) {
        if (words->items[at + 1].open) {
            return true;
        }
        at += 2;
    }
    bool version = words->count == 2 && strcmp(words->items[1].text, "--version") == 0;
    return at < words->count && may_be_option(&words->items[at]) && !version;
}

/* A pattern of file names, or a variable, that may become such a word. */
static bool may_be_word_of(const struct shell_word *word, const char *words_of_find)
{
    char first = word->text[0];
    if (!word->open || strchr("$-*?[{", first) == NULL) {
        return false;
    }
    bool stars_alone = (first == '*' || first == '?') && strpbrk(word->text, "$[{~") == NULL;
    return !stars_alone || any_in(words_of_find, word->text, is_possible);
}

static bool find_hides(const struct shell_words *words, const char *program)
{
    bool find = strcmp(program, "find") == 0;
    const char *beginnings = find ? "-exec -ok" : "--exec";
    const char *whole = find ? "-exec -execdir -ok -okdir" : "--exec --exec-batch -x -X";
    for (size_t i = 1; i < words->count; i++) {
        const char *word = words->items[i].text;
        bool cluster = !find && word[0] == '-' && word[1] != '-';
        if (may_be_word_of(&words->items[i], whole) || any_in(beginnings, word, is_beginning) ||
            (cluster && strpbrk(word, "xX") != NULL)) {
            return true;
        }
    }
    return false;
}

/* What stands at `at` as the program's command. */
static bool subcommand_hides_at(const struct shell_words *words, const char *program, size_t at,
                                const char *denied)
{
    const char *second = words->items[at].text;
    if (strcmp(second, "run") == 0 && listed(command_environments, program, strlen(program))) {
        const char *inner = words->count > at + 1 ? words->items[at + 1].text : "-";
        return denied == NULL || inner[0] == '-' || words->items[at + 1].open ||
               strcmp(base_name(inner), base_name(denied)) == 0 || hides(words, at + 1, denied);
    }
    return words->items[at].open || listed(" exec x dlx ", second, strlen(second)) ||
           launches(program, second);
}

static bool subcommand_hides(const struct shell_words *words, const char *program,
                             const char *denied)
{
    size_t at = 1;
    while (at < words->count && !subcommand_hides_at(words, program, at, denied)) {
        if (!command_traps_steps_over(words, at)) {
            return false;
        }
        at++;
    }
    return at < words->count;
}

static bool hides_by_name(const struct shell_words *words, const char *program, const char *denied)
{
    size_t length = strlen(program);
    if (strcmp(program, "git") == 0) {
        return git_hides(words);
    }
    if (listed(" find fd fdfind ", program, length)) {
        return find_hides(words, program);
    }
    if (listed(command_interpreters, program, length)) {
        return interpreter_hides(words, program, denied);
    }
    return listed(command_by_subcommand, program, length) &&
           subcommand_hides(words, program, denied);
}

bool command_traps_hides(const struct shell_words *words, const char *denied)
{
    if (words->count == 0 || only_tells(words)) {
        return false;
    }
    const char *program = known_name(base_name(words->items[0].text));
    struct str plain;
    str_init(&plain);
    bool hidden =
        runs_others(program) || hides_by_name(words, leading_name(program, &plain), denied);
    str_finish(&plain);
    return hidden;
}

const char *command_traps_around(const struct shell_simple *simple)
{
    for (size_t i = 0; i < simple->assignments.count; i++) {
        const struct shell_word *word = &simple->assignments.items[i];
        if (word->open ||
            !listed(command_harmless_variables, word->text, strcspn(word->text, "="))) {
            return "it sets a variable that may change what runs";
        }
    }
    for (size_t i = 0; i < simple->redirection_count; i++) {
        const struct shell_redirection *redirection = &simple->redirections[i];
        if (redirection->target.open) {
            return "it is redirected to a name that only the shell knows";
        }
        if (redirection->writes && !redirection->duplicates &&
            strcmp(redirection->target.text, "/dev/null") != 0) {
            return "it writes into a file";
        }
    }
    return NULL;
}
