/* The parts of a message as they stand in a row: each form that is none is refused, whatever its
 * hash says, and what is written is read as it was. */
#include "store/message_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "chat/conversation.h"

#include "support.h"

static bool read(const char *details, struct chat_message *message, struct err *err)
{
    chat_message_init(message, CHAT_TOOL);
    return message_body_read_details(details, strlen(details), message, err);
}

static void test_details_are_read(void **state)
{
    (void)state;
    struct chat_message message;
    struct err err;
    assert_true(read("{\"parts\":[{\"kind\":\"text\",\"text\":\"t\"},"
                     "{\"kind\":\"image\",\"handle\":\"h\"},{\"kind\":\"audio\"},"
                     "{\"kind\":\"video\",\"text\":{\"hex\":\"ff09af\"}}],"
                     "\"calls\":[{\"id\":\"\",\"name\":\"n\",\"arguments\":{\"a\":1}}],"
                     "\"call_id\":\"i\",\"call_name\":{\"hex\":\"\"},\"result\":{\"x\":null},"
                     "\"failed\":true}",
                     &message, &err));
    assert_int_equal(message.part_count, 4);
    assert_string_equal(message.parts[0].text, "t");
    assert_null(message.parts[0].handle);
    assert_string_equal(message.parts[1].handle, "h");
    assert_int_equal(message.parts[2].kind, CHAT_PART_AUDIO);
    assert_string_equal(message.parts[3].text, "\xFF\x09\xAF");
    assert_int_equal(message.call_count, 1);
    assert_string_equal(message.calls[0].id, "");
    assert_string_equal(message.calls[0].name, "n");
    assert_string_equal(message.call_id, "i");
    assert_string_equal(message.call_name, "");
    assert_true(message.failed);
    assert_true(json_is_null(json_object_get(message.result, "x")));
    chat_message_finish(&message);
    assert_true(read("{}", &message, &err));
    assert_true(message.parts == NULL && message.call_count == 0 && !message.failed);
    chat_message_finish(&message);
}

static void test_forms_that_are_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "1",
        "{\"a\":1,\"a\":1}",
        "{\"parts\":{}}",
        "{\"parts\":null}",
        "{\"parts\":[1]}",
        "{\"parts\":[{}]}",
        "{\"parts\":[{\"kind\":\"words\"}]}",
        "{\"parts\":[{\"kind\":1}]}",
        "{\"parts\":[{\"kind\":\"text\",\"text\":1}]}",
        "{\"parts\":[{\"kind\":\"image\",\"handle\":[]}]}",
        "{\"calls\":{}}",
        "{\"calls\":[{}]}",
        "{\"calls\":[{\"id\":\"i\",\"name\":\"n\"}]}",
        "{\"calls\":[{\"id\":\"i\",\"name\":\"n\",\"arguments\":[]}]}",
        "{\"calls\":[{\"id\":\"i\",\"arguments\":{}}]}",
        "{\"calls\":[{\"name\":\"n\",\"arguments\":{}}]}",
        "{\"calls\":[{\"id\":1,\"name\":\"n\",\"arguments\":{}}]}",
        "{\"call_id\":null}",
        "{\"call_id\":{\"hex\":1}}",
        "{\"call_id\":{\"hex\":\"f\"}}",
        "{\"call_id\":{\"hex\":\"fg\"}}",
        "{\"call_id\":{\"hex\":\"g0\"}}",
        "{\"call_id\":{\"hex\":\"/0\"}}",
        "{\"call_id\":{\"hex\":\"0:\"}}",
        "{\"call_id\":{\"hex\":\"0`\"}}",
        "{\"call_id\":{\"hex\":\"FF\"}}",
        "{\"call_name\":7}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chat_message message;
        struct err err = {0};
        if (read(rows[i], &message, &err)) {
            fail_msg("%s was read", rows[i]);
        }
        assert_int_equal(err.code, ERR_FORMAT);
        chat_message_finish(&message);
    }
}

/* Behind a blank the general reader reads: what the one for usual details makes of them is the
 * same. Bytes are changed at random, too. */
static void expect_same(const char *details, size_t length)
{
    struct chat_message usual, general;
    struct err err;
    char *blank = mem_alloc(length + 2, 1);
    blank[0] = ' ';
    memcpy(blank + 1, details, length);
    chat_message_init(&usual, CHAT_TOOL);
    chat_message_init(&general, CHAT_TOOL);
    bool read_usual = message_body_read_details(details, length, &usual, &err);
    bool read_general = message_body_read_details(blank, length + 1, &general, &err);
    if (read_usual != read_general || (read_usual && !support_same_message(&usual, &general))) {
        fail_msg("%.*s: read differently", (int)length, details);
    }
    chat_message_finish(&usual);
    chat_message_finish(&general);
    mem_free(blank);
}

