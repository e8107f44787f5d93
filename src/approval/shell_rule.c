/* shell_rule: the rule is read as a command is; where that cannot be, an allowance fits nothing
 * here (its exact text still does, see approval.c), and a denial with stars is compared as a text.
 */
#include "approval/shell_rule.h"

#include <stddef.h>
#include <string.h>

#include "approval/command_traps.h"
#include "approval/shell_words.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

struct pattern {
    struct shell_script script;
    struct shell_words words; /* the array is its own */
    size_t count;             /* of the words that are named */
    bool open_end;
};

/* The same program by another path is the same for a denial: by its name alone it may be found
 * anywhere. */
static bool same_program(const char *named, const char *given)
{
    const char *slash = strrchr(given, '/'), *rule_slash = strrchr(named, '/');
    const char *name = rule_slash != NULL ? rule_slash + 1 : named;
    return strcmp(named, given) == 0 || (strcmp(name, slash != NULL ? slash + 1 : given) == 0 &&
                                         (rule_slash == NULL || slash == NULL || named[0] == '/'));
}

/* How many words behind "git" change nothing but how it shows what it does. */
static size_t count_before_command(const struct shell_words *words)
{
    static const char *const options[] = {"--no-pager", "-P", "--no-optional-locks"};
    bool git =
        words->count > 0 && !words->items[0].open && same_program("git", words->items[0].text);
    size_t at = 1, before = 0;
    while (git && at > before && at < words->count) {
        before = at;
        for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
            at += at == before && strcmp(words->items[at].text, options[i]) == 0;
        }
    }
    return at - 1;
}

/* The words without those; they stay `words`'s own, the array is the caller's. */
static void step_over(const struct shell_words *words, struct shell_words *out)
{
    size_t skipped = count_before_command(words);
    *out = (struct shell_words){0};
    vec_room(&out->items, &out->capacity, words->count + 1, sizeof *out->items);
    for (size_t i = 0; i < words->count; i++) {
        if (i == 0 || i > skipped) {
            out->items[out->count++] = words->items[i];
        }
    }
}

static bool is_word(const struct shell_words *words, size_t at, const char *text)
{
    return at < words->count && !words->items[at].open && strcmp(words->items[at].text, text) == 0;
}

static bool is_number(const struct shell_words *words, size_t at)
{
    const char *text = at < words->count && !words->items[at].open ? words->items[at].text : "";
    size_t digits = strspn(text, "0123456789.");
    return digits > 0 && (text[digits] == '\0' ||
                          (strchr("smhd", text[digits]) != NULL && text[digits + 1] == '\0'));
}

/* How many words in front only limit the command behind them: "timeout 60", "nice -n 5". */
static size_t count_limits(const struct shell_words *words)
{
    size_t at = 0, next = 0;
    do {
        at = next;
        if (is_word(words, at, "timeout") && is_number(words, at + 1)) {
            next = at + 2;
        } else if (is_word(words, at, "nice")) {
            next = at + (is_word(words, at + 1, "-n") && is_number(words, at + 2) ? 3 : 1);
        }
    } while (next > at && next < words->count && words->items[next].text[0] != '-');
    return at;
}

/* The command behind those. */
static struct shell_simple behind_limits(const struct shell_simple *simple)
{
    struct shell_simple behind = *simple;
    size_t limits = count_limits(&simple->words);
    if (limits > 0) {
        behind.words.items += limits;
        behind.words.count -= limits;
    }
    return behind;
}

/* Takes a closing "*" or ":*" off. False when the rule names no plain command. */
static bool read_pattern(struct pattern *pattern, const char *rule)
{
    const char *why;
    if (!shell_words_read(&pattern->script, rule, strlen(rule), &why)) {
        return false;
    }
    struct shell_simple *simple = &pattern->script.items[0];
    pattern->count = simple->words.count;
    pattern->open_end = false;
    bool plain = pattern->script.count == 1 && simple->assignments.count == 0 &&
                 simple->redirection_count == 0 && pattern->count > 0;
    if (plain) {
        struct shell_word *last = &simple->words.items[pattern->count - 1];
        size_t length = strlen(last->text);
        if (strcmp(last->text, "*") == 0 && last->open) {
            pattern->open_end = true;
            pattern->count--;
        } else if (last->open && length > 2 && strcmp(last->text + length - 2, ":*") == 0) {
            last->text[length - 2] = '\0';
            last->open = strpbrk(last->text, "*?[$~{") != NULL;
            pattern->open_end = true;
        }
    }
    for (size_t i = 0; plain && i < pattern->count; i++) {
        plain = !simple->words.items[i].open;
    }
    plain = plain && pattern->count > 0;
    if (plain) {
        step_over(&simple->words, &pattern->words);
        pattern->count -= simple->words.count - pattern->words.count;
    } else {
        shell_words_finish(&pattern->script);
    }
    return plain;
}

