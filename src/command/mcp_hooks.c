#include "command/mcp_hooks.h"

#include <string.h>

#include "agent/hooks.h"
#include "agent/toolproc.h"
#include "app/notice.h"
#include "base/str.h"
#include "rpc/json_rpc.h"

bool mcp_hooks_start(struct hooks *hooks, const char *workspace, const char *key, const char *tool,
                     const json_t *arguments, const struct toolproc_result *result)
{
    bool after = result != NULL;
    if (!hooks_match(hooks, after, tool)) {
        return false;
    }
    json_t *event = json_pack("{ss sO ss ss}", "tool", tool, "arguments", (json_t *)arguments,
                              "workspace", workspace, "conversation", ""); /* it belongs to none */
    if (after) {
        json_object_set(event, "result", result->response);
        json_object_set_new(event, "failed", json_boolean(result->failed));
    }
    hooks_start(hooks, after, key, tool, event);
    json_decref(event);
    return true;
}

void mcp_hooks_add_denial(json_t *result, const char *denial)
{
    json_t *structured = json_copy(json_object_get(result, "structuredContent"));
    struct str text;
    str_init(&text);
    str_append_format(&text, "hook: %s", denial);
    json_array_append_new(
        json_object_get(result, "content"),
        json_pack("{ssso}", "type", "text", "text", json_rpc_text(text.data, text.length)));
    str_finish(&text);
    if (structured != NULL) {
        json_object_set_new(structured, "hook", json_rpc_text(denial, strlen(denial)));
        json_object_set_new(result, "structuredContent", structured);
    }
    json_object_set_new(result, "isError", json_true());
}

void mcp_hooks_notice(void *context, const char *sentence)
{
    (void)context;
    notice_print(sentence);
}
