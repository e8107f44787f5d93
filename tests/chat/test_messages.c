/* Messages as values and as JSON: copies are deep, the JSON form survives a round trip, invalid
 * text does not lose a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "cases.h"
#include "chat/messages_json.h"

static void assert_same_field(const json_t *left, const json_t *right, const char *field)
{
    const json_t *a = json_object_get(left, field), *b = json_object_get(right, field);
    if ((a == NULL) != (b == NULL) || (a != NULL && !json_equal(a, b))) {
        fail_msg("field %s differs", field);
    }
}

/* From JSON, to JSON, from JSON: the two conversations give the same JSON. */
static void check_round_trip(const json_t *messages, const char *label)
{
    struct chat_conversation first, second;
    struct err err;
    chat_conversation_init(&first);
    chat_conversation_init(&second);
    if (!chat_messages_from_json(messages, &first, &err)) {
        fail_msg("%s: %s", label, err.text);
    }
    json_t *written = chat_messages_to_json(first.messages, first.count);
    assert_true(chat_messages_from_json(written, &second, &err));
    json_t *again = chat_messages_to_json(second.messages, second.count);
    assert_true(json_equal(written, again));
    assert_int_equal(json_array_size(written), json_array_size(messages));
    for (size_t i = 0; i < first.count; i++) {
        const json_t *given = json_array_get(messages, i), *kept = json_array_get(written, i);
        assert_same_field(given, kept, "content");
        assert_same_field(given, kept, "tool_calls");
        assert_same_field(given, kept, "reasoning");
        assert_same_field(given, kept, "tool_call_id");
    }
    json_decref(again);
    json_decref(written);
    chat_conversation_finish(&second);
    chat_conversation_finish(&first);
}

static void test_round_trip(void **state)
{
    (void)state;
    json_t *cases = cases_load("render.jsonl");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *value = json_array_get(cases, i);
        check_round_trip(json_object_get(value, "messages"), cases_label(value, i));
    }
    json_decref(cases);
}

static void test_copy(void **state)
{
    (void)state;
    struct chat_message message, copy;
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, "text", 4);
    mem_free(message.thought);
    message.thought = mem_strdup("thought");
    chat_message_add_call(&message, "c1", "f", json_pack("{s:i}", "x", 1));
    message.parts = mem_zero(2, sizeof *message.parts);
    message.parts[0].text = mem_strdup("part");
    message.parts[1].kind = CHAT_PART_IMAGE;
    message.part_count = 2;
    message.result = json_pack("{s:s}", "output", "o");
    message.tokens = mem_alloc(2, sizeof *message.tokens);
    message.tokens[0] = 5;
    message.tokens[1] = 6;
    message.token_count = 2;
    message.complete = false;
    chat_message_copy(&copy, &message);
    json_object_set_new(message.calls[0].arguments, "x", json_integer(2));
    message.text[0] = message.thought[0] = message.parts[0].text[0] = 'X';
    message.tokens[0] = 9;
    chat_message_finish(&message);

    assert_string_equal(copy.text, "text");
    assert_string_equal(copy.thought, "thought");
    assert_int_equal(copy.part_count, 2);
    assert_string_equal(copy.parts[0].text, "part");
    assert_null(copy.parts[1].text);
    assert_int_equal(copy.parts[1].kind, CHAT_PART_IMAGE);
    assert_string_equal(copy.calls[0].id, "c1");
    assert_int_equal(json_integer_value(json_object_get(copy.calls[0].arguments, "x")), 1);
    assert_string_equal(json_string_value(json_object_get(copy.result, "output")), "o");
    assert_int_equal(copy.token_count, 2);
    assert_int_equal(copy.tokens[0], 5);
    assert_false(copy.complete);
    chat_message_finish(&copy);
}

static void test_add_moves(void **state)
{
    (void)state;
    struct chat_conversation conversation;
    struct chat_message message;
    chat_conversation_init(&conversation);
    for (int i = 0; i < 20; i++) {
        chat_message_init(&message, CHAT_USER);
        chat_message_set_text(&message, "hello", 5);
        struct chat_message *place = chat_conversation_add(&conversation, &message);
        assert_ptr_equal(place, &conversation.messages[i]);
        assert_null(message.text);
    }
    assert_int_equal(conversation.count, 20);
    assert_string_equal(conversation.messages[0].text, "hello");
    chat_conversation_finish(&conversation);
    assert_int_equal(conversation.count, 0);
}

static void test_odd_text(void **state)
{
    (void)state;
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, "a\0b\0", 4);
    assert_string_equal(message.text, "a\xEF\xBF\xBD"
                                      "b\xEF\xBF\xBD");
    chat_message_set_text(&message, "a\xFFz", 3);
    json_t *written = chat_messages_to_json(&message, 1);
    const json_t *content = json_object_get(json_array_get(written, 0), "content");
    assert_string_equal(json_string_value(content), "a\xEF\xBF\xBDz");
    json_decref(written);
    chat_message_finish(&message);
}

/* A result with media has its structure as text, so that nothing is lost. */
static void test_result_with_media(void **state)
{
    (void)state;
    struct chat_message message;
    chat_message_init(&message, CHAT_TOOL);
    message.result = json_pack("{s:i}", "width", 640);
    message.parts = mem_zero(1, sizeof *message.parts);
    message.parts[0].kind = CHAT_PART_IMAGE;
    message.part_count = 1;
    json_t *written = chat_messages_to_json(&message, 1);
    json_t *expected = json_pack("[{s:s, s:[{s:s, s:s}, {s:s}]}]", "role", "tool", "content",
                                 "type", "text", "text", "{\"width\":640}", "type", "image");
    assert_true(json_equal(written, expected));
    json_decref(expected);
    json_decref(written);
    chat_message_finish(&message);
}

static void test_failure_leaves_nothing(void **state)
{
    (void)state;
    struct chat_conversation conversation;
    struct err err;
    json_t *messages =
        json_pack("[{s:s, s:s}, {s:s}]", "role", "user", "content", "x", "role", "tool");
    chat_conversation_init(&conversation);
    assert_false(chat_messages_from_json(messages, &conversation, &err));
    assert_string_equal(err.text, "messages[1]: content: missing");
    assert_int_equal(conversation.count, 0);
    assert_null(conversation.messages);
    assert_false(chat_messages_from_json(NULL, &conversation, &err));
    json_decref(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_add_moves),         cmocka_unit_test(test_odd_text),
        cmocka_unit_test(test_result_with_media), cmocka_unit_test(test_failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
