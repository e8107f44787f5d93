/* agent_jobs: the calls that the agent answers itself, as part of the agent.
 *
 *   - more_output, because what it reads lies in the store, which no tool's process can see;
 *   - a shell command that ends in '&': it becomes a job, and the answer says how to go on with it;
 *   - `jobs` and `kill %N`, once there are jobs: the words that every shell has for them.
 *
 * And the command that is waited for, which becomes a job when the user says so: its process goes
 * on under another name, and the call is answered at once, as if it had ended in '&'.
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
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"

/* So much of what a command wrote goes into the result that says where it went. */
enum { RECENT_BYTES = 4096 };

static json_t *words(const struct str *text)
{
    return json_pack("{s:s%}", "output", text->data, text->length);
}

static const char *command_of(const struct open_call *call)
{
    const char *command = json_string_value(json_object_get(call->record.arguments, "command"));
    return strcmp(call->record.name, "shell") == 0 && command != NULL ? command : "";
}

/* --- a new job --- */

static const char not_kept[] = "[this job ran when carat ended; its output was not kept]";

/* Numbered over all agents of the process: those of a conversation that was left may still tell of
 * their end. */
static void name_call(char name[24])
{
    static unsigned number;
    snprintf(name, 24, "job-%u", ++number);
}

static bool is_full(const struct agent *agent)
{
    return jobs_running(&agent->jobs) >= JOBS_MOST;
}

/* How the model goes on with it. */
static void append_handles(struct str *out, const char *handle)
{
    str_append_format(out,
                      "more_output {\"handle\": \"%s\"} shows its output, shell {\"command\": "
                      "\"kill %%%s\"} stops it",
                      handle, handle + 1);
}

/* --- the command that is waited for --- */

static void forget_front(struct agent *agent)
{
    jobs_destroy(agent->front);
    mem_free(agent->front_call);
    agent->front = NULL;
    agent->front_call = NULL;
}

static bool is_front(const struct agent *agent, const char *call_id)
{
    return agent->front != NULL && strcmp(agent->front_call, call_id) == 0;
}

void agent_watch_command(struct agent *agent, const char *call_id, const char *command)
{
    forget_front(agent);
    agent->front = jobs_create(command);
    agent->front_call = mem_strdup(call_id);
}

int64_t agent_command_since(const struct agent *agent)
{
    bool stopping = agent->turn.state == TURN_CANCELLING;
    return agent->front != NULL && !stopping ? agent->front->started_us : 0;
}

static void tell_background(const struct job *job, struct str *told)
{
    str_append_format(told,
                      "[the user put this command into the background; it goes on as job %s; ",
                      job->handle);
    append_handles(told, job->handle);
    str_append(told, job->output.length > 0 ? ". What it wrote so far:]\n"
                                            : ". It wrote nothing so far]");
    jobs_recent(job, RECENT_BYTES, told);
}

static void show_background(const struct job *job, struct str *shown)
{
    str_append_format(shown,
                      "It goes on as job %s in the background: /jobs shows how it does, "
                      "/jobs stop %s ends it.%s",
                      job->handle, job->handle,
                      job->output.length > 0 ? " What it wrote so far:\n" : "");
    jobs_recent(job, RECENT_BYTES, shown);
}

bool agent_background(struct agent *agent, struct str *told, struct str *shown, struct err *err)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    char handle[16], name[24];
    if (agent_command_since(agent) == 0) {
        return err_set(err, ERR_ARGUMENT, "no command runs that could go to the background");
    }
    if (is_full(agent)) {
        return err_set(err, ERR_LIMIT, "%d jobs run already; /jobs lists them", JOBS_MOST);
    }
    if (!journal_open(&agent->journal, agent->workspace, model != NULL ? model->name : "", err) ||
        !journal_result(&agent->journal, not_kept, strlen(not_kept), handle, err)) {
        return err_prefix(err, "the command stays where it is");
    }
    struct job *job = agent->front;
    char *call_id = agent->front_call;
    agent->front = NULL;
    agent->front_call = NULL;
    name_call(name);
    toolproc_make_job(agent->options.toolproc, call_id, name);
    jobs_take(&agent->jobs, job, handle, name);
    agent->has_more = true;
    tell_background(job, told);
    show_background(job, shown);
    int place;
    if (calls_find(&agent->calls, call_id, &place) != NULL) {
        json_t *response = words(told);
        agent_settle_call(agent, place, response, false);
        json_decref(response);
    }
    mem_free(call_id);
    return true;
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

static json_t *start_job(struct agent *agent, const struct open_call *call, bool *failed)
{
    char handle[16], name[24];
    struct err err = {0};
    struct str text;
    str_init(&text);
    *failed = true;
    if (is_full(agent)) {
        str_append_format(&text,
                          "error: %d jobs run already. Expected: one of them stopped first, "
                          "for example {\"command\": \"kill %%%s\"}",
                          JOBS_MOST, agent->jobs.items[0]->handle + 1);
    } else if (!journal_result(&agent->journal, not_kept, strlen(not_kept), handle, &err)) {
        str_append_format(&text, "error: the job was not started: %s", err.text);
    } else {
        *failed = false;
        name_call(name);
        jobs_add(&agent->jobs, handle, name, command_of(call));
        agent->has_more = true;
        toolproc_start_job(agent->options.toolproc, name, call->record.arguments);
        str_append_format(&text, "[job %s runs; ", handle);
        append_handles(&text, handle);
        str_append(&text, "]");
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
    json_t *bounded = agent_bounded_response(agent, response); /* ended ones stay in the list */
    json_decref(response);
    str_finish(&text);
    return bounded;
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
    if (is_front(agent, call_id)) {
        jobs_append(agent->front, bytes, length);
    }
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
    if (is_front(agent, call_id)) {
        forget_front(agent);
    }
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
    str_append_format(&text, "job %s (", job->handle);
    jobs_append_command(job, &text);
    str_append(&text, ") ");
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
    forget_front(agent);
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
