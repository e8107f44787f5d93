/* agent_jobs: the calls that the agent answers itself, as part of the agent.
 *
 *   - more_output, because what it reads lies in the store, which no tool's process can see;
 *   - a shell command that ends in '&': it becomes a job, and the answer says how to go on with it;
 *   - `jobs` and `kill %N`, once there are jobs: the words that every shell has for them.
 *
 * A job's place in the store is taken before it starts, so its handle holds after carat is gone:
 * what stands there then says that the job ended with carat. Its process is one of toolproc's and
 * dies with it, with its PID namespace and with carat, however carat ends.
 */
#include <stdio.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/jobs.h"
#include "agent/more_output.h"
#include "base/clock.h"
#include "base/str.h"

static json_t *words(const struct str *text)
{
    return json_pack("{s:s%}", "output", text->data, text->length);
}

static const char *command_of(const struct open_call *call)
{
    const char *command = json_string_value(json_object_get(call->record.arguments, "command"));
    return strcmp(call->record.name, "shell") == 0 && command != NULL ? command : "";
}

/* --- answers --- */

static json_t *read_on(struct agent *agent, const struct open_call *call, bool *failed)
{
    const json_t *arguments = call->record.arguments;
    const char *handle = json_string_value(json_object_get(arguments, "handle"));
    const struct job *job = handle != NULL ? jobs_find(&agent->jobs, handle) : NULL;
    if (job == NULL || !job->running) {
        return more_output_answer(&agent->journal, arguments, agent->options.settings.result_tokens,
                                  failed);
    }
    struct str text;
    str_init(&text);
    jobs_text(job, &text);
    json_t *page = more_output_page(text.data, text.length, arguments,
                                    agent->options.settings.result_tokens, failed);
    str_finish(&text);
    return page;
}

/* Numbered over all agents of the process: those of a conversation that was left may still tell of
 * their end. */
static void name_call(char name[24])
{
    static unsigned number;
    snprintf(name, 24, "job-%u", ++number);
}

static json_t *start_job(struct agent *agent, const struct open_call *call, bool *failed)
{
    static const char unknown[] = "[this job ran when carat ended; its output was not kept]";
    char handle[16], name[24];
    struct err err = {0};
    struct str text;
    str_init(&text);
    *failed = true;
    if (jobs_running(&agent->jobs) >= JOBS_MOST) {
        str_append_format(&text,
                          "error: %d jobs run already. Expected: one of them stopped first, "
                          "for example {\"command\": \"kill %%%s\"}",
                          JOBS_MOST, agent->jobs.items[0]->handle + 1);
    } else if (!journal_result(&agent->journal, unknown, strlen(unknown), handle, &err)) {
        str_append_format(&text, "error: the job was not started: %s", err.text);
    } else {
        *failed = false;
        name_call(name);
        jobs_add(&agent->jobs, handle, name, command_of(call));
        agent->has_more = true;
        toolproc_start_job(agent->options.toolproc, name, call->record.arguments);
        str_append_format(&text,
                          "[job %s runs; more_output {\"handle\": \"%s\"} shows its output, shell "
                          "{\"command\": \"kill %%%s\"} stops it]",
                          handle, handle, handle + 1);
    }
    json_t *response = words(&text);
    str_finish(&text);
    return response;
}

static json_t *list_jobs(struct agent *agent)
{
    struct str text;
    str_init(&text);
    jobs_list(&agent->jobs, &text);
    json_t *response = json_pack("{s:i, s:s%}", "exit_code", 0, "output", text.data, text.length);
    str_finish(&text);
    return response;
}

static json_t *kill_job(struct agent *agent, const char *handle, bool *failed)
{
    struct str text;
    str_init(&text);
    *failed = !agent_job_stop(agent, handle);
    if (*failed) {
        str_append_format(&text,
                          "error: no job %s runs. Expected one of those that "
                          "{\"command\": \"jobs\"} lists",
                          handle);
    } else {
        str_append_format(&text, "[job %s is being stopped]", handle);
    }
    json_t *response = words(&text);
    str_finish(&text);
    return response;
}