static void finish_pattern(struct pattern *pattern)
{
    mem_free(pattern->words.items);
    shell_words_finish(&pattern->script);
}

bool shell_rule_has_open_end(const char *rule)
{
    struct pattern pattern;
    bool read = read_pattern(&pattern, rule);
    bool open = read && pattern.open_end;
    if (read) {
        finish_pattern(&pattern);
    }
    return open;
}

static bool all_literal(const struct shell_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (words->items[i].open) {
            return false;
        }
    }
    return true;
}

static bool begins_with(const struct shell_words *words, const struct pattern *pattern)
{
    if (words->count < pattern->count || (words->count > pattern->count && !pattern->open_end)) {
        return false;
    }
    for (size_t i = 0; i < pattern->count; i++) {
        if (strcmp(words->items[i].text, pattern->words.items[i].text) != 0) {
            return false;
        }
    }
    return true;
}

/* A rule may name the limits, too. */
static const char *find_trap(const struct shell_simple *simple, size_t named)
{
    struct shell_simple behind = behind_limits(simple);
    size_t limits = simple->words.count - behind.words.count;
    return limits < named ? command_traps_find(&behind, named - limits)
                          : command_traps_find(simple, named);
}

static bool allows(const struct pattern *pattern, const struct shell_simple *simple,
                   const char **why)
{
    struct shell_simple plain = *simple;
    step_over(&simple->words, &plain.words);
    bool fits = begins_with(&plain.words, pattern);
    const char *trap = NULL;
    if (fits && !all_literal(&plain.words)) {
        trap = "a word of it only the shell knows";
    } else if (fits) {
        trap = command_traps_around(&plain);
        trap = trap == NULL && pattern->open_end ? find_trap(&plain, pattern->count) : trap;
    }
    mem_free(plain.words.items);
    if (trap != NULL) {
        *why = trap;
    }
    return fits && trap == NULL;
}

bool shell_rule_allows(const char *rule, const struct shell_simple *simple, const char **why)
{
    struct pattern pattern;
    if (!read_pattern(&pattern, rule)) {
        return false;
    }
    struct shell_simple behind = behind_limits(simple);
    bool allowed = allows(&pattern, simple, why) || allows(&pattern, &behind, why);
    finish_pattern(&pattern);
    return allowed;
}

/* Whether the pattern's words with these behind them may run. */
static bool can_run_with(const struct pattern *pattern, const char *const *more)
{
    struct shell_words words = {0};
    vec_room(&words.items, &words.capacity, pattern->count + 2, sizeof *words.items);
    for (; words.count < pattern->count; words.count++) {
        words.items[words.count] = pattern->words.items[words.count];
    }
    for (size_t i = 0; i < 2 && more[i] != NULL; i++) {
        words.items[words.count++] = (struct shell_word){.text = (char *)more[i]};
    }
    bool runs = find_trap(&(struct shell_simple){.words = words}, pattern->count) == NULL;
    mem_free(words.items);
    return runs;
}

bool shell_rule_can_allow(const char *rule, const char **why)
{
    /* What all traps let pass that let anything pass: nothing more, a file, git's own commands, and
     * what only tells. */
    static const char *const more[][2] = {{NULL, NULL},        {"a", NULL},  {"status", NULL},
                                          {"--version", NULL}, {"-v", NULL}, {"-V", NULL},
                                          {"-v", "a"}};
    struct pattern pattern;
    if (!read_pattern(&pattern, rule)) {
        *why =
            "it would allow nothing: '*' stands behind a blank, at the end of one plain command's "
            "words; for all commands write shell";
        return !str_ends_with(rule, "*"); /* its very text */
    }
    *why = "it would allow nothing: such a command may run whatever stands in the place of '*'; "
           "write all of its words";
    bool can = !pattern.open_end;
    for (size_t i = 0; !can && i < sizeof more / sizeof more[0]; i++) {
        can = can_run_with(&pattern, more[i]);
    }
    finish_pattern(&pattern);
    return can;
}

