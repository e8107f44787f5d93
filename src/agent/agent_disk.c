/* agent_disk: what the user hears of a disk that is full while conversations are still kept.
 *
 * The store gives up its reserve then and goes on: what fails first fails hours later, when the
 * reserve is full too. So the end of a turn looks whether it was given up, tries to take it back,
 * and says so once; again only when there was room in between.
 */
#include "agent/agent_state.h"
#include "store/store.h"

void agent_look_at_disk(struct agent *agent)
{
    struct store *store = agent->journal.store;
    const char *warning = store_warning(store);
    if (warning != NULL && store_checkpoint(store, NULL)) {
        warning = store_warning(store);
    }
    if (warning != NULL && !agent->disk_told) {
        agent_say(agent, AGENT_NOTICE, warning);
    }
    agent->disk_told = warning != NULL;
}
