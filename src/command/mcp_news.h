/* mcp_news: live output of a call, sent to who asked for progress: at most twenty messages a
 * second, and of a flood the end. */
#ifndef CARAT_COMMAND_MCP_NEWS_H
#define CARAT_COMMAND_MCP_NEWS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct rpc_link;

struct mcp_news {
    json_t *token;   /* the client's; NULL = it wants no progress */
    struct str text; /* not sent yet */
    int64_t progress, told_us;
};

/* Takes the token. */
void mcp_news_init(struct mcp_news *news, json_t *token);
void mcp_news_finish(struct mcp_news *news);
/* Nothing more is told. */
void mcp_news_stop(struct mcp_news *news);
void mcp_news_add(struct mcp_news *news, struct rpc_link *link, const char *text, size_t length);
/* What is whole of it. */
void mcp_news_flush(struct mcp_news *news, struct rpc_link *link);

#endif
