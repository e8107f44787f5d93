/* shell_rule: the rule is read as a command is; where that cannot be, an allowance fits nothing
 * here (its exact text still does, see approval.c), and a denial with stars is compared as a text.
 */
#include "approval/shell_rule.h"

#include <stddef.h>
#include <string.h>

#include "approval/command_traps.h"
#include "approval/shell_words.h"
#include "base/str.h"

struct pattern {
    struct shell_script script;
    const struct shell_words *words;
    size_t count; /* of the words that are named */
    bool open_end;
};

/* Takes a closing "*" or ":*" off. False when the rule names no plain command. */
static bool read_pattern(struct pattern *pattern, const char *rule)
{
    const char *why;
    if (!shell_words_read(&pattern->script, rule, strlen(rule), &why)) {
        return false;
    }
    struct shell_simple *simple = &pattern->script.items[0];
    pattern->words = &simple->words;
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
    if (!plain) {
        shell_words_finish(&pattern->script);
    }
    return plain;
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
        if (strcmp(words->items[i].text, pattern->words->items[i].text) != 0) {
            return false;
        }
    }
    return true;
}

bool shell_rule_allows(const char *rule, const struct shell_simple *simple, const char **why)
{
    struct pattern pattern;
    if (!read_pattern(&pattern, rule)) {
        return false;
    }
    bool fits = begins_with(&simple->words, &pattern);
    const char *trap = NULL;
    if (fits && !all_literal(&simple->words)) {
        trap = "a word of it only the shell knows";
    } else if (fits) {
        trap = command_traps_around(simple);
        trap = trap == NULL && pattern.open_end ? command_traps_find(simple, pattern.count) : trap;
    }
    shell_words_finish(&pattern.script);
    if (trap != NULL) {
        *why = trap;
    }
    return fits && trap == NULL;
}

/* The same program by another path is the same for a denial. */
static bool same_program(const char *named, const char *given)
{
    const char *slash = strrchr(given, '/');
    return strcmp(named, given) == 0 ||
           (strchr(named, '/') == NULL && slash != NULL && strcmp(named, slash + 1) == 0);
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

/* The words with one blank between them, the program by its name alone. */
static enum shell_concern text_concerns(const char *rule, const struct shell_words *words)
{
    struct str text;
    bool open = false;
    str_init(&text);
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i].text, *slash = strrchr(word, '/');
        str_append(&text, i > 0 ? " " : "");
        str_append(&text, i == 0 && slash != NULL ? slash + 1 : word);
        open = open || words->items[i].open;
    }
    bool fits =
        text_fits(rule, text.data) || (words->count > 0 && text_fits(rule, words->items[0].text));
    bool runs_others = words->count > 0 && command_traps_runs_others(words->items[0].text);
    str_finish(&text);
    return fits ? SHELL_CONCERN_YES : open || runs_others ? SHELL_CONCERN_MAYBE : SHELL_CONCERN_NO;
}

enum shell_concern shell_rule_concerns(const char *rule, const struct shell_simple *simple)
{
    struct pattern pattern;
    if (!read_pattern(&pattern, rule)) {
        return strpbrk(rule, "*?") != NULL ? text_concerns(rule, &simple->words) : SHELL_CONCERN_NO;
    }
    const struct shell_words *words = &simple->words;
    enum shell_concern concern = SHELL_CONCERN_YES;
    bool unknown = false;
    for (size_t i = 0; i < pattern.count && concern != SHELL_CONCERN_NO; i++) {
        const char *named = pattern.words->items[i].text;
        if (i >= words->count) {
            concern = SHELL_CONCERN_NO;
        } else if (words->items[i].open) {
            unknown = true;
        } else if (i == 0 ? !same_program(named, words->items[i].text)
                          : strcmp(named, words->items[i].text) != 0) {
            concern = SHELL_CONCERN_NO;
        }
    }
    if (concern == SHELL_CONCERN_YES && words->count > pattern.count && !pattern.open_end) {
        concern = SHELL_CONCERN_NO;
    }
    shell_words_finish(&pattern.script);
    if (concern == SHELL_CONCERN_YES) {
        return unknown ? SHELL_CONCERN_MAYBE : SHELL_CONCERN_YES;
    }
    /* An open word may become several, or none: what follows it stands nowhere certain. */
    unknown = unknown || (words->count > 0 && words->items[0].open) ||
              (words->count > 0 && command_traps_runs_others(words->items[0].text));
    return unknown ? SHELL_CONCERN_MAYBE : SHELL_CONCERN_NO;
}
