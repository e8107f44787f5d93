/* sampling: how the next tokens are drawn: the user's own wishes, else the model's advice. */
#ifndef CARAT_AGENT_SAMPLING_H
#define CARAT_AGENT_SAMPLING_H

#include "agent/agent.h"
#include "infer/infer.h"

/* A seed of 0 becomes a fresh one. */
struct infer_sampling sampling_choose(const struct agent_sampling *own,
                                      const struct infer_model *model);

#endif
