/* tool_process: the environment is made here from a short list; nothing of the user's own secrets
 * is in it. The policy goes as a memory file: the workspace cannot hold it, and no path to it
 * exists.
 */
#include "agent/tool_process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "mcp/mcp_client.h"

/* A fixed PATH and locale; of the user's own only where home is and what time it is there. */
void tool_process_environment_init(struct tool_process_environment *environment)
{
    static const char *const fixed[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
        "TERM=dumb"};
    static const char *const passed[] = {"HOME", "USER", "TZ"};
    *environment = (struct tool_process_environment){0};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        environment->items[environment->count++] = mem_strdup(fixed[i]);
    }
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = getenv(passed[i]);
        if (value != NULL) {
            struct str entry;
            str_init(&entry);
            str_append_format(&entry, "%s=%s", passed[i], value);
            environment->items[environment->count++] = str_take(&entry);
        }
    }
}

void tool_process_environment_finish(struct tool_process_environment *environment)
{
    for (size_t i = 0; i < environment->count; i++) {
        mem_free(environment->items[i]);
    }
}

int tool_process_policy(const char *policy, struct err *err)
{
    int descriptor = memfd_create("carat-policy", MFD_CLOEXEC);
    if (descriptor < 0 || !file_write_all(descriptor, policy, strlen(policy)) ||
        lseek(descriptor, 0, SEEK_SET) != 0) {
        err_errno(err, ERR_IO, "writing the tools' policy");
        if (descriptor >= 0) {
            close(descriptor);
        }
        return -1;
    }
    return descriptor;
}

enum { MOST_SECONDS = 120 }; /* that a command may ask for, unless the policy says */

/* The defaults without a policy. One that cannot be written becomes no JSON, which carat-tool
 * refuses: the defaults allow more. */
static char *dump_policy(const json_t *policy)
{
    char *dump = policy != NULL ? json_dumps(policy, JSON_COMPACT) : NULL;
    char *kept = mem_strdup(dump != NULL ? dump : policy != NULL ? "" : "{}");
    free(dump);
    return kept;
}

/* The same policy with these limits, which are taken over. */
static json_t *limited_policy(const json_t *policy, json_t *more)
{
    json_t *limited = policy != NULL ? json_deep_copy(policy) : json_object();
    json_t *limits = json_object_get(limited, "limits");
    if (limits == NULL) {
        limits = json_object();
        json_object_set_new(limited, "limits", limits);
    }
    json_object_update(limits, more);
    json_decref(more);
    return limited;
}

int tool_process_most_seconds(const json_t *policy)
{
    const json_t *seconds = json_object_get(json_object_get(policy, "limits"), "seconds");
    return json_is_integer(seconds) ? (int)json_integer_value(seconds) : MOST_SECONDS;
}

char *tool_process_call_policy(const json_t *policy)
{
    json_t *call = limited_policy(policy, json_pack("{s:i, s:i, s:i}", "seconds",
                                                    tool_process_most_seconds(policy),
                                                    "call_seconds", TOOL_CALL_SECONDS,
                                                    "background_seconds", TOOL_JOB_SECONDS));
    char *dump = dump_policy(call);
    json_decref(call);
    return dump;
}

char *tool_process_job_policy(const json_t *policy)
{
    json_t *job = limited_policy(policy, json_pack("{s:i}", "seconds", TOOL_JOB_SECONDS));
    json_object_set_new(job, "job", json_true());
    char *dump = dump_policy(job);
    json_decref(job);
    return dump;
}

char *tool_process_open_policy(const char *policy, const char *hosts)
{
    json_t *open = json_loads(policy, 0, NULL);
    json_t *known = json_object_get(open, "network_hosts");
    json_t *all = known != NULL ? json_copy(known) : json_array();
    while (*hosts != '\0') {
        size_t length = strcspn(hosts, " ");
        json_array_append_new(all, json_stringn(hosts, length));
        hosts += length + strspn(hosts + length, " ");
    }
    json_object_set_new(open, "network_hosts", all);
    char *dump = dump_policy(open);
    json_decref(open);
    return dump;
}

/* A line of a text, without its newline. */
struct line {
    const char *text;
    size_t length;
};

/* The last line before `end` (moved to its beginning) that is not empty; false without one. */
static bool line_before(const char *text, size_t *end, struct line *line)
{
    while (*end > 0 &&
           (text[*end - 1] == '\n' || text[*end - 1] == '\r' || text[*end - 1] == ' ')) {
        (*end)--;
    }
    size_t stop = *end;
    while (*end > 0 && text[*end - 1] != '\n') {
        (*end)--;
    }
    *line = (struct line){text + *end, stop - *end};
    return line->length > 0;
}

/* "    at f (file.js:1:2)" and, behind everything, "Node.js v20.1.0". */
static bool of_a_stack(const struct line *line)
{
    size_t blanks = strspn(line->text, " \t");
    return (blanks > 0 && str_starts_with(line->text + blanks, "at ")) ||
           str_starts_with(line->text, "Node.js v");
}

/* Behind a stack stand lines that say nothing: there it is the last one that names an error. */
void tool_process_append_last_line(struct str *out, const char *text)
{
    static const char word[] = "Error";
    size_t end = strlen(text);
    struct line line, last = {text, 0};
    bool stack = false;
    while (line_before(text, &end, &line)) {
        bool frame = of_a_stack(&line);
        stack = stack || frame;
        last = last.length == 0 && !frame ? line : last;
        if (stack && !frame && memmem(line.text, line.length, word, strlen(word)) != NULL) {
            last = line;
            break;
        }
        if (!stack && !frame && line.text[0] != ' ' && line.text[0] != '}') {
            break;
        }
    }
    visible_append(out, last.text, last.length, VISIBLE_LINE);
}

void tool_process_append_death(struct str *out, const struct mcp_client_result *result)
{
    str_append(out, result->error);
    if (result->given_up) {
        /* that carat then killed it says nothing of why */
    } else if (result->exit_signal != 0) {
        str_append_format(out, " (killed by signal %d)", result->exit_signal);
    } else if (result->exit_status >= 0) {
        str_append_format(out, " (exit status %d)", result->exit_status);
    }
    if (result->standard_error[0] != '\0') {
        str_append(out, ": ");
        tool_process_append_last_line(out, result->standard_error);
    }
}
