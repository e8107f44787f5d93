/* fake_toolproc: keeps what it was asked for, ends when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/toolproc.h"
#include "base/mem.h"

#include "fake_toolproc.h"

void toolproc_start(struct toolproc *toolproc, const char *call_id, const char *tool,
                    const json_t *arguments)
{
    assert_null(toolproc->arguments); /* one at a time */
    toolproc->call_id = mem_strdup(call_id);
    toolproc->tool = mem_strdup(tool);
    toolproc->arguments = json_deep_copy(arguments);
    toolproc->started++;
}

void toolproc_start_open(struct toolproc *toolproc, const char *call_id, const json_t *arguments,
                         const char *hosts)
{
    assert_true(hosts[0] != '\0');
    toolproc_start(toolproc, call_id, "shell", arguments);
    toolproc->opened++;
}

void toolproc_start_job(struct toolproc *toolproc, const char *call_id, const json_t *arguments)
{
    assert_non_null(json_string_value(json_object_get(arguments, "command")));
    snprintf(toolproc->job, sizeof toolproc->job, "%s", call_id);
    toolproc->jobs++;
}

/* The call that runs is a job from now on, and another may run. */
void toolproc_make_job(struct toolproc *toolproc, const char *call_id, const char *job)
{
    assert_non_null(toolproc->arguments);
    assert_string_equal(toolproc->call_id, call_id);
    snprintf(toolproc->job, sizeof toolproc->job, "%s", job);
    toolproc->made_jobs++;
    fake_toolproc_finish(toolproc);
}

void toolproc_cancel(struct toolproc *toolproc, const char *call_id)
{
    toolproc->jobs_cancelled += strcmp(toolproc->job, call_id) == 0;
    if (toolproc->arguments != NULL && strcmp(toolproc->call_id, call_id) == 0) {
        toolproc->cancelled++;
    }
}

void fake_toolproc_finish(struct toolproc *toolproc)
{
    mem_free(toolproc->call_id);
    mem_free(toolproc->tool);
    json_decref(toolproc->arguments);
    toolproc->call_id = toolproc->tool = NULL;
    toolproc->arguments = NULL;
}

static void report(struct toolproc *toolproc, struct agent *agent,
                   const struct toolproc_result *result)
{
    assert_non_null(toolproc->arguments);
    char *call_id = mem_strdup(toolproc->call_id);
    fake_toolproc_finish(toolproc); /* the agent may start the next one at once */
    agent_tool_finished(agent, call_id, result);
    mem_free(call_id);
}

void fake_toolproc_end(struct toolproc *toolproc, struct agent *agent, const char *result,
                       bool failed)
{
    json_t *response = json_loads(result, 0, NULL);
    assert_true(json_is_object(response));
    agent_tool_output(agent, toolproc->call_id, "live", 4);
    report(toolproc, agent, &(struct toolproc_result){.response = response, .failed = failed});
    json_decref(response);
}

void fake_toolproc_unavailable(struct toolproc *toolproc, struct agent *agent, const char *why)
{
    report(toolproc, agent, &(struct toolproc_result){.failed = true, .unavailable = why});
}
