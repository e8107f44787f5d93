#include "app/policy_json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/app.h"
#include "app/paths.h"
#include "approval/approval.h"
#include "approval/path_rule.h"
#include "approval/path_spelling.h"
#include "base/err.h"
#include "base/str.h"

/* A null, which carat-tool refuses, for what JSON cannot hold: left out it would be neither hidden
 * nor denied. The first one is told. */
static void append(json_t *array, const char *text, struct err *err)
{
    json_t *string = json_string(text);
    if (string == NULL && err->code == ERR_NONE) {
        err_set(err, ERR_UNSUPPORTED,
                "%s is not UTF-8, so that the sandbox cannot be told of it: give it another name",
                text);
    }
    json_array_append_new(array, string != NULL ? string : json_null());
}

static json_t *strings(const struct config_list *list, struct err *err)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        append(array, list->items[i], err);
    }
    return array;
}

/* Folders by the one name that the sandbox mounts them by. One that is not there keeps its name,
 * and is refused by it. */
static json_t *folders(const struct config_list *list, const char *workspace, struct err *err)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        char resolved[PATH_MAX];
        struct str path;
        str_init(&path);
        paths_resolve(list->items[i], workspace, &path);
        bool found = realpath(path.data, resolved) != NULL;
        append(array, found ? resolved : path.data, err);
        str_finish(&path);
    }
    return array;
}

static int is_configuration(const struct dirent *entry)
{
    return str_ends_with(entry->d_name, ".toml");
}

/* What lies elsewhere, behind a link, is configuration as much as what lies in the folder. */
static void append_links(json_t *array, const char *folder, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_configuration, alphasort);
    if (count < 0 && errno != ENOENT && err->code == ERR_NONE) {
        err_errno(err, ERR_IO, "reading %s, to hide what is carat's own", folder);
    }
    for (int i = 0; i < count; i++) {
        struct stat status;
        struct str path;
        str_init(&path);
        str_append_format(&path, "%s/%s", folder, entries[i]->d_name);
        if (lstat(path.data, &status) == 0 && S_ISLNK(status.st_mode)) {
            append(array, path.data, err);
        }
        str_finish(&path);
        free(entries[i]);
    }
    free(entries);
}

static void append_all(json_t *array, const char *const *paths, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (paths[i] != NULL) {
            append(array, paths[i], err);
        }
    }
}

/* What is carat's own: what it knows, what it was told to allow and to start, what it has read
 * before. */
static json_t *hidden(const struct paths *paths, struct err *err)
{
    const char *const own[] = {paths->data,          paths->state,           paths->config_file,
                               paths->config_folder, paths->profiles_folder, paths->cache,
                               paths->log_file};
    const char *const folders[] = {paths->config_folder, paths->profiles_folder};
    json_t *array = json_array();
    append_all(array, own, sizeof own / sizeof own[0], err);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (folders[i] != NULL) {
            append_links(array, folders[i], err);
        }
    }
    return array;
}

/* The user's own skills: tools read them, and later sessions are told of them. */
static json_t *kept(const struct paths *paths, struct err *err)
{
    const char *const skills[] = {paths->skills_folder, paths->shared_skills};
    json_t *array = json_array();
    append_all(array, skills, sizeof skills / sizeof skills[0], err);
    return array;
}

/* A rule's path as a line of an ignore file. One of another folder than the workspace begins with
 * two slashes: a line's first one only says where it holds, and paths beyond are whole. */
static bool append_pattern(struct str *out, const char *rule, const char *workspace)
{
    size_t length = strlen(workspace);
    if (rule[0] == '/' && path_rule_concerns(rule, workspace, length)) {
        str_append(out, "*"); /* it denies a folder around the workspace */
        return true;
    }
    while (str_starts_with(rule, "./") && rule[2] != '\0') {
        rule += 2;
    }
    if (rule[0] == '/') {
        bool inside = strncmp(rule, workspace, length) == 0 && rule[length] == '/';
        str_append(out, inside ? "" : "/");
        rule += inside ? length : 0;
    }
    str_append(out, rule[0] == '!' || rule[0] == '#' ? "\\" : "");
    str_append(out, strcmp(rule, ".") == 0 || strcmp(rule, "./") == 0 ? "*" : rule);
    return rule[strcspn(rule, "\n\r")] == '\0';
}

/* A path that is no pattern may be written with dots, which a line may not. */
static bool append_spelled(struct str *out, const char *rule, const char *workspace)
{
    struct str spelled;
    str_init(&spelled);
    if (path_rule_is_pattern(rule)) {
        str_append(&spelled, rule);
    } else {
        path_spelling_append(&spelled, rule, strlen(rule));
    }
    bool inside = append_pattern(out, spelled.length > 0 ? spelled.data : ".", workspace);
    str_finish(&spelled);
    return inside;
}

