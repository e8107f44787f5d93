#include "approval/tool_names.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *theirs;
    const char *ours;   /* NULL: no such tool is here */
    const char *denied; /* what a denial means besides; NULL = nothing */
} names[] = {
    {"Bash", "shell", NULL},
    {"Shell", "shell", NULL},
    {"Read", "read_file", NULL},
    {"Write", "write_file", NULL},
    {"Edit", "edit_file", "write_file"},
    {"MultiEdit", "edit_file", "write_file"},
    {"Glob", "list_files", NULL},
    {"LS", "list_files", NULL},
    {"Grep", "search_files", NULL},
    {"WebFetch", "http_fetch", NULL},
    {"WebSearch", NULL, NULL},
    {"Task", NULL, NULL},
    {"Agent", NULL, NULL},
    {"Skill", NULL, NULL},
    {"TodoWrite", NULL, NULL},
    {"NotebookRead", NULL, NULL},
    {"NotebookEdit", NULL, NULL},
    {"BashOutput", NULL, NULL},
    {"KillShell", NULL, NULL},
    {"SlashCommand", NULL, NULL},
    {"ExitPlanMode", NULL, NULL},
    {"AskUserQuestion", NULL, NULL},
};
enum { NAMES = sizeof names / sizeof names[0] };

/* NAMES when it is none of theirs. */
static size_t find(const char *rule)
{
    size_t length = strcspn(rule, "("), i = 0;
    while (i < NAMES &&
           (strlen(names[i].theirs) != length || strncasecmp(names[i].theirs, rule, length) != 0)) {
        i++;
    }
    return i;
}

/* "TOOL" and what follows the name in the rule, without the word that says what kind it is. */
static void append_as(struct str *out, const char *tool, const char *rule)
{
    static const char DOMAIN[] = "(domain:";
    const char *rest = rule + strcspn(rule, "(");
    bool domain = str_starts_with(rest, DOMAIN);
    str_append_format(out, "%s%s%s", tool, domain ? "(" : "",
                      domain ? rest + strlen(DOMAIN) : rest);
}

void tool_names_append(struct str *out, const char *rule)
{
    size_t i = find(rule);
    if (i < NAMES && names[i].ours != NULL) {
        append_as(out, names[i].ours, rule);
    } else {
        str_append(out, rule);
    }
}

static bool add_as(struct approval_rules *rules, const char *tool, const char *rule,
                   enum approval_verdict verdict, struct err *err)
{
    struct str ours;
    str_init(&ours);
    append_as(&ours, tool, rule);
    bool ok = approval_rules_add(rules, ours.data, verdict, err);
    str_finish(&ours);
    return ok;
}

static bool add_rule(struct approval_rules *rules, const char *rule, enum approval_verdict verdict,
                     struct err *err)
{
    size_t i = find(rule);
    if (i == NAMES) {
        return approval_rules_add(rules, rule, verdict, err);
    }
    bool more = verdict == APPROVAL_DENY && names[i].denied != NULL;
    return names[i].ours == NULL || (add_as(rules, names[i].ours, rule, verdict, err) &&
                                     (!more || add_as(rules, names[i].denied, rule, verdict, err)));
}

bool tool_names_add_rules(struct approval_rules *rules, const char *list,
                          enum approval_verdict verdict, struct err *err)
{
    const char *start = list;
    size_t depth = 0;
    bool ok = true;
    for (const char *at = list; ok; at++) {
        depth += *at == '(';
        depth -= *at == ')' && depth > 0;
        if (*at != '\0' && (depth > 0 || (*at != ' ' && *at != ','))) {
            continue;
        }
        if (at > start) {
            char *rule = mem_strndup(start, (size_t)(at - start));
            ok = add_rule(rules, rule, verdict, err);
            mem_free(rule);
        }
        start = at + 1;
        if (*at == '\0') {
            break;
        }
    }
    return ok;
}
