/* foreign_calls: the open calls of tools of foreign servers. A list; foreign.c decides.
 *
 * A call that fails is marked with the reason and told of later, because callbacks come from the
 * loop alone. Owned by the list, on the loop's thread.
 */
#ifndef CARAT_AGENT_FOREIGN_CALLS_H
#define CARAT_AGENT_FOREIGN_CALLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoding;
struct foreign_server;

struct foreign_call {
    char *call_id, *tool;
    json_t *arguments;
    struct foreign_server *server; /* NULL: it has done its part, or is not waited for */
    uint64_t number;               /* 0 = waits for the server */
    uint64_t deadline;
    size_t live;
    bool cancelled;
    bool looked_at; /* once, when it was late */
    char *error;    /* why it failed, to be told of; NULL = it did not */
    /* The server has answered, and the picture in it is being decoded; else NULL. */
    struct decoding *decoding;
    json_t *response;
};

struct foreign_calls {
    struct foreign_call **items;
    size_t count, capacity;
};

struct foreign_call *foreign_calls_add(struct foreign_calls *calls, const char *call_id,
                                       const char *tool, const json_t *arguments);
/* NULL when the server has no such call, or is not waited for. */
struct foreign_call *foreign_calls_find(const struct foreign_calls *calls,
                                        const struct foreign_server *server, uint64_t number);
/* Off the list; the caller's. */
void foreign_calls_remove(struct foreign_calls *calls, struct foreign_call *call);
/* Forgets its decoding, too. */
void foreign_calls_free(struct foreign_call *call);
/* Marks it; the first reason stays. */
void foreign_calls_fail(struct foreign_call *call, const char *why);

#endif
