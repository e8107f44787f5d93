/* agent_clock: the timer that ends a turn's time while the model and the tools say nothing, as part
 * of the agent. Where there is no loop there is none. */
#include <uv.h>

#include "agent/agent_state.h"
#include "base/mem.h"

static void on_time(uv_timer_t *timer)
{
    agent_look_at_clock(timer->data);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

void agent_clock_set(struct agent *agent, int64_t milliseconds)
{
    struct uv_loop_s *loop = agent->options.loop;
    if (loop == NULL) {
        return;
    }
    if (agent->timer == NULL) {
        agent->timer = mem_zero(1, sizeof *agent->timer);
        uv_timer_init(loop, agent->timer);
        agent->timer->data = agent;
    }
    uv_update_time(loop);
    uv_timer_start(agent->timer, on_time, (uint64_t)milliseconds, 0);
}

void agent_clock_drop(struct agent *agent)
{
    if (agent->timer != NULL) {
        uv_close((uv_handle_t *)agent->timer, on_closed);
        agent->timer = NULL;
    }
}
