/* agent_own: the tools that carat runs itself, as part of the agent.
 *
 * screenshot asks the desktop's own program, which no sandbox could let through; more_output and
 * the words about jobs are agent_jobs.c's. None of them runs a word of the model's.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "attachment/attachment.h"
#include "attachment/decoding.h"
#include "base/str.h"
#include "chat/medium.h"

/* --- screenshot --- */

static void on_shot(void *context, struct decoding *decoding, struct chat_medium *medium,
                    const struct err *err)
{
    struct agent *agent = context;
    struct str text;
    (void)decoding;
    agent->shot = NULL;
    str_init(&text);
    if (medium != NULL) {
        str_append_format(&text, "a picture of the screen, %zu x %zu", medium->width,
                          medium->height);
    } else {
        str_append_format(&text, "error: no picture of the screen: %s", err->text);
    }
    json_t *response = json_pack("{s:s%}", "output", text.data, text.length);
    str_finish(&text);
    for (size_t i = 0; i < agent->calls.count; i++) {
        const struct open_call *call = &agent->calls.items[i];
        if (call->running && strcmp(call->record.name, "screenshot") == 0) {
            agent_tool_finished(agent, call->record.call_id,
                                &(struct toolproc_result){.response = response,
                                                          .failed = medium == NULL,
                                                          .picture = medium});
            break;
        }
    }
    json_decref(response);
}

static void take_shot(struct agent *agent, int place)
{
    const struct attachment_tool tool = {agent->tool_program, agent->workspace};
    const struct decoding_source source = {
        .origin = DECODING_SCREEN, .picture = true, .area = CAPTURE_SCREEN};
    agent_tell_call(agent, AGENT_CALL_STARTED, &agent->calls.items[place]);
    agent->shot = decoding_start(agent->options.loop, &tool, &source, on_shot, agent);
}

/* Decided once: were it to come and go, the model would have to read everything after it anew. */
bool agent_offers_screenshot(struct agent *agent)
{
    if (!agent->shot_decided) {
        json_t *nothing = json_object();
        enum approval_verdict verdict = approval_decide(
            agent->options.rules, agent->session, agent->options.mode, "screenshot", nothing, NULL);
        json_decref(nothing);
        agent->shot_decided = true;
        agent->shot_offered = agent->options.screenshots && agent->options.loop != NULL &&
                              agent_sees(agent) &&
                              (verdict == APPROVAL_ALLOW ||
                               (verdict == APPROVAL_ASK_USER && !agent->options.unattended));
    }
    return agent->shot_offered;
}

/* --- all of them --- */

bool agent_run_own(struct agent *agent, int place)
{
    const char *name = agent->calls.items[place].record.name;
    if (agent->options.recording != NULL) {
        return false;
    }
    if (agent_answers(agent, place)) {
        return true;
    }
    if (strcmp(name, "screenshot") == 0 && agent->options.loop != NULL) {
        take_shot(agent, place);
        return true;
    }
    return false;
}

bool agent_cancel_own(struct agent *agent, const struct open_call *call)
{
    if (agent->shot == NULL || strcmp(call->record.name, "screenshot") != 0) {
        return false;
    }
    decoding_stop(agent->shot);
    return true;
}
