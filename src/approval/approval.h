/* approval: may this call run? A pure decision from rules that only the user gives.
 *
 * Looks at the tool, its annotations, its arguments and the mode; never at what the model or a file
 * says about them. What is approved is a frozen copy of name and arguments: that object is what
 * runs.
 */
#ifndef CARAT_APPROVAL_APPROVAL_H
#define CARAT_APPROVAL_APPROVAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

enum approval_mode {
    APPROVAL_READ_ONLY, /* reading tools run; everything else is refused */
    APPROVAL_ASK,       /* reading tools run; the rest asks */
    APPROVAL_AUTO_EDIT, /* reading and file-changing tools run; the rest asks */
    APPROVAL_FULL,      /* everything runs, inside the sandbox */
};

enum approval_verdict { APPROVAL_ALLOW, APPROVAL_ASK_USER, APPROVAL_DENY };

enum approval_answer {
    APPROVAL_YES,                 /* this call */
    APPROVAL_YES_SESSION,         /* this exact call (tool and arguments) until carat ends */
    APPROVAL_YES_ALWAYS,          /* the same, and a rule of the user's says it from now on */
    APPROVAL_YES_NETWORK,         /* this call, with the hosts that its question named */
    APPROVAL_YES_NETWORK_SESSION, /* this exact call, with them, until carat ends */
    APPROVAL_NO,
};

/* One line of the user's configuration: "shell(git status)" = "allow". */
struct approval_rule {
    char *tool;    /* exact name, "*", or of foreign ones "mcp__SERVER", "mcp__SERVER__*" */
    char *pattern; /* argument text (files: a path or a pattern of paths, path_rule.h; http: a URL
                      or a host, url_rule.h; shell: the command, and each simple command that
                      fits it, shell_rule.h), or NULL = any */
    enum approval_verdict verdict;
};

struct approval_rules {
    struct approval_rule *items;
    size_t count, capacity;
    /* Where relative paths of calls begin, and what "~/" in a path's rule stands for; borrowed, to
     * be set before rules are added. NULL: such a path is compared as it is, such a rule refused.
     */
    const char *workspace, *home;
};

void approval_rules_init(struct approval_rules *rules);
void approval_rules_finish(struct approval_rules *rules);
/* "TOOL" or "TOOL(PATTERN)". ERR_ARGUMENT for a rule that could fit no call. */
bool approval_rules_add(struct approval_rules *rules, const char *expression,
                        enum approval_verdict verdict, struct err *err);

/* Whether an allowing rule speaks of the call, all of a shell's commands included; modes and other
 * rules are not asked. */
bool approval_rules_allow(const struct approval_rules *rules, const char *tool,
                          const json_t *arguments);

/* Exact calls that the user allowed for this session. */
struct approval_session;
struct approval_session *approval_session_create(void);
void approval_session_destroy(struct approval_session *session);
void approval_session_allow(struct approval_session *session, const char *tool,
                            const json_t *arguments);
/* The same for the network of such a call; and whether it was allowed. */
void approval_session_open(struct approval_session *session, const json_t *arguments);
bool approval_session_opens(const struct approval_session *session, const json_t *arguments);

/* "mcp__SERVER__TOOL": a tool of a foreign server. */
bool approval_is_foreign(const char *tool);

/* The verdict, and in `why` (may be NULL) which rule or mode gave it. A deny rule wins over
 * everything, then read-only mode over what changes things, then the session, then ask and allow
 * rules (for the shell each simple command counts; else first match), then the mode. A file from
 * which programs start code is asked for also in auto-edit. */
enum approval_verdict approval_decide(const struct approval_rules *rules,
                                      const struct approval_session *session,
                                      enum approval_mode mode, const char *tool,
                                      const json_t *arguments, struct str *why);

/* The rule that would allow just this call from now on: "shell(git status)". False, and nothing
 * appended, for a call that no rule can name: the text has control characters, would as a rule be
 * a pattern ("rm *") or another path ("~/x"), or an address is given something (POST). */
bool approval_rule_for(const char *tool, const json_t *arguments, struct str *out);

/* What the call would do, in full, with every deceptive character spelled out (visible.h). */
void approval_describe(const char *tool, const json_t *arguments, struct str *out);

const char *approval_mode_name(enum approval_mode mode);
bool approval_mode_parse(const char *name, enum approval_mode *mode);

#endif
