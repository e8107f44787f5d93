/* approval: the decision, and the words in which a call is shown.
 *
 * A rule of the shell is compared with the simple commands that the command consists of
 * (shell_words.h, shell_rule.h); where those cannot be told from the text, only the same text fits
 * an allowance, and a denial makes us ask. Rules of other tools are exact text, or patterns of
 * paths and hosts (path_rule.h, url_rule.h). A deny rule is the user's wish, not a wall: the same
 * file has many names. The wall is the sandbox. A rule that could never fit anything is refused
 * when it is read: a denial that silently does nothing is worse than none.
 *
 * approval_describe writes one row for each line of the call's texts, each row with a mark in
 * front, so that no content can pass for another row; rows are joined by newlines, the only
 * control character that leaves here.
 */
#include "approval/approval.h"

#include <stdlib.h>
#include <string.h>

#include "approval/launch_points.h"
#include "approval/path_rule.h"
#include "approval/path_spelling.h"
#include "approval/shell_rule.h"
#include "approval/shell_words.h"
#include "approval/toolset.h"
#include "approval/url_rule.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/visible.h"

/* --- rules --- */

void approval_rules_init(struct approval_rules *rules)
{
    *rules = (struct approval_rules){0};
}

void approval_rules_finish(struct approval_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        mem_free(rules->items[i].tool);
        mem_free(rules->items[i].pattern);
    }
    mem_free(rules->items);
    approval_rules_init(rules);
}

bool approval_is_foreign(const char *tool)
{
    return str_starts_with(tool, "mcp__");
}

/* Whether the rule speaks of paths and begins in the home directory. */
static bool names_home(const char *tool, const char *pattern)
{
    const struct toolset_tool *known = toolset_find(tool);
    bool paths = strcmp(tool, "*") == 0 ||
                 (known != NULL && known->subject != NULL && strcmp(known->subject, "path") == 0);
    return paths && str_starts_with(pattern, "~/");
}

/* False, with `*why`, for a rule that could never fit a call. */
static bool makes_sense(const struct approval_rules *rules, const char *tool, const char *pattern,
                        enum approval_verdict verdict, const char **why)
{
    const struct toolset_tool *known = toolset_find(tool);
    size_t length = strlen(tool), star = strcspn(tool, "*");
    bool foreign = approval_is_foreign(tool);
    if (strcmp(tool, "*") != 0 && known == NULL && !foreign) {
        *why = "there is no tool of that name";
    } else if (foreign && star + 1 < length) {
        *why = "'*' may only stand at the end of a tool's name";
    } else if (pattern != NULL && pattern[0] == '\0') {
        *why = "there is nothing between the parentheses";
    } else if (pattern != NULL && (foreign || (known != NULL && known->subject == NULL))) {
        *why = "this tool's rules have no (TEXT)";
    } else if (pattern != NULL && names_home(tool, pattern) && rules->home == NULL) {
        *why = "HOME is not set, so that \"~/\" names nothing";
    } else if (pattern != NULL && known != NULL && strcmp(known->subject, "path") == 0 &&
               !path_rule_is_valid(pattern)) {
        *why = "a pattern of paths is written without \"//\", \".\" and \"..\" in it";
    } else if (pattern != NULL && known != NULL && strcmp(known->subject, "url") == 0 &&
               strcmp(pattern, "*") != 0 && !url_rule_is_valid(pattern) &&
               (verdict != APPROVAL_ALLOW || strstr(pattern, "://") == NULL)) {
        *why = "expected an address, a host (example.org, *.example.org, with :PORT or without) "
               "or the beginning of an address (https://example.org/docs/*)";
    }
    bool allows_command =
        pattern != NULL && strcmp(tool, "shell") == 0 && verdict == APPROVAL_ALLOW;
    return *why == NULL && (!allows_command || shell_rule_can_allow(pattern, why));
}

/* Takes the pattern. */
static char *in_home(char *pattern, const char *home)
{
    struct str whole;
    str_init(&whole);
    path_spelling_append(&whole, home, strlen(home));
    str_append(&whole, pattern + (strcmp(whole.data, "/") == 0 ? 2 : 1));
    mem_free(pattern);
    return str_take(&whole);
}

