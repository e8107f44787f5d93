#include "command/command_sandbox.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/toolproc.h"
#include "app/app.h"
#include "app/policy_json.h"
#include "approval/command_network.h"
#include "approval/toolset.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "command/command_debug.h"

static enum exit_code complain(const char *text, enum exit_code code)
{
    fprintf(stderr, "carat: %s\n", text);
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
    enum exit_code code = become_tool(config, &paths, workspace);
    paths_finish(&paths);
    return code;
}

/* --- policy --- */

/* "TOOL" or "TOOL(ARGUMENT)" as a call: the argument goes to what rules look at. */
static json_t *read_call(const char *expression, struct str *tool)
{
    const char *open = strchr(expression, '(');
    size_t length = strlen(expression);
    bool has_argument = open != NULL && expression[length - 1] == ')';
    str_append_bytes(tool, expression, has_argument ? (size_t)(open - expression) : length);
    const struct toolset_tool *known = toolset_find(tool->data);
    json_t *arguments = json_object();
    if (has_argument && known != NULL && known->subject != NULL) {
        size_t start = (size_t)(open + 1 - expression);
        json_object_set_new(arguments, known->subject, json_stringn(open + 1, length - start - 1));
    }
    return arguments;
}

enum exit_code command_policy(struct config *config)
{
    static const char *const words[] = {
        [APPROVAL_ALLOW] = "runs", [APPROVAL_ASK_USER] = "asks", [APPROVAL_DENY] = "is refused"};
    struct approval_rules rules;
    struct err err;
    if (config->words.count != 3 || strcmp(config->words.items[1], "why") != 0) {
        return complain("say carat policy why \"TOOL(ARGUMENT)\"", EXIT_CODE_USAGE);
    }
    struct paths paths;
    char workspace[PATH_MAX];
    if (!find_workspace(config, &paths, workspace)) {
        return complain("the directory cannot be found", EXIT_CODE_USAGE);
    }
    approval_rules_init(&rules);
    rules.workspace = workspace;
    rules.home = paths.home;
    if (!app_read_rules(config, &rules, &err)) {
        approval_rules_finish(&rules);
        paths_finish(&paths);
        return complain(err.text, EXIT_CODE_USAGE);
    }
    struct str tool, why;
    str_init(&tool);
    str_init(&why);
    json_t *arguments = read_call(config->words.items[2], &tool);
    struct approval_session *session = approval_session_create();
    static const bool headless[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        str_clear(&why);
        enum approval_verdict verdict = approval_decide(
            &rules, session, app_mode(config, headless[i]), tool.data, arguments, &why);
        printf("%-14s %s (%s)\n", headless[i] ? "in exec" : "on a terminal", words[verdict],
               why.data);
    }
    const char *command = json_string_value(json_object_get(arguments, "command"));
    str_clear(&why);
    if (strcmp(tool.data, "shell") == 0 && command != NULL) {
        const struct config_list *open = config_list(config, OPTION_NETWORK_HOSTS);
        struct str shown;
        bool offered = command_network_hosts(command, &why) > 0;
        str_init(&shown);
        command_network_describe(offered ? why.data : "", &shown);
        printf("%-14s %s%s%s\n", "network", open->count > 0 ? "what tools.network names" : "none",
               offered ? "; where it is asked about, w opens for it just " : "",
               offered ? shown.data : "");
        str_finish(&shown);
    }
    if (strcmp(tool.data, "http_fetch") == 0) {
        bool any = config_list(config, OPTION_HOSTS)->count > 0;
        printf("%-14s %s\n", "hosts",
               any ? "what tools.hosts names, each redirect too" : "none: tools.hosts names none");
    }
    approval_session_destroy(session);
    json_decref(arguments);
    str_finish(&tool);
    str_finish(&why);
    approval_rules_finish(&rules);
    paths_finish(&paths);
    return EXIT_CODE_OK;
}
