#include "command/mcp_shapes.h"

#include <string.h>

#include "agent/toolproc.h"
#include "approval/toolset.h"
#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/medium.h"
#include "events/event_lines.h"
#include "rpc/json_rpc.h"

static const char stateless[] = "2026-07-28";

/* The newest of each manner first; the handshakes differ in nothing that is used here. Not
 * 2025-03-26: a server of that one must take batches. */
static const char *const known_versions[] = {stateless, "2025-11-25", "2025-06-18", "2024-11-05"};
enum { VERSIONS = sizeof known_versions / sizeof known_versions[0], NEWEST_HANDSHAKE = 1 };

static const char version_key[] = "io.modelcontextprotocol/protocolVersion";
static const char capabilities_key[] = "io.modelcontextprotocol/clientCapabilities";
static const char server_key[] = "io.modelcontextprotocol/serverInfo";

static const json_t *meta(const json_t *params)
{
    return json_object_get(params, "_meta");
}

static json_t *versions(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < VERSIONS; i++) {
        json_array_append_new(list, json_string(known_versions[i]));
    }
    return list;
}

static json_t *server_info(const char *version)
{
    return json_pack("{ssssss}", "name", "carat", "title", "carat", "version", version);
}

/* --- versions and capabilities --- */

const char *mcp_shapes_version(const json_t *params)
{
    return json_string_value(json_object_get(meta(params), version_key));
}

bool mcp_shapes_version_known(const char *version)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        if (strcmp(known_versions[i], version) == 0) {
            return true;
        }
    }
    return false;
}

bool mcp_shapes_is_stateless(const char *version)
{
    return strcmp(version, stateless) == 0;
}

json_t *mcp_shapes_versions_error(const char *requested)
{
    return json_pack("{soss}", "supported", versions(), "requested", requested);
}

/* {"elicitation": {}} means a form, as {"elicitation": {"form": {}}} does. */
bool mcp_shapes_elicits(const json_t *capabilities)
{
    const json_t *elicitation = json_object_get(capabilities, "elicitation");
    return json_is_object(elicitation) &&
           (json_object_size(elicitation) == 0 || json_object_get(elicitation, "form") != NULL);
}

const json_t *mcp_shapes_capabilities(const json_t *params)
{
    return json_object_get(meta(params), capabilities_key);
}

/* --- what is here --- */

static const char instructions[] =
    "carat's tools work in one folder, each call in a sandbox. The tool carat gives a task to a "
    "local model that uses the same tools; carat-reply goes on with it.";

json_t *mcp_shapes_initialized(const char *asked_version, const char *version)
{
    bool known = asked_version != NULL && mcp_shapes_version_known(asked_version) &&
                 !mcp_shapes_is_stateless(asked_version);
    return json_pack("{ss s{s{}} so ss}", "protocolVersion",
                     known ? asked_version : known_versions[NEWEST_HANDSHAKE], "capabilities",
                     "tools", "serverInfo", server_info(version), "instructions", instructions);
}

json_t *mcp_shapes_discovered(const char *version)
{
    return json_pack("{so s{s{}} so ss}", "supportedVersions", versions(), "capabilities", "tools",
                     "serverInfo", server_info(version), "instructions", instructions);
}

void mcp_shapes_stamp(json_t *result, const char *version)
{
    if (json_object_get(result, "resultType") == NULL) {
        json_object_set_new(result, "resultType", json_string("complete"));
    }
    json_object_set_new(result, "_meta", json_pack("{so}", server_key, server_info(version)));
    if (json_object_get(result, "tools") != NULL ||
        json_object_get(result, "supportedVersions") != NULL) {
        json_object_set_new(result, "ttlMs", json_integer(0));
        json_object_set_new(result, "cacheScope", json_string("private"));
    }
}

/* --- tools --- */

static json_t *own_tool(const json_t *declaration)
{
    const json_t *function = json_object_get(declaration, "function");
    const char *name = json_string_value(json_object_get(function, "name"));
    const struct toolset_tool *tool = toolset_find(name);
    return json_pack("{ss sO sO s{sb sb sb}}", "name", name, "description",
                     json_object_get(function, "description"), "inputSchema",
                     json_object_get(function, "parameters"), "annotations", "readOnlyHint",
                     (int)tool->read_only, "destructiveHint", (int)tool->destructive,
                     "openWorldHint", (int)(strcmp(tool->family, "http") == 0));
}

static json_t *property(const char *description)
{
    return json_pack("{ssss}", "type", "string", "description", description);
}

static json_t *turn_tool(const char *name, const char *description, json_t *properties,
                         json_t *required)
{
    return json_pack("{ss ss s{ss so so} s{ss s{so so} s[ss]} s{sb sb sb}}", "name", name,
                     "description", description, "inputSchema", "type", "object", "properties",
                     properties, "required", required, "outputSchema", "type", "object",
                     "properties", "threadId", property("The conversation, for carat-reply."),
                     "content", property("The answer."), "required", "threadId", "content",
                     "annotations", "readOnlyHint", 0, "destructiveHint", 1, "openWorldHint", 0);
}

json_t *mcp_shapes_tools(bool bare)
{
    json_t *list = json_array(), *declaration;
    size_t i;
    json_array_foreach((json_t *)toolset_declarations(), i, declaration)
    {
        if (!bare) {
            json_array_append_new(list, own_tool(declaration));
        }
    }
    json_t *mode = json_pack("{ss s[ssss] ss}", "type", "string", "enum", "read-only", "ask",
                             "auto-edit", "full", "description",
                             "What may run without asking; never more than the server allows.");
    json_array_append_new(
        list,
        turn_tool("carat", "Give a task to a local model that works in the folder with tools.",
                  json_pack("{so so}", "prompt", property("The task."), "mode", mode),
                  json_pack("[s]", "prompt")));
    json_array_append_new(
        list, turn_tool("carat-reply", "Say more in a conversation that the tool carat began.",
                        json_pack("{so so}", "threadId", property("The conversation."), "prompt",
                                  property("What to say.")),
                        json_pack("[ss]", "threadId", "prompt")));
    return json_pack("{so}", "tools", list);
}

