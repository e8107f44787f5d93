/* acp_sessions: the sessions that an editor has opened, and the prompts that wait.
 *
 * A session is a conversation of the store by its id, or one that will be there with its first
 * message; with it goes what the editor said when it opened it. Plain values; no effects.
 */
#ifndef CARAT_ACP_ACP_SESSIONS_H
#define CARAT_ACP_ACP_SESSIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "approval/approval.h"

struct config;
struct err;

struct acp_session {
    char id[37];
    char *workspace;  /* absolute */
    json_t *servers;  /* the editor's MCP servers, as it sent them */
    bool stored;      /* the conversation is in the store */
    bool mode_chosen; /* the editor has set `mode` */
    enum approval_mode mode;
    bool thinking, thinking_chosen;
};

/* A prompt that waits for its turn, or has it. */
struct acp_turn {
    json_t *request; /* its id */
    char session[37];
    json_t *prompt;
};

struct acp_sessions {
    struct acp_session **items;
    size_t count, capacity;
    struct acp_turn *turns;
    size_t turn_count, turn_capacity;
};

void acp_sessions_finish(struct acp_sessions *sessions);

/* A new one, from the parameters of session/new or session/load (cwd, mcpServers); in the place of
 * one that has the id already. NULL: they are wrong. */
struct acp_session *acp_sessions_add(struct acp_sessions *sessions, const char *id,
                                     const json_t *params, struct err *err);
/* NULL: there is none. */
struct acp_session *acp_sessions_find(const struct acp_sessions *sessions, const char *id);
void acp_sessions_remove(struct acp_sessions *sessions, const char *id);
/* Both may share a workspace's tools and servers. */
bool acp_sessions_alike(const struct acp_session *a, const struct acp_session *b);

/* The editor's servers, as if they stood in the user's file. */
bool acp_sessions_add_servers(const struct acp_session *session, struct config *config,
                              struct err *err);

void acp_sessions_queue(struct acp_sessions *sessions, const json_t *request, const char *session,
                        const json_t *prompt);
/* The first of this session's that waits (behind `from`) leaves the queue; its request's id, the
 * caller's. NULL: there is none. */
json_t *acp_sessions_withdraw(struct acp_sessions *sessions, const char *session, size_t from);

#endif