/* Splits "TOOL" or "TOOL(PATTERN)"; the pattern runs to the last ')', so it may hold any text. */
bool approval_rules_add(struct approval_rules *rules, const char *expression,
                        enum approval_verdict verdict, struct err *err)
{
    size_t length = strlen(expression);
    size_t name_length = strcspn(expression, "(");
    bool has_pattern = name_length < length;
    if (has_pattern && expression[length - 1] != ')') {
        return err_set(err, ERR_ARGUMENT, "rule \"%s\": no ')' at its end; write TOOL(TEXT)",
                       expression);
    }
    char *tool = mem_strndup(expression, name_length);
    char *pattern =
        has_pattern ? mem_strndup(expression + name_length + 1, length - name_length - 2) : NULL;
    const char *why = NULL;
    if (!makes_sense(rules, tool, pattern, verdict, &why)) {
        mem_free(tool);
        mem_free(pattern);
        return err_set(err, ERR_ARGUMENT, "rule \"%s\": %s", expression, why);
    }
    if (pattern != NULL && names_home(tool, pattern)) {
        pattern = in_home(pattern, rules->home);
    }
    vec_room(&rules->items, &rules->capacity, rules->count + 1, sizeof *rules->items);
    rules->items[rules->count++] =
        (struct approval_rule){.tool = tool, .pattern = pattern, .verdict = verdict};
    return true;
}

/* "mcp__git" and "mcp__git__*" speak of all tools of that server. */
static bool names_tool(const char *named, const char *tool)
{
    size_t length = strlen(named);
    if (strcmp(named, "*") == 0 || strcmp(named, tool) == 0) {
        return true;
    }
    if (!approval_is_foreign(named) || !approval_is_foreign(tool)) {
        return false;
    }
    return named[length - 1] == '*'
               ? strncmp(named, tool, length - 1) == 0
               : strstr(named + strlen("mcp__"), "__") == NULL &&
                     strncmp(named, tool, length) == 0 && str_starts_with(tool + length, "__");
}

/* Whether the rule's pattern speaks of more than the one text that it spells. */
static bool is_pattern(const struct approval_rule *rule, const char *subject)
{
    return rule->pattern != NULL &&
           ((strcmp(subject, "path") == 0 && path_rule_is_pattern(rule->pattern)) ||
            (strcmp(subject, "url") == 0 && url_rule_is_pattern(rule->pattern)));
}

/* An allowance of addresses is one to read. */
static bool only_fetches(const json_t *arguments)
{
    const json_t *method = json_object_get(arguments, "method");
    return json_object_get(arguments, "body") == NULL &&
           (method == NULL ||
            (json_is_string(method) && strcmp(json_string_value(method), "GET") == 0));
}

/* A relative path lies in the workspace: a rule by the absolute one speaks of it, too, and any rule
 * of a path that leads out and may lead in again. */
static bool path_concerned(const struct approval_rules *rules, const char *pattern,
                           const char *path, size_t length)
{
    if (path_rule_concerns(pattern, path, length)) {
        return true;
    }
    struct str whole;
    str_init(&whole);
    path_spelling_append(&whole, path, length);
    bool inside = length > 0 && path[0] != '/' && strncmp(whole.data, "..", 2) != 0;
    bool concerned = false;
    if (length > 0 && path[0] != '/' && rules->workspace != NULL &&
        !(inside && pattern[0] != '/')) {
        str_clear(&whole);
        str_append_format(&whole, "%s/", rules->workspace);
        str_append_bytes(&whole, path, length);
        concerned = path_rule_concerns(pattern, whole.data, whole.length);
    }
    str_finish(&whole);
    return concerned;
}

static bool pattern_matches(const struct approval_rules *rules, const struct approval_rule *rule,
                            const char *kind, const json_t *subject)
{
    const char *text = json_string_value(subject);
    size_t length = json_string_length(subject);
    bool allows = rule->verdict == APPROVAL_ALLOW;
    if (strcmp(kind, "path") == 0) {
        return allows ? path_rule_allows(rule->pattern, text, length)
                      : path_concerned(rules, rule->pattern, text, length);
    }
    if (strcmp(kind, "url") == 0) {
        return allows ? url_rule_allows(rule->pattern, text, length)
                      : url_rule_concerns(rule->pattern, text, length);
    }
    return false;
}

