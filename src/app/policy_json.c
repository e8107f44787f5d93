#include "app/policy_json.h"

#include <string.h>

#include "app/app.h"
#include "app/paths.h"
#include "approval/approval.h"
#include "base/err.h"
#include "base/str.h"

static json_t *strings(const struct config_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->items[i]));
    }
    return array;
}

/* A rule's path as a line of an ignore file; false for one that leads out of the workspace. */
static bool append_pattern(struct str *out, const char *rule, const char *workspace)
{
    size_t length = strlen(workspace);
    while (str_starts_with(rule, "./") && rule[2] != '\0') {
        rule += 2;
    }
    if (rule[0] == '/') {
        if (strncmp(rule, workspace, length) != 0 || rule[length] != '/' ||
            rule[length + 1] == '\0') {
            return false;
        }
        rule += length;
    }
    str_append(out, rule[0] == '!' || rule[0] == '#' ? "\\" : "");
    str_append(out, strcmp(rule, ".") == 0 || strcmp(rule, "./") == 0 ? "*" : rule);
    return rule[strcspn(rule, "\n\r")] == '\0';
}

/* Paths that the user denied to a tool that reads: what goes through folders passes over them. */
static json_t *denied(const struct config *config, const char *workspace)
{
    static const char *const readers[] = {"read_file", "list_files", "search_files"};
    struct approval_rules rules;
    struct err err;
    json_t *array = json_array();
    approval_rules_init(&rules);
    app_read_rules(config, &rules, &err); /* a rule that makes no sense ends carat elsewhere */
    for (size_t i = 0; i < rules.count; i++) {
        const struct approval_rule *rule = &rules.items[i];
        bool reads = false;
        for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
            reads = reads || strcmp(rule->tool, readers[k]) == 0;
        }
        struct str pattern;
        str_init(&pattern);
        if (reads && rule->verdict == APPROVAL_DENY && rule->pattern != NULL &&
            append_pattern(&pattern, rule->pattern, workspace)) {
            json_array_append_new(array, json_string(pattern.data));
        }
        str_finish(&pattern);
    }
    approval_rules_finish(&rules);
    return array;
}

/* Which redirects http_fetch may follow: a rule that names addresses is compared with what is asked
 * for, so that what it can tell apart must be asked for by itself. */
static const char *redirects(const struct config *config)
{
    struct approval_rules rules;
    struct err err;
    bool hosts = false, addresses = false;
    approval_rules_init(&rules);
    app_read_rules(config, &rules, &err);
    for (size_t i = 0; i < rules.count; i++) {
        const struct approval_rule *rule = &rules.items[i];
        bool concerns = strcmp(rule->tool, "http_fetch") == 0 || strcmp(rule->tool, "*") == 0;
        if (concerns && rule->pattern != NULL && strcmp(rule->pattern, "*") != 0) {
            bool address = strstr(rule->pattern, "://") != NULL;
            addresses = addresses || address;
            hosts = hosts || !address;
        }
    }
    approval_rules_finish(&rules);
    return addresses ? "none" : hosts ? "place" : "all";
}

json_t *policy_json(const struct config *config, const struct paths *paths, const char *workspace)
{
    const char *sandbox = config_string(config, OPTION_SANDBOX);
    bool open = strcmp(sandbox, "danger-full-access") == 0;
    json_t *policy = json_object();
    json_object_set_new(policy, "workspace", json_string(workspace));
    json_object_set_new(policy, "writable", strings(config_list(config, OPTION_ADD_DIR)));
    json_object_set_new(policy, "readable", strings(config_list(config, OPTION_READABLE)));
    json_object_set_new(policy, "hidden", json_pack("[ss]", paths->data, paths->state));
    json_object_set_new(policy, "denied", denied(config, workspace));
    json_object_set_new(policy, "read_only", json_boolean(strcmp(sandbox, "read-only") == 0));
    json_object_set_new(policy, "hosts", strings(config_list(config, OPTION_HOSTS)));
    json_object_set_new(policy, "redirects", json_string(redirects(config)));
    json_object_set_new(policy, "network_hosts",
                        strings(config_list(config, OPTION_NETWORK_HOSTS)));
    json_object_set_new(policy, "limits",
                        json_pack("{sI}", "seconds", config_whole(config, OPTION_TOOL_SECONDS)));
    json_object_set_new(policy, "result_tokens",
                        json_integer(config_whole(config, OPTION_RESULT_TOKENS)));
    json_object_set_new(policy, "keep_whole", json_true());
    json_object_set_new(policy, "sandbox", json_string(open ? "danger-full-access" : "full"));
    return policy;
}

json_t *policy_json_server(const struct config *config, const struct paths *paths,
                           const char *workspace, const struct config_server *server)
{
    json_t *policy = policy_json(config, paths, workspace);
    json_t *readable = strings(&server->readable);
    json_array_extend(readable, json_object_get(policy, "readable"));
    json_object_set_new(policy, "readable", readable);
    if (!server->writable) {
        json_object_set_new(policy, "writable", json_array());
        json_object_set_new(policy, "read_only", json_true());
    }
    json_object_set_new(policy, "hosts", json_array());
    json_object_set_new(policy, "network_hosts", json_array());
    json_object_set_new(policy, "network", json_boolean(server->network));
    json_object_set_new(policy, "environment", strings(&server->environment));
    return policy;
}
