#include "command/command_sandbox.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/hooks.h"
#include "app/app.h"
#include "app/notice.h"
#include "app/policy_json.h"
#include "approval/command_network.h"
#include "approval/toolset.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "command/command_debug.h"

static enum exit_code complain(const char *text, enum exit_code code)
{
    notice_print(text);
    return code;
}

/* --- sandbox --- */

/* The policy as a descriptor that survives exec; -1 on failure. */
static int policy_descriptor(const json_t *policy)
{
    char *text = json_dumps(policy, JSON_COMPACT);
    int fd = text != NULL ? memfd_create("carat-policy", 0) : -1;
    size_t length = text != NULL ? strlen(text) : 0;
    bool ok = fd >= 0 && file_write_all(fd, text, length) && lseek(fd, 0, SEEK_SET) == 0;
    mem_free(text);
    if (!ok && fd >= 0) {
        close(fd);
    }
    return ok ? fd : -1;
}

/* Becomes carat-tool; returns only on failure. */
static enum exit_code become_tool(const struct config *config, const struct paths *paths,
                                  const char *workspace)
{
    struct err err;
    json_t *policy = policy_json(config, paths, workspace, &err);
    if (policy == NULL) {
        return complain(err.text, EXIT_CODE_USAGE);
    }
    int fd = policy_descriptor(policy);
    json_decref(policy);
    if (fd < 0) {
        return complain("the policy could not be handed on", EXIT_CODE_FAILURE);
    }
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    char *fixed[] = {"carat-tool", "--workspace", (char *)workspace, "--policy-fd", number, "--run",
                     "--",         "shell"};
    enum { FIXED = sizeof fixed / sizeof fixed[0] };
    size_t count = config->words.count - 1;
    char **words = mem_zero(FIXED + count + 1, sizeof *words);
    memcpy(words, fixed, sizeof fixed);
    memcpy(words + FIXED, config->words.items + 1, count * sizeof *words);
    execv(paths->tool_program, words);
    mem_free(words);
    return complain("carat-tool could not be started", EXIT_CODE_FAILURE);
}

static bool find_workspace(const struct config *config, struct paths *paths,
                           char workspace[PATH_MAX])
{
    struct err err;
    const char *wanted = config_string(config, OPTION_CD);
    return realpath(wanted != NULL ? wanted : ".", workspace) != NULL && paths_find(paths, &err);
}

enum exit_code command_sandbox(struct config *config)
{
    struct paths paths;
    char workspace[PATH_MAX];
    if (config->words.count < 2) {
        return complain("say carat sandbox status, or carat sandbox -- CMD ...", EXIT_CODE_USAGE);
    }
    bool is_program = config->words_before == 1; /* behind a "--" */
    if (config->words.count == 2 && !is_program && strcmp(config->words.items[1], "status") == 0) {
        return command_sandbox_status(config);
    }
    if (!find_workspace(config, &paths, workspace)) {
        return complain("the directory cannot be found", EXIT_CODE_USAGE);
    }
    notice_print_all(&config->notices);
    enum exit_code code = become_tool(config, &paths, workspace);
    paths_finish(&paths);
    return code;
}

/* --- policy --- */

/* One line of the answer: what it quotes of rules, which a project's file may add to, and of the
 * call is spelled out. */
static void tell(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const char *what, const char *format, ...)
{
    struct str text, shown;
    va_list arguments;
    str_init(&text);
    str_init(&shown);
    va_start(arguments, format);
    str_append_arguments(&text, format, arguments);
    va_end(arguments);
    visible_append(&shown, text.data, text.length, VISIBLE_APPROVAL);
    printf("%-14s %s\n", what, shown.data);
    str_finish(&shown);
    str_finish(&text);
}

/* "TOOL" or "TOOL(ARGUMENT)" as a call: the argument goes to what rules look at. NULL: it is none,
 * and what would be said of another call would mislead. */
static json_t *read_call(const char *expression, struct str *tool, struct err *err)
{
    const char *open = strchr(expression, '(');
    size_t length = strlen(expression);
    bool closed = length > 0 && expression[length - 1] == ')';
    str_append_bytes(tool, expression, open != NULL ? (size_t)(open - expression) : length);
    if (closed != (open != NULL) || tool->length == 0) {
        err_set(err, ERR_ARGUMENT, "\"%.200s\" is not TOOL, and not TOOL(ARGUMENT)", expression);
        return NULL;
    }
    const struct toolset_tool *known = toolset_find(tool->data);
    bool looked_at = known != NULL && known->subject != NULL;
    if (open != NULL && !looked_at && (known != NULL || approval_is_foreign(tool->data))) {
        err_set(err, ERR_ARGUMENT, "rules look at no argument of %.200s: say it without one",
                tool->data);
        return NULL;
    }
    json_t *arguments = json_object();
    if (open != NULL && looked_at) {
        size_t start = (size_t)(open + 1 - expression);
        json_t *argument = json_stringn(open + 1, length - start - 1);
        if (argument == NULL) {
            err_set(err, ERR_ARGUMENT, "the argument is not UTF-8, and no call's is anything else");
            json_decref(arguments);
            return NULL;
        }
        json_object_set_new(arguments, known->subject, argument);
    }
    return arguments;
}

static bool sandbox_is(const struct config *config, const char *kind)
{
    return strcmp(config_string(config, OPTION_SANDBOX), kind) == 0;
}