static bool rule_matches(const struct approval_rules *rules, const struct approval_rule *rule,
                         const char *tool, const json_t *arguments)
{
    if (!names_tool(rule->tool, tool)) {
        return false;
    }
    if (rule->pattern == NULL) {
        return true;
    }
    const struct toolset_tool *known = toolset_find(tool);
    if (known == NULL || known->subject == NULL) {
        return false;
    }
    bool allows = rule->verdict == APPROVAL_ALLOW, address = strcmp(known->subject, "url") == 0;
    if (allows && address && !only_fetches(arguments)) {
        return false;
    }
    if (strcmp(rule->pattern, "*") == 0 && (!allows || address)) {
        return true;
    }
    /* A shell rule with an open end means words; as a text it would be a pattern of file names. */
    if (allows && strcmp(tool, "shell") == 0 && str_ends_with(rule->pattern, "*")) {
        return false;
    }
    const json_t *subject = json_object_get(arguments, known->subject);
    if (json_is_string(subject) && pattern_matches(rules, rule, known->subject, subject)) {
        return true;
    }
    /* By length, not up to a NUL: a string with a NUL inside never equals a pattern. */
    return json_is_string(subject) && json_string_length(subject) == strlen(rule->pattern) &&
           memcmp(json_string_value(subject), rule->pattern, json_string_length(subject)) == 0;
}

/* The first rule that matches and whose verdict is (or is not) a denial. */
static const struct approval_rule *find_rule(const struct approval_rules *rules, bool denials,
                                             const char *tool, const json_t *arguments)
{
    for (size_t i = 0; rules != NULL && i < rules->count; i++) {
        if ((rules->items[i].verdict == APPROVAL_DENY) == denials &&
            rule_matches(rules, &rules->items[i], tool, arguments)) {
            return &rules->items[i];
        }
    }
    return NULL;
}

/* --- a shell command against the rules --- */

/* One for all tools does where it is written as a command is: "*(rm *)". */
static bool speaks_of_commands(const struct approval_rule *rule)
{
    return rule->pattern != NULL &&
           (strcmp(rule->tool, "shell") == 0 ||
            (strcmp(rule->tool, "*") == 0 && strchr(rule->pattern, ' ') != NULL));
}

/* The verdict for the whole command by the shell's rules; false when they say nothing. */
struct shell_verdict {
    enum approval_verdict verdict;
    const struct approval_rule *rule;
    const char *doubt; /* why a denial may, or an allowance does not, concern it */
};

/* A denial or a wish to be asked: the first rule that surely speaks of a command of the list, else
 * the first that may. */
static bool find_concern(const struct approval_rules *rules, const struct shell_script *script,
                         enum approval_verdict verdict, struct shell_verdict *found)
{
    bool maybe = false;
    for (size_t i = 0; i < rules->count; i++) {
        for (size_t k = 0; speaks_of_commands(&rules->items[i]) &&
                           rules->items[i].verdict == verdict && k < script->count;
             k++) {
            enum shell_concern concern =
                shell_rule_concerns(rules->items[i].pattern, &script->items[k]);
            if (concern == SHELL_CONCERN_YES) {
                *found = (struct shell_verdict){verdict, &rules->items[i], NULL};
                return true;
            }
            if (concern == SHELL_CONCERN_MAYBE && !maybe) {
                maybe = true;
                *found = (struct shell_verdict){APPROVAL_ASK_USER, &rules->items[i],
                                                "may concern what this command runs"};
            }
        }
    }
    return maybe;
}

static bool has_concerns(const struct approval_rules *rules, const struct approval_rule **first)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (speaks_of_commands(&rules->items[i]) && rules->items[i].verdict != APPROVAL_ALLOW) {
            *first = &rules->items[i];
            return true;
        }
    }
    return false;
}

/* Each command of the list is allowed by some rule. */
static bool all_allowed(const struct approval_rules *rules, const struct shell_script *script,
                        struct shell_verdict *found)
{
    for (size_t k = 0; k < script->count; k++) {
        bool allowed = false;
        for (size_t i = 0; i < rules->count && !allowed; i++) {
            const struct approval_rule *rule = &rules->items[i];
            allowed = speaks_of_commands(rule) && rule->verdict == APPROVAL_ALLOW &&
                      shell_rule_allows(rule->pattern, &script->items[k], &found->doubt);
            found->rule = allowed ? rule : found->rule;
        }
        if (!allowed) {
            found->rule = NULL;
            return false;
        }
    }
    found->verdict = APPROVAL_ALLOW;
    return true;
}

static bool decide_shell(const struct approval_rules *rules, const json_t *command,
                         struct shell_verdict *found)
{
    struct shell_script script;
    *found = (struct shell_verdict){.verdict = APPROVAL_ASK_USER};
    if (rules == NULL || !json_is_string(command)) {
        return false;
    }
    if (!shell_words_read(&script, json_string_value(command), json_string_length(command),
                          &found->doubt)) {
        return has_concerns(rules, &found->rule);
    }
    bool decided = find_concern(rules, &script, APPROVAL_DENY, found) ||
                   find_concern(rules, &script, APPROVAL_ASK_USER, found) ||
                   all_allowed(rules, &script, found);
    shell_words_finish(&script);
    return decided;
}