/* Paths that the user denied to a tool that reads: what goes through folders passes over them. */
static json_t *denied(const struct approval_rules *rules, const char *workspace, struct err *err)
{
    static const char *const readers[] = {"read_file", "list_files", "search_files", "*"};
    json_t *array = json_array();
    for (size_t i = 0; i < rules->count; i++) {
        const struct approval_rule *rule = &rules->items[i];
        bool reads = false;
        for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
            reads = reads || strcmp(rule->tool, readers[k]) == 0;
        }
        struct str pattern;
        str_init(&pattern);
        if (reads && rule->verdict == APPROVAL_DENY && rule->pattern != NULL &&
            append_spelled(&pattern, rule->pattern, workspace)) {
            append(array, pattern.data, err);
            const char *slash = strchr(pattern.data, '/');
            if (rule->pattern[0] != '/' && slash != NULL && slash[1] != '\0') {
                /* In another folder it is any path that ends so. */
                str_insert(&pattern, 0, "//**/", strlen("//**/"));
                append(array, pattern.data, err);
            }
        }
        str_finish(&pattern);
    }
    return array;
}

/* Which redirects http_fetch may follow: a rule that names addresses is compared with what is asked
 * for, so that what it can tell apart must be asked for by itself. */
static const char *redirects(const struct approval_rules *rules)
{
    bool hosts = false, addresses = false;
    for (size_t i = 0; i < rules->count; i++) {
        const struct approval_rule *rule = &rules->items[i];
        bool concerns = strcmp(rule->tool, "http_fetch") == 0 || strcmp(rule->tool, "*") == 0;
        if (concerns && rule->pattern != NULL && strcmp(rule->pattern, "*") != 0) {
            bool address = strstr(rule->pattern, "://") != NULL;
            addresses = addresses || address;
            hosts = hosts || !address;
        }
    }
    return addresses ? "none" : hosts ? "place" : "all";
}

/* What the rules say of reading and of addresses. */
static void add_rules(json_t *policy, const struct config *config, const struct paths *paths,
                      const char *workspace, struct err *err)
{
    struct approval_rules rules;
    struct err ignored;
    approval_rules_init(&rules);
    rules.workspace = workspace;
    rules.home = paths->home;
    app_read_rules(config, &rules, &ignored); /* a rule that makes no sense ends carat elsewhere */
    json_object_set_new(policy, "denied", denied(&rules, workspace, err));
    json_object_set_new(policy, "redirects", json_string(redirects(&rules)));
    approval_rules_finish(&rules);
}

/* The policy, whatever is in it. */
static json_t *make(const struct config *config, const struct paths *paths, const char *workspace,
                    struct err *err)
{
    const char *sandbox = config_string(config, OPTION_SANDBOX);
    bool open = strcmp(sandbox, "danger-full-access") == 0;
    json_t *policy = json_object();
    json_object_set_new(policy, "workspace", json_string(workspace));
    json_object_set_new(policy, "writable",
                        folders(config_list(config, OPTION_ADD_DIR), workspace, err));
    json_object_set_new(policy, "readable",
                        folders(config_list(config, OPTION_READABLE), workspace, err));
    json_object_set_new(policy, "hidden", hidden(paths, err));
    json_object_set_new(policy, "kept", kept(paths, err));
    add_rules(policy, config, paths, workspace, err);
    json_object_set_new(policy, "read_only", json_boolean(strcmp(sandbox, "read-only") == 0));
    json_object_set_new(policy, "hosts", strings(config_list(config, OPTION_HOSTS), err));
    json_object_set_new(policy, "network_hosts",
                        strings(config_list(config, OPTION_NETWORK_HOSTS), err));
    json_object_set_new(policy, "limits",
                        json_pack("{sI, sI, sI}", "seconds",
                                  config_whole(config, OPTION_TOOL_SECONDS), "memory_bytes",
                                  config_whole(config, OPTION_TOOL_MEGABYTES) * 1024 * 1024,
                                  "processes", config_whole(config, OPTION_TOOL_PROCESSES)));
    json_object_set_new(policy, "result_tokens",
                        json_integer(config_whole(config, OPTION_RESULT_TOKENS)));
    json_object_set_new(policy, "keep_whole", json_true());
    json_object_set_new(policy, "sandbox", json_string(open ? "danger-full-access" : "full"));
    return policy;
}

json_t *policy_json(const struct config *config, const struct paths *paths, const char *workspace,
                    struct err *err)
{
    struct err told = {.code = ERR_NONE};
    json_t *policy = make(config, paths, workspace, &told);
    if (told.code != ERR_NONE) {
        *err = told;
        json_decref(policy);
        policy = NULL;
    }
    return policy;
}

json_t *policy_json_server(const struct config *config, const struct paths *paths,
                           const char *workspace, const struct config_server *server)
{
    struct err told = {.code = ERR_NONE}; /* by carat-tool, when it is started */
    json_t *policy = make(config, paths, workspace, &told);
    json_t *readable = folders(&server->readable, workspace, &told);
    json_array_extend(readable, json_object_get(policy, "readable"));
    json_object_set_new(policy, "readable", readable);
    if (!server->writable) {
        json_object_set_new(policy, "writable", json_array());
        json_object_set_new(policy, "read_only", json_true());
    }
    json_object_set_new(policy, "hosts", json_array());
    json_object_set_new(policy, "network_hosts", json_array());
    json_object_set_new(policy, "network", json_boolean(server->network));
    json_object_set_new(policy, "environment", strings(&server->environment, &told));
    return policy;
}