bool agent_answers(struct agent *agent, int place)
{
    struct open_call *call = &agent->calls.items[place];
    const char *command = command_of(call);
    char handle[16];
    bool failed = false, reads = strcmp(call->record.name, "more_output") == 0;
    bool starts = jobs_wanted(command);
    bool lists = agent->jobs.count > 0 && jobs_is_list(command);
    bool kills = agent->jobs.count > 0 && jobs_is_kill(command, handle);
    if (!reads && !starts && !lists && !kills) {
        return false;
    }
    agent_tell_call(agent, AGENT_CALL_STARTED, call);
    json_t *response = reads    ? read_on(agent, call, &failed)
                       : starts ? start_job(agent, call, &failed)
                       : lists  ? list_jobs(agent)
                                : kill_job(agent, handle, &failed);
    agent_settle_call(agent, place, response, failed);
    json_decref(response);
    return true;
}

/* Asking a job again is no repetition when it has more to say. */
uint64_t agent_fingerprint(const struct agent *agent, const struct open_call *call)
{
    const char *handle = json_string_value(json_object_get(call->record.arguments, "handle"));
    const struct job *job = handle != NULL ? jobs_find(&agent->jobs, handle) : NULL;
    uint64_t news = job == NULL ? 0 : job->total * 2 + (job->running ? 1 : 2);
    return calls_fingerprint(call) ^ news * UINT64_C(0x9E3779B97F4A7C15);
}

/* --- what comes from the process --- */

bool agent_job_output(struct agent *agent, const char *call_id, const char *bytes, size_t length)
{
    struct job *job = jobs_of_call(&agent->jobs, call_id);
    if (job != NULL && job->running) {
        jobs_append(job, bytes, length);
    }
    return job != NULL;
}

static void keep(struct agent *agent, struct job *job, int exit_code, const char *output)
{
    struct err err = {0};
    struct str whole;
    str_init(&whole);
    jobs_end(job, exit_code, output, &whole);
    if (!journal_replace_result(&agent->journal, job->handle, whole.data, whole.length, &err)) {
        agent_say(agent, AGENT_NOTICE, err.text);
    }
    str_finish(&whole);
}

bool agent_job_finished(struct agent *agent, const char *call_id,
                        const struct toolproc_result *result)
{
    struct job *job = jobs_of_call(&agent->jobs, call_id);
    if (job == NULL || !job->running) {
        return job != NULL;
    }
    const json_t *code = json_object_get(result->response, "exit_code");
    const char *whole = json_string_value(json_object_get(result->response, "whole"));
    const char *output = json_string_value(json_object_get(result->response, "output"));
    if (json_is_integer(code)) {
        keep(agent, job, (int)json_integer_value(code), whole != NULL ? whole : output);
    } else {
        /* It gave no result of its own: what was seen of it, and why. */
        const char *why = result->unavailable != NULL ? result->unavailable : output;
        if (!job->stopped && why != NULL) {
            jobs_append(job, why, strlen(why));
        }
        keep(agent, job, -1, NULL);
    }
    struct str text;
    str_init(&text);
    str_append_format(&text, "job %s (%s) ", job->handle, job->command);
    jobs_state(job, &text);
    agent_say(agent, AGENT_NOTICE, text.data);
    str_finish(&text);
    return true;
}

void agent_jobs_finish(struct agent *agent)
{
    for (size_t i = 0; i < agent->jobs.count; i++) {
        struct job *job = agent->jobs.items[i];
        if (job->running) {
            toolproc_cancel(agent->options.toolproc, job->call_id);
            job->stopped = true;
            keep(agent, job, -1, NULL);
        }
    }
    jobs_finish(&agent->jobs);
}

/* --- for the user --- */

size_t agent_jobs_running(const struct agent *agent)
{
    return jobs_running(&agent->jobs);
}

void agent_jobs_list(const struct agent *agent, struct str *out)
{
    jobs_list(&agent->jobs, out);
}

bool agent_job_stop(struct agent *agent, const char *handle)
{
    struct job *job = jobs_find(&agent->jobs, handle);
    if (job == NULL || !job->running) {
        return false;
    }
    job->stopped = true;
    toolproc_cancel(agent->options.toolproc, job->call_id);
    return true;
}
