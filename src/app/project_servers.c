/* project_servers: reading, trusting, and turning into what the configuration has.
 *
 * ${NAME} and ${NAME:-other} in a value are taken from carat's environment, which the question
 * shows unexpanded. The question shows the file and then, because a file can be long and spell its
 * letters as \u0073, what would be started.
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
#include "base/utf8.h"
#include "base/visible.h"

enum { FILE_LIMIT = 256 * 1024, TRUST_LIMIT = 1024 * 1024 };
/* Of what would be started, in the question: so that all of it stands above that on one screen. */
enum { COMMANDS_BYTES = 1200, COMMAND_LEAST = 100 };

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

/* At "${": the variable's value or what stands behind ":-"; else its name goes to `missing`.
 * Returns the place behind the '}'. */
static const char *expand_variable(const char *text, struct str *out, struct str *missing)
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
    if (value != NULL && (other == NULL || value[0] != '\0')) {
        str_append(out, value);
    } else if (other != NULL) {
        str_append(out, other);
    } else if (missing->length == 0) {
        visible_append(missing, name, strnlen(name, 64), VISIBLE_APPROVAL);
    }
    mem_free(name);
    return end + 1;
}

static char *expand(const char *text, struct str *missing)
{
    struct str out;
    str_init(&out);
    while (*text != '\0') {
        if (text[0] == '$' && text[1] == '{') {
            text = expand_variable(text, &out, missing);
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

static bool is_absent_or(const json_t *value, bool right)
{
    return value == NULL || right;
}

/* Why an entry cannot be used by its form; NULL = it can. */
static const char *wrong_form(const char *name, const json_t *entry)
{
    const json_t *arguments = json_object_get(entry, "args"), *env = json_object_get(entry, "env");
    const json_t *disabled = json_object_get(entry, "disabled");
    const json_t *enabled = json_object_get(entry, "enabled");
    const char *command = json_string_value(json_object_get(entry, "command"));
    const char *type = json_string_value(json_object_get(entry, "type")), *key;
    size_t i;
    json_t *value;
    if (!config_server_name(name)) {
        return "its name is not of a-z, 0-9, - and single _ (24 at most)";
    }
    if (command == NULL || command[0] == '\0') {
        return "it has no command (servers behind a URL are not started)";
    }
    if (!is_absent_or(json_object_get(entry, "type"), type != NULL && strcmp(type, "stdio") == 0)) {
        return "its \"type\" is not \"stdio\"";
    }
    if (!is_absent_or(disabled, json_is_boolean(disabled)) ||
        !is_absent_or(enabled, json_is_boolean(enabled))) {
        return "its \"disabled\" or \"enabled\" is neither true nor false";
    }
    if (!is_absent_or(arguments, json_is_array(arguments)) ||
        !is_absent_or(env, json_is_object(env))) {
        return arguments != NULL && !json_is_array(arguments)
                   ? "its \"args\" are no list of strings"
                   : "its \"env\" is no object {\"NAME\": \"VALUE\"}";
    }
    json_array_foreach(arguments, i, value)
    {
        if (!json_is_string(value)) {
            return "an argument is no string";
        }
    }
    json_object_foreach((json_t *)env, key, value)
    {
        if (!json_is_string(value) || !plain_variable(key)) {
            return "a variable has no plain name or is no string";
        }
    }
    return NULL;
}

/* What the file itself switches off is not there. */
static bool is_off(const json_t *entry)
{
    return json_is_true(json_object_get(entry, "disabled")) ||
           json_is_false(json_object_get(entry, "enabled"));
}

/* The first variable without a value goes to `missing`. */
static void fill(struct config_server *server, const json_t *entry, struct str *missing)
{
    size_t i;
    json_t *value;
    const char *key;
    server->of_project = true;
    mem_free(server->command);
    server->command = expand(json_string_value(json_object_get(entry, "command")), missing);
    json_array_foreach(json_object_get(entry, "args"), i, value)
    {
        char *text = expand(json_string_value(value), missing);
        config_list_add(&server->arguments, text);
        mem_free(text);
    }
    json_object_foreach(json_object_get(entry, "env"), key, value)
    {
        char *text = expand(json_string_value(value), missing);
        struct str variable;
        str_init(&variable);
        str_append_format(&variable, "%s=%s", key, text);
        config_list_add(&server->environment, variable.data);
        str_finish(&variable);
        mem_free(text);
    }
}

/* Whether a variable has no value, and which. */
static bool lacks_variable(const json_t *entry, struct str *why)
{
    struct config_server tried = {0};
    struct str missing;
    str_init(&missing);
    fill(&tried, entry, &missing);
    if (missing.length > 0) {
        str_append_format(why,
                          "the variable %s is not set (${%s:-...} would say what stands for it)",
                          missing.data, missing.data);
    }
    mem_free(tried.command);
    config_list_finish(&tried.arguments);
    config_list_finish(&tried.environment);
    bool lacks = missing.length > 0;
    str_finish(&missing);
    return lacks;
}

/* `what` stands behind the server's name. */
static void say(struct config_list *notices, const char *name, const char *what, const char *more)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s: the server \"", file_name);
    visible_append(&text, name, strnlen(name, 64), VISIBLE_APPROVAL);
    str_append_format(&text, "\" %s", what);
    visible_append(&text, more, strnlen(more, 200), VISIBLE_APPROVAL);
    config_list_add(notices, text.data);
    str_finish(&text);
}

/* A key that carat does not know may be one that its writer relies on. */
static void say_unused(struct config_list *notices, const char *name, const json_t *entry)
{
    static const char *const used[] = {"command", "args", "env", "type", "disabled", "enabled"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)entry, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
            known = known || strcmp(key, used[i]) == 0;
        }
        if (!known) {
            say(notices, name, "is started without what this key says: ", key);
        }
    }
}

