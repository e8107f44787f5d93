/* acp_shapes: the objects of the Agent Client Protocol (version 1), made of what carat knows.
 *
 * Pure: values in, new references out. Which of them is sent when is command_acp's affair. Texts
 * are of the model, of tools, of files: they go into JSON strings and nowhere else.
 */
#ifndef CARAT_ACP_ACP_SHAPES_H
#define CARAT_ACP_ACP_SHAPES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/agent.h"
#include "approval/approval.h"
#include "chat/conversation.h"

enum { ACP_SHAPES_VERSION = 1 };

/* The answer to initialize. */
json_t *acp_shapes_agent(bool pictures, bool sounds, const char *version);
/* The modes up to the loosest that the project allows. */
json_t *acp_shapes_modes(enum approval_mode now, enum approval_mode ceiling);

/* --- members of session/update: "update" --- */

/* "user_message_chunk", "agent_message_chunk", "agent_thought_chunk". */
json_t *acp_shapes_chunk(const char *kind, const char *text, size_t length);
/* A call as it was asked for; a file change comes with its difference to what is there now, unless
 * `past`. */
json_t *acp_shapes_call(const char *workspace, const char *call_id, const char *name,
                        const json_t *arguments, bool past);
json_t *acp_shapes_call_started(const char *call_id);
/* All that it said so far, or the end of that. */
json_t *acp_shapes_call_output(const char *call_id, const char *text, size_t length);
json_t *acp_shapes_call_ended(const char *call_id, const char *name, const json_t *result,
                              bool failed);
json_t *acp_shapes_mode(enum approval_mode mode);
json_t *acp_shapes_usage(size_t used, size_t size);

/* --- approval --- */

/* The parameters of session/request_permission; `rule` is what "always" would allow from now on,
 * NULL = no rule can say it. */
json_t *acp_shapes_permission(const char *session, const char *workspace,
                              const struct agent_event *event, const char *rule);
/* What the client answered. False: it is no answer. */
bool acp_shapes_decision(const json_t *result, enum approval_answer *answer);
/* The client has cancelled the turn instead. */
bool acp_shapes_withdrawn(const json_t *result);

/* NULL: no turn ends like this with the client's help; it is an error. */
const char *acp_shapes_stop_reason(enum turn_outcome outcome);

#endif
