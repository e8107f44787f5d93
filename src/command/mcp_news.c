#include "command/mcp_news.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "rpc/json_rpc.h"
#include "rpc/rpc_link.h"

enum { PIECE_LIMIT = 8 * 1024, PAUSE_US = 50 * 1000 };

void mcp_news_init(struct mcp_news *news, json_t *token)
{
    *news = (struct mcp_news){.token = token};
    str_init(&news->text);
}

void mcp_news_finish(struct mcp_news *news)
{
    json_decref(news->token);
    str_finish(&news->text);
}

void mcp_news_stop(struct mcp_news *news)
{
    json_decref(news->token);
    news->token = NULL;
    str_clear(&news->text);
}

void mcp_news_flush(struct mcp_news *news, struct rpc_link *link)
{
    size_t whole = utf8_complete_length(news->text.data, news->text.length);
    if (whole == 0) {
        return;
    }
    rpc_link_notify(link, "notifications/progress",
                    json_pack("{sOsIso}", "progressToken", news->token, "progress",
                              (json_int_t)news->progress, "message",
                              json_rpc_text(news->text.data, whole)));
    str_remove(&news->text, 0, whole);
    news->told_us = clock_monotonic_us();
}

void mcp_news_add(struct mcp_news *news, struct rpc_link *link, const char *text, size_t length)
{
    if (news->token == NULL) {
        return;
    }
    news->progress += (int64_t)length;
    str_append_bytes(&news->text, text, length);
    if (news->text.length > PIECE_LIMIT) {
        str_remove(&news->text, 0, news->text.length - PIECE_LIMIT);
    }
    if (clock_monotonic_us() - news->told_us >= PAUSE_US) {
        mcp_news_flush(news, link);
    }
}
