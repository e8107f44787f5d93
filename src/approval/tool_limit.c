#include "approval/tool_limit.h"

#include <string.h>

#include "approval/approval.h"
#include "approval/tool_names.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"

struct tool_limit {
    char *skill;
    struct str named; /* the list as words */
    struct approval_rules rules;
};

static void add(struct tool_limit *limit, const char *tool)
{
    struct str rule;
    str_init(&rule);
    tool_names_append(&rule, tool);
    str_append(&limit->named, limit->named.length > 0 ? ", " : "");
    visible_append(&limit->named, rule.data, rule.length, VISIBLE_APPROVAL);
    /* What is no rule allows nothing, which is what an unknown name should do. */
    approval_rules_add(&limit->rules, rule.data, APPROVAL_ALLOW, NULL);
    str_finish(&rule);
}

struct tool_limit *tool_limit_create(const char *skill, char *const *tools, size_t count)
{
    struct tool_limit *limit = mem_zero(1, sizeof *limit);
    limit->skill = mem_strdup(skill);
    str_init(&limit->named);
    approval_rules_init(&limit->rules);
    for (size_t i = 0; i < count; i++) {
        add(limit, tools[i]);
    }
    return limit;
}

void tool_limit_destroy(struct tool_limit *limit)
{
    if (limit != NULL) {
        approval_rules_finish(&limit->rules);
        str_finish(&limit->named);
        mem_free(limit->skill);
        mem_free(limit);
    }
}

bool tool_limit_allows(const struct tool_limit *limit, const char *tool, const json_t *arguments,
                       struct str *why)
{
    /* more_output reads on in a result that was allowed. */
    if (limit == NULL || strcmp(tool, "more_output") == 0 ||
        approval_rules_allow(&limit->rules, tool, arguments)) {
        return true;
    }
    if (why != NULL) {
        str_append_format(why, "the skill %s allows %s", limit->skill,
                          limit->named.length > 0 ? "only " : "no tools");
        str_append(why, limit->named.data);
    }
    return false;
}
