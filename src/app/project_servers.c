/* project_servers: reading, trusting, and turning into what the configuration has.
 *
 * ${NAME} and ${NAME:-other} in a value are taken from carat's environment, which the question
 * shows unexpanded.
 */
#include "app/project_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/visible.h"

enum { FILE_LIMIT = 256 * 1024, TRUST_LIMIT = 1024 * 1024 };

static const char file_name[] = ".mcp.json";

void project_servers_init(struct project_servers *project)
{
    *project = (struct project_servers){0};
    str_init(&project->text);
}

void project_servers_finish(struct project_servers *project)
{
    str_finish(&project->text);
    *project = (struct project_servers){0};
}

/* --- the file --- */

bool project_servers_read(struct project_servers *project, const char *workspace, struct err *err)
{
    int root = open(workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = root >= 0 ? openat(root, file_name,
                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                       : -1;
    int cause = errno;
    if (root >= 0) {
        close(root);
    }
    errno = cause;
    if (fd < 0 && errno == ELOOP) {
        return err_set(err, ERR_DENIED, "%s is a symbolic link", file_name);
    }
    if (fd < 0) {
        return errno == ENOENT || err_errno(err, ERR_IO, "opening %s", file_name);
    }
    bool ok = file_read_open(fd, file_name, FILE_LIMIT, &project->text, err);
    close(fd);
    if (ok) {
        unsigned char sum[HASH_BYTES];
        struct hash hash;
        hash_init(&hash);
        hash_add(&hash, project->text.data, project->text.length);
        hash_finish(&hash, sum);
        hash_hex(sum, project->hash);
        project->there = true;
    }
    return ok;
}

/* --- trust --- */

/* {"/path": {"hash": "...", "trusted": true}}; one that cannot be read trusts nothing. */
static json_t *read_trust(const char *trust_file)
{
    struct str text;
    str_init(&text);
    json_t *trust = file_read(trust_file, TRUST_LIMIT, &text, NULL)
                        ? json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL)
                        : NULL;
    str_finish(&text);
    if (!json_is_object(trust)) {
        json_decref(trust);
        trust = json_object();
    }
    return trust;
}

enum project_trust project_servers_trust(const struct project_servers *project,
                                         const char *trust_file, const char *workspace)
{
    json_t *trust = read_trust(trust_file);
    const json_t *entry = json_object_get(trust, workspace);
    const char *hash = json_string_value(json_object_get(entry, "hash"));
    enum project_trust said = PROJECT_UNKNOWN;
    if (hash != NULL && strcmp(hash, project->hash) == 0) {
        said = json_is_true(json_object_get(entry, "trusted")) ? PROJECT_TRUSTED : PROJECT_REFUSED;
    }
    json_decref(trust);
    return said;
}

bool project_servers_decide(const struct project_servers *project, const char *trust_file,
                            const char *workspace, bool yes, struct err *err)
{
    json_t *trust = read_trust(trust_file);
    char *folder = mem_strndup(trust_file, (size_t)(strrchr(trust_file, '/') - trust_file));
    json_object_set_new(trust, workspace,
                        json_pack("{s:s, s:b}", "hash", project->hash, "trusted", yes));
    char *dump = json_dumps(trust, JSON_INDENT(1) | JSON_SORT_KEYS);
    bool ok = dump != NULL && file_make_directories(folder, err) &&
              file_replace(trust_file, dump, strlen(dump), err);
    free(dump);
    mem_free(folder);
    json_decref(trust);
    return ok;
}

/* --- its servers --- */

static json_t *parse(const struct project_servers *project, struct err *err)
{
    json_error_t error;
    json_t *root =
        json_loadb(project->text.data, project->text.length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(json_object_get(root, "mcpServers"))) {
        err_set(err, ERR_FORMAT, "%s: %s", file_name,
                root == NULL ? error.text : "there is no object \"mcpServers\"");
        json_decref(root);
        return NULL;
    }
    return root;
}

/* At "${": the variable's value or what stands behind ":-". Returns the place behind the '}'. */
static const char *expand_variable(const char *text, struct str *out)
{
    const char *end = strchr(text, '}');
    if (end == NULL) {
        str_append(out, text);
        return text + strlen(text);
    }
    char *name = mem_strndup(text + 2, (size_t)(end - text - 2));
    char *other = strstr(name, ":-");
    if (other != NULL) {
        *other = '\0';
        other += 2;
    }
    const char *value = getenv(name);
    bool unset = value == NULL || (other != NULL && value[0] == '\0');
    str_append(out, !unset ? value : other != NULL ? other : "");
    mem_free(name);
    return end + 1;
}

static char *expand(const char *text)
{
    struct str out;
    str_init(&out);
    while (*text != '\0') {
        if (text[0] == '$' && text[1] == '{') {
            text = expand_variable(text, &out);
        } else {
            str_append_char(&out, *text++);
        }
    }
    return str_take(&out);
}

static bool plain_variable(const char *name)
{
    return name[0] != '\0' && (name[0] < '0' || name[0] > '9') &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] ==
               '\0';
}