/* What stands against the call before any rule is asked; NULL = nothing. */
static const char *obstacle(const struct config *config, const char *tool)
{
    const struct toolset_tool *known = toolset_find(tool);
    bool files = known != NULL && strcmp(known->family, "files") == 0;
    return !config_boolean(config, OPTION_TOOLS) ? "the model has no tools: agent.tools"
           : files && !known->read_only && sandbox_is(config, "read-only")
               ? "this session may only read: the sandbox read-only"
               : NULL;
}

static void tell_verdicts(const struct config *config, const struct approval_rules *rules,
                          const char *tool, const json_t *arguments)
{
    static const char *const words[] = {
        [APPROVAL_ALLOW] = "runs", [APPROVAL_ASK_USER] = "asks", [APPROVAL_DENY] = "is refused"};
    static const bool headless[] = {false, true};
    struct approval_session *session = approval_session_create();
    for (size_t i = 0; i < 2; i++) {
        struct str why;
        str_init(&why);
        const char *stands = obstacle(config, tool);
        enum approval_verdict verdict =
            approval_decide(rules, session, app_mode(config, headless[i]), tool, arguments, &why);
        if (verdict != APPROVAL_DENY && stands != NULL) {
            verdict = APPROVAL_DENY;
            str_clear(&why);
            str_append(&why, stands);
        }
        tell(headless[i] ? "in exec" : "on a terminal", "%s (%s)", words[verdict], why.data);
        str_finish(&why);
    }
    approval_session_destroy(session);
}

static void tell_sandbox(const struct config *config, const char *tool)
{
    const struct toolset_tool *known = toolset_find(tool);
    bool own = known != NULL && strcmp(known->family, "agent") == 0;
    tell("sandbox", "%s",
         own                                        ? "none: carat does this itself"
         : sandbox_is(config, "danger-full-access") ? "none: danger-full-access, all your rights"
         : approval_is_foreign(tool)                ? "its server's: what [mcp.NAME] opens"
         : sandbox_is(config, "read-only")          ? "read-only: nothing of yours is written"
                                                    : "workspace-write");
}

/* What a shell command may reach, and what its question would offer. */
static void tell_network(const struct config *config, const char *command)
{
    struct str hosts, shown;
    str_init(&hosts);
    str_init(&shown);
    bool offline = config_boolean(config, OPTION_OFFLINE);
    bool open = sandbox_is(config, "danger-full-access");
    bool offered = !offline && !open && command_network_hosts(command, &hosts) > 0;
    command_network_describe(offered ? hosts.data : "", &shown);
    tell("network", "%s%s%s",
         open                                                   ? "all of it: there is no sandbox"
         : offline                                              ? "none: --offline"
         : config_list(config, OPTION_NETWORK_HOSTS)->count > 0 ? "what tools.network names"
                                                                : "none",
         offered ? "; where it is asked about, w opens for it just " : "", shown.data);
    str_finish(&shown);
    str_finish(&hosts);
}

static void tell_hosts(const struct config *config)
{
    bool any = config_list(config, OPTION_HOSTS)->count > 0;
    tell("hosts", "%s",
         any                                      ? "what tools.hosts names, each redirect too"
         : config_boolean(config, OPTION_OFFLINE) ? "none: --offline"
                                                  : "none: tools.hosts names none");
}

static void tell_hooks(const struct config *config, const char *tool)
{
    for (size_t i = 0; i < config->hooks.count; i++) {
        const struct config_hook *hook = &config->hooks.items[i];
        if (hooks_concern(hook, hook->after, tool)) {
            tell(hook->after ? "hook after" : "hook before", "%s (%s)%s", hook->command,
                 hook->origin, hook->after ? "" : ", which may deny");
        }
    }
}

static void tell_call(const struct config *config, const struct approval_rules *rules,
                      const char *tool, const json_t *arguments)
{
    const char *command = json_string_value(json_object_get(arguments, "command"));
    tell_verdicts(config, rules, tool, arguments);
    tell_sandbox(config, tool);
    if (strcmp(tool, "shell") == 0 && command != NULL) {
        tell_network(config, command);
    }
    if (strcmp(tool, "http_fetch") == 0) {
        tell_hosts(config);
    }
    tell_hooks(config, tool);
}

enum exit_code command_policy(struct config *config)
{
    struct approval_rules rules;
    struct err err;
    struct paths paths;
    char workspace[PATH_MAX];
    if (config->words.count != 3 || strcmp(config->words.items[1], "why") != 0) {
        return complain("say carat policy why \"TOOL(ARGUMENT)\"", EXIT_CODE_USAGE);
    }
    if (!find_workspace(config, &paths, workspace)) {
        return complain("the directory cannot be found", EXIT_CODE_USAGE);
    }
    struct str tool;
    str_init(&tool);
    approval_rules_init(&rules);
    rules.workspace = workspace;
    rules.home = paths.home;
    notice_print_all(&config->notices);
    json_t *arguments = read_call(config->words.items[2], &tool, &err);
    bool ok = arguments != NULL && hooks_check(&config->hooks, &err) &&
              app_read_rules(config, &rules, &err);
    if (ok) {
        tell_call(config, &rules, tool.data, arguments);
    }
    json_decref(arguments);
    str_finish(&tool);
    approval_rules_finish(&rules);
    paths_finish(&paths);
    return ok ? EXIT_CODE_OK : complain(err.text, EXIT_CODE_USAGE);
}