bool approval_rules_allow(const struct approval_rules *rules, const char *tool,
                          const json_t *arguments)
{
    struct shell_verdict found;
    const struct approval_rule *rule = find_rule(rules, false, tool, arguments);
    return (rule != NULL && rule->verdict == APPROVAL_ALLOW) ||
           (strcmp(tool, "shell") == 0 &&
            decide_shell(rules, json_object_get(arguments, "command"), &found) &&
            found.verdict == APPROVAL_ALLOW);
}

/* --- the session's own list --- */

struct approval_session {
    struct {
        char *tool;
        json_t *arguments;
    } * items;
    size_t count, capacity;
};

struct approval_session *approval_session_create(void)
{
    return mem_zero(1, sizeof(struct approval_session));
}

void approval_session_destroy(struct approval_session *session)
{
    if (session == NULL) {
        return;
    }
    for (size_t i = 0; i < session->count; i++) {
        mem_free(session->items[i].tool);
        json_decref(session->items[i].arguments);
    }
    mem_free(session->items);
    mem_free(session);
}

static bool session_allows(const struct approval_session *session, const char *tool,
                           const json_t *arguments)
{
    for (size_t i = 0; session != NULL && i < session->count; i++) {
        if (strcmp(session->items[i].tool, tool) == 0 &&
            json_equal(session->items[i].arguments, arguments)) {
            return true;
        }
    }
    return false;
}

void approval_session_allow(struct approval_session *session, const char *tool,
                            const json_t *arguments)
{
    if (session_allows(session, tool, arguments)) {
        return;
    }
    vec_room(&session->items, &session->capacity, session->count + 1, sizeof *session->items);
    session->items[session->count].tool = mem_strdup(tool);
    session->items[session->count].arguments = json_deep_copy(arguments);
    session->count++;
}

/* No tool has such a name, so no call of one is allowed by this. */
#define NETWORK_OF_SHELL "the network of shell"

void approval_session_open(struct approval_session *session, const json_t *arguments)
{
    approval_session_allow(session, NETWORK_OF_SHELL, arguments);
}

bool approval_session_opens(const struct approval_session *session, const json_t *arguments)
{
    return session_allows(session, NETWORK_OF_SHELL, arguments);
}

/* --- the decision --- */

static const struct {
    const char *name;
    enum approval_verdict reading, editing, rest, outside;
} modes[] = {
    [APPROVAL_READ_ONLY] = {"read-only", APPROVAL_ALLOW, APPROVAL_DENY, APPROVAL_DENY,
                            APPROVAL_DENY},
    [APPROVAL_ASK] = {"ask", APPROVAL_ALLOW, APPROVAL_ASK_USER, APPROVAL_ASK_USER,
                      APPROVAL_ASK_USER},
    [APPROVAL_AUTO_EDIT] = {"auto-edit", APPROVAL_ALLOW, APPROVAL_ALLOW, APPROVAL_ASK_USER,
                            APPROVAL_ASK_USER},
    [APPROVAL_FULL] = {"full", APPROVAL_ALLOW, APPROVAL_ALLOW, APPROVAL_ALLOW, APPROVAL_ASK_USER},
};

/* `known` NULL: a foreign tool, which is never believed to only read. */
static enum approval_verdict decide_by_mode(enum approval_mode mode,
                                            const struct toolset_tool *known)
{
    if (known != NULL && known->outside) {
        return modes[mode].outside; /* the sandbox is why the other columns may be so free */
    }
    if (known != NULL && known->read_only) {
        return modes[mode].reading;
    }
    return known != NULL && strcmp(known->family, "files") == 0 ? modes[mode].editing
                                                                : modes[mode].rest;
}

/* Why the file that a call would write is one from which programs start code; NULL = it is not. */
static const char *launch_point(const struct toolset_tool *known, const json_t *arguments)
{
    const char *path = json_string_value(json_object_get(arguments, "path"));
    bool writes = known != NULL && !known->read_only && strcmp(known->family, "files") == 0;
    return writes && path != NULL ? launch_points_reason(path) : NULL;
}