/* Why an entry cannot be used; NULL = it can. */
static const char *unusable(const char *name, const json_t *entry)
{
    size_t i;
    json_t *value;
    const char *key;
    if (!config_server_name(name)) {
        return "its name is not of a-z, 0-9, - and single _ (24 at most)";
    }
    if (!json_is_string(json_object_get(entry, "command"))) {
        return "it has no command (servers behind a URL are not started)";
    }
    json_array_foreach(json_object_get(entry, "args"), i, value)
    {
        if (!json_is_string(value)) {
            return "an argument is no string";
        }
    }
    json_object_foreach(json_object_get(entry, "env"), key, value)
    {
        if (!json_is_string(value) || !plain_variable(key)) {
            return "a variable has no plain name or is no string";
        }
    }
    return NULL;
}

static void fill(struct config_server *server, const json_t *entry)
{
    size_t i;
    json_t *value;
    const char *key;
    server->of_project = true;
    server->command = expand(json_string_value(json_object_get(entry, "command")));
    json_array_foreach(json_object_get(entry, "args"), i, value)
    {
        char *text = expand(json_string_value(value));
        config_list_add(&server->arguments, text);
        mem_free(text);
    }
    json_object_foreach(json_object_get(entry, "env"), key, value)
    {
        char *text = expand(json_string_value(value));
        struct str variable;
        str_init(&variable);
        str_append_format(&variable, "%s=%s", key, text);
        config_list_add(&server->environment, variable.data);
        str_finish(&variable);
        mem_free(text);
    }
}

static void leave_out(struct config_list *left_out, const char *name, const char *why)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s: the server \"", file_name);
    visible_append(&text, name, strnlen(name, 64), VISIBLE_APPROVAL);
    str_append_format(&text, "\" is left out: %s", why);
    config_list_add(left_out, text.data);
    str_finish(&text);
}

bool project_servers_add(const struct project_servers *project, struct config_servers *servers,
                         struct config_list *left_out, struct err *err)
{
    json_t *root = parse(project, err), *entry;
    const char *name;
    json_object_foreach(json_object_get(root, "mcpServers"), name, entry)
    {
        const char *why = unusable(name, entry);
        struct config_server *server =
            why == NULL ? config_servers_get(servers, name, file_name) : NULL;
        if (server != NULL && server->command == NULL) {
            fill(server, entry);
        } else {
            leave_out(left_out, name,
                      why != NULL      ? why
                      : server == NULL ? "there are too many"
                                       : "your own configuration has one of this name");
        }
    }
    bool ok = root != NULL;
    json_decref(root);
    return ok;
}

/* Just "y" or "yes": a sentence that begins so was meant for something else. */
static bool says_yes(char *answer)
{
    answer[strcspn(answer, "\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

bool project_servers_ask(const struct project_servers *project, const char *workspace)
{
    struct str shown;
    char answer[16];
    str_init(&shown);
    visible_append(&shown, workspace, strlen(workspace), VISIBLE_APPROVAL);
    printf("This project wants to start MCP servers (%s in %s):\n\n", file_name, shown.data);
    str_clear(&shown);
    for (const char *line = project->text.data; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        str_append(&shown, "  | ");
        visible_append(&shown, line, length, VISIBLE_APPROVAL);
        str_append_char(&shown, '\n');
        line += length + (line[length] == '\n');
    }
    printf(
        "%s\nThey would run in the sandbox: they may read this folder, and neither write nor use "
        "the network\nunless [mcp.NAME] in your configuration lets them. ",
        shown.data);
    fflush(stdout);
    str_finish(&shown);
    tcflush(STDIN_FILENO, TCIFLUSH); /* what was typed before the question is no answer to it */
    printf("Trust this file as it is now? [y/N] ");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && says_yes(answer);
}