static void add_server(struct config_servers *servers, const char *name, const json_t *entry,
                       struct config_list *notices)
{
    struct str why;
    str_init(&why);
    const char *wrong = wrong_form(name, entry);
    if (wrong != NULL) {
        str_append(&why, wrong);
    } else if (is_off(entry)) {
        str_finish(&why);
        return;
    } else if (!lacks_variable(entry, &why)) {
        struct config_server *server = config_servers_get(servers, name, file_name);
        if (server != NULL && server->command == NULL) {
            struct str missing;
            str_init(&missing);
            fill(server, entry, &missing);
            str_finish(&missing);
            say_unused(notices, name, entry);
        } else {
            str_append(&why, server == NULL ? "there are too many"
                                            : "your own configuration has one of this name");
        }
    }
    if (why.length > 0) {
        say(notices, name, "is left out: ", why.data);
    }
    str_finish(&why);
}

bool project_servers_add(const struct project_servers *project, struct config_servers *servers,
                         struct config_list *left_out, struct err *err)
{
    json_t *root = parse(project, err), *entry;
    const char *name;
    json_object_foreach(json_object_get(root, "mcpServers"), name, entry)
    {
        add_server(servers, name, entry, left_out);
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

static void append_list(struct str *out, const char *heading, const struct config_list *list,
                        char end)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        const char *stop = end != '\0' ? strchr(item, end) : NULL;
        str_append(out, i == 0 ? heading : ", ");
        visible_append(out, item, stop != NULL ? (size_t)(stop - item) : strlen(item),
                       VISIBLE_APPROVAL);
    }
}

/* What the user's own [mcp.NAME] lets a server of the file do, whichever server that now is. */
static void append_grants(struct str *out, const struct config_server *own)
{
    str_append_format(out, "[mcp.%s] in your configuration: ", own->name);
    if (own->off) {
        str_append(out, "it is not started\n");
        return;
    }
    if (own->command != NULL) {
        str_append(out, "yours is started in place of the file's\n");
        return;
    }
    size_t before = out->length;
    str_append(out, own->network ? "; it may use the network, all of it" : "");
    str_append(out, own->writable ? "; it may write in this folder" : "");
    append_list(out, "; it may read ", &own->readable, '\0');
    append_list(out, "; it is given the variables ", &own->environment, '=');
    append_list(out, "; only these of its tools: ", &own->tools, '\0');
    if (out->length > before) {
        str_remove(out, before, 2);
    } else {
        str_append(out, "no more than the others");
    }
    str_append_char(out, '\n');
}

static void append_all_grants(struct str *out, const struct project_servers *project,
                              const struct config_servers *own)
{
    json_t *root = parse(project, NULL), *entry;
    const char *name;
    json_object_foreach(json_object_get(root, "mcpServers"), name, entry)
    {
        for (size_t i = 0; i < own->count; i++) {
            if (strcmp(own->items[i].name, name) == 0) {
                append_grants(out, &own->items[i]);
            }
        }
    }
    json_decref(root);
}