/* --- a denial with stars elsewhere than at its end --- */

/* '*' is any run of characters, '?' any one; all else stands for itself. */
static bool text_fits(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern != '\0' && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static const char *bare_name(const char *program)
{
    const char *slash = strrchr(program, '/');
    return slash != NULL ? slash + 1 : program;
}

/* The words with one blank between them, the program by its name alone. */
static void append_words(struct str *text, const struct shell_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i].text;
        str_append(text, i > 0 ? " " : "");
        str_append(text, i == 0 ? bare_name(word) : word);
    }
}

static void append_behind(struct str *text, const char *mark, const char *word)
{
    str_append_format(text, "%s%s%s", text->length > 0 ? " " : "", mark, word);
}

/* A variable or a file beside the words, alone and behind them; `open` where one is unknown. */
static bool fits_around(const char *rule, const struct shell_simple *simple, struct str *text,
                        bool *open)
{
    bool fits = false;
    struct str marked;
    str_init(&marked);
    str_append(&marked, text->data);
    for (size_t i = 0; i < simple->assignments.count; i++) {
        const struct shell_word *word = &simple->assignments.items[i];
        fits = fits || text_fits(rule, word->text);
        *open = *open || word->open;
        append_behind(text, "", word->text);
    }
    for (size_t i = 0; i < simple->redirection_count; i++) {
        const struct shell_redirection *one = &simple->redirections[i];
        const char *target = one->duplicates ? NULL : one->target.text;
        *open = *open || one->target.open;
        if (target != NULL) {
            fits = fits || text_fits(rule, target);
            append_behind(text, "", target);
            append_behind(&marked, one->writes ? "> " : "< ", target);
        }
    }
    fits = fits || text_fits(rule, text->data) || text_fits(rule, marked.data);
    str_finish(&marked);
    return fits;
}

/* The rule without the folder of the program that it names. */
static const char *bare_rule(const char *rule)
{
    size_t length = strcspn(rule, " *?"), start = length;
    while (start > 0 && rule[start - 1] != '/') {
        start--;
    }
    return start < length ? rule + start : rule;
}

static enum shell_concern text_concerns(const char *rule, const struct shell_simple *simple)
{
    const struct shell_words *words = &simple->words;
    struct str text;
    str_init(&text);
    append_words(&text, words);
    bool open = !all_literal(words);
    bool fits = text_fits(rule, text.data) || text_fits(bare_rule(rule), text.data) ||
                (words->count > 0 && text_fits(rule, words->items[0].text));
    fits = fits_around(rule, simple, &text, &open) || fits;
    str_finish(&text);
    return fits                                       ? SHELL_CONCERN_YES
           : open || command_traps_hides(words, NULL) ? SHELL_CONCERN_MAYBE
                                                      : SHELL_CONCERN_NO;
}

static enum shell_concern words_concern(const struct pattern *pattern,
                                        const struct shell_words *words)
{
    enum shell_concern concern = SHELL_CONCERN_YES;
    bool unknown = false;
    for (size_t i = 0; i < pattern->count && concern != SHELL_CONCERN_NO; i++) {
        const char *named = pattern->words.items[i].text;
        if (i >= words->count) {
            concern = SHELL_CONCERN_NO;
        } else if (words->items[i].open) {
            unknown = true;
        } else if (i == 0 ? !same_program(named, words->items[i].text)
                          : strcmp(named, words->items[i].text) != 0) {
            concern = SHELL_CONCERN_NO;
        }
    }
    if (concern == SHELL_CONCERN_YES && words->count > pattern->count && !pattern->open_end) {
        concern = SHELL_CONCERN_NO;
    }
    if (concern == SHELL_CONCERN_YES) {
        return unknown ? SHELL_CONCERN_MAYBE : SHELL_CONCERN_YES;
    }
    /* An open word may become several, or none: what follows it stands nowhere certain. */
    unknown = unknown || (words->count > 0 && words->items[0].open) ||
              command_traps_hides(words, pattern->words.items[0].text);
    return unknown ? SHELL_CONCERN_MAYBE : SHELL_CONCERN_NO;
}

