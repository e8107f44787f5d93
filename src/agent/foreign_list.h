/* foreign_list: what a foreign server says that it has, page by page, and what the user is told of
 * it.
 *
 * Of each tool that the configuration lets in a declaration is made (foreign_tools.h), until there
 * are enough; whatever does not get one is said, in so many sentences at most and then as a number.
 * A server may list as much as it likes: only so many of its tools are looked into. Pure.
 */
#ifndef CARAT_AGENT_FOREIGN_LIST_H
#define CARAT_AGENT_FOREIGN_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/tables.h"

enum {
    FOREIGN_LOOKED_MAX = 128,  /* tools that are looked into, those that are refused among them */
    FOREIGN_SENTENCES_MAX = 16 /* of single tools */
};

struct foreign_list {
    const char *server;                /* its name; borrowed */
    const struct config_list *allowed; /* the tools' own names, none = all; borrowed */
    bool *listed;                      /* of each of those: the server has named it */
    json_t *found;                     /* declarations */
    size_t looked, too_many, unsaid;
    struct config_list notices; /* sentences for the user */
};

void foreign_list_init(struct foreign_list *list, const char *server,
                       const struct config_list *allowed);
void foreign_list_finish(struct foreign_list *list);

/* The tools of one page. */
void foreign_list_add(struct foreign_list *list, const json_t *tools);
/* There is no other page: the declarations by name, a new reference. The notices are all there
 * then. */
json_t *foreign_list_end(struct foreign_list *list);

#endif