/* --- what would be started --- */

/* In quotes, unless it is clear without where it begins and ends. */
static void append_word(struct str *out, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-+./:=@%,${}";
    struct str quoted;
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        str_append(out, word);
        return;
    }
    str_init(&quoted);
    str_append_char(&quoted, '"');
    for (; *word != '\0'; word++) {
        str_append(&quoted, *word == '"' || *word == '\\' ? "\\" : "");
        str_append_char(&quoted, *word);
    }
    str_append_char(&quoted, '"');
    visible_append(out, quoted.data, quoted.length, VISIBLE_APPROVAL);
    str_finish(&quoted);
}

/* `limit` is of the line's bytes. */
static void append_command(struct str *out, const char *name, const json_t *entry, size_t limit)
{
    struct str line;
    const char *key;
    json_t *value;
    size_t i;
    str_init(&line);
    str_append_format(&line, "%s: ", name);
    json_object_foreach(json_object_get(entry, "env"), key, value)
    {
        str_append_format(&line, "%s=", key);
        append_word(&line, json_string_value(value));
        str_append_char(&line, ' ');
    }
    append_word(&line, json_string_value(json_object_get(entry, "command")));
    json_array_foreach(json_object_get(entry, "args"), i, value)
    {
        str_append_char(&line, ' ');
        append_word(&line, json_string_value(value));
    }
    size_t length = line.length > limit ? utf8_complete_length(line.data, limit) : line.length;
    str_append(out, "  ");
    str_append_bytes(out, line.data, length);
    if (length < line.length) {
        str_append_format(out, " [... %zu more bytes]", line.length - length);
    }
    str_append_char(out, '\n');
    str_finish(&line);
}

/* What there is when the file's servers come to the user's own. */
static void try_servers(struct config_servers *tried, const struct project_servers *project,
                        const struct config_servers *own)
{
    struct config_list left_out = {0};
    for (size_t i = 0; i < own->count; i++) {
        struct config_server *server = config_servers_get(tried, own->items[i].name, "");
        const char *command = own->items[i].command;
        server->command = command != NULL ? mem_strdup(command) : NULL;
        server->off = own->items[i].off;
    }
    project_servers_add(project, tried, &left_out, NULL);
    config_list_finish(&left_out);
}

static bool would_start(const struct config_servers *tried, const char *name)
{
    for (size_t i = 0; i < tried->count; i++) {
        const struct config_server *server = &tried->items[i];
        if (strcmp(server->name, name) == 0) {
            return server->of_project && !server->off;
        }
    }
    return false;
}

static void append_all_commands(struct str *out, const struct project_servers *project,
                                const struct config_servers *own)
{
    struct config_servers tried = {0};
    json_t *root = parse(project, NULL), *servers = json_object_get(root, "mcpServers"), *entry;
    const char *name;
    size_t count = 0;
    try_servers(&tried, project, own);
    json_object_foreach(servers, name, entry)
    {
        count += would_start(&tried, name);
    }
    size_t limit = count > 0 ? COMMANDS_BYTES / count : 0;
    if (count > 0) {
        str_append_format(out, "What would be started (%zu of the %zu in the file):\n", count,
                          json_object_size(servers));
    } else {
        str_append(out, "None of its servers can be started as it is.\n");
    }
    json_object_foreach(servers, name, entry)
    {
        if (would_start(&tried, name)) {
            append_command(out, name, entry, limit > COMMAND_LEAST ? limit : COMMAND_LEAST);
        }
    }
    config_servers_finish(&tried);
    json_decref(root);
}

bool project_servers_ask(const struct project_servers *project, const char *workspace,
                         const struct config_servers *own)
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
        "the network\nunless [mcp.NAME] in your configuration lets them.\n",
        shown.data);
    str_clear(&shown);
    append_all_grants(&shown, project, own);
    append_all_commands(&shown, project, own);
    printf("%s", shown.data);
    fflush(stdout);
    str_finish(&shown);
    tcflush(STDIN_FILENO, TCIFLUSH); /* what was typed before the question is no answer to it */
    printf("Trust this file as it is now? [y/N] ");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && says_yes(answer);
}