/* --- results of calls --- */

json_t *mcp_shapes_said(const char *text, size_t length, bool failed)
{
    return json_pack("{s[{ssso}] sb}", "content", "type", "text", "text",
                     json_rpc_text(text, length), "isError", (int)failed);
}

static json_t *picture_block(const struct chat_medium *picture)
{
    size_t length = base64_length(picture->file_size);
    char *text = mem_alloc(length + 1, 1);
    bool jpeg = picture->file_size > 0 && (unsigned char)picture->file[0] == 0xFF;
    base64_encode(picture->file, picture->file_size, text);
    json_t *block = json_pack("{ss so ss}", "type", "image", "data", json_stringn(text, length),
                              "mimeType", jpeg ? "image/jpeg" : "image/png");
    mem_free(text);
    return block;
}

/* For clients that read the text alone: what the output itself does not tell. */
static void append_heading(struct str *text, const json_t *response)
{
    const char *type = json_string_value(json_object_get(response, "content_type"));
    json_int_t code = json_integer_value(json_object_get(response, "exit_code"));
    const json_t *status = json_object_get(response, "status");
    if (code != 0) {
        str_append_format(text, "exit code %lld\n", (long long)code);
    }
    if (status != NULL && type != NULL) {
        str_append_format(text, "HTTP %lld, %s\n\n", (long long)json_integer_value(status),
                          type[0] != '\0' ? type : "no content type");
    }
}

json_t *mcp_shapes_tool_result(const struct toolproc_result *result)
{
    if (result->unavailable != NULL) {
        return mcp_shapes_said(result->unavailable, strlen(result->unavailable), true);
    }
    json_t *output = event_lines_output(result->response);
    struct str text;
    str_init(&text);
    append_heading(&text, result->response);
    str_append_bytes(&text, json_string_value(output), json_string_length(output));
    json_t *made = mcp_shapes_said(text.data, text.length, result->failed);
    str_finish(&text);
    json_decref(output);
    json_object_set(made, "structuredContent", result->response);
    if (result->picture != NULL) {
        json_array_append_new(json_object_get(made, "content"), picture_block(result->picture));
    }
    return made;
}

void mcp_shapes_add_text(json_t *result, const char *text)
{
    json_array_append_new(
        json_object_get(result, "content"),
        json_pack("{ss so}", "type", "text", "text", json_rpc_text(text, strlen(text))));
}

json_t *mcp_shapes_turn_result(const char *thread, const char *text, bool failed)
{
    json_t *made = mcp_shapes_said(text, strlen(text), failed);
    json_object_set_new(made, "structuredContent",
                        json_pack("{ssso}", "threadId", thread, "content", event_lines_text(text)));
    return made;
}

/* --- questions --- */

static const char *const decisions[] = {[MCP_SHAPES_DENY] = "deny",
                                        [MCP_SHAPES_ONCE] = "allow once",
                                        [MCP_SHAPES_SESSION] = "allow for this session"};

json_t *mcp_shapes_question(const char *what)
{
    return json_pack("{ss so s{ss s{s{ssss s[sss]}} s[s]}}", "mode", "form", "message",
                     json_rpc_text(what, strlen(what)), "requestedSchema", "type", "object",
                     "properties", "decision", "type", "string", "title", "Decision", "enum",
                     decisions[MCP_SHAPES_ONCE], decisions[MCP_SHAPES_SESSION],
                     decisions[MCP_SHAPES_DENY], "required", "decision");
}

void mcp_shapes_state(const char *secret, const char *tool, const json_t *arguments,
                      char hex[HASH_HEX_SIZE])
{
    unsigned char sum[HASH_BYTES];
    struct hash hash;
    char *text = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS);
    hash_init(&hash);
    hash_add(&hash, secret, strlen(secret) + 1);
    hash_add(&hash, tool, strlen(tool) + 1);
    hash_add(&hash, text, strlen(text));
    hash_finish(&hash, sum);
    hash_hex(sum, hex);
    mem_free(text);
}

json_t *mcp_shapes_input_required(const char *what, const char *state)
{
    return json_pack("{ss s{s{ss so}} ss}", "resultType", "input_required", "inputRequests",
                     "approval", "method", "elicitation/create", "params",
                     mcp_shapes_question(what), "requestState", state);
}

enum mcp_shapes_answer mcp_shapes_answer(const json_t *result)
{
    const char *action = json_string_value(json_object_get(result, "action"));
    const char *decision =
        json_string_value(json_object_get(json_object_get(result, "content"), "decision"));
    if (action == NULL || strcmp(action, "accept") != 0 || decision == NULL) {
        return MCP_SHAPES_DENY;
    }
    return strcmp(decision, decisions[MCP_SHAPES_ONCE]) == 0      ? MCP_SHAPES_ONCE
           : strcmp(decision, decisions[MCP_SHAPES_SESSION]) == 0 ? MCP_SHAPES_SESSION
                                                                  : MCP_SHAPES_DENY;
}

const json_t *mcp_shapes_input(const json_t *params, const char *state)
{
    const char *given = json_string_value(json_object_get(params, "requestState"));
    return given != NULL && strcmp(given, state) == 0
               ? json_object_get(json_object_get(params, "inputResponses"), "approval")
               : NULL;
}
