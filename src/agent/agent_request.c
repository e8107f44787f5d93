/* The part of the agent that gives the model something to do: the steps of a turn, a draft to read
 * ahead, a question beside the conversation. One function renders and hands over, so that what is
 * the same in two prompts is the same to the byte, and what the model has read of the one is used
 * by the other.
 *
 * A turn's first step is handed over before the user's message is on disk: reading has no effect
 * on anything, and the model reads while the disk syncs. What comes of it is looked at by the loop
 * alone, which is at the commit meanwhile; so nothing is shown, kept or acted on before the message
 * is kept. When it cannot be kept, the request is given up and no trace of it is left. The budget
 * of that step is what the turn machine says of a copy of its state.
 */
#include <assert.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/context.h"
#include "agent/foreign.h"
#include "agent/sampling.h"
#include "base/err.h"
#include "base/mem.h"
#include "infer/infer.h"

/* Over all agents of the process, because they share the model: what comes late from a request of
 * a conversation that was left is never taken for this one's. */
static uint64_t next_number(void)
{
    static uint64_t number;
    return ++number;
}

/* --- what the model is given --- */

uint64_t agent_ask(struct agent *agent, const struct agent_wish *wish, bool *starts_in_thought,
                   struct err *err)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    struct chat_conversation view;
    const char *system;
    agent_view(agent, &view, &system);
    struct chat_message *messages = mem_alloc(view.count + 1, sizeof *messages);
    if (view.count > 0) {
        memcpy(messages, view.messages, view.count * sizeof *messages);
    }
    if (wish->next != NULL) {
        messages[view.count++] = *wish->next; /* borrowed, as the others are */
    }
    view.messages = messages;
    struct infer_request request = {.number = next_number(),
                                    .max_tokens = wish->max_tokens,
                                    .conversation = &view,
                                    .system = system,
                                    .tools = wish->max_tokens > 0 ? agent_tools(agent) : NULL,
                                    .schema = wish->schema,
                                    .sampling =
                                        sampling_choose(&agent->options.settings.sampling, model)};
    struct context_options options = {.system = system,
                                      .tools = agent_tools(agent),
                                      .thinking = wish->thinking,
                                      .large_model = model->large,
                                      .blind = !model->sees,
                                      .ids = infer_control(agent->options.infer)};
    uint64_t number = 0;
    chat_prompt_init(&request.prompt);
    if (model->conversation || context_render(&request.prompt, &view, &options, err)) {
        number = request.number;
        *starts_in_thought = request.prompt.starts_in_thought;
        infer_submit(agent->options.infer, &request);
    } else {
        chat_prompt_finish(&request.prompt);
    }
    mem_free(messages);
    return number;
}

const char *agent_lost(const struct agent *agent)
{
    const struct infer *infer = agent->options.infer;
    const struct err *lost = infer_lost(infer);
    if (infer == NULL && !agent->between_models) {
        return "the model could not be loaded";
    }
    return lost != NULL ? lost->text : NULL;
}

bool agent_may_ask(const struct agent *agent)
{
    return infer_model(agent->options.infer) != NULL && !foreign_pending(agent->options.foreign) &&
           agent->loading == NULL;
}

/* --- a step of the turn --- */

static void on_text(void *context, const char *text, size_t length)
{
    agent_emit(context, &(struct agent_event){.kind = AGENT_TEXT, .text = text, .length = length});
}

static void on_thought(void *context, const char *text, size_t length)
{
    agent_emit(context,
               &(struct agent_event){.kind = AGENT_THOUGHT, .text = text, .length = length});
}

/* `next` as in agent_wish. */
static bool begin_step(struct agent *agent, const struct chat_message *next, int budget,
                       struct err *err)
{
    bool starts_in_thought = false;
    uint64_t number = agent_ask(agent,
                                &(struct agent_wish){.next = next,
                                                     .max_tokens = budget,
                                                     .thinking = agent->options.thinking,
                                                     .schema = agent->options.schema},
                                &starts_in_thought, err);
    if (number == 0) {
        return false;
    }
    agent->request = number;
    step_begin(&agent->step, &(struct step_options){.starts_in_thought = starts_in_thought,
                                                    .tools = agent_tools(agent),
                                                    .next_call = agent->next_call,
                                                    .structured = agent->options.schema != NULL,
                                                    .text = on_text,
                                                    .thought = on_thought,
                                                    .context = agent});
    agent->step_running = true;
    agent->ended_early = false;
    journal_step(&agent->journal);
    return true;
}

void agent_generate(struct agent *agent, int budget)
{
    struct err err = {0};
    if (agent->begun > 0) {
        assert(agent->begun == budget);
        agent->begun = 0;
    } else if (agent_lost(agent) != NULL) {
        agent_model_failed(agent, agent_lost(agent));
    } else if (!agent_may_ask(agent)) {
        agent->budget_when_loaded = budget;
    } else if (!begin_step(agent, NULL, budget, &err)) {
        agent_model_failed(agent, err.text);
    }
}

/* --- the first step, before its message is kept --- */

/* What the turn's first step may sample; 0: the turn would not begin with one. */
static int first_budget(const struct agent *agent)
{
    struct turn turn = agent->turn;
    struct turn_actions actions;
    turn_step(&turn, &(struct turn_event){.kind = TURN_EVENT_SUBMIT}, &actions);
    bool generates = actions.count > 0 && actions.items[0].kind == TURN_ACTION_GENERATE;
    return generates ? actions.items[0].budget : 0;
}

void agent_begin(struct agent *agent, const struct chat_message *message)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    bool alone = true; /* with what steers, the prompt will hold more than this message */
    for (size_t i = 0; i < agent->waiting.count; i++) {
        alone &= !agent->waiting.items[i].steers;
    }
    int budget = first_budget(agent);
    if (alone && budget > 0 && agent_may_ask(agent) && model->reads_ahead &&
        begin_step(agent, message, budget, NULL)) {
        agent->begun = budget;
    }
}

void agent_give_up_begun(struct agent *agent)
{
    if (agent->begun > 0) {
        agent->begun = 0;
        agent->step_running = false;
        step_finish(&agent->step);
        infer_cancel(agent->options.infer);
    }
}
