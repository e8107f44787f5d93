#include "app/policy_json.h"

#include <string.h>

#include "app/paths.h"

static json_t *strings(const struct config_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->items[i]));
    }
    return array;
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
    json_object_set_new(policy, "read_only", json_boolean(strcmp(sandbox, "read-only") == 0));
    json_object_set_new(policy, "hosts", strings(config_list(config, OPTION_HOSTS)));
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