static void say_rule(struct str *why, const struct approval_rule *rule)
{
    if (why != NULL && rule->pattern != NULL) {
        str_append_format(why, "rule: %s(%s)", rule->tool, rule->pattern);
    } else if (why != NULL) {
        str_append_format(why, "rule: %s", rule->tool);
    }
}

static void say(struct str *why, const char *text)
{
    if (why != NULL) {
        str_append(why, text);
    }
}

/* By rules of the shell, where they say something. */
static bool decide_command(const struct approval_rules *rules,
                           const struct approval_session *session, const char *tool,
                           const json_t *arguments, struct shell_verdict *found, struct str *why)
{
    if (strcmp(tool, "shell") != 0 ||
        !decide_shell(rules, json_object_get(arguments, "command"), found)) {
        return false;
    }
    /* What the user allowed in just these words is not asked again for a doubt. */
    const struct approval_rule *exact = find_rule(rules, false, tool, arguments);
    if (found->verdict == APPROVAL_ASK_USER && found->doubt != NULL &&
        (session_allows(session, tool, arguments) ||
         (exact != NULL && exact->pattern != NULL && exact->verdict == APPROVAL_ALLOW))) {
        return false;
    }
    say_rule(why, found->rule);
    if (found->doubt != NULL && found->verdict == APPROVAL_ASK_USER) {
        say(why, "; ");
        say(why, found->doubt);
    }
    return true;
}

static enum approval_verdict decide_rest(const struct approval_rules *rules,
                                         enum approval_mode mode, const char *tool,
                                         const json_t *arguments, const char *doubt,
                                         struct str *why)
{
    const struct toolset_tool *known = toolset_find(tool);
    const struct approval_rule *rule = find_rule(rules, false, tool, arguments);
    const char *launch = launch_point(known, arguments);
    bool exact = rule != NULL && rule->pattern != NULL && known != NULL && known->subject != NULL &&
                 !is_pattern(rule, known->subject);
    if (rule != NULL && (launch == NULL || exact || rule->verdict != APPROVAL_ALLOW)) {
        say_rule(why, rule);
        return rule->verdict;
    }
    if (launch != NULL && (rule != NULL || mode == APPROVAL_AUTO_EDIT)) {
        say(why, "a file that starts code: ");
        say(why, launch);
        return APPROVAL_ASK_USER;
    }
    say(why, "mode: ");
    say(why, modes[mode].name);
    enum approval_verdict verdict = decide_by_mode(mode, known);
    if (verdict == APPROVAL_ASK_USER && doubt != NULL) {
        say(why, "; no rule, because ");
        say(why, doubt);
    }
    return verdict;
}

enum approval_verdict approval_decide(const struct approval_rules *rules,
                                      const struct approval_session *session,
                                      enum approval_mode mode, const char *tool,
                                      const json_t *arguments, struct str *why)
{
    const struct approval_rule *rule = find_rule(rules, true, tool, arguments);
    if (rule != NULL) {
        say_rule(why, rule);
        return APPROVAL_DENY;
    }
    const struct toolset_tool *known = toolset_find(tool);
    if (known == NULL && !approval_is_foreign(tool)) {
        say(why, "no such tool");
        return APPROVAL_DENY;
    }
    struct shell_verdict found = {.verdict = APPROVAL_ASK_USER};
    struct str said;
    str_init(&said);
    bool decided = decide_command(rules, session, tool, arguments, &found, &said);
    enum approval_verdict verdict = found.verdict;
    bool ceiling =
        mode == APPROVAL_READ_ONLY && (known == NULL || !known->read_only || known->outside);
    if (ceiling && !(decided && verdict == APPROVAL_DENY)) {
        say(why, "mode: read-only"); /* what was allowed before does not pass it */
        verdict = APPROVAL_DENY;
    } else if (decided && verdict == APPROVAL_DENY) {
        say(why, said.data);
    } else if (session_allows(session, tool, arguments)) {
        say(why, "session: allowed by the user before");
        verdict = APPROVAL_ALLOW;
    } else if (decided) {
        say(why, said.data);
    } else {
        verdict = decide_rest(rules, mode, tool, arguments, found.doubt, why);
    }
    str_finish(&said);
    return verdict;
}

