/* claude_events: the event shapes, member by member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "events/claude_events.h"
#include "lines.h"

static void user_and_ready(struct event_lines *events)
{
    lines_feed(events, (struct agent_event){.kind = AGENT_USER, .text = "list", .length = 4});
    assert_int_equal(lines_count(), 0); /* init waits for the model's name */
    lines_feed(events, (struct agent_event){.kind = AGENT_READY, .name = "m"});
}

static void feed_text(struct event_lines *events, enum agent_event_kind kind, const char *text)
{
    lines_feed(events, (struct agent_event){.kind = kind, .text = text, .length = strlen(text)});
}

static void a_turn_with_a_call(void **state)
{
    (void)state;
    struct event_lines_options options = lines_begin();
    json_t *tools =
        json_loads("[{\"type\":\"function\",\"function\":{\"name\":\"shell\"}}]", 0, NULL);
    json_t *result = json_pack("{siss}", "exit_code", 2, "output", "a\nb");
    lines_tools = tools;
    options.mode = APPROVAL_AUTO_EDIT;
    struct event_lines *events = claude_events_create(&options);
    user_and_ready(events);
    lines_equal(0,
                "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"0199-id\",\"uuid\":"
                "\"id-1\",\"cwd\":\"/w\",\"tools\":[\"shell\"],\"mcp_servers\":[],\"model\":\"m\","
                "\"permissionMode\":\"acceptEdits\",\"slash_commands\":[],\"apiKeySource\":"
                "\"none\",\"output_style\":\"default\"}");
    feed_text(events, AGENT_TEXT, "not shown in pieces");
    struct chat_message asks = lines_answer("Hm.", "I look.");
    chat_message_add_call(&asks, "c1", "shell", json_pack("{ss}", "command", "ls"));
    const json_t *arguments = asks.calls[0].arguments;
    lines_feed(events, (struct agent_event){.kind = AGENT_MESSAGE,
                                            .message = &asks,
                                            .input_tokens = 100,
                                            .cached_tokens = 60,
                                            .output_tokens = 7});
    lines_equal(
        1,
        "{\"type\":\"assistant\",\"message\":{\"id\":\"msg_id-2\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm.\","
        "\"signature\":\"\"},{\"type\":\"text\",\"text\":\"I look.\"},{\"type\":\"tool_use\","
        "\"id\":\"c1\",\"name\":\"shell\",\"input\":{\"command\":\"ls\"}}],\"stop_reason\":null,"
        "\"stop_sequence\":null,\"usage\":{\"input_tokens\":40,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":60,\"output_tokens\":7}},\"parent_tool_use_id\":null,"
        "\"session_id\":\"0199-id\",\"uuid\":\"id-3\"}");
    lines_feed(events, (struct agent_event){.kind = AGENT_CALL_STARTED, .arguments = arguments});
    lines_now_ms += 300;
    lines_feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                            .call_id = "c1",
                                            .name = "shell",
                                            .arguments = arguments,
                                            .result = result});
    lines_equal(2,
                "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":"
                "\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"a\\nb\",\"is_error\":true}]},"
                "\"parent_tool_use_id\":null,\"session_id\":\"0199-id\",\"uuid\":\"id-4\"}");
    struct chat_message says = lines_answer("", "Two.");
    lines_now_ms += 50;
    lines_feed(events, (struct agent_event){.kind = AGENT_MESSAGE, .message = &says});
    lines_feed(events, (struct agent_event){.kind = AGENT_TURN_ENDED,
                                            .outcome = TURN_OK,
                                            .text = "",
                                            .input_tokens = 300,
                                            .cached_tokens = 200,
                                            .output_tokens = 9});
    lines_equal(4,
                "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"duration_ms\":"
                "350,\"duration_api_ms\":50,\"num_turns\":2,\"result\":\"Two.\",\"session_id\":"
                "\"0199-id\",\"total_cost_usd\":0,\"usage\":{\"input_tokens\":100,"
                "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":200,"
                "\"output_tokens\":9},\"permission_denials\":[],\"uuid\":\"id-7\"}");
    assert_int_equal(lines_count(), 5);
    chat_message_finish(&asks);
    chat_message_finish(&says);
    json_decref(tools);
    json_decref(result);
    event_lines_destroy(events);
    lines_finish();
}

/* init waits for the servers, too, and says what they have and how they are. */
static void servers_and_their_tools(void **state)
{
    (void)state;
    struct event_lines_options options = lines_begin();
    json_t *tools =
        json_loads("[{\"type\":\"function\",\"function\":{\"name\":\"mcp__x__echo\"}}]", 0, NULL);
    struct event_lines *events = claude_events_create(&options);
    lines_tools = NULL;
    user_and_ready(events);
    assert_int_equal(lines_count(), 0);
    lines_tools = tools;
    lines_servers = "[{\"name\":\"x\",\"status\":\"connected\"}]";
    struct chat_message says = lines_answer("", "Two.");
    lines_feed(events, (struct agent_event){.kind = AGENT_MESSAGE, .message = &says});
    lines_equal(0,
                "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"0199-id\",\"uuid\":"
                "\"id-1\",\"cwd\":\"/w\",\"tools\":[\"mcp__x__echo\"],\"mcp_servers\":[{\"name\":"
                "\"x\",\"status\":\"connected\"}],\"model\":\"m\",\"permissionMode\":\"plan\","
                "\"slash_commands\":[],\"apiKeySource\":\"none\",\"output_style\":\"default\"}");
    chat_message_finish(&says);
    json_decref(tools);
    event_lines_destroy(events);
    lines_finish();
}