static void test_usual_details(void **state)
{
    static const char *const ROWS[] = {
        "{\"call_id\":\"c1\",\"call_name\":\"file_read\"}",
        "{\"call_id\":\"\",\"call_name\":\"\"}",
        "{\"call_id\":\"c1\",\"call_name\":\"file_read\",\"failed\":true}",
        "{\"call_id\":\"c\\u0031\",\"call_name\":\"file\\\"read\"}",
        "{\"call_id\":\"c1\",\"call_name\":\"caf\xC3\xA9\x7F\"}",
        "{\"call_id\":\"c1\",\"call_name\":\"\xFF\"}",
        "{\"call_id\":\"c1\",\"call_name\":\"n\"} ",
        "{\"call_id\":\"c1\",\"call_name\":\"n\"}}",
        "{\"call_id\":\"c1\",\"call_id\":\"c1\"}",
        "{\"call_id\":\"c1\",\"call_name\":\"n",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"shell\",\"arguments\":{\"command\":\"a }]} "
        "b\",\"n\":[1,{}]}}]}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"shell\",\"arguments\":{}}]}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":{}},{\"id\":\"c2\",\"name\":\"n\","
        "\"arguments\":{}}]}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":{\"a\":1,\"a\":2}}]}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":{\"a\":1}},1]}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":{\"a\":1}}],\"call_id\":\"x\"}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":{",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":{}]}",
        "{\"calls\":[{\"id\":\"c1\",\"name\":\"n\",\"arguments\":[]}]}",
    };
    (void)state;
    uint64_t random = 3;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char changed[160];
        size_t length = strlen(ROWS[i]);
        for (size_t cut = 0; cut <= length; cut++) {
            expect_same(ROWS[i], cut);
        }
        assert_true(length < sizeof changed);
        for (int round = 0; round < 500; round++) {
            memcpy(changed, ROWS[i], length);
            for (uint64_t count = 1 + support_random(&random) % 3; count > 0; count--) {
                static const char BYTES[] = "{}[]\",:\\ca1\0\x7F\xC3";
                changed[support_random(&random) % length] =
                    BYTES[support_random(&random) % (sizeof BYTES - 1)];
            }
            expect_same(changed, length);
        }
    }
}

/* Arrays and objects nested to the limit are written and read; one more is refused. */
static void test_depth(void **state)
{
    (void)state;
    for (int object = 0; object <= 1; object++) {
        for (int more = 0; more <= 1; more++) {
            json_t *value = object ? json_object() : json_array();
            for (int i = 1; i < MESSAGE_BODY_DEPTH_LIMIT + more; i++) {
                json_t *outer = object ? json_object() : json_array();
                if (object) {
                    json_object_set_new(outer, "first", json_null());
                    json_object_set_new(outer, "in", value);
                } else {
                    json_array_append_new(outer, json_null());
                    json_array_append_new(outer, value);
                }
                value = outer;
            }
            struct err err = {0};
            char *text = NULL;
            assert_int_equal(message_body_write_json(value, &text, &err), more == 0);
            if (more == 0) {
                json_t *again = NULL;
                assert_true(message_body_read_json(text, strlen(text), &again, &err));
                assert_true(json_equal(value, again));
                json_decref(again);
            } else {
                assert_int_equal(err.code, ERR_LIMIT);
            }
            mem_free(text);
            json_decref(value);
        }
    }
}

static void test_tokens(void **state)
{
    (void)state;
    static const int32_t tokens[] = {0, 1, -1, 0x01020304, INT32_MAX, INT32_MIN};
    static const unsigned char fourth[] = {4, 3, 2, 1};
    struct chat_message message, again;
    struct err err = {0};
    chat_message_init(&message, CHAT_MODEL);
    size_t length = 7;
    assert_null(message_body_write_tokens(&message, &length));
    assert_int_equal(length, 0);
    message.tokens = mem_zero(6, sizeof *message.tokens);
    memcpy(message.tokens, tokens, sizeof tokens);
    message.token_count = 6;
    unsigned char *bytes = message_body_write_tokens(&message, &length);
    assert_int_equal(length, 24);
    assert_memory_equal(bytes + 12, fourth, 4);
    chat_message_init(&again, CHAT_MODEL);
    for (size_t cut = 1; cut < 4; cut++) {
        assert_false(message_body_read_tokens(bytes, length - cut, &again, &err));
        assert_int_equal(err.code, ERR_FORMAT);
    }
    assert_true(message_body_read_tokens(bytes, length, &again, &err));
    assert_int_equal(again.token_count, 6);
    assert_memory_equal(again.tokens, tokens, sizeof tokens);
    mem_free(bytes);
    chat_message_finish(&message);
    chat_message_finish(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_details_are_read), cmocka_unit_test(test_forms_that_are_none),
        cmocka_unit_test(test_usual_details),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