bool approval_rule_for(const char *tool, const json_t *arguments, struct str *out)
{
    const struct toolset_tool *known = toolset_find(tool);
    if (approval_is_foreign(tool) || (known != NULL && known->subject == NULL)) {
        str_append(out, tool);
        return true;
    }
    const json_t *subject = known != NULL ? json_object_get(arguments, known->subject) : NULL;
    const char *text = json_string_value(subject);
    bool plain = known != NULL && text != NULL && strlen(text) == json_string_length(subject) &&
                 text[0] != '\0';
    /* As a rule this very text would say more than it does now, or another thing. */
    struct approval_rule rule = {.pattern = (char *)text};
    plain = plain && !is_pattern(&rule, known->subject) && !names_home(tool, text) &&
            !(strcmp(tool, "shell") == 0 &&
              (str_ends_with(text, "*") || shell_rule_has_open_end(text))) &&
            !(strcmp(known->subject, "url") == 0 && !only_fetches(arguments));
    for (const char *c = text; plain && *c != '\0'; c++) {
        plain = (unsigned char)*c >= 0x20 && *c != 0x7F;
    }
    if (plain) {
        str_append_format(out, "%s(%s)", tool, text);
    }
    return plain;
}

/* --- what the user is shown --- */

/* How a tool's own arguments are shown: each line of the text behind a mark. Arguments without a
 * row here follow as "name: JSON", so that nothing is left out. */
static const struct shown {
    const char *tool, *argument;
    const char *first, *next; /* marks of the first and of further lines */
    enum visible_mode mode;
    bool file; /* all of one, whose last newline ends a line and begins none */
} shown[] = {
    {"shell", "command", "$ ", "> ", VISIBLE_COMMAND, false},
    {"write_file", "path", "write ", "      ", VISIBLE_COMMAND, false},
    {"write_file", "content", "+ ", "+ ", VISIBLE_APPROVAL, true},
    {"edit_file", "path", "edit ", "     ", VISIBLE_COMMAND, false},
    {"edit_file", "old_text", "- ", "- ", VISIBLE_APPROVAL, false},
    {"edit_file", "new_text", "+ ", "+ ", VISIBLE_APPROVAL, false},
};

enum { SHOWN_COUNT = sizeof shown / sizeof shown[0] };

static const struct shown *find_shown(const char *tool, const char *argument)
{
    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        if (strcmp(shown[i].tool, tool) == 0 && strcmp(shown[i].argument, argument) == 0) {
            return &shown[i];
        }
    }
    return NULL;
}

static void new_row(struct str *out, size_t start)
{
    if (out->length > start) {
        str_append_char(out, '\n');
    }
}

/* Every line gets its row, also an empty last one: "a" and "a\n" look different. In a file they do
 * as diff and git have it, by a remark where the last newline is missing. */
static void describe_lines(struct str *out, size_t start, const struct shown *how,
                           const json_t *value)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    const char *mark = how->first;
    bool ends_line = length > 0 && text[length - 1] == '\n';
    if (how->file && length == 0) {
        new_row(out, start);
        str_append(out, "\\ Empty file");
        return;
    }
    length -= how->file && ends_line;
    for (;;) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline != NULL ? (size_t)(newline - text) : length;
        new_row(out, start);
        str_append(out, mark);
        visible_append(out, text, line, how->mode);
        if (newline == NULL) {
            break;
        }
        text += line + 1;
        length -= line + 1;
        mark = how->next;
    }
    if (how->file && !ends_line) {
        str_append(out, "\n\\ No newline at end of file");
    }
}

static void describe_json(struct str *out, const json_t *value)
{
    char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *text = dump != NULL ? dump : "?";
    visible_append(out, text, strlen(text), VISIBLE_APPROVAL);
    free(dump);
}

void approval_describe(const char *tool, const json_t *arguments, struct str *out)
{
    size_t start = out->length;
    bool has_rows = false;
    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        const json_t *value = json_object_get(arguments, shown[i].argument);
        if (strcmp(shown[i].tool, tool) == 0 && json_is_string(value)) {
            describe_lines(out, start, &shown[i], value);
            has_rows = true;
        }
    }
    if (!has_rows) {
        visible_append(out, tool, strlen(tool), VISIBLE_APPROVAL);
        str_append_char(out, ' ');
        describe_json(out, arguments);
        return;
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)arguments, name, value)
    {
        if (find_shown(tool, name) == NULL || !json_is_string(value)) {
            new_row(out, start);
            visible_append(out, name, strlen(name), VISIBLE_APPROVAL);
            str_append(out, ": ");
            describe_json(out, value);
        }
    }
}

const char *approval_mode_name(enum approval_mode mode)
{
    return modes[mode].name;
}

bool approval_mode_parse(const char *name, enum approval_mode *mode)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) == 0) {
            *mode = (enum approval_mode)i;
            return true;
        }
    }
    return false;
}
