/* The part of the agent that keeps what the model has read of its conversation: saved when nothing
 * runs, restored when the conversation is taken up again. A file that does not fit (another model,
 * damage) is deleted, and the next prompt is read as if there had been none.
 */
#include "agent/agent_state.h"
#include "agent/kv_folder.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "infer/infer.h"

/* Numbers of these requests are never those of agent.c, which count from 1. */
static const uint64_t SAVING = UINT64_MAX, RESTORING = UINT64_MAX - 1;

void agent_kv_restore(struct agent *agent)
{
    const char *folder = agent->kv_folder;
    if (folder == NULL || agent->options.kv_bytes == 0 ||
        !kv_folder_use(folder, agent->journal.id)) {
        return;
    }
    struct str path;
    str_init(&path);
    kv_folder_path(&path, folder, agent->journal.id);
    infer_keep(agent->options.infer, INFER_RESTORE, RESTORING, path.data);
    str_finish(&path);
}

void agent_keep_session(struct agent *agent)
{
    if (!agent->kv_stale || agent_busy(agent) || agent->aside_kind != ASIDE_NONE ||
        agent->kv_folder == NULL || agent->options.kv_bytes == 0 || agent->journal.id[0] == '\0') {
        return;
    }
    struct str path;
    struct err err;
    str_init(&path);
    kv_folder_path(&path, agent->kv_folder, agent->journal.id);
    if (!file_make_directories(agent->kv_folder, &err)) {
        log_write("kv", "%s", err.text);
    } else {
        infer_keep(agent->options.infer, INFER_SAVE, SAVING, path.data);
    }
    agent->kv_stale = false;
    str_finish(&path);
}

bool agent_kv_event(struct agent *agent, const struct infer_event *event)
{
    if (event->kind != INFER_KEPT) {
        return false;
    }
    if (event->error.code != ERR_NONE) {
        log_write("kv", "%s", event->error.text);
        if (event->number == RESTORING && agent->kv_folder != NULL) {
            kv_folder_forget(agent->kv_folder, agent->journal.id);
        }
    } else if (event->number == SAVING && agent->kv_folder != NULL) {
        kv_folder_trim(agent->kv_folder, agent->options.kv_bytes);
    }
    return true;
}