/* --- options before the words of a denial, or between them --- */

/* A rule's words, which may hold stars. */
struct named {
    struct shell_words words;
    char *text; /* that they stand in, of a rule with stars */
    size_t count;
    bool open_end;
};

/* Of a rule with stars: what blanks divide. */
static void split(const char *rule, struct named *named)
{
    char *rest = NULL;
    *named = (struct named){.text = mem_strdup(rule), .open_end = str_ends_with(rule, "*")};
    for (char *at = strtok_r(named->text, " ", &rest); at != NULL;
         at = strtok_r(NULL, " ", &rest)) {
        vec_room(&named->words.items, &named->words.capacity, named->count + 1,
                 sizeof *named->words.items);
        named->words.items[named->count++] = (struct shell_word){.text = at};
    }
    named->count -= named->count > 1 && strcmp(named->words.items[named->count - 1].text, "*") == 0;
}

static bool may_be(const char *named, const struct shell_word *word)
{
    return word->open || text_fits(named, word->text);
}

/* Whether all of the rule's words stand in the command in their order, and nothing else between
 * them but options and their values. */
static bool stand_among_options(const struct named *named, const struct shell_words *words)
{
    size_t last = named->count;
    if (last < 2 || words->count < last ||
        !(words->items[0].open ||
          text_fits(bare_name(named->words.items[0].text), bare_name(words->items[0].text)))) {
        return false;
    }
    bool *read = mem_zero(last + 1, sizeof *read); /* [k]: the first k may have stood so far */
    read[1] = true;
    for (size_t at = 1; at < words->count && !(read[last] && named->open_end); at++) {
        bool over = command_traps_steps_over(words, at);
        for (size_t k = last; k > 0; k--) {
            bool next =
                k > 1 && read[k - 1] && may_be(named->words.items[k - 1].text, &words->items[at]);
            read[k] = next || (read[k] && over && k < last);
        }
    }
    bool stand = read[last];
    mem_free(read);
    return stand;
}

static bool concerns_with_options(const char *rule, const struct pattern *pattern,
                                  const struct shell_words *words)
{
    struct named named;
    if (pattern != NULL) {
        named = (struct named){pattern->words, NULL, pattern->count, pattern->open_end};
        return stand_among_options(&named, words);
    }
    split(rule, &named);
    bool concerns = stand_among_options(&named, words);
    mem_free(named.words.items);
    mem_free(named.text);
    return concerns;
}

/* `pattern` NULL: a rule with stars. */
static enum shell_concern concern_of(const char *rule, const struct pattern *pattern,
                                     const struct shell_simple *simple)
{
    struct shell_simple plain = *simple;
    step_over(&simple->words, &plain.words);
    enum shell_concern concern =
        pattern != NULL ? words_concern(pattern, &plain.words) : text_concerns(rule, &plain);
    mem_free(plain.words.items);
    if (pattern == NULL && text_concerns(rule, simple) == SHELL_CONCERN_YES) {
        concern = SHELL_CONCERN_YES; /* of an option that was stepped over */
    }
    if (concern == SHELL_CONCERN_NO && concerns_with_options(rule, pattern, &simple->words)) {
        concern = SHELL_CONCERN_MAYBE;
    }
    return concern;
}

enum shell_concern shell_rule_concerns(const char *rule, const struct shell_simple *simple)
{
    struct pattern read, *pattern = read_pattern(&read, rule) ? &read : NULL;
    if (pattern == NULL && strpbrk(rule, "*?") == NULL) {
        return SHELL_CONCERN_NO;
    }
    struct shell_simple behind = behind_limits(simple);
    enum shell_concern concern = concern_of(rule, pattern, simple);
    if (concern != SHELL_CONCERN_YES && behind.words.count < simple->words.count) {
        concern = concern_of(rule, pattern, &behind); /* which is all that is run */
    }
    if (pattern != NULL) {
        finish_pattern(pattern);
    }
    return concern;
}
