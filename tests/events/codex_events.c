/* codex_events: the event shapes, member by member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "events/codex_events.h"

static struct str lines;

static void keep(void *context, const char *line, size_t length)
{
    (void)context;
    str_append_bytes(&lines, line, length);
    str_append_char(&lines, '\n');
}

static struct event_lines *begin(void)
{
    str_init(&lines);
    return codex_events_create(&(struct event_lines_options){.write = keep});
}

static void ended_as(struct event_lines *events, const char *expected)
{
    event_lines_destroy(events);
    assert_string_equal(lines.data, expected);
    str_finish(&lines);
}

static void feed(struct event_lines *events, struct agent_event event)
{
    event_lines_feed(events, &event, "0199-id");
}

static void a_turn_with_a_command(void **state)
{
    (void)state;
    struct event_lines *events = begin();
    json_t *arguments = json_pack("{ss}", "command", "ls");
    json_t *result = json_pack("{siss}", "exit_code", 0, "output", "a\nb");
    struct chat_message message;
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, "Two \x1b files.", 12);
    feed(events, (struct agent_event){.kind = AGENT_USER, .text = "list", .length = 4});
    feed(events,
         (struct agent_event){
             .kind = AGENT_CALL_STARTED, .call_id = "c1", .name = "shell", .arguments = arguments});
    feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                      .call_id = "c1",
                                      .name = "shell",
                                      .arguments = arguments,
                                      .result = result});
    feed(events, (struct agent_event){.kind = AGENT_MESSAGE, .message = &message});
    feed(events, (struct agent_event){.kind = AGENT_TURN_ENDED,
                                      .outcome = TURN_OK,
                                      .input_tokens = 100,
                                      .cached_tokens = 60,
                                      .output_tokens = 7});
    chat_message_finish(&message);
    json_decref(arguments);
    json_decref(result);
    ended_as(events,
             "{\"type\":\"thread.started\",\"thread_id\":\"0199-id\"}\n"
             "{\"type\":\"turn.started\"}\n"
             "{\"type\":\"item.started\",\"item\":{\"id\":\"item_0\",\"type\":\"command_"
             "execution\",\"command\":\"ls\","
             "\"aggregated_output\":\"\",\"exit_code\":null,\"status\":\"in_progress\"}}\n"
             "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"command_"
             "execution\",\"command\":\"ls\","
             "\"aggregated_output\":\"a\\nb\",\"exit_code\":0,\"status\":\"completed\"}}\n"
             "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"agent_message\","
             "\"text\":\"Two \\u001B files.\"}}\n"
             "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":100,\"cached_input_tokens\":"
             "60,\"output_tokens\":7}}\n");
}

static void files_other_tools_and_refusals(void **state)
{
    (void)state;
    struct event_lines *events = begin();
    json_t *write = json_pack("{ssss}", "path", "a.c", "content", "x");
    json_t *created = json_pack("{ss}", "output", "created a.c"),
           *changed = json_pack("{ss}", "output", "changed 1 line");
    json_t *denied = json_pack("{ss}", "output", "denied by the user");
    json_t *command = json_pack("{ss}", "command", "rm x"), *none = json_object();
    feed(events, (struct agent_event){
                     .kind = AGENT_CALL_STARTED, .name = "write_file", .arguments = write});
    feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                      .name = "write_file",
                                      .arguments = write,
                                      .result = created});
    feed(events,
         (struct agent_event){.kind = AGENT_CALL_STARTED, .name = "edit_file", .arguments = write});
    feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                      .name = "edit_file",
                                      .arguments = write,
                                      .result = changed});
    feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                      .name = "shell",
                                      .arguments = command,
                                      .result = denied,
                                      .denied = true,
                                      .failed = true});
    feed(events,
         (struct agent_event){.kind = AGENT_CALL_STARTED, .name = "list_files", .arguments = none});
    feed(events, (struct agent_event){.kind = AGENT_CALL_FINISHED,
                                      .name = "list_files",
                                      .arguments = none,
                                      .result = denied,
                                      .failed = true});
    feed(events, (struct agent_event){.kind = AGENT_TURN_ENDED,
                                      .outcome = TURN_STEP_LIMIT,
                                      .text = "too many steps"});
    json_decref(write);
    json_decref(created);
    json_decref(changed);
    json_decref(denied);
    json_decref(command);
    json_decref(none);
    assert_non_null(strstr(lines.data,
                           "{\"id\":\"item_0\",\"type\":\"file_change\",\"changes\":[{\"path\":\"a."
                           "c\",\"kind\":\"add\"}],\"status\":\"completed\"}"));
    assert_non_null(strstr(lines.data,
                           "{\"id\":\"item_1\",\"type\":\"file_change\",\"changes\":[{\"path\":\"a."
                           "c\",\"kind\":\"update\"}],\"status\":\"completed\"}"));
    assert_non_null(strstr(lines.data, "\"command\":\"rm x\",\"aggregated_output\":\"denied by the "
                                       "user\",\"exit_code\":null,\"status\":\"declined\""));
    assert_non_null(strstr(
        lines.data,
        "\"type\":\"mcp_tool_call\",\"server\":\"carat\",\"tool\":\"list_files\",\"arguments\":{},"
        "\"result\":null,\"error\":{\"message\":\"denied by the user\"},\"status\":\"failed\""));
    assert_non_null(strstr(
        lines.data, "{\"type\":\"turn.failed\",\"error\":{\"message\":\"too many steps\"}}"));
    event_lines_destroy(events);
    str_finish(&lines);
}

static void calls_of_servers(void **state)
{
    (void)state;
    static const char *const named[][2] = {
        {"mcp__x__echo", "\"server\":\"x\",\"tool\":\"echo\""},
        {"mcp__a_b-c__read__all", "\"server\":\"a_b-c\",\"tool\":\"read__all\""},
        {"mcp__x", "\"server\":\"carat\",\"tool\":\"mcp__x\""}, /* as a model may invent */
    };
    json_t *none = json_object();
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        struct event_lines *events = begin();
        feed(events, (struct agent_event){
                         .kind = AGENT_CALL_STARTED, .name = named[i][0], .arguments = none});
        assert_non_null(strstr(lines.data, named[i][1]));
        event_lines_destroy(events);
        str_finish(&lines);
    }
    json_decref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_with_a_command),
        cmocka_unit_test(files_other_tools_and_refusals),
        cmocka_unit_test(calls_of_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
