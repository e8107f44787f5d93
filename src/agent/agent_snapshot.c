/* agent_snapshot: when the workspace's snapshots are made, as part of the agent.
 *
 * The first call of a turn that may change files waits for one, and the end of that turn for
 * another; both are made on the checkpoint's thread, and the loop goes on. A turn that only reads
 * makes none. When a snapshot cannot be had the turn goes on and the user is told that its changes
 * cannot be taken back; what it makes that other programs would run is moved aside all the same.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/checkpoint.h"
#include "approval/toolset.h"
#include "base/err.h"
#include "base/str.h"

static void say_no_undo(struct agent *agent, struct err *err)
{
    err_prefix(err, "this turn's file changes cannot be taken back");
    agent_say(agent, AGENT_NOTICE, err->text);
}

bool agent_hold_call(struct agent *agent, int place)
{
    const struct toolset_tool *tool = toolset_find(agent->calls.items[place].record.name);
    if (agent->options.checkpoint == NULL || agent->snapshot_tried ||
        (tool != NULL && (tool->read_only || strcmp(tool->family, "http") == 0))) {
        return false;
    }
    agent->snapshot_tried = true;
    checkpoint_begin(agent->options.checkpoint, agent->journal.id, agent->title);
    agent->held = place;
    agent->held_dropped = false;
    return true;
}

bool agent_cancel_held(struct agent *agent, int place)
{
    if (agent->held != place) {
        return false;
    }
    agent->held_dropped = true;
    checkpoint_stop(agent->options.checkpoint);
    return true;
}

bool agent_hold_end(struct agent *agent, enum turn_outcome outcome)
{
    if (!agent->names_noted) {
        return false;
    }
    agent->names_noted = false;
    agent->outcome = outcome;
    checkpoint_end(agent->options.checkpoint, agent->agreed.data, true);
    return true;
}

void agent_leave_open(struct agent *agent)
{
    if (agent->names_noted) {
        checkpoint_allow(agent->options.checkpoint, agent->agreed.data);
    }
}

static void say_what_changed(struct agent *agent, const struct undo_summary *summary)
{
    struct str text;
    str_init(&text);
    if (summary->turn != 0 && !agent->options.unattended) {
        str_append_format(&text, "turn %u changed ", summary->turn);
        if (summary->first[0] == '\0') {
            str_append_format(&text, "%zu %s", summary->changed,
                              summary->changed == 1 ? "path" : "paths");
        } else {
            str_append(&text, summary->first);
            if (summary->changed > 1) {
                str_append_format(&text, " and %zu more", summary->changed - 1);
            }
        }
        str_append(&text, "; /undo takes it back");
        if (summary->unkept > 0) {
            str_append_format(&text, ", but for %zu (/undo diff)", summary->unkept);
        }
        agent_say(agent, AGENT_NOTICE, text.data);
    }
    if (summary->forgotten > 0 && !agent->options.unattended) {
        str_clear(&text);
        str_append_format(&text,
                          "the snapshots are full (undo.megabytes): %zu older %s can no longer be "
                          "taken back",
                          summary->forgotten, summary->forgotten == 1 ? "turn" : "turns");
        agent_say(agent, AGENT_NOTICE, text.data);
    }
    str_finish(&text);
}

static void say_notice(void *context, const char *sentence)
{
    agent_say(context, AGENT_NOTICE, sentence);
}

void agent_checkpoint(struct agent *agent)
{
    struct checkpoint_result result;
    if (agent->options.checkpoint == NULL || !checkpoint_poll(agent->options.checkpoint, &result)) {
        return;
    }
    if (!result.ok && result.err.code != ERR_CANCELLED) {
        say_no_undo(agent, &result.err);
    }
    if (result.job == CHECKPOINT_END) {
        /* In every mode, and without a terminal too: it is about what other programs would do. */
        quarantine_report_say(&result.report, say_notice, agent);
        quarantine_report_finish(&result.report);
        say_what_changed(agent, &result.summary);
        agent_finish_turn(agent, agent->outcome);
        return;
    }
    int place = agent->held;
    agent->held = -1;
    agent->names_noted = true; /* whether or not there is a snapshot */
    if (agent->held_dropped) {
        agent_drop_call(agent, place);
    } else {
        agent_start_call(agent, place);
    }
}
