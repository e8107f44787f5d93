/* gemini_events: the event shapes, member by member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "events/gemini_events.h"
#include "lines.h"

#define AT "\"timestamp\":\"2023-11-14T22:13:20.789Z\","

static void a_turn_with_calls(void **state)
{
    (void)state;
    struct event_lines_options options = lines_begin();
    struct event_lines *events = gemini_events_create(&options);
    json_t *arguments = json_pack("{ss}", "command", "ls");
    json_t *good = json_pack("{siss}", "exit_code", 0, "output", "a"),
           *bad = json_pack("{ss}", "output", "no such tool");
    lines_feed(events, (struct agent_event){.kind = AGENT_USER, .text = "list", .length = 4});
    assert_int_equal(lines_count(), 0);
    lines_feed(events, (struct agent_event){.kind = AGENT_READY, .name = "m"});
    lines_equal(0, "{\"type\":\"init\"," AT "\"session_id\":\"0199-id\",\"model\":\"m\"}");
    lines_equal(1, "{\"type\":\"message\"," AT "\"role\":\"user\",\"content\":\"list\"}");
    lines_feed(events, (struct agent_event){.kind = AGENT_TEXT, .text = "I look.", .length = 6});
    lines_equal(2, "{\"type\":\"message\"," AT
                   "\"role\":\"assistant\",\"content\":\"I look\",\"delta\":true}");
    struct agent_event call = {
        .kind = AGENT_CALL, .call_id = "c1", .name = "shell", .arguments = arguments};
    lines_feed(events, call);
    lines_equal(3, "{\"type\":\"tool_use\"," AT "\"tool_name\":\"shell\",\"tool_id\":\"c1\","
                   "\"parameters\":{\"command\":\"ls\"}}");
    call.kind = AGENT_CALL_FINISHED;
    call.result = good;
    lines_feed(events, call);
    lines_equal(4, "{\"type\":\"tool_result\"," AT
                   "\"tool_id\":\"c1\",\"status\":\"success\",\"output\":\"a\"}");
    call.result = bad;
    call.failed = true;
    lines_feed(events, call);
    lines_equal(5, "{\"type\":\"tool_result\"," AT "\"tool_id\":\"c1\",\"status\":\"error\","
                   "\"output\":\"no such tool\",\"error\":{\"type\":\"tool_error\",\"message\":"
                   "\"no such tool\"}}");
    lines_feed(events, (struct agent_event){.kind = AGENT_NOTICE, .text = "careful"});
    lines_equal(6, "{\"type\":\"error\"," AT "\"severity\":\"warning\",\"message\":\"careful\"}");
    lines_feed(events, (struct agent_event){.kind = AGENT_TURN_ENDED,
                                            .outcome = TURN_OK,
                                            .text = "",
                                            .input_tokens = 100,
                                            .cached_tokens = 60,
                                            .output_tokens = 7});
    lines_equal(7,
                "{\"type\":\"result\"," AT "\"status\":\"success\",\"stats\":{\"total_tokens\":107,"
                "\"input_tokens\":100,\"output_tokens\":7,\"cached\":60,\"input\":40,"
                "\"duration_ms\":0,\"tool_calls\":1,\"models\":{\"m\":{\"total_tokens\":107,"
                "\"input_tokens\":100,\"output_tokens\":7,\"cached\":60,\"input\":40}}}}");
    assert_int_equal(lines_count(), 8);
    json_decref(arguments);
    json_decref(good);
    json_decref(bad);
    event_lines_destroy(events);
    lines_finish();
}

/* A model that cannot be loaded: there is an init all the same, and an end. */
static void failures(void **state)
{
    (void)state;
    struct event_lines_options options = lines_begin();
    struct event_lines *events = gemini_events_create(&options);
    event_lines_error(events, "no store");
    lines_equal(0, "{\"type\":\"error\"," AT "\"severity\":\"error\",\"message\":\"no store\"}");
    lines_feed(events, (struct agent_event){.kind = AGENT_USER, .text = "list", .length = 4});
    lines_feed(events, (struct agent_event){.kind = AGENT_FAILED, .text = "broken"});
    lines_equal(1, "{\"type\":\"init\"," AT "\"session_id\":\"0199-id\",\"model\":\"wanted\"}");
    lines_equal(3, "{\"type\":\"error\"," AT "\"severity\":\"error\",\"message\":\"broken\"}");
    lines_now_ms += 5000;
    lines_feed(events, (struct agent_event){
                           .kind = AGENT_TURN_ENDED, .outcome = TURN_FAILED, .text = "failed"});
    const json_t *result = lines_parsed(4);
    assert_string_equal(json_string_value(json_object_get(result, "status")), "error");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(result, "error"), "message")), "broken");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(result, "stats"), "duration_ms")), 5000);
    event_lines_destroy(events);
    lines_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_with_calls),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
