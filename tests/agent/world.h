/* world: an agent with the real store, a scripted model and played tools; what happens is written
 * down as lines ("text hello", "call c1 shell", "ended ok"). A cmocka fixture: state is the world.
 */
#ifndef CARAT_TESTS_AGENT_WORLD_H
#define CARAT_TESTS_AGENT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent.h"
#include "base/str.h"

#include "fake_toolproc.h"

/* Calls as the model spells them, inside a script's JSON. */
#define CALL(arguments) "<|tool_call>call:shell{command:<|\\\"|>" arguments "<|\\\"|>}<tool_call|>"
#define LIST            "<|tool_call>call:list_files{}<tool_call|>"

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

struct world {
    char *folder, *path;
    struct store *store;
    struct infer *infer;
    struct toolproc toolproc;
    struct approval_rules rules;
    struct agent_options options;
    struct agent *agent;
    struct str log;
    struct str streamed;  /* text that came, not yet a line */
    bool ended;           /* AGENT_TURN_ENDED came */
    bool asked;           /* AGENT_APPROVAL came */
    const char *reply_id; /* answer inside the callback */
    uint64_t tokens;
};

void world_start_agent(struct world *world, const char *script, const char *conversation);
void world_stop_agent(struct world *world);
int world_set_up(void **state);
int world_tear_down(void **state);
void world_run_until(struct world *world, const bool *flag);
void world_run_until_logged(struct world *world, const char *words);
/* Hands over what the model has said by now. */
void world_poll(struct world *world);
void world_submit(struct world *world, const char *text);
void world_expect_log(struct world *world, const char *expected);
void world_load(struct world *world, struct chat_conversation *out);
void world_check_conversation(struct world *world);

/* The agent's callback: writes down what it is told. */
void world_on_event(void *context, const struct agent_event *event);

#endif