static const char *stream_type(size_t line)
{
    const json_t *parsed = lines_parsed(line);
    assert_string_equal(json_string_value(json_object_get(parsed, "type")), "stream_event");
    return json_string_value(json_object_get(json_object_get(parsed, "event"), "type"));
}

static void an_answer_in_pieces(void **state)
{
    (void)state;
    static const char *const types[] = {
        "message_start",       "content_block_start", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop",  "message_delta",
        "message_stop",
    };
    struct event_lines_options options = lines_begin();
    options.partial_messages = true;
    struct event_lines *events = claude_events_create(&options);
    user_and_ready(events);
    feed_text(events, AGENT_THOUGHT, "Hm.");
    feed_text(events, AGENT_TEXT, "I \xC3\xA4");
    feed_text(events, AGENT_TEXT, "look.");
    struct chat_message asks = lines_answer("Hm.", "I \xC3\xA4look.");
    chat_message_add_call(&asks, "c1", "shell", json_pack("{ss}", "command", "ls"));
    lines_feed(events, (struct agent_event){.kind = AGENT_MESSAGE, .message = &asks});
    size_t count = sizeof types / sizeof types[0];
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(stream_type(1 + i), types[i]);
    }
    lines_equal(
        6, "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":1,"
           "\"delta\":{\"type\":\"text_delta\",\"text\":\"I \xC3\xA4\"}},"
           "\"parent_tool_use_id\":null,\"session_id\":\"0199-id\",\"uuid\":\"id-8\"}");
    lines_equal(10,
                "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":"
                "2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"
                "\"{\\\"command\\\":\\\"ls\\\"}\"}},\"parent_tool_use_id\":null,\"session_id\":"
                "\"0199-id\",\"uuid\":\"id-12\"}");
    const json_t *whole = json_object_get(lines_parsed(1 + count), "message");
    const json_t *head = json_object_get(json_object_get(lines_parsed(1), "event"), "message");
    assert_true(json_equal(json_object_get(whole, "id"), json_object_get(head, "id")));

    /* The next answer begins anew. */
    feed_text(events, AGENT_TEXT, "x");
    assert_string_equal(stream_type(2 + count), "message_start");
    const json_t *next =
        json_object_get(json_object_get(lines_parsed(2 + count), "event"), "message");
    assert_false(json_equal(json_object_get(next, "id"), json_object_get(head, "id")));
    chat_message_finish(&asks);
    event_lines_destroy(events);
    lines_finish();
}

static const char *member(size_t line, const char *key)
{
    return json_string_value(json_object_get(lines_parsed(line), key));
}

/* A result for each way to end that is not the good one, and nothing else but it. */
static void results_of_failures(void **state)
{
    (void)state;
    struct event_lines_options options = lines_begin();
    options.result_only = true;
    struct event_lines *events = claude_events_create(&options);
    json_t *arguments = json_pack("{ss}", "command", "rm x"), *none = json_object();
    user_and_ready(events);
    lines_feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                            .call_id = "c1",
                                            .name = "shell",
                                            .arguments = arguments,
                                            .result = none,
                                            .denied = true});
    lines_feed(events, (struct agent_event){
                           .kind = AGENT_TURN_ENDED, .outcome = TURN_STEP_LIMIT, .text = "steps"});
    assert_int_equal(lines_count(), 1);
    assert_string_equal(member(0, "subtype"), "error_max_turns");
    assert_string_equal(member(0, "result"), "steps");
    assert_true(json_is_true(json_object_get(lines_parsed(0), "is_error")));
    const json_t *denials = json_object_get(lines_parsed(0), "permission_denials");
    json_t *expected = json_pack("[{sssss{ss}}]", "tool_name", "shell", "tool_use_id", "c1",
                                 "tool_input", "command", "rm x");
    assert_true(json_equal(denials, expected));
    lines_feed(events, (struct agent_event){.kind = AGENT_USER, .text = "again", .length = 5});
    lines_feed(events, (struct agent_event){.kind = AGENT_FAILED, .text = "the model broke"});
    lines_feed(events, (struct agent_event){
                           .kind = AGENT_TURN_ENDED, .outcome = TURN_FAILED, .text = "failed"});
    assert_string_equal(member(1, "subtype"), "error_during_execution");
    assert_string_equal(member(1, "result"), "the model broke");
    event_lines_error(events, "no \xFF model");
    assert_string_equal(member(2, "subtype"), "error_during_execution");
    assert_string_equal(member(2, "result"), "no \xEF\xBF\xBD model");
    assert_int_equal(lines_count(), 3);
    json_decref(arguments);
    json_decref(none);
    json_decref(expected);
    event_lines_destroy(events);
    lines_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_with_a_call),
        cmocka_unit_test(servers_and_their_tools),
        cmocka_unit_test(an_answer_in_pieces),
        cmocka_unit_test(results_of_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
